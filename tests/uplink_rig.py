"""A hub's uplink side and a platform, put together for tests: outbox, routes, sender, tasks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from gateway import wire
from gateway.home import Home, Hub, UplinkSettings
from gateway.outbox import Outbox, Row
from gateway.records import (
    Alert,
    AlertType,
    Answer,
    Code,
    Condition,
    Device,
    DeviceKind,
    Evidence,
    Fact,
    Instant,
    Room,
    RoomKind,
    Severity,
    State,
)
from gateway.simulate.platform import Conduct, Platform
from gateway.uplink.connection import Pace
from gateway.uplink.mqtt import MqttRoute
from gateway.uplink.route import Event
from gateway.uplink.schedule import MANNERS, Manner
from gateway.uplink.sender import Sender

QUICK = Pace(connect_s=2, confirm_s=1, look_s=0.1, first_pause_s=0.1, longest_pause_s=0.3)
NAME = "street-7/hub-1"
HOME = Home(
    hub=Hub(tenant="street-7", id="hub-1"),
    rooms=(Room("r1", RoomKind.BEDROOM, "奶奶的卧室"), Room("r2", RoomKind.KITCHEN)),
    devices=(
        Device("leak", "modbus_inputs", "3/2", DeviceKind.LEAK_SENSOR, "r2"),
        Device("bed-button", "modbus_inputs", "3/1", DeviceKind.CALL_BUTTON, "r1"),
    ),
)


class MachineClock:
    def now(self) -> Instant:
        return Instant(time.monotonic(), time.time())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def alert(number: int, severity: Severity = Severity.S1, rev: int = 1) -> Alert:
    now = MachineClock().now()
    return Alert(
        id=f"01JD{number:08d}",
        rev=rev,
        type=AlertType.SOS_PRESSED if severity is Severity.S1 else AlertType.HELP_REQUESTED,
        cause="bed-button",
        severity=severity,
        state=State.RAISED,
        condition=Condition.PRESENT,
        raised_at=now,
        changed_at=now,
        evidence=Evidence((Fact(Code.PRESSED, since=now),)),
        presses=1,
    )


class HubSide:
    """The part of a hub between its alert table and the wire."""

    def __init__(
        self, folder: Path, ways: Sequence[UplinkSettings], manners: Sequence[Manner] = MANNERS
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        clock = MachineClock()
        self.outbox = Outbox.open(folder / "outbox.db", clock)
        events: asyncio.Queue[Event] = asyncio.Queue()
        self.routes = [
            MqttRoute(way, HOME.hub, clock, events, "0.1.0", self.outbox.epoch, QUICK)
            for way in ways
        ]
        self.sender = Sender(self.outbox, self.routes, events, HOME.hub, clock, manners)
        self.answers: list[Answer] = []
        self.commands: list[wire.Command] = []

    async def press(self, *numbers: int, severity: Severity = Severity.S1) -> list[Row]:
        drafts = [wire.alert_draft(alert(number, severity), HOME) for number in numbers]
        rows = await self.outbox.commit(drafts)
        self.sender.notify(rows)
        return rows

    def beat(self) -> None:
        figures = self.outbox.figures
        beat = wire.Heartbeat(
            clock_quality=wire.ClockQuality.TRUSTED,
            version="0.1.0",
            seq_last=figures.seq_last,
            seq_unreceived=figures.seq_unreceived,
        )
        self.sender.heartbeat(*wire.heartbeat_message(beat, HOME.hub, MachineClock().now()))

    def waiting(self) -> int:
        return sum(self.outbox.depth().values())

    async def arrive(self) -> None:
        while True:
            arrival = await self.sender.arrivals.get()
            self.answers += arrival.answers
            if arrival.command is not None:
                self.commands.append(arrival.command)
            arrival.done()


@contextlib.asynccontextmanager
async def hub_side(
    folder: Path, *ways: UplinkSettings, manners: Sequence[Manner] = MANNERS
) -> AsyncIterator[HubSide]:
    hub = HubSide(folder, ways, manners)
    jobs = [route.run() for route in hub.routes] + [hub.sender.run(), hub.arrive()]
    try:
        async with running(*jobs):
            yield hub
    finally:
        hub.outbox.close()


@contextlib.asynccontextmanager
async def platform_side(
    folder: Path, way: UplinkSettings, conduct: Conduct | None = None
) -> AsyncIterator[Platform]:
    platform = Platform(way, folder / "platform.db", conduct=conduct, pace=QUICK)
    try:
        async with running(platform.run()):
            yield platform
    finally:
        platform.close()


@contextlib.asynccontextmanager
async def running(*jobs: object) -> AsyncIterator[None]:
    """Tasks for the length of a block; what they die of fails the test."""
    tasks = [asyncio.create_task(job) for job in jobs if asyncio.iscoroutine(job)]
    try:
        yield
    finally:
        died = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in died:
            task.result()
