"""What a receiver hears when somebody presses a 433 MHz remote control: samples, not messages.

The far end for the real `rtl_433`: unsigned 8-bit I/Q at 250 000 samples a second (its `cu8`),
written from the EV1527 and SC2262 data sheets: a bit is four clocks, a 1 is three high and one
low, a 0 one high and three low; a word of 24 bits ends with one high and 31 low.
"""

from __future__ import annotations

RATE = 250_000
ZERO = 127
"""What an unsigned sample is when there is no signal."""
LOUD = 100
BITS = 24


def silence(seconds: float) -> bytes:
    return bytes([ZERO]) * (2 * round(seconds * RATE))


def burst(code: int, clock_us: float = 320.0, repeats: int = 6) -> bytes:
    """One short press: the code of 24 bits, said several times over."""
    word = b"".join(_bit(code >> n & 1, clock_us) for n in reversed(range(BITS)))
    closing = _level(clock_us, high=True) + _level(31 * clock_us, high=False)
    return (word + closing) * repeats


def _bit(one: int, clock_us: float) -> bytes:
    high = 3 if one else 1
    return _level(high * clock_us, high=True) + _level((4 - high) * clock_us, high=False)


def _level(duration_us: float, high: bool) -> bytes:
    sample = bytes([ZERO + LOUD if high else ZERO, ZERO])
    return sample * round(duration_us * RATE / 1e6)
