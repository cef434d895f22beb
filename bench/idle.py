"""The daemon when nothing happens: memory, CPU and disk, and how long it takes to start.

`lamplight run` with 40 devices on two simulated buses that are polled as ordinary devices are
(bench/homes.py), a mosquitto with TLS and the reference platform; the far ends, the broker and the
platform are other processes. The byte code is compiled beforehand, as it is in an installed package
(a first start is not counted).

Start is measured from the fork to `READY=1` on the socket that systemd listens on, and to the first
heartbeat at the platform; its floor is a Python that imports nothing of ours but asyncio, sqlite3
and ssl. Memory, CPU and /proc/PID/io are read at both ends of a quiet stretch that begins when the
start is over. The floor of the CPU is a loop that asks the same questions on the same bus and does
nothing else (bare_poll.py).
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil

from bench.children import child, heard
from bench.homes import plan, shares
from bench.table import Figure, Size, Table, quantile
from gateway.simulate.platform import Conduct, Platform
from tests.brokers import free_port, mosquitto

DEVICES = 40
HUB = "bench/home-1"
SETTLE_S = {"full": 15.0, "quick": 4.0, "smallest": 1.0}
BARE_S = {"full": 20.0, "quick": 5.0, "smallest": 1.0}
QUIET_S = {"full": 65.0, "quick": 10.0, "smallest": 2.0}
STARTS = {"full": 5, "quick": 1, "smallest": 1}
BARE = "import asyncio, sqlite3, ssl"
MB = 1e6
DAY_S = 86_400.0


class Started(msgspec.Struct, frozen=True):
    """Seconds since the fork; `cpu_s` is what the daemon had used by its first heartbeat."""

    ready_s: float
    heartbeat_s: float
    cpu_s: float


class Usage(msgspec.Struct, frozen=True):
    at: float
    cpu_s: float
    written: int
    wakeups: int


def run(size: Size, folder: Path) -> Table:
    with mosquitto(folder) as broker:
        way = broker.settings(HUB)
        (folder / "plan.toml").write_text(plan(folder, DEVICES, free_port(), way))
        watcher = Platform(broker.settings("platform"), folder / "platform.sqlite",
                           conduct=Conduct(orders=False))  # fmt: skip
        with child("bench.far_end", folder, str(DEVICES), log=folder / "wires.log") as wires:
            heard(wires)
            try:
                return asyncio.run(_measure(size, folder, watcher))
            finally:
                watcher.close()


async def _measure(size: Size, folder: Path, platform: Platform) -> Table:
    watching = asyncio.create_task(platform.run())
    while platform.why:  # noqa: ASYNC110 - the platform tells nobody
        await asyncio.sleep(0.01)
    async with _daemon(folder, platform):
        starts: list[Started] = []  # this first one has compiled everything
    for _ in range(STARTS[size] - 1):
        async with _daemon(folder, platform) as (_, started):
            starts.append(started)
    async with _daemon(folder, platform) as (daemon, started):
        starts.append(started)
        figures = _starting(starts, [_bare(folder) for _ in starts])
        await asyncio.sleep(SETTLE_S[size])
        before = _usage(daemon)
        await asyncio.sleep(QUIET_S[size])
        after = _usage(daemon)
        memory, threads = daemon.memory_full_info(), daemon.num_threads()
    bare = await asyncio.to_thread(_bare_polling, folder, BARE_S[size])
    figures += [*_memory(memory, threads), *_resting(before, after, bare)]
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    quiet = f"quiet stretch: {QUIET_S[size]:g} s; starts: median of {len(starts)}"
    return Table("idle", tuple(figures), (quiet,))


@asynccontextmanager
async def _daemon(
    folder: Path, platform: Platform
) -> AsyncIterator[tuple[psutil.Process, Started]]:
    """A running daemon, and how its start went."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        address = folder / "notify"
        address.unlink(missing_ok=True)
        told.bind(str(address))
        told.setblocking(False)
        platform.heartbeats.clear()
        environment = compiled(folder, NOTIFY_SOCKET=str(address))
        command = ("gateway", "run", "--plan", folder / "plan.toml")
        with child(*command, log=folder / "daemon.log", environment=environment) as process:
            daemon = psutil.Process(process.pid)
            yield daemon, await _until_started(daemon, told, platform)


async def _until_started(
    daemon: psutil.Process, told: socket.socket, platform: Platform
) -> Started:
    began, ready, heartbeat, cpu = time.monotonic(), 0.0, 0.0, 0.0
    async with asyncio.timeout(60):
        while not (ready and heartbeat):
            with suppress(BlockingIOError):
                if told.recv(4096).startswith(b"READY=1"):
                    ready = time.monotonic() - began
            if not heartbeat and HUB in platform.heartbeats:
                heartbeat, cpu = time.monotonic() - began, sum(daemon.cpu_times()[:2])
            await asyncio.sleep(0.002)
    return Started(ready, heartbeat, cpu)


def compiled(folder: Path, **more: str) -> dict[str, str]:
    """An environment in which byte code is kept, in a place of our own."""
    kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    return {**os.environ, **kept, **more}


def _bare(folder: Path) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", BARE], check=True, env=compiled(folder))
    return time.monotonic() - began


def _starting(starts: list[Started], bare: list[float]) -> list[Figure]:
    floor = quantile(bare, 0.5)
    return [
        Figure("start to ready", quantile([s.ready_s for s in starts], 0.5), "s", floor),
        Figure("start to first heartbeat at the platform",
               quantile([s.heartbeat_s for s in starts], 0.5), "s", floor, most=1.0),
        Figure("CPU until the first heartbeat", quantile([s.cpu_s for s in starts], 0.5), "s"),
    ]  # fmt: skip


def _usage(daemon: psutil.Process) -> Usage:
    io = Path(f"/proc/{daemon.pid}/io").read_text()
    written = int(dict(line.split(": ") for line in io.splitlines())["write_bytes"])
    switches = daemon.num_ctx_switches()
    return Usage(time.monotonic(), sum(daemon.cpu_times()[:2]), written, switches.voluntary)


def _bare_polling(folder: Path, seconds: float) -> float:
    """Percent of one core."""
    modules, _ = shares(DEVICES)
    with child("bench.bare_poll", folder / "bus2", str(modules), str(seconds)) as process:
        return float(heard(process))


def _memory(memory: Any, threads: int) -> list[Figure]:
    return [
        Figure("memory, RSS", memory.rss / MB, "MB", most=60.0),
        Figure("memory, PSS (shared pages divided)", memory.pss / MB, "MB"),
        Figure("memory, USS (its own)", memory.uss / MB, "MB"),
        Figure("threads", threads, ""),
    ]


def _resting(before: Usage, after: Usage, bare: float) -> list[Figure]:
    span = after.at - before.at
    written = (after.written - before.written) / span
    busy = (after.cpu_s - before.cpu_s) / span * 100
    return [
        Figure("CPU of one core", busy, "%", bare, most=0.5),
        Figure("wake-ups a second", (after.wakeups - before.wakeups) / span, "1/s"),
        Figure("written a day if every hour were like this", written * DAY_S / MB, "MB"),
    ]
