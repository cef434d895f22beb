"""A hub that is killed again and again: commits in bursts, takes receipts, and says what it did.

    python -m tests.kill_child <database>

It waits for lines on its standard input; at each it forks a process that opens the outbox and works
until it dies. (Forking spares two hundred starts of Python.) One line each on standard output:

    born <pid>             the process exists
    open <seq_last>        the outbox is open
    kept <id> <alert>      commit() has returned this
    taking <ids>           receipted_ids() is about to be called
    took <ids>             ... and has returned
    dead
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.outbox import Draft, Limits, Outbox, Row
from gateway.records import Instant

LIMITS = Limits(receipted=300)


class StillClock:
    """It is always the same moment; nothing here depends on time."""

    def now(self) -> Instant:
        return Instant(0.0, 0.0)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def body(alert_id: str) -> bytes:
    """What a message of this alert says."""
    return b'{"alert":"%s","pad":"%s"}' % (alert_id.encode(), b"x" * 600)


def drafts(prefix: str, count: int, chance: random.Random) -> list[Draft]:
    names = [f"{prefix}.{number}" for number in range(count)]
    return [Draft("t", chance.randrange(4), "alert", body(name), name, 1) for name in names]


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def commit(outbox: Outbox, made: Sequence[Draft]) -> list[Row]:
    """The snapshot names the last draft of its own transaction."""
    rows = await outbox.commit(made, {"last": made[-1].alert_id.encode()})
    for row in rows:
        say("kept", row.message_id, row.alert_id)
    return rows


async def receipt(outbox: Outbox, rows: Sequence[Row]) -> None:
    names = ",".join(row.message_id for row in rows)
    say("taking", names)
    await outbox.receipted_ids(row.message_id for row in rows)
    say("took", names)


async def work(path: Path, run: int) -> None:
    """Bursts without end."""
    chance = random.Random(run)
    outbox = Outbox.open(path, StillClock(), LIMITS)
    say("open", outbox.seq_last)
    for burst in range(1_000_000):
        made = [
            drafts(f"{run}.{burst}.{caller}", chance.randint(1, 4), chance)
            for caller in range(chance.randint(1, 6))
        ]
        await asyncio.gather(*(commit(outbox, each) for each in made))
        waiting = await outbox.pending(20)
        await receipt(outbox, chance.sample(waiting, len(waiting) // 3))


def main(path: Path) -> None:
    for run, _ in enumerate(sys.stdin):
        pid = os.fork()
        if pid == 0:
            say("born", os.getpid())
            asyncio.run(work(path, run))
        os.waitpid(pid, 0)
        say("dead")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
