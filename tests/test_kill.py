"""The hub is killed two hundred times in the middle of its work, and loses nothing it accepted."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.outbox import Draft, Gone, Outbox, Row
from gateway.outbox.rows import complete
from tests.kill_child import LIMITS, StillClock, body

KILLS = 200
LONGEST_LIFE_S = 0.06
WORKING = 0.75
"""So many of the lives are counted from the open outbox on, the others from birth."""
BACKLOG = 300
ROOT = Path(__file__).parent.parent


class Witness:
    """Believes only what the dying hub had said by then."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        """Message id -> alert, once commit() had returned."""
        self.taking: set[str] = set()
        """Perhaps receipted."""
        self.took: set[str] = set()
        self.deaths = 0
        self.opened = 0
        self.broken: list[str] = []

    def hear(self, line: str) -> None:
        what, _, rest = line.strip().partition(" ")
        if what == "kept":
            self._hear_kept(*rest.split())
        elif what == "open":
            self.opened += 1
            highest = max((number(each) for each in self.kept), default=0)
            if int(rest) < highest:
                self.broken.append(f"opened at {rest}, but {highest} had been accepted")
        elif what in ("taking", "took"):
            names = set(filter(None, rest.split(",")))
            (self.taking if what == "taking" else self.took).update(names)

    def _hear_kept(self, message_id: str, alert: str) -> None:
        if self.kept.setdefault(message_id, alert) != alert:
            self.broken.append(f"{message_id} was given to {self.kept[message_id]} and {alert}")


def kill_again_and_again(path: Path, witness: Witness, chance: random.Random) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.kill_child", str(path)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    ) as zygote:  # fmt: skip
        assert zygote.stdin is not None
        assert zygote.stdout is not None
        for _ in range(KILLS):
            print("go", file=zygote.stdin, flush=True)
            pid = int(zygote.stdout.readline().split()[1])
            if chance.random() < WORKING:
                witness.hear(zygote.stdout.readline())
            time.sleep(chance.uniform(0, LONGEST_LIFE_S))
            os.kill(pid, signal.SIGKILL)
            said = list(iter(zygote.stdout.readline, "dead\n"))
            witness.deaths += 1
            for line in said:
                witness.hear(line)
        zygote.stdin.close()


class Remains:
    """What a restarted hub still has: first what waits, then everything that it can answer for."""

    def __init__(self) -> None:
        self.waiting: set[str] = set()
        self.rows: dict[str, Row] = {}
        self.forgotten: set[int] = set()
        """Numbers whose tombstone says that they were receipted."""

    async def gather(self, outbox: Outbox) -> None:
        self.waiting = {row.message_id for row in await outbox.pending(1_000_000)}
        for first in range(1, outbox.seq_last + 1, 1000):
            answer = await outbox.resend(first, min(first + 999, outbox.seq_last))
            self.rows.update((row.message_id, row) for row in answer.rows)
            for stone in answer.tombstones:
                assert stone.reason is Gone.RECEIPTED
                self.forgotten |= set(range(stone.first, stone.last + 1))

    def keeps(self, message_id: str, alert: str) -> bool:
        row = self.rows.get(message_id)
        return row is not None and row.body == complete(body(alert), message_id)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


async def fill(path: Path, witness: Witness) -> None:
    """A backlog, as after a night without network."""
    outbox = Outbox.open(path, StillClock(), LIMITS)
    names = [f"night.{number}" for number in range(BACKLOG)]
    rows = await outbox.commit(
        [Draft("t", n % 4, "alert", body(name), name, 1) for n, name in enumerate(names)],
        {"last": names[-1].encode()},
    )
    witness.kept.update((row.message_id, row.alert_id) for row in rows)
    outbox.close()


async def test_two_hundred_kills_lose_nothing_and_give_no_number_twice(path: Path) -> None:
    witness, remains = Witness(), Remains()
    await fill(path, witness)
    kill_again_and_again(path, witness, random.Random(2))
    outbox = Outbox.open(path, StillClock(), LIMITS)
    figures, last = outbox.figures, outbox.snapshot()["last"].decode()
    await remains.gather(outbox)
    outbox.close()

    assert witness.broken == []
    assert (figures.storage.ok, figures.storage.incidents) == (True, ())
    # Nothing is lost: it waits, or was received, or was received so long ago that a stone says so.
    lost = {
        message_id: alert
        for message_id, alert in witness.kept.items()
        if not remains.keeps(message_id, alert)
        and not (number(message_id) in remains.forgotten and message_id in witness.taking)
    }
    assert lost == {}
    assert witness.kept.keys() - witness.taking <= remains.waiting
    assert witness.took & remains.waiting == set()
    # Every number is explained, and none stands for two alerts.
    seqs = [row.seq for row in remains.rows.values()]
    assert set(seqs) | remains.forgotten >= set(range(1, figures.seq_last + 1))
    assert len({row.alert_id for row in remains.rows.values()}) == len(seqs) == len(set(seqs))
    # Messages and snapshot are of one and the same moment.
    assert remains.rows[f"{figures.epoch}-{figures.seq_last}"].alert_id == last
    # The kills came at all stages of a life, or this test says little.
    assert witness.deaths == KILLS
    assert KILLS / 2 < witness.opened < KILLS
    assert len(witness.kept) > BACKLOG + KILLS
    assert len(witness.took) > KILLS


def number(message_id: str) -> int:
    return int(message_id.rpartition("-")[2])
