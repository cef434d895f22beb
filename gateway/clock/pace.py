"""Simulated time that several processes share: a night in a minute, and the pace may change."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from gateway.clock.anchor import replace
from gateway.records import Instant


class Pace(msgspec.Struct, frozen=True):
    """At `real_mono` (the machine's seconds since boot) it was `line` and `wall`; since then both
    run `speed` times as fast as the world. Speed 0 stands still."""

    real_mono: float
    line: float
    wall: float
    speed: float

    def at(self, real_mono: float) -> Instant:
        passed = max(0.0, real_mono - self.real_mono) * self.speed
        return Instant(self.line + passed, self.wall + passed)


def real_seconds() -> float:
    """The same for every process of this machine."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def read(file: Path) -> Pace:
    """Raises OSError or msgspec.DecodeError."""
    return msgspec.json.decode(file.read_bytes(), type=Pace)


def create(file: Path, wall: float, speed: float = 1.0, line: float = 0.0) -> None:
    """Begins a simulated time. Raises OSError, and ValueError for a speed that runs backwards."""
    _write(file, Pace(real_seconds(), line, wall, speed))


def set_speed(file: Path, speed: float) -> None:
    """Goes on from the present at another speed; neither time steps."""
    real = real_seconds()
    now = read(file).at(real)
    _write(file, Pace(real, now.line, now.wall, speed))


def _write(file: Path, pace: Pace) -> None:
    if not 0 <= pace.speed < float("inf"):
        raise ValueError(f"no speed: {pace.speed}")
    replace(file, msgspec.json.encode(pace))
