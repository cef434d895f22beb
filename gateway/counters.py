"""One message of a radio that counts is news once, however often and however late it is heard.

A radio says a press several times, BlueZ says the last one again whenever it likes, and so may
somebody who recorded it. What is heard again with the number heard last is the same message. A
number heard before that is an old one: rejected, and counted. Any other is new.

Where the sender proves who it is (`Reading.rising`), a number below the last is a replay, without
exception: also below 100, where BTHome's reference assumes a new battery. Plain numbers have 8
bits, wrap, and begin again with a new battery. So only the last ones are remembered, and two old
ones in rising order, heard a while after, are no echoes but a device that began again.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.records import BadFrame, Frame, Instant, Quantity, Reading

REMEMBERED = 32
"""Plain numbers kept for each device: an eighth of their circle."""
WRAP = 256
ECHO_S = 60.0
"""Another adapter, or BlueZ, may repeat an old message within so long of its being sent."""

EVENTS = frozenset({Quantity.BUTTON, Quantity.EMERGENCY, Quantity.FIRE_BUTTON, Quantity.FALL})
"""What happens, and is not so for a while."""


class _Heard(msgspec.Struct):
    """What a device last said."""

    rising: int = -1
    last: str = ""
    known: dict[str, float] = {}
    """Plain numbers, oldest first, and when they were first heard (timeline)."""
    replayed: str = ""
    serial: int = 0
    """How many messages were news."""
    held: float | None = None
    """When it last said that its switch is closed (timeline)."""


class _State(msgspec.Struct):
    devices: dict[str, _Heard] = {}


class Counters:
    """`news(readings, frame)`: those of one message that shall be heard. Persisted, so that a
    press is one press also across a restart."""

    def __init__(self) -> None:
        self._devices: dict[str, _Heard] = {}

    def news(self, readings: Sequence[Reading], frame: Frame) -> list[Reading]:
        """Without those that were heard before. Raises BadFrame on a replay."""
        counted = next((reading for reading in readings if reading.event), None)
        if counted is None:
            return list(readings) if frame.fresh else []
        name = f"{counted.device} {frame.address}"
        first = name not in self._devices
        heard = self._devices.setdefault(name, _Heard())
        if not _is_new(heard, counted):
            return [reading for reading in readings if not reading.event] if frame.fresh else []
        heard.serial += 1
        # The first thing ever heard of a device may be a press of last week, kept by BlueZ.
        stale = first and not frame.fresh
        told = [r for r in readings if not _still_held(heard, r)]
        return [] if stale else [_renumbered(reading, heard.serial) for reading in told]

    def state(self) -> object:
        return msgspec.to_builtins(_State(self._devices))

    def restore(self, state: object) -> None:
        self._devices = msgspec.convert(state, _State).devices


def _is_new(heard: _Heard, reading: Reading) -> bool:
    if reading.rising:
        return _has_risen(heard, int(reading.event))
    if reading.event == heard.last:
        return False
    if reading.event in heard.known and not _began_again(heard, reading.event, reading.at):
        heard.replayed = reading.event
        raise BadFrame("replayed")
    _remember(heard, reading.event, reading.at)
    return True


def _still_held(heard: _Heard, reading: Reading) -> bool:
    """A cord that stays pulled says so again with every beacon (`repeat_s`): it is one call."""
    if reading.quantity is not Quantity.EMERGENCY or not reading.repeat_s:
        return False
    before, heard.held = heard.held, reading.at.line if reading.value else None
    return (
        bool(reading.value) and before is not None and reading.at.line - before < reading.repeat_s
    )


def _has_risen(heard: _Heard, number: int) -> bool:
    if number < heard.rising:
        raise BadFrame("replayed")
    risen = number > heard.rising
    heard.rising = number
    return risen


def _began_again(heard: _Heard, number: str, at: Instant) -> bool:
    """Whether this and the old number before it can only be of a device that counts anew."""
    since_s = at.line - heard.known[number]
    before = heard.replayed
    if since_s < ECHO_S or not (before.isdecimal() and number.isdecimal()):
        return False
    if not 0 < (int(number) - int(before)) % WRAP < REMEMBERED:
        return False
    heard.known.clear()
    return True


def _remember(heard: _Heard, number: str, at: Instant) -> None:
    heard.last, heard.replayed = number, ""
    heard.known.pop(number, None)
    heard.known[number] = at.line
    while len(heard.known) > REMEMBERED:
        del heard.known[next(iter(heard.known))]


def _renumbered(reading: Reading, serial: int) -> Reading:
    """A plain number comes round again; this one never does. A state needs none."""
    if not reading.event:
        return reading
    event = str(serial) if reading.quantity in EVENTS else ""
    return msgspec.structs.replace(reading, event=event)
