"""How many messages of each protocol one core decodes, and what a bus of forty meters costs.

decode  The sound messages of each driver's vectors, again and again, cut into reads of 64 bytes as
        a port delivers them: split, checked and decoded to readings, per second of the processor's
        time. What comes over a pipe or from the kernel is whole already and only decoded. Beside
        it the reference libraries with the same messages, handed to them whole: `dlt645` (frame to
        records) and `pyMeterBus` (telegram to records).
bus     Forty CJ/T 188 meters on one pseudo-terminal at 2400 baud in real time: how long until each
        has answered once, and the processor's time of that, the meters' own included.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path

import meterbus
from dlt645.protocol.protocol import DLT645Protocol

import drivers
from bench.table import Figure, Size, Table
from gateway.clock import SystemClock
from gateway.home import Port
from gateway.radio.framing import Splitter
from gateway.radio.serial_port import SerialPort
from gateway.records import Device, DeviceKind, Driver
from gateway.simulate.meters import WaterMeter
from gateway.simulate.wires import Noise, Wire
from tests.vector_files import Example, examples

READ = 64
"""Bytes that a port hands over at a time."""
MESSAGES = {"full": 20_000, "quick": 5_000, "smallest": 200}
METERS = {"full": 40, "quick": 40, "smallest": 3}
BUS_PATIENCE_S = 60.0


def run(size: Size, folder: Path) -> Table:
    known = drivers.load()
    figures = [_rate(known[name], MESSAGES[size]) for name in sorted(known)]
    figures += asyncio.run(_bus(folder, METERS[size]))
    note = f"decode: one core, reads of {READ} bytes; floor: the reference library, whole messages"
    return Table("protocols", tuple(figures), (note,))


def _rate(driver: Driver, wanted: int) -> Figure:
    chosen = examples(driver)
    rounds = max(1, wanted // len(chosen))
    work = _split if driver.transport == "serial" else _whole
    rate = rounds * len(chosen) / _seconds(partial(work, driver, chosen, rounds))
    reference = REFERENCES.get(driver.name)
    floor = None if reference is None else _reference(reference, driver, chosen, rounds)
    return Figure(f"{driver.name}: messages a second", rate, "1/s", floor)


def _split(driver: Driver, chosen: Sequence[Example], rounds: int) -> None:
    stream = b"".join(example.payload for example in chosen)
    reads = [stream[at : at + READ] for at in range(0, len(stream), READ)]
    homes = {example.payload: example for example in chosen}
    splitter = Splitter(driver)
    for _ in range(rounds):
        for read in reads:
            for message in splitter.feed(read):
                homes[message].decode(message)


def _whole(driver: Driver, chosen: Sequence[Example], rounds: int) -> None:
    for _ in range(rounds):
        for example in chosen:
            example.decode(example.payload)


def _reference(
    decode: Callable[[bytes], object], driver: Driver, chosen: Sequence[Example], rounds: int
) -> float:
    payloads = list(_readable(decode, chosen))

    def all_of_them() -> None:
        for _ in range(rounds):
            for payload in payloads:
                decode(payload)

    return rounds * len(payloads) / _seconds(all_of_them)


def _readable(decode: Callable[[bytes], object], chosen: Sequence[Example]) -> Iterator[bytes]:
    """Those that the reference library can read."""
    for example in chosen:
        try:
            decode(example.payload)
        except (ValueError, IndexError, KeyError, meterbus.MBusFrameDecodeError):
            continue
        yield example.payload


def _dlt645(payload: bytes) -> object:
    return DLT645Protocol.deserialize(payload)


def _pymeterbus(payload: bytes) -> object:
    return [record.value for record in meterbus.load(payload).records]


REFERENCES: dict[str, Callable[[bytes], object]] = {"dlt645_2007": _dlt645, "mbus": _pymeterbus}


def _seconds(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return max(time.process_time() - began, 1e-9)


# ---------------------------------------------------------------- forty meters on one bus


async def _bus(folder: Path, meters: int) -> list[Figure]:
    numbers = [f"{n:014d}" for n in range(1, meters + 1)]
    slaves = [WaterMeter(number, lambda: 1234.0, baud=2400) for number in numbers]
    wire = Wire(folder / "bus", slaves, Noise(), seed=1)
    devices = [
        Device(number, "cjt188", number, DeviceKind.WATER_METER, port="bus", poll_s=3600)
        for number in numbers
    ]
    known = drivers.load(["cjt188"])
    settings = Port(name="bus", device=str(wire.path))
    port = SerialPort(settings, devices, known, SystemClock(None, "always"))
    wire.plug_in()
    try:
        elapsed, used = await _one_round(port, meters)
    finally:
        wire.unplug()
    each = used / meters * 1e3
    return [
        Figure(f"a bus of {meters} meters at 2400 baud: one round", elapsed, "s"),
        Figure("... processor's time for one meter, its own simulation included", each, "ms"),
        Figure("... share of one core, each asked once a minute", used / 60 * 100, "%"),
    ]


async def _one_round(port: SerialPort, wanted: int) -> tuple[float, float]:
    """Seconds until so many have answered, and of the processor's time."""
    began, used, heard = time.perf_counter(), time.process_time(), 0
    async with asyncio.timeout(BUS_PATIENCE_S), aclosing(port.frames()) as frames:  # type: ignore[type-var]
        async for _ in frames:
            heard += 1
            if heard == wanted:
                break
    return time.perf_counter() - began, time.process_time() - used
