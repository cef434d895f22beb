"""Simulated time that several processes share: a night in a minute, and the pace may change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway.clock import Anchor, Quality, boot_id, replace
from gateway.records import Instant

REACT_S = 0.2
"""A sleeper notices a change of speed within this time."""


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


class SimulatedClock:
    """A `records.Clock` that follows such a file; it is always right."""

    quality: Quality = "synced"
    jumps = 0
    downtime_s = 0.0

    def __init__(self, file: Path, real: Callable[[], float] = real_seconds) -> None:
        """Raises OSError or msgspec.DecodeError if the file is not there or is no pace."""
        self._file = file
        self._real = real
        self._seen = self._stamp()
        self._pace = read(file)
        self._last = self._pace.at(real())

    @property
    def speed(self) -> float:
        self._follow()
        return self._pace.speed

    def now(self) -> Instant:
        self._follow()
        now = self._pace.at(self._real())
        # Whoever looked just before a slow-down was a hair ahead; it waits for the others.
        if now.line > self._last.line:
            self._last = now
        return self._last

    async def sleep(self, seconds: float) -> None:
        until = self.now().line + seconds
        while (left := until - self.now().line) > 0:
            real = left / self._pace.speed if self._pace.speed else REACT_S
            await asyncio.sleep(min(real, REACT_S))
        await asyncio.sleep(0)

    def anchor(self) -> Anchor:
        now = self.now()
        return Anchor(
            line=now.line, wall=now.wall, trusted=True, boot_id=boot_id(), boottime=self._real()
        )

    def _follow(self) -> None:
        """One stat; reads the file only if it is another one."""
        try:
            seen = self._stamp()
        except FileNotFoundError:
            return  # whoever made it is gone: time goes on as it did
        if seen != self._seen:
            self._seen, self._pace = seen, read(self._file)

    def _stamp(self) -> tuple[int, int]:
        found = self._file.stat()
        return found.st_mtime_ns, found.st_ino
