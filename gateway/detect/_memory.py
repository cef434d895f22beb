"""What a detector remembers across a restart, and how it reads a number."""

from __future__ import annotations

import math
from typing import TypeVar

import msgspec

from gateway.records import Code, Device, Fact, Instant, Reading

T = TypeVar("T")


def recall(state: object, kind: type[T]) -> T:
    """The remembered state, or a fresh one where it is odd, older or newer than we understand."""
    try:
        return msgspec.convert(state, kind)
    except (msgspec.ValidationError, OverflowError, RecursionError):
        return kind()


def number(reading: Reading) -> float | None:
    """The value where it is a finite number, else None."""
    value = reading.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def rule(limit: float, unit: str, version: int = 1) -> tuple[Fact, ...]:
    """Which version of the type's rule spoke, and the threshold it used."""
    return (Fact(Code.RULE, value=float(version)), Fact(Code.LIMIT, value=limit, unit=unit))


def later(first: Instant, second: Instant | None) -> Instant:
    return second if second is not None and second.since(first) > 0 else first


class Watched:
    """Tells, once after a restart, for how long the hub was off: time that nobody observed."""

    def __init__(self) -> None:
        self._resumed = False

    def resume(self) -> None:
        self._resumed = True

    def missed_s(self, last: Instant | None, now: Instant) -> float:
        """`last`: when the detector looked last, as it remembers."""
        resumed, self._resumed = self._resumed, False
        return max(0.0, now.since(last)) if resumed and last is not None else 0.0


class Register(msgspec.Struct):
    """The last word of a cumulative register, and when it was heard."""

    total: float
    at: Instant

    def growth(self, total: float, at: Instant, most_per_h: float) -> float | None:
        """What was added since. None if this cannot be the same register going on: it went
        backwards, rose faster than a pipe or cable allows, or the timeline is another one."""
        elapsed = at.since(self.at)
        grown = round(total - self.total, 6)
        slack = most_per_h / 10  # readings may be bunched
        if elapsed < 0 or not 0 <= grown <= slack + most_per_h * elapsed / 3600:
            return None
        return grown


def silent_s(meter: Device, minutes: float) -> float:
    """The silence in seconds after which a meter proves nothing about the present."""
    return max(60 * minutes, 3 * meter.poll_s, meter.silent_s)
