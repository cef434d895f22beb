"""How much one core can carry: readings through the pipeline, messages through the outbox.

readings   Frames as they come off the wires (made beforehand by the simulated devices, with
           registers that rise and contacts that change) go through the real App: decoded, told
           apart from repeats, asked about by every detector, written into the journal and the
           page's book; the rules pass once a simulated second. Counted per second of the
           processor's time that the process used, journal thread included, so that others on the
           machine do not count. One frame in eight changes a contact; buttons are not pressed (see
           the bench `press`). Beside it what one pass of the rules and one full snapshot cost at
           that size.
messages   Alerts committed by 32 at a time, sent to a real mosquitto (MQTT 5, TLS) and receipted
           by the reference platform in another process, until the outbox is empty; beside bare
           paho with as many messages in flight (QoS 1, to the PUBACK).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from threading import Semaphore

import msgspec

import drivers
from bench.children import child, heard
from bench.floor import BODY_BYTES
from bench.homes import moving, plan
from bench.press_floor import TOPIC, BarePaho
from bench.table import Figure, Size, Table, quantile
from gateway import wire
from gateway.alerts import ulid
from gateway.app import App
from gateway.clock import SystemClock
from gateway.home import Home, UplinkSettings
from gateway.journal import Journal
from gateway.outbox import Outbox
from gateway.plan.file import load
from gateway.radio.framing import Splitter
from gateway.records import Device, Driver, Enrolled, Frame, Instant, Severity
from gateway.simulate.wires import Slave
from gateway.uplink.mqtt import MqttRoute
from gateway.uplink.route import Event
from gateway.uplink.sender import Sender
from gateway.watch import Watch
from tests.brokers import Mosquitto, free_port, mosquitto
from tests.uplink_rig import alert

SIZES = (10, 40, 300)
READINGS = {"full": 40_000, "quick": 12_000, "smallest": 400}
MESSAGES = {"full": 4_000, "quick": 1_500, "smallest": 60}
PASSES = {"full": 200, "quick": 60, "smallest": 3}
AT_ONCE = 32
WINDOW = 20
"""The broker's max_inflight_messages."""
HUB = "bench/home-1"


class Told(msgspec.Struct, frozen=True):
    """One frame, and how many readings are in it, whether they are news or not."""

    frame: Frame
    readings: int


def run(size: Size, folder: Path) -> Table:
    figures: list[Figure] = []
    floor: float | None = None
    for devices in SIZES:
        found = _readings(folder / str(devices), devices, READINGS[size], PASSES[size])
        floor = floor or found[0].value
        figures += [msgspec.structs.replace(found[0], floor=floor), *found[1:]]
    with mosquitto(folder) as broker:
        figures += asyncio.run(_messages(broker, folder, MESSAGES[size]))
    note = f"readings: ratio to {SIZES[0]} devices; messages: ratio to bare paho"
    return Table("throughput", tuple(figures), (note,))


# ---------------------------------------------------------------- readings


def _readings(folder: Path, devices: int, wanted: int, passes: int) -> list[Figure]:
    folder.mkdir()
    home = load(plan(folder, devices, free_port()), drivers.load())
    known = drivers.load({device.driver for device in home.devices})
    app = _app(home, known, folder)
    rate = asyncio.run(_feed(app, _tape(home.devices, known, wanted)))
    ticks = [_timed(partial(app.pipeline.on_tick, _moment(1e6 + n))) for n in range(passes)]
    snapshots = [_timed(app.pipeline.snapshot) for _ in range(passes)]
    app.outbox.close()
    app.journal.close()
    return [
        Figure(f"{devices} devices: readings a second", rate, "1/s"),
        Figure(f"{devices} devices: one pass of the rules", quantile(ticks, 0.5), "ms"),
        Figure(f"{devices} devices: one full snapshot", quantile(snapshots, 0.5), "ms"),
    ]


def _app(home: Home, known: Mapping[str, Driver], folder: Path) -> App:
    """The real one, without wires and without a way out."""
    clock = SystemClock(None, "always")
    journal = Journal.open(folder / "journal.sqlite")
    outbox = Outbox.open(folder / "outbox.sqlite", clock)
    watch = Watch(home, known, lambda at: ulid(at.wall, os.urandom(10)))
    return App(home, clock, watch, outbox, journal, [], lambda events: [], lambda at: [])


def _tape(devices: Sequence[Device], known: Mapping[str, Driver], wanted: int) -> list[Told]:
    """The answers to round after round of polls, until they hold so many readings."""
    asked = {(d.driver, d.address.partition("/")[0]): d for d in devices}
    enrolled = {name: Enrolled(d for d in devices if d.driver == name) for name in known}
    far = moving(len(devices))
    tape: list[Told] = []
    readings = 0
    for round_ in count():
        if readings >= wanted:
            return tape
        for device in asked.values():
            driver = known[device.driver]
            for payload in _conversation(driver, device, far[device.port]):
                frame = Frame(driver.name, device.port, payload, _moment(round_))
                readings += (found := len(driver.decode(frame, enrolled[driver.name])))
                tape.append(Told(frame, found))
    raise AssertionError


def _conversation(driver: Driver, device: Device, far: Sequence[Slave]) -> Iterator[bytes]:
    assert driver.poll is not None
    talk, splitter = driver.poll(device), Splitter(driver)
    request = next(talk, None)
    while request is not None:
        payloads = splitter.feed(b"".join(slave.hear(request) for slave in far))
        yield from payloads
        try:
            request = talk.send(payloads[0])
        except StopIteration:
            return


async def _feed(app: App, tape: Sequence[Told]) -> float:
    """Readings decoded per second of processor time."""
    began, at = time.process_time(), 0.0
    for told in tape:
        if told.frame.at.line != at:
            at = told.frame.at.line
            await app.take(app.pipeline.on_tick(told.frame.at))
        await app.take(app.pipeline.on_frame(told.frame))
    app.journal.flush()
    return sum(told.readings for told in tape) / (time.process_time() - began)


def _moment(seconds: float) -> Instant:
    return Instant(seconds, 1_800_000_000.0 + seconds)


def _timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


# ---------------------------------------------------------------- messages


async def _messages(broker: Mosquitto, folder: Path, wanted: int) -> list[Figure]:
    way = broker.settings(HUB)
    platform = msgspec.json.encode(broker.settings("platform")).decode()
    with child("bench.far_platform", folder / "platform.sqlite", platform) as far:
        await asyncio.to_thread(heard, far)
        home = load(plan(folder, 10, free_port()), drivers.load())
        rate = await _drained(home, way, folder, wanted)
        bare = await asyncio.to_thread(_bare, broker.settings("bench/floor"), wanted)
    return [
        Figure("bare paho: messages a second to the PUBACK", bare, "1/s"),
        Figure("outbox: messages a second to the receipt", rate, "1/s", bare),
    ]


async def _drained(home: Home, way: UplinkSettings, folder: Path, wanted: int) -> float:
    clock = SystemClock(None, "always")
    outbox = Outbox.open(folder / "outbox.sqlite", clock)
    events: asyncio.Queue[Event] = asyncio.Queue()
    route = MqttRoute(way, home.hub, clock, events, "bench", outbox.epoch)
    sender = Sender(outbox, [route], events, home.hub, clock)
    jobs = [asyncio.create_task(job) for job in (route.run(), sender.run(), _drop(sender))]
    async with asyncio.timeout(30):
        while not sender.state().up:  # noqa: ASYNC110 - the route tells only its sender
            await asyncio.sleep(0.01)
    began = time.perf_counter()
    await asyncio.gather(*(_commit(outbox, sender, home, n, wanted) for n in range(AT_ONCE)))
    async with asyncio.timeout(120):
        while sum(outbox.depth().values()):  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    taken = time.perf_counter() - began
    for job in jobs:
        job.cancel()
        with suppress(asyncio.CancelledError):
            await job
    outbox.close()
    return wanted // AT_ONCE * AT_ONCE / taken


async def _commit(outbox: Outbox, sender: Sender, home: Home, caller: int, wanted: int) -> None:
    for number in range(caller, wanted // AT_ONCE * AT_ONCE, AT_ONCE):
        draft = wire.alert_draft(alert(number, Severity.S2), home)
        sender.notify(await outbox.commit([draft]))


async def _drop(sender: Sender) -> None:
    """In place of the alert table."""
    while True:
        (await sender.arrivals.get()).done()


def _bare(way: UplinkSettings, wanted: int) -> float:
    """WINDOW messages in flight."""
    paho, places = BarePaho(way), Semaphore(WINDOW)
    paho.on_puback(places.release)
    began = time.perf_counter()
    for _ in range(wanted):
        places.acquire()
        paho.send(TOPIC, b"x" * BODY_BYTES)
    for _ in range(WINDOW):
        places.acquire()
    return wanted / (time.perf_counter() - began)
