"""What an ordinary day writes to the disk: the card of a small board wears out by it.

The real App, with its own jobs, outbox and journal on a real disk, in the demo's home (its 12
wired devices, decoded from their bytes) while its resident lives an ordinary afternoon: sits,
watches television, cooks, and calls for help once, which the platform receives, acknowledges,
dispatches and closes. A day is so many of these afternoons; the night writes less. Only the time is
not real: the event loop's clock jumps to the next thing to do. The devices are asked every two
seconds or at their own pace, whichever is slower: what is never written need not be asked oftener.

Counted are write_bytes of /proc/self/io. Where the day goes by in a minute, the kernel would write
a page once that it writes many times in a real day; so every half minute of the day the journal is
flushed, as it does itself, and pushed to the disk. Not counted is what the file system writes for
its own journal, and what the card makes of it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from selectors import DefaultSelector, SelectorKey
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

import drivers
from bench.table import Figure, Size, Table
from gateway.alerts import ulid
from gateway.app import App
from gateway.clock import Machine, SystemClock
from gateway.home import Home
from gateway.journal import Journal
from gateway.journal.file import read_journal
from gateway.outbox import Outbox
from gateway.plan.file import load
from gateway.radio.framing import Splitter
from gateway.records import (
    Answer,
    Device,
    Driver,
    Frame,
    Outcome,
    RadioState,
    Signal,
)
from gateway.simulate.day import Act, day
from gateway.simulate.fixtures import Circuits, Mains, Pipe
from gateway.simulate.home import (
    BREAK_CONTACTS,
    DOOR_S,
    GAS_SLAVE,
    HOT_NUMBER,
    HOT_PRIMARY,
    MODULE,
    MODULE_SLAVE,
    MOTION_S,
    POWER_NUMBER,
    WATER_NUMBER,
    ZONE,
)
from gateway.simulate.meters import ElectricityMeter, MBusMeter, WaterMeter
from gateway.simulate.modules import GasAlarm, InputModule
from gateway.simulate.plan import demo_plan
from gateway.simulate.wires import Slave
from gateway.watch import Watch
from tests.brokers import free_port

MIDNIGHT = datetime(2026, 11, 18, tzinfo=ZoneInfo(ZONE))
HOURS = {"full": 6.0, "quick": 1.0, "smallest": 0.1}
FIRST_HOUR = {"full": 12.0, "quick": 14.5, "smallest": 14.95}
"""From noon to six: the waking day with its call, which then counts four times."""
CALL_AT_S = 15 * 3600.0
ASK_S = 2.0
PUSH_S = 30.0
MB = 1e6


def run(size: Size, folder: Path) -> Table:
    time = DayTime(FIRST_HOUR[size] * 3600.0)
    home = _wired(
        load(demo_plan(folder, free_port(), free_port(), folder / "clock"), drivers.load())
    )
    loop = asyncio.new_event_loop()
    _take_time_from(time, loop)
    asyncio.set_event_loop(loop)
    try:
        before = _written()
        app = loop.run_until_complete(_live(home, time, HOURS[size] * 3600.0, folder))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    share = 24.0 / HOURS[size]
    written = (_written() - before) * share
    kept = sum(1 for _ in read_journal(app.journal.path))
    note = f"{HOURS[size]:g} hours of the day, times {share:g}"
    return Table(
        "day",
        (
            Figure("written to disk in a day", written / MB, "MB"),
            Figure("written to disk in ten years", written * 3653 / 1e3 / MB, "GB"),
            Figure("rows in the outbox of that time", app.outbox.seq_last, ""),
            Figure("readings in the journal of that time", kept, ""),
        ),
        (note,),
    )


def _wired(home: Home) -> Home:
    """The home with those of its devices that are asked over a wire."""
    known = drivers.load({device.driver for device in home.devices})
    polled = tuple(device for device in home.devices if known[device.driver].poll)
    return msgspec.structs.replace(home, devices=polled)


def _written() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


# ---------------------------------------------------------------- time


class DayTime:
    """Seconds since midnight. Jumps to the next timer when nothing else is to be done."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._real = DefaultSelector()

    def now(self) -> float:
        return self.seconds

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """In place of the event loop's waiting. Nothing is waited for but threads."""
        events = self._real.select(0 if timeout else timeout)
        if timeout and not events:
            self.seconds += timeout
        return events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _take_time_from(time: DayTime, loop: Any) -> None:
    """asyncio has no door for this; both are attributes of its loops since it exists."""
    for key in loop._selector.get_map().values():
        time.register(key.fileobj, key.events, key.data)
    loop._selector.close()
    loop._selector, loop.time = time, time.now


def _clock(time: DayTime) -> SystemClock:
    start = MIDNIGHT.timestamp()
    machine = Machine(time.now, lambda: start + time.now(), lambda wall: True, "bench")
    return SystemClock(None, "always", machine)


# ---------------------------------------------------------------- the day


async def _live(home: Home, time: DayTime, seconds: float, folder: Path) -> App:
    """Returns the App, closed, after so much of the day."""
    app = _app(home, time, folder / "data")
    jobs = [asyncio.create_task(job) for job in (app.run(), _push(app, folder / "data"))]
    calls = [asyncio.create_task(_answered(app, time))]
    await asyncio.sleep(seconds)
    for job in (*jobs, *calls):
        job.cancel()
        with suppress(asyncio.CancelledError):
            await job
    await app.close()
    if app.supervisor.restarts:
        raise RuntimeError(f"the day went wrong: {dict(app.supervisor.restarts)}")
    return app


def _app(home: Home, time: DayTime, data: Path) -> App:
    data.mkdir()
    clock = _clock(time)
    known = drivers.load({device.driver for device in home.devices})
    journal = Journal.open(data / "journal.sqlite")
    outbox = Outbox.open(data / "outbox.sqlite", clock)
    watch = Watch(home, known, lambda at: ulid(at.wall, os.urandom(10)))
    radio = Wires(home.devices, known, clock, Resident(time))
    return App(home, clock, watch, outbox, journal, [radio], lambda events: [], lambda at: [])


async def _push(app: App, data: Path) -> None:
    """As the journal's batches and the kernel do in a real half minute."""
    while True:
        await asyncio.sleep(PUSH_S)
        app.journal.flush()
        for name in os.listdir(data):
            if name.startswith("journal.sqlite"):
                file = os.open(data / name, os.O_RDONLY)
                os.fdatasync(file)
                os.close(file)


async def _answered(app: App, time: DayTime) -> None:
    """The platform's side of the one call for help."""
    await asyncio.sleep(max(CALL_AT_S - time.now(), 0))
    while not app.pipeline.book.open():  # noqa: ASYNC110 - the book tells nobody
        await asyncio.sleep(1)
    for alert in app.pipeline.book.open():
        for signal in (Signal.RECEIVED, Signal.ACKNOWLEDGED, Signal.DISPATCHED, Signal.CLOSED):
            answer = Answer(alert.id, signal, app.clock.now(), outcome=Outcome.HELPED)
            await app.take(app.pipeline.on_answer(answer))
            await asyncio.sleep(30)


class Resident:
    """Lives the day of gateway/simulate/day.py; `slaves` are the devices that notice."""

    def __init__(self, time: DayTime) -> None:
        self._time = time
        self._acts = [act for act in day(MIDNIGHT.date(), 1) if act.second >= time.now()]
        self._cold, self._hot = Pipe(482_137.0), Pipe(96_480.0)
        self._mains = Mains(5312.4, time.now())
        self._circuits = Circuits(MODULE, BREAK_CONTACTS)
        self._called = time.now() > CALL_AT_S

    def slaves(self) -> list[Slave]:
        now, mains, cold, hot = self._time.now, self._mains, self._cold, self._hot
        return [
            WaterMeter(WATER_NUMBER, lambda: cold.litres(now())),
            ElectricityMeter(POWER_NUMBER, lambda: mains.watts(now()), lambda: mains.kwh(now())),
            MBusMeter(HOT_PRIMARY, HOT_NUMBER, lambda: hot.litres(now())),
            GasAlarm(GAS_SLAVE, lambda: (0, 0)),
            InputModule(MODULE_SLAVE, lambda: self._circuits.closed(now(), 0.0)),
        ]

    def live(self) -> None:
        """Everything that is due."""
        now = self._time.now()
        if now >= CALL_AT_S and not self._called:
            self._called = True
            self._circuits.pulse("call-button", now + ASK_S * 1.5, 0.0)
        while self._acts and self._acts[0].second <= now:
            self._perform(self._acts.pop(0), now)

    def _perform(self, act: Act, now: float) -> None:
        if act.door:
            self._circuits.pulse("front-door", now + DOOR_S, 0.0)
        if act.motion:
            self._circuits.pulse(f"motion-{act.motion}", now + MOTION_S, 0.0)
        if act.litres:
            self._cold.draw(now, act.litres - act.hot, act.seconds)
        if act.hot:
            self._hot.draw(now, act.hot, act.seconds)
        if act.appliance:
            self._mains.switch(now, act.appliance, act.watts)


class Wires:
    """A Radio: asks every device at its pace, over wires that cost no time."""

    name = "wires"

    def __init__(
        self,
        devices: Sequence[Device],
        known: Mapping[str, Driver],
        clock: SystemClock,
        resident: Resident,
    ) -> None:
        self._asked = {(d.driver, d.address.partition("/")[0]): d for d in devices}
        self._known = known
        self._clock = clock
        self._resident = resident
        self._slaves = resident.slaves()

    def state(self) -> RadioState:
        return RadioState(self.name, True)

    async def frames(self) -> AsyncIterator[Frame]:
        due: dict[str, float] = {}
        while True:
            self._resident.live()
            now = self._clock.now()
            for device in self._asked.values():
                if due.get(device.id, 0.0) <= now.line:
                    due[device.id] = now.line + max(device.poll_s, ASK_S)
                    for payload in self._conversation(device):
                        yield Frame(device.driver, device.port, payload, now)
            await asyncio.sleep(ASK_S)

    def _conversation(self, device: Device) -> Iterator[bytes]:
        driver = self._known[device.driver]
        assert driver.poll is not None
        talk, splitter = driver.poll(device), Splitter(driver)
        request = next(talk, None)
        while request is not None:
            payloads = splitter.feed(b"".join(slave.hear(request) for slave in self._slaves))
            yield from payloads
            try:
                request = talk.send(payloads[0])
            except (StopIteration, IndexError):
                return
