"""The machine itself: Python, memory, and its clocks."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.clock import SystemClock
from gateway.doctor.check import Check, doubtful, ill, well
from gateway.home import Home

OLDEST, NEWEST = (3, 11), (3, 13)
SMALLEST_KB = 80_000
"""The hub aims at 60 MB; less than this free and the kernel begins to kill."""


def python(version: tuple[int, int] | None = None) -> Check:
    version = version or (sys.version_info.major, sys.version_info.minor)
    found = f"{version[0]}.{version[1]}"
    if version < OLDEST:
        return ill("python", found, "install Python 3.11 to 3.13 (Debian 12 or newer has it)")
    if version > NEWEST:
        return doubtful("python", f"{found} is newer than what is tested", "use 3.11 to 3.13")
    return well("python", found)


def memory(meminfo: Path = Path("/proc/meminfo")) -> Check:
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return doubtful("memory", f"{meminfo} does not say", "look at free -m")
    found = f"{free // 1000} MB available"
    if free < SMALLEST_KB:
        return doubtful("memory", found, "stop other programs: the hub wants 60 MB to itself")
    return well("memory", found)


def clock(
    home: Home,
    system: SystemClock | None = None,
    rtc: Path = Path("/sys/class/rtc"),
    localtime: Path = Path("/etc/localtime"),
) -> Iterator[Check]:
    """Whether the date is right, stays right through a power cut, and is shown as in the home."""
    if home.clock.source == "simulated":
        yield _simulated(Path(home.clock.file))
        return
    now = (system or SystemClock(trust=home.clock.trust)).now()
    shown = f"{datetime.fromtimestamp(now.wall, home.zone):%Y-%m-%d %H:%M} {home.hub.timezone}"
    if now.trusted:
        yield well("clock", f"{shown}, synchronised")
    else:
        remedy = "start a time service: timedatectl set-ntp true; then timedatectl shows its state"
        yield doubtful("clock", f"{shown}, but nobody vouches for it", remedy)
    yield _battery(rtc)
    yield _zone(home, now.wall, localtime)


def _simulated(file: Path) -> Check:
    if file.exists():
        return well("clock", f"simulated, from {file}")
    return ill("clock", f"simulated, but {file} is not there", "start the demo that makes it")


def _battery(rtc: Path) -> Check:
    if rtc.is_dir() and any(rtc.iterdir()):
        return well("clock battery", "there is one")
    found = "none: after a power cut the date waits for the network"
    remedy = "emergencies do not wait; a DS3231 module on the I2C pins keeps the date"
    return doubtful("clock battery", found, remedy)


def _zone(home: Home, wall: float, localtime: Path) -> Check:
    """By the offset now: many names mean the same zone."""
    here = datetime.fromtimestamp(wall, UTC).astimezone(home.zone).utcoffset()
    name = str(localtime.resolve()).partition("zoneinfo/")[2] or "UTC"
    machine = time.localtime(wall).tm_gmtoff
    if here is not None and here.total_seconds() == machine:
        return well("time zone", f"{home.hub.timezone}, on the machine too")
    found = f"the home is in {home.hub.timezone}, the machine's log in {name}"
    remedy = f"alerts are right all the same; timedatectl set-timezone {home.hub.timezone}"
    return doubtful("time zone", found, remedy)
