"""A hub killed with SIGKILL again and again in the middle of its backlog, with a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from gateway.home import UplinkSettings
from gateway.simulate.platform import Conduct, Platform
from tests.brokers import mosquitto, until
from tests.uplink_rig import NAME, platform_side

pytestmark = pytest.mark.needs("mosquitto")

KILLS = 30
CONDUCT = Conduct(orders=False, resends=False)
SEED = 20260105

HUB = """
import asyncio, os, sys
from pathlib import Path
from msgspec import json, structs
from gateway.home import UplinkSettings
from gateway.records import Severity
from gateway.uplink.schedule import MANNERS
from tests.uplink_rig import hub_side

SEVERITIES = (Severity.S1, Severity.S2, Severity.S3, Severity.S4)
folder, way = Path(sys.argv[1]), json.decode(sys.argv[2], type=UplinkSettings)

async def main(number: int) -> None:
    quick = [structs.replace(manner, gaps_s=(0.5,)) for manner in MANNERS]
    accepted = os.open(folder / "accepted", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    async with hub_side(folder, way, manners=quick) as hub:
        while number:
            rows = await hub.press(number, severity=SEVERITIES[number % 4])
            # Only now somebody could have relied on it.
            os.write(accepted, f"{rows[0].message_id} {rows[0].alert_id}\\n".encode())
            number += 1
            await asyncio.sleep(0.002)
        await asyncio.Event().wait()

# Everything is imported once; each hub is a fork, so that thirty of them do not take a minute.
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        asyncio.run(main(int(line)))
    print(child, flush=True)
    os.waitpid(child, 0)
"""


class Hubs:
    """Starts one hub after the other."""

    def __init__(self, folder: Path, way: UplinkSettings) -> None:
        settings = msgspec.json.encode(way).decode()
        self._nursery = subprocess.Popen(
            [sys.executable, "-c", HUB, str(folder), settings],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def start(self, number: int) -> int:
        """A hub that presses from this number on, or with 0 only empties its outbox."""
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(b"%d\n" % number)
        self._nursery.stdin.flush()
        return int(self._nursery.stdout.readline())

    def close(self) -> None:
        """Ends whatever is left of its process group, also after a test that failed."""
        os.killpg(self._nursery.pid, signal.SIGKILL)
        self._nursery.communicate(timeout=10)


def accepted(folder: Path) -> dict[str, str]:
    """Alert id by message id. The last line may be torn: its writer was killed."""
    text = (folder / "accepted").read_text()
    pairs = [line.split() for line in text[: text.rfind("\n") + 1].splitlines()]
    return {message_id: alert_id for message_id, alert_id in pairs}


async def test_thirty_kills_in_a_backlog_lose_nothing_and_duplicates_keep_their_id(
    tmp_path: Path,
) -> None:
    luck = random.Random(SEED)
    with (
        mosquitto(tmp_path) as broker,
        contextlib.closing(Hubs(tmp_path, broker.settings(NAME))) as hubs,
    ):
        async with platform_side(tmp_path, broker.settings("platform"), CONDUCT) as platform:
            for kill in range(KILLS):
                # Receipts are lost in every second life, so that there are duplicates at all.
                platform.conduct = structs.replace(CONDUCT, receipts=kill % 2 == 0)
                before = size(tmp_path)
                hub = hubs.start(10_000 * (kill + 1))
                await until(lambda: size(tmp_path) > before)  # noqa: B023
                await asyncio.sleep(luck.uniform(0.0, 0.5))
                os.kill(hub, signal.SIGKILL)
            promised = accepted(tmp_path)
            platform.conduct = CONDUCT
            hub = hubs.start(0)
            await until(lambda: set(promised) <= known(platform), seconds=30)
            os.kill(hub, signal.SIGKILL)
            check(platform, promised)


def size(folder: Path) -> int:
    file = folder / "accepted"
    return file.stat().st_size if file.exists() else 0


def known(platform: Platform) -> set[str]:
    return set(platform.memory.message_ids(NAME))


def check(platform: Platform, promised: dict[str, str]) -> None:
    """The same revision never came under two ids, and every id means what was accepted."""
    assert len(promised) > KILLS
    bodies = [msgspec.json.decode(body) for body in platform.memory.bodies(NAME)]
    told = {body["id"]: body["data"]["alert_id"] for body in bodies}
    assert {message_id: told[message_id] for message_id in promised} == promised
    revisions = [(body["data"]["alert_id"], body["data"]["rev"]) for body in bodies]
    assert len(revisions) == len(set(revisions))
    assert platform.counts["duplicate"] > 0
