"""A press of a wired button: from its byte on the wire to the disk, to the broker, to the platform.

The real daemon with 40 devices, its buses on real pseudo-terminals, a mosquitto 2 (MQTT 5, TLS,
client certificates) and the reference platform, each in a process of its own. A press counts from
the moment at which the far end writes the module's answer that carries it, to the outbox's commit
having returned, to the PUBACK, and to the platform's receipt being back at the hub. How long the
closed circuit waited for the hub to ask (it asks every 250 ms) is told apart. After its receipt
the platform closes the alert, so that each press is an incident of its own.

The floor is measured between the presses, in the same rhythm: bare paho to the same broker, and one
bare SQLite commit (synchronous=FULL) on the same disk; for the receipt, the publish counts twice
and the commit twice, since the platform commits too before it answers. The sum of two quantiles is
no quantile of the sum, but it is what was promised. `slow disk`: every sync of the hub and of its
floor takes 20 ms longer (slow_fsync.c).
"""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from bench.children import child, heard, say
from bench.floor import slow_fsync
from bench.homes import plan
from bench.press_floor import Floor
from bench.press_hub import Stamps
from bench.press_wire import Told
from bench.table import Figure, Size, Table, quantile
from gateway.records import Outcome, Severity, State
from gateway.simulate.platform import Conduct, Platform
from tests.brokers import Mosquitto, free_port, mosquitto

DEVICES = 40
HUB = "bench/home-1"
BUTTONS = (1, 2, 3, 4)
PRESSES = {"full": 200, "quick": 24, "smallest": 3}
SLOW_PRESSES = {"full": 100, "quick": 12, "smallest": 2}
GAP_S = (0.12, 0.3)
PATIENCE_S = 20.0
WARM_UP = 3
"""Presses that are not counted: the first one makes the tables and the caches."""


class Press(msgspec.Struct, frozen=True):
    """Milliseconds: until it was asked for, and from the answer's first byte on."""

    asked: float
    durable: float
    puback: float
    receipt: float


class Stack(msgspec.Struct, frozen=True):
    """The processes around one hub."""

    platform: Platform
    wire: subprocess.Popen[str]
    floor: subprocess.Popen[str]


def run(size: Size, folder: Path) -> Table:
    with mosquitto(folder) as broker:
        presses, floors = _measured(folder / "disk", broker, PRESSES[size], {})
        slow, slow_floors = _measured(
            folder / "slow", broker, SLOW_PRESSES[size], slow_fsync(folder)
        )
    figures = [*_figures(presses, floors), *_slow_figures(slow, slow_floors)]
    notes = (f"{len(presses)} presses, and {len(slow)} on the slow disk",)
    return Table("press", tuple(figures), notes)


def _measured(
    folder: Path, broker: Mosquitto, count: int, environment: Mapping[str, str]
) -> tuple[list[Press], list[Floor]]:
    folder.mkdir()
    stamps = folder / "stamps.json"
    with _around(folder, broker, environment) as stack:
        way = folder / "plan.toml"
        way.write_text(plan(folder, DEVICES, free_port(), broker.settings(HUB)))
        log = folder / "hub.log"
        with child("bench.press_hub", way, stamps, log=log, environment=environment):
            told, floors = asyncio.run(_press_often(stack, count + WARM_UP))
        stack.platform.close()
    matched = _matched(told, msgspec.json.decode(stamps.read_bytes(), type=Stamps))
    return matched[WARM_UP:], floors[WARM_UP:]


@contextmanager
def _around(folder: Path, broker: Mosquitto, environment: Mapping[str, str]) -> Iterator[Stack]:
    with ExitStack() as stack:
        wire = stack.enter_context(child("bench.press_wire", folder, str(DEVICES)))
        way = msgspec.json.encode(broker.settings("bench/floor")).decode()
        floor = child("bench.press_floor", folder, way, environment=environment)
        bare = stack.enter_context(floor)
        heard(wire)
        heard(bare)
        conduct = Conduct(orders=False, resends=False)
        settings = broker.settings("platform")
        yield Stack(Platform(settings, folder / "platform.sqlite", conduct=conduct), wire, bare)


async def _press_often(stack: Stack, count: int) -> tuple[list[Told], list[Floor]]:
    receiving = asyncio.create_task(stack.platform.run())
    await _until_online(stack.platform)
    chance = random.Random(1)
    told, floors = [], []
    for number in range(count):
        await asyncio.sleep(chance.uniform(*GAP_S))
        told.append(await _press_once(stack, BUTTONS[number % len(BUTTONS)]))
        await asyncio.sleep(chance.uniform(0.02, 0.08))
        say(stack.floor, "once")
        line = await asyncio.to_thread(heard, stack.floor)
        floors.append(msgspec.json.decode(line, type=Floor))
    receiving.cancel()
    with suppress(asyncio.CancelledError):
        await receiving
    return told, floors


async def _until_online(platform: Platform) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while HUB not in platform.heartbeats:  # noqa: ASYNC110 - the platform tells nobody
            await asyncio.sleep(0.02)


async def _press_once(stack: Stack, button: int) -> Told:
    """Presses, waits for the alert to be at the platform, and closes it."""
    platform = stack.platform
    say(stack.wire, str(button))
    told = msgspec.json.decode(await asyncio.to_thread(heard, stack.wire), type=Told)
    async with asyncio.timeout(PATIENCE_S):
        while not (calls := _open_calls(platform)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.03)
    for call in calls:
        platform.finish(call, Outcome.HELPED)
    async with asyncio.timeout(PATIENCE_S):
        while _open_calls(platform):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return told


def _open_calls(platform: Platform) -> list[str]:
    return [
        alert_id
        for alert_id, alert in platform.alerts.items()
        if alert.severity is Severity.S1 and alert.state is not State.CLOSED
    ]


def _matched(told: Sequence[Told], stamps: Stamps) -> list[Press]:
    """The nth press of a button is the nth call that its device raised."""
    rows = {int(number): iter(seqs) for number, seqs in stamps.presses.items()}
    return [_press(one, next(rows[one.input]), stamps) for one in told]


def _press(told: Told, seq: int, stamps: Stamps) -> Press:
    def since(at: int) -> float:
        return (at - told.answered) / 1e6

    return Press(
        asked=(told.answered - told.closed) / 1e6,
        durable=since(stamps.durable[seq]),
        puback=since(stamps.puback[seq]),
        receipt=since(stamps.receipt[seq]),
    )


def _figures(presses: Sequence[Press], floors: Sequence[Floor]) -> Iterator[Figure]:
    for share in (0.5, 0.99):
        name = f"p{share * 100:.0f}"
        commit = quantile([floor.commit / 1e6 for floor in floors], share)
        publish = quantile([floor.publish / 1e6 for floor in floors], share)
        durable = quantile([press.durable for press in presses], share)
        puback = quantile([press.puback for press in presses], share)
        receipt = quantile([press.receipt for press in presses], share)
        aim = 2.0 if share == 0.99 else None
        yield Figure(f"{name} floor: one commit", commit, "ms")
        yield Figure(f"{name} floor: one publish", publish, "ms")
        yield Figure(f"{name} to durable", durable, "ms", commit)
        yield Figure(f"{name} to PUBACK", puback, "ms", commit + publish, most_ratio=aim)
        yield Figure(f"{name} to receipt", receipt, "ms", 2 * (commit + publish), most_ratio=aim)
    asked = [press.asked for press in presses]
    yield Figure("p50 closed circuit until asked for", quantile(asked, 0.5), "ms")
    yield Figure("p99 closed circuit until asked for", quantile(asked, 0.99), "ms")


def _slow_figures(presses: Sequence[Press], floors: Sequence[Floor]) -> Iterator[Figure]:
    for share in (0.5, 0.99):
        name = f"slow disk, p{share * 100:.0f}"
        commit = quantile([floor.commit / 1e6 for floor in floors], share)
        publish = quantile([floor.publish / 1e6 for floor in floors], share)
        durable = quantile([press.durable for press in presses], share)
        puback = quantile([press.puback for press in presses], share)
        receipt = quantile([press.receipt for press in presses], share)
        aim = 100.0 if share == 0.99 else None
        yield Figure(f"{name} to durable", durable, "ms", commit, most=aim)
        yield Figure(f"{name} to PUBACK", puback, "ms", commit + publish, most=aim)
        yield Figure(f"{name} to receipt", receipt, "ms", 2 * (commit + publish), most=aim)
