"""Time that never steps back, and whether the time of day can be trusted.

A hub has no clock battery: after a power cut it wakes in 1970 or where it fell asleep, and is put
right by the network, hours later or never. So there are two times. The *line* counts real seconds
and goes on across restarts; durations are made of it. The *wall* is what the machine believes the
date to be, with a word on whether to believe it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import msgspec

from gateway.records import Instant

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
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TIMESYNCD_FRESH_S = 86_400.0
"""timesyncd touches its file at every poll, at most 34 minutes apart; a day is generous."""
STA_UNSYNC = 0x40
"""<sys/timex.h>: the kernel's clock is not disciplined by anybody."""


class Known(msgspec.Struct, frozen=True):
    """A moment at which both times were known, and the boot in which that was."""

    line: float
    wall: float
    boot_id: str


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """Where the timeline is tied to the machine; saved, so that the next start can go on.

    Save it in the transaction of whatever carries a `line`: after a power cut without a trusted
    clock the timeline goes on from here.
    """

    line: float
    wall: float
    trusted: bool
    boot_id: str
    boottime: float
    known: Known | None = None
    """When the wall was last trusted; from it the downtime is reckoned once it is trusted again."""


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


# ---------------------------------------------------------------- this machine


def this_machine() -> Machine:
    """Linux's clocks. Raises nothing: what cannot be read is not trusted."""
    return Machine(
        boottime=lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        wall=time.time,
        synced=synced,
        boot_id=boot_id(),
    )


def boot_id() -> str:
    """Random per boot; empty where there is none, and then every start counts as a boot."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


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


# ---------------------------------------------------------------- the anchor in a file


def newest(anchors: Iterable[Anchor | None]) -> Anchor | None:
    """Of several saved anchors the one that is furthest along the timeline."""
    return max((a for a in anchors if a is not None), key=lambda a: a.line, default=None)


def encode_anchor(anchor: Anchor) -> bytes:
    return msgspec.json.encode(anchor)


def decode_anchor(saved: bytes | None) -> Anchor | None:
    """None for what is missing or damaged: then the timeline begins anew."""
    try:
        return msgspec.json.decode(saved, type=Anchor) if saved else None
    except msgspec.DecodeError:
        return None


def load_anchor(file: Path) -> Anchor | None:
    return decode_anchor(file.read_bytes() if file.exists() else None)


def save_anchor(file: Path, anchor: Anchor) -> None:
    """All of it or nothing, also when the power fails. Raises OSError."""
    replace(file, encode_anchor(anchor), durable=True)


def replace(file: Path, content: bytes, *, durable: bool = False) -> None:
    """Puts a new file in the place of the old one in one step. Raises OSError."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    with fresh.open("wb") as out:
        out.write(content)
        if durable:
            out.flush()
            os.fsync(out.fileno())
    fresh.replace(file)
