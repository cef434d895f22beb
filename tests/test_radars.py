"""Radars and a P1 port that speak by themselves on a real terminal, heard by the real drivers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.alerts import AlertBook
from gateway.home import Port
from gateway.pipeline import Pipeline
from gateway.radio.serial_port import SerialPort
from gateway.records import Device, DeviceKind, Quantity, Reading
from gateway.simulate.radars import (
    BedRadar,
    CeilingRadar,
    P1Port,
    Sleeper,
    SleepRadar,
    Talker,
    speak,
)
from gateway.simulate.wires import Wire
from tests.fakes import numbered
from tests.hearing import QuickClock
from tests.vector_files import DRIVERS_BY_NAME

PATIENCE_S = 20.0


class Hub:
    """A listening port and the pipeline behind it."""

    def __init__(self, wire: Wire, driver: str, device: Device) -> None:
        clock = QuickClock()
        port = Port(name="ear", device=str(wire.path), driver=driver)
        self.port = SerialPort(port, [device], DRIVERS_BY_NAME, clock)
        self.pipeline = Pipeline([device], DRIVERS_BY_NAME, [], AlertBook(numbered()))
        self.readings: list[Reading] = []

    async def listen(self) -> None:
        async for frame in self.port.frames():
            self.readings += self.pipeline.on_frame(frame).readings

    def last(self, quantity: Quantity) -> object:
        return next((r.value for r in reversed(self.readings) if r.quantity is quantity), None)

    async def until(self, quantity: Quantity, value: object) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.last(quantity) != value:  # noqa: ASYNC110 - another task hears it
                await asyncio.sleep(0.01)


@asynccontextmanager
async def heard(
    folder: Path, talker: Talker, driver: str, kind: DeviceKind, address: str = "ear"
) -> AsyncIterator[tuple[Hub, Wire]]:
    wire = Wire(folder / "wire", [])
    wire.plug_in()
    hub = Hub(wire, driver, Device("it", driver, address, kind, port="ear"))
    tasks = [
        asyncio.create_task(hub.listen()),
        asyncio.create_task(speak(wire, talker, every_s=0.05)),
    ]
    try:
        yield hub, wire
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        wire.unplug()


async def test_a_radar_over_the_bed_tells_who_is_in_it_and_a_pulse_only_then(
    tmp_path: Path,
) -> None:
    sleeper = Sleeper()
    radar = BedRadar(lambda: sleeper)
    async with heard(tmp_path, radar, "seeed_tinyframe", DeviceKind.BED) as (hub, wire):
        await hub.until(Quantity.BED_OCCUPIED, False)
        assert hub.last(Quantity.HEART_RATE) is None
        sleeper.in_bed = True
        await hub.until(Quantity.HEART_RATE, 62.0)
        assert hub.last(Quantity.BED_OCCUPIED) is True
        wire.babble(b"\x01\x00\xff\x01\x01")
        sleeper.breath = 9.5
        await hub.until(Quantity.BREATH_RATE, 9.5)
        sleeper.fallen, sleeper.in_bed = True, False
        await hub.until(Quantity.FALL, True)


async def test_a_sleep_radar_of_the_older_kind_tells_the_same(tmp_path: Path) -> None:
    sleeper = Sleeper(in_bed=True)
    radar = SleepRadar(lambda: sleeper)
    async with heard(tmp_path, radar, "seeed_mr60", DeviceKind.RADAR) as (hub, _):
        await hub.until(Quantity.HEART_RATE, 62.0)
        sleeper.fallen = True
        await hub.until(Quantity.FALL, True)


async def test_a_ceiling_radar_is_heard_again_after_it_was_unplugged(tmp_path: Path) -> None:
    somebody = [True]
    radar = CeilingRadar(lambda: somebody[0])
    async with heard(tmp_path, radar, "ld2410", DeviceKind.RADAR) as (hub, wire):
        await hub.until(Quantity.PRESENCE, True)
        wire.unplug()
        somebody[0] = False
        wire.plug_in()
        await hub.until(Quantity.PRESENCE, False)


async def test_a_smart_meter_is_read_from_its_p1_port(tmp_path: Path) -> None:
    port = P1Port("E0012345", lambda: 230.0, lambda: 5312.4)
    kind = DeviceKind.ELECTRICITY_METER
    async with heard(tmp_path, port, "dsmr_p1", kind, "E0012345") as (hub, _):
        await hub.until(Quantity.ENERGY_TOTAL, 5312.4)
        assert hub.last(Quantity.POWER) == pytest.approx(230.0)
