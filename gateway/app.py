"""Builds the whole daemon from the plan of one home, and lists every task. READ THIS FIRST.

    radios --frames--> pipeline --alerts--> outbox --rows--> sender --routes--> platform
                          ^                                     |
                          +------------- answers ---------------+

No other file creates a task of the daemon's, opens its files or keeps an instance.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from gateway import __version__, notify, wire
from gateway.alerts import ulid
from gateway.clock import SimulatedClock, SystemClock, decode_anchor, encode_anchor
from gateway.health import Status
from gateway.health.book import HealthBook
from gateway.health.status import status
from gateway.home import ClockSettings, Home, Port
from gateway.journal import Journal
from gateway.machine import power_readings
from gateway.outbox import Draft, Outbox, Row, Unsaved
from gateway.outbox.peek import saved_part
from gateway.pipeline import Step
from gateway.radio.gpio import DRIVER as GPIO
from gateway.radio.gpio import GpioPort
from gateway.radio.receivers import PROGRAMS, receiver
from gateway.radio.serial_port import SerialPort
from gateway.records import (
    HUB,
    Alert,
    AlertType,
    Clock,
    Code,
    Driver,
    Evidence,
    Fact,
    Finding,
    Instant,
    Quantity,
    Radio,
    Reading,
    Severity,
    Signal,
    State,
)
from gateway.report import Rooms, heartbeat, parts
from gateway.supervise import Supervisor
from gateway.uplink.mqtt import MqttRoute
from gateway.uplink.route import Event, Route
from gateway.uplink.sender import Arrival, Sender
from gateway.watch import Watch
from gateway.web.server import WebPage

log = logging.getLogger(__name__)

TICK_S = 1.0
"""Seconds between two passes of the rules."""
FASTEST_TICK_S = 0.1
"""... on the machine's clock, when a demo lets the time fly."""
LOOK_S = 5.0
"""Seconds between two looks at the hub itself."""
KEEP_S = 60.0
"""Seconds between two durable writes, of the clock's anchor at least."""
SWITCHES = (Quantity.EMERGENCY, Quantity.FIRE_BUTTON)
REMEMBER_S = 600.0
"""Seconds between two writes of all that the rules remember; an SD card has a limited life. With
an alert it is written at once."""


class App:
    """One running hub. Everything at its edges is handed in, so that a test can swap it."""

    def __init__(
        self,
        home: Home,
        clock: SystemClock | SimulatedClock,
        watch: Watch,
        outbox: Outbox,
        journal: Journal,
        radios: Sequence[Radio],
        routes: Callable[[asyncio.Queue[Event]], Sequence[Route]],
        power: Callable[[Instant], Iterable[Reading]],
    ) -> None:
        self.home, self.clock, self.outbox = home, clock, outbox
        self.watch, self.pipeline, self.radios = watch, watch.pipeline, tuple(radios)
        self.journal = journal
        self.supervisor = Supervisor()
        events: asyncio.Queue[Event] = asyncio.Queue()
        self.routes = tuple(routes(events))
        self.sender = Sender(outbox, self.routes, events, home.hub, clock, on_sent=self._note_sent)
        self.book = HealthBook(home.rooms, home.devices, home.zone)
        self.page = WebPage(home.web, self.status)
        self.started_at = clock.now()
        self._power = power
        self._rooms = Rooms(
            home, watch, outbox, self.sender, self.radios, self.supervisor.restarts, self.started_at
        )
        self._remembered_at = float("-inf")
        self._where = watch.presence.where
        self._restore(outbox.snapshot())

    async def run(self) -> None:
        """Every task of the daemon. Ends when cancelled; each job is restarted when it dies."""
        jobs: dict[str, Callable[[], Awaitable[None]]] = {
            **{f"radio {radio.name}": partial(self.receive, radio) for radio in self.radios},
            **{f"route {route.name}": route.run for route in self.routes},
            "rules": self.tick,
            "sender": self.sender.run,
            "answers": self.answer,
            "hub": self.look_at_the_hub,
            "heartbeat": self.beat,
            "keep": self.keep,
            "page": self.page.run,
        }
        async with asyncio.TaskGroup() as tasks:
            for name, job in jobs.items():
                tasks.create_task(self.supervisor.forever(name, job), name=name)

    async def close(self) -> None:
        """What the rules remember is written, and both databases are closed."""
        await self._commit([], self._remembered())
        self.outbox.close()
        self.journal.close()

    # ------------------------------------------------------------ the jobs

    async def receive(self, radio: Radio) -> None:
        async for frame in radio.frames():
            await self.take(self.pipeline.on_frame(frame))

    async def tick(self) -> None:
        while True:
            await self.take(self.pipeline.on_tick(self.clock.now()))
            await self._pause(TICK_S)

    async def answer(self) -> None:
        """What the platform says enters the same table as what the sensors say."""
        while True:
            arrival = await self.sender.arrivals.get()
            await self._take_arrival(arrival)
            arrival.done()

    async def look_at_the_hub(self) -> None:
        while True:
            for reading in self._self_report(self.clock.now()):
                await self.take(self.pipeline.on_hub(reading))
            await self._pause(LOOK_S)

    async def beat(self) -> None:
        """The newest heartbeat waits in the sender until a route is up; it is never stored."""
        shortest = min((uplink.heartbeat_s for uplink in self.home.uplinks), default=60.0)
        while True:
            now = self.clock.now()
            beat = heartbeat(self.status(), self.outbox.figures, self.home)
            self.sender.heartbeat(*wire.heartbeat_message(beat, self.home.hub, now))
            await asyncio.sleep(shortest)

    async def keep(self) -> None:
        """Feeds the watchdog, and only after the rules have passed and the disk has answered."""
        fed: Instant | None = None
        while True:
            passed = self.pipeline.last_pass
            await self._commit([], self._due_to_remember())
            if passed == fed:
                await asyncio.sleep(FASTEST_TICK_S)
                continue
            if fed is None:
                notify.ready()
            notify.watchdog()
            fed = passed
            await self.outbox.expire()
            await asyncio.sleep(min(KEEP_S, (notify.watchdog_interval() or KEEP_S * 3) / 3))

    # ------------------------------------------------------------ one step

    async def take(self, step: Step) -> None:
        """Journal, page and outbox learn what a step led to. Returns when its alerts are durable.

        The snapshot belongs to this very step: nothing may be awaited before it is taken.
        """
        for reading in step.readings:
            self.book.on_reading(reading)
        for alert in step.alerts:
            self.book.on_alert(alert)
        changed = step.spoke | self._worth_remembering(step)
        if step.alerts or changed:
            drafts = [wire.alert_draft(alert, self.home) for alert in step.alerts]
            snapshot = self.pipeline.snapshot(changed) | self._anchor()
            if not any(alert.state is State.RAISED for alert in step.alerts):
                # The page's book is large: it comes with the receipt, not with the call.
                snapshot |= self._page()
            self.sender.notify(await self._commit(drafts, snapshot))
        # Last, so that an alert need not share the processor and the disk with its own reading.
        for reading in step.readings:
            self.journal.add(reading)
        if step.readings or step.alerts:
            self.page.changed()

    # ------------------------------------------------------------ what the jobs are made of

    async def _take_arrival(self, arrival: Arrival) -> None:
        now = self.clock.now()
        for row in arrival.receipted:
            self.book.on_receipt(row.alert_id, row.rev, now)
        for answer in arrival.answers:
            await self.take(self.pipeline.on_answer(answer))
        if arrival.command is not None:
            alerts = self._test_alert(now)
            await self.take(Step([], alerts))
            await self._reply(arrival.command.id, alerts[0].id, now)

    async def _reply(self, command_id: str, alert_id: str, now: Instant) -> None:
        """The platform's test is done, and this is the alert that it raised."""
        reply = wire.ReplyData(command_id=command_id, result=wire.Result.DONE, alert_id=alert_id)
        draft = wire.reply_draft(reply, self.home.hub, now)
        self.sender.notify(await self._commit([draft]))

    async def _commit(
        self, drafts: Sequence[Draft], snapshot: Mapping[str, bytes] | None = None
    ) -> list[Row]:
        try:
            return await self.outbox.commit(drafts, snapshot)
        except Unsaved as unsaved:
            return unsaved.rows  # told as hub.storage_fault; sending them is what matters

    def _note_sent(self, row: Row, route: str) -> None:
        if row.alert_id:
            self.book.on_sent(row.alert_id, row.rev, route, self.clock.now())

    def status(self) -> Status:
        now = self.clock.now()
        return status(now, self.book, parts(self._rooms, now))

    def _test_alert(self, now: Instant) -> list[Alert]:
        """The platform asked for a test: it makes the whole way, and says that it is one."""
        finding = Finding(
            type=AlertType.TEST_PERIODIC,
            cause=HUB,
            signal=Signal.HAPPENED,
            severity=Severity.S0,
            at=now,
            evidence=Evidence(observed=(Fact(Code.SELF_TEST, since=now),)),
        )
        return self.pipeline.book.on_finding(finding)

    def _self_report(self, now: Instant) -> Iterable[Reading]:
        """What the hub knows of itself, as readings like any other."""
        yield from self._power(now)
        yield Reading(HUB, Quantity.STORAGE_OK, self.outbox.state.ok, now)
        yield Reading(HUB, Quantity.CLOCK_TRUSTED, now.trusted, now)
        for radio in self.radios:
            state = radio.state()
            yield Reading(HUB, Quantity.RADIO_ALIVE, state.alive, now, channel=state.name)
        for route in self.sender.state().routes:
            yield Reading(HUB, Quantity.LINK_UP, route.up, now, channel=route.name)

    def _worth_remembering(self, step: Step) -> set[str]:
        """A button's release: or after a power cut it would count as held, and the next press as
        none. And whether somebody is at home: or an empty home would raise an alarm."""
        watch, before = self.watch, self._where
        self._where = watch.presence.where
        released = any(reading.quantity in SWITCHES for reading in step.readings)
        moved = before != self._where
        names = ((released, watch.pressed.name), (moved, watch.presence.name))
        return {name for needed, name in names if needed}

    def _due_to_remember(self) -> dict[str, bytes]:
        now = asyncio.get_running_loop().time()
        if now - self._remembered_at < REMEMBER_S:
            return self._anchor()
        return self._remembered()

    def _remembered(self) -> dict[str, bytes]:
        """What a restart must not forget; the outbox writes what of it has changed."""
        self._remembered_at = asyncio.get_running_loop().time()
        return self.pipeline.snapshot() | self._page() | self._anchor()

    def _page(self) -> dict[str, bytes]:
        return {"page": msgspec.json.encode(self.book.state())}

    def _anchor(self) -> dict[str, bytes]:
        """Where the timeline stands. A simulated one keeps itself."""
        if isinstance(self.clock, SystemClock):
            return {"clock": encode_anchor(self.clock.anchor())}
        return {}

    def _restore(self, snapshot: Mapping[str, bytes]) -> None:
        unread = self.pipeline.restore(snapshot)
        try:
            self.book.restore(msgspec.json.decode(snapshot.get("page", b"{}")))
        except (msgspec.MsgspecError, ValueError, TypeError, KeyError):
            unread.append("page")
        for part in unread:
            log.warning("what %s remembered cannot be read; it starts afresh", part)

    async def _pause(self, seconds: float) -> None:
        """On the home's timeline, but never so short that the machine does nothing else."""
        await asyncio.gather(self.clock.sleep(seconds), asyncio.sleep(FASTEST_TICK_S))


def open_app(home: Home, drivers: Mapping[str, Driver]) -> App:
    """The real thing: opens the clock, the disk, the ports and the ways to the platform."""
    data = Path(home.hub.data)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data / "outbox.sqlite"
    clock = open_clock(home.clock, path)
    journal = Journal.open(data / "journal.sqlite")
    outbox = Outbox.open(path, clock, make_room=journal.make_room)

    def routes(events: asyncio.Queue[Event]) -> list[Route]:
        return [
            MqttRoute(uplink, home.hub, clock, events, __version__, outbox.epoch)
            for uplink in home.uplinks
        ]

    watch = Watch(home, drivers, lambda at: ulid(at.wall, os.urandom(10)))
    ports = open_ports(home, drivers, clock)
    return App(home, clock, watch, outbox, journal, ports, routes, power_readings)


def open_ports(home: Home, drivers: Mapping[str, Driver], clock: Clock) -> list[Radio]:
    """One owner for each `[[port]]` and adapter; opened when somebody asks for its frames."""
    ports = [_open_port(port, home, drivers, clock) for port in home.ports]
    if not home.adapters:
        return ports
    from gateway.radio.adapters import open_adapters  # bleak costs memory: only where it is needed

    return [*ports, *open_adapters(home, drivers, clock)]


def _open_port(port: Port, home: Home, drivers: Mapping[str, Driver], clock: Clock) -> Radio:
    """The one who asks or listens on a wire, or the program behind which a receiver is."""
    here = [device for device in home.devices if device.port == port.name]
    if port.driver in PROGRAMS:
        return receiver(port, here, clock, Path(home.hub.data))
    if port.driver == GPIO:
        return GpioPort(port, here, clock)
    return SerialPort(port, here, drivers, clock)


def open_clock(settings: ClockSettings, outbox: Path) -> SystemClock | SimulatedClock:
    """The timeline goes on from the newest moment that the outbox holds."""
    if settings.source == "simulated":
        return SimulatedClock(Path(settings.file))
    return SystemClock(decode_anchor(saved_part(outbox, "clock")), settings.trust)
