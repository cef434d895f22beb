"""The floor under every figure of the outbox: what this disk needs for one durable commit at all.

    python -m bench.floor [--slow]      --slow: as on an SD card, each sync 20 ms longer

`commit_floor` measures bare SQLite, with the outbox's pragmas and one row of an alert's size;
`outbox_commits` the outbox itself, one commit at a time. `slow_fsync` compiles the shim for a run
of any command with slower syncs (needs a C compiler).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from gateway.database import OUTBOX, connect
from gateway.outbox import Draft, Outbox
from gateway.records import Instant

TABLE = ("CREATE TABLE alert (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)",)
BODY_BYTES = 900
"""An alert with its evidence."""
SLOW_MS = 20


class StillClock:
    def now(self) -> Instant:
        return Instant(0.0, 0.0)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def commit_floor(folder: Path, count: int = 200) -> list[float]:
    """Seconds of each of `count` commits of one row, `synchronous=FULL`, in WAL mode."""
    taken = []
    with closing(connect(folder / "floor.sqlite", TABLE, OUTBOX)) as connection:
        for _ in range(count):
            began = time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO alert (body) VALUES (?)", (b"x" * BODY_BYTES,))
            connection.execute("COMMIT")
            taken.append(time.perf_counter() - began)
    return taken


async def outbox_commits(folder: Path, count: int = 200) -> list[float]:
    """Seconds of each of `count` commits of one emergency, from the call to its return."""
    outbox = Outbox.open(folder / "outbox.sqlite", StillClock())
    taken = []
    for number in range(count):
        body = b'{"pad":"%s"}' % (b"x" * BODY_BYTES)
        began = time.perf_counter()
        await outbox.commit([Draft("v1/t/h/alert/p0", 0, "alert", body, f"A{number}", 1)])
        taken.append(time.perf_counter() - began)
    outbox.close()
    return taken


async def outbox_throughput(folder: Path, count: int = 5000, at_once: int = 50) -> float:
    """Messages a second through commit and receipt, `at_once` callers waiting together."""
    outbox = Outbox.open(folder / "many.sqlite", StillClock())
    body = b'{"pad":"%s"}' % (b"x" * BODY_BYTES)

    async def caller(name: int) -> None:
        for number in range(count // at_once):
            rows = await outbox.commit([Draft("t", 1, "alert", body, f"{name}.{number}", 1)])
            await outbox.receipted_ids(row.message_id for row in rows)

    began = time.perf_counter()
    await asyncio.gather(*(caller(name) for name in range(at_once)))
    taken = time.perf_counter() - began
    outbox.close()
    return count // at_once * at_once / taken


def quantile(values: Sequence[float], share: float) -> float:
    """0.5 is the median, 0.99 what one in a hundred exceeds."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def slow_fsync(folder: Path, ms: int = SLOW_MS) -> dict[str, str]:
    """Environment in which every sync of a program takes `ms` longer.

    Raises FileNotFoundError without a C compiler (Debian: `apt install gcc libc6-dev`).
    """
    library = folder / "slow_fsync.so"
    source = Path(__file__).with_name("slow_fsync.c")
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], check=True
    )
    return {"LD_PRELOAD": str(library), "SLOW_FSYNC_MS": str(ms)}


def report(folder: Path, count: int) -> None:
    floor = commit_floor(folder, count)
    outbox = asyncio.run(outbox_commits(folder, count))
    for share in (0.5, 0.99):
        low, ours = quantile(floor, share), quantile(outbox, share)
        print(
            f"p{share * 100:.0f}: SQLite {low * 1e3:.2f} ms,"
            f" outbox {ours * 1e3:.2f} ms, ratio {ours / low:.2f}"
        )
    print(f"{asyncio.run(outbox_throughput(folder)):.0f} messages/s to their receipts")


def main(arguments: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        if "--slow" in arguments:
            environment = {**os.environ, **slow_fsync(Path(name))}
            subprocess.run([sys.executable, "-m", "bench.floor"], env=environment, check=True)
        else:
            report(Path(name), 500)


if __name__ == "__main__":
    main(sys.argv[1:])
