"""Time that never steps back, and whether the time of day can be trusted.

A hub has no clock battery: after a power cut it wakes in 1970 or where it fell asleep, and is put
right by the network, hours later or never. So there are two times. The *line* counts real seconds
and goes on across restarts; durations are made of it. The *wall* is what the machine believes the
date to be, with a word on whether to believe it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from gateway.clock import pace
from gateway.clock.anchor import Anchor, Known, boot_id, decode_anchor, encode_anchor
from gateway.records import Instant

__all__ = ["Anchor", "SimulatedClock", "SystemClock", "decode_anchor", "encode_anchor"]

Quality = Literal["synced", "holdover", "unsure"]

EARLIEST_WALL = 1_767_225_600.0
"""2026-01-01T00:00Z. This program is younger than any date before it."""
LOOK_S = 10.0
"""So often is asked whether the wall clock is synchronised."""
HOLDOVER_S = 7 * 86_400.0
"""A clock that was right in this boot counts as right for so long without the network:
a crystal of 100 ppm is then wrong by a minute."""
DRIFT = 100e-6
JUMP_S = 1.0
LONGEST_DOWNTIME_S = 365 * 86_400.0
"""A hub that claims to have been off for longer is not believed the rest."""

TIMESYNCD = Path("/run/systemd/timesync/synchronized")
TIMESYNCD_FRESH_S = 86_400.0
"""timesyncd touches its file at every poll, at most 34 minutes apart; a day is generous."""
REACT_S = 0.2
"""Who sleeps in a simulated time notices a change of its speed within so many real seconds."""
STA_UNSYNC = 0x40
"""<sys/timex.h>: the kernel's clock is not disciplined by anybody."""


class Machine(msgspec.Struct, frozen=True):
    """The raw clocks; tests wind them by hand."""

    boottime: Callable[[], float]
    """Seconds since boot, sleep included."""
    wall: Callable[[], float]
    synced: Callable[[float], bool]
    """Whether somebody disciplines the wall clock, which says the argument."""
    boot_id: str


class SystemClock:
    """The machine's clocks as one `records.Clock`."""

    def __init__(
        self,
        anchor: Anchor | None = None,
        trust: Literal["ntp", "always"] = "ntp",
        machine: Machine | None = None,
    ) -> None:
        self._machine = machine or this_machine()
        self._trust = trust
        ticks = self._machine.boottime()
        self._known = anchor.known if anchor else None
        self._line = _continued(anchor, self._machine.boot_id, ticks)
        self._ticks = ticks
        self._offset = self._machine.wall() - ticks
        self._look_at = ticks
        self._synced = False
        self.quality: Quality = "unsure"
        self.jumps = 0
        """How often the wall clock leapt although it was said to be synchronised."""
        self.downtime_s = 0.0
        """What was added to the timeline when the wall became known again."""

    def now(self) -> Instant:
        ticks, wall = self._machine.boottime(), self._machine.wall()
        self._line += max(0.0, ticks - self._ticks)
        self._notice_a_jump(wall - ticks, abs(ticks - self._ticks))
        self._ticks = ticks
        if ticks >= self._look_at or ticks < self._look_at - LOOK_S:
            self._look_at = ticks + LOOK_S
            self._synced = self._trust == "always" or self._machine.synced(wall)
        self.quality = self._judged(wall)
        if self.quality == "synced":
            self._settle(wall)
        return Instant(self._line, wall, self.quality != "unsure")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def anchor(self) -> Anchor:
        """The present, to be saved; asks the clocks."""
        now = self.now()
        return Anchor(
            line=now.line,
            wall=now.wall,
            trusted=now.trusted,
            boot_id=self._machine.boot_id,
            boottime=self._ticks,
            known=self._known,
        )

    def _notice_a_jump(self, offset: float, elapsed: float) -> None:
        """The wall moved and the monotonic clock did not: ask at once who says so."""
        if abs(offset - self._offset) > JUMP_S + DRIFT * elapsed:
            self.jumps += self.quality == "synced"
            self._look_at = self._ticks
        self._offset = offset

    def _judged(self, wall: float) -> Quality:
        if wall < EARLIEST_WALL:
            return "unsure"
        if self._synced:
            return "synced"
        known = self._known
        if known is None or known.boot_id != self._machine.boot_id:
            return "unsure"
        age = self._line - known.line
        off = abs(wall - known.wall - age)
        return "holdover" if age <= HOLDOVER_S and off <= JUMP_S + DRIFT * age else "unsure"

    def _settle(self, wall: float) -> None:
        """Ties both times together; the first time in a boot, adds the time the hub was off."""
        known = self._known
        if known is not None and known.boot_id != self._machine.boot_id:
            missing = (wall - known.wall) - (self._line - known.line)
            step = min(max(0.0, missing), LONGEST_DOWNTIME_S)
            self._line += step
            self.downtime_s += step
        self._known = Known(self._line, wall, self._machine.boot_id)


def _continued(anchor: Anchor | None, boot_id: str, ticks: float) -> float:
    """Exact within one boot; from another boot, where it stood (the downtime comes later)."""
    if anchor is None:
        return 0.0
    if boot_id and anchor.boot_id == boot_id:
        return anchor.line + max(0.0, ticks - anchor.boottime)
    return anchor.line


# ---------------------------------------------------------------- simulated time


class SimulatedClock:
    """A `records.Clock` that follows such a file; it is always right."""

    quality: Quality = "synced"
    jumps = 0
    downtime_s = 0.0

    def __init__(self, file: Path, real: Callable[[], float] = pace.real_seconds) -> None:
        """Raises OSError or msgspec.DecodeError if the file is not there or is no pace."""
        self._file = file
        self._real = real
        self._seen = self._stamp()
        self._pace = pace.read(file)
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
            self._seen, self._pace = seen, pace.read(self._file)

    def _stamp(self) -> tuple[int, int]:
        found = self._file.stat()
        return found.st_mtime_ns, found.st_ino


# ---------------------------------------------------------------- this machine


def this_machine() -> Machine:
    """Linux's clocks. Raises nothing: what cannot be read is not trusted."""
    return Machine(
        boottime=lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        wall=time.time,
        synced=synced,
        boot_id=boot_id(),
    )


def synced(wall: float) -> bool:
    """Whether the kernel or systemd-timesyncd says that the wall clock is synchronised."""
    return kernel_synced() or timesyncd_synced(wall)


def kernel_synced() -> bool:
    """adjtimex(2) without STA_UNSYNC; False where it is not allowed."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    timex = ctypes.create_string_buffer(512)  # modes = 0: only read
    if libc.adjtimex(timex) < 0:
        return False
    # struct timex: modes (padded to a long), offset, freq, maxerror, esterror, then int status.
    start = 5 * ctypes.sizeof(ctypes.c_long)
    status = int.from_bytes(timex.raw[start : start + 4], "little", signed=True)
    return not status & STA_UNSYNC


def timesyncd_synced(wall: float, flag: Path = TIMESYNCD) -> bool:
    try:
        touched = flag.stat().st_mtime
    except OSError:
        return False
    return 0 <= wall - touched + JUMP_S <= TIMESYNCD_FRESH_S
