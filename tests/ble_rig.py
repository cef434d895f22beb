"""A radio under test: the real bleak on a real dbus-daemon, and a bluetoothd of ours beyond it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.home import Adapter, Home, Hub
from gateway.radio.ble import BleRadio, Patience
from gateway.records import (
    BadFrame,
    Device,
    DeviceKind,
    Driver,
    Enrolled,
    Frame,
    Quantity,
    Radio,
    Reading,
)
from gateway.simulate.bluez import Bluetoothd
from gateway.simulate.system_bus import SystemBus
from gateway.watch import Watch
from tests.brokers import until

BUTTON = "A4:C1:38:8D:18:B2"
OTHER = "A4:C1:38:00:00:07"
HASTE = Patience(
    silent_s=0.8, call_s=3.0, stop_s=0.5, off_s=0.05, back_off_s=(0.05, 0.2), look_s=0.05
)
"""The radio's patience with an air in which everything happens within a second."""


def decode(frame: Frame, enrolled: Enrolled) -> list[Reading]:
    """Two bytes: 0x44 and the counter of the press."""
    device = enrolled.find(frame, frame.address)
    if len(frame.payload) != 2 or frame.payload[0] != 0x44:
        raise BadFrame("length")
    press = Reading(device.id, Quantity.EMERGENCY, True, frame.at, event=str(frame.payload[1]))
    return [press]


DRIVER = Driver("sos", "ble", "test button", decode, services=("fcd2",))
DEVICES = (
    Device("button", "sos", BUTTON, DeviceKind.CALL_BUTTON, port="hci0"),
    Device("other", "sos", OTHER, DeviceKind.CALL_BUTTON, port="hci0"),
)


class Rig:
    """`presses` are the counters that came out of the pipeline as news, in order."""

    def __init__(self, folder: Path) -> None:
        self.bus = SystemBus(folder)
        self.bluez = Bluetoothd(self.bus.address)
        self.clock = SystemClock(trust="always")
        self.presses: list[tuple[str, int]] = []
        self.frames: list[Frame] = []
        self.begin_anew()

    def begin_anew(self) -> None:
        """As a hub that has never heard anything."""
        home = Home(hub=Hub(tenant="street", id="hub"), devices=DEVICES)
        ids = iter(range(10_000))
        self.watch = Watch(home, {"sos": DRIVER}, lambda _: f"ALERT{next(ids)}")

    def radio(
        self,
        devices: Iterable[Device] = DEVICES,
        drivers: Mapping[str, Driver] | None = None,
        patience: Patience = HASTE,
        reset: Callable[[str], bool] = lambda name: False,
    ) -> BleRadio:
        known = drivers or {"sos": DRIVER}
        return BleRadio(Adapter(), tuple(devices), known, self.clock, patience, reset)

    @contextlib.asynccontextmanager
    async def listening(self, *radios: Radio) -> AsyncIterator[None]:
        """The radios feed the pipeline until the block ends."""
        tasks = [asyncio.create_task(self._feed(radio)) for radio in radios]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _feed(self, radio: Radio) -> None:
        async for frame in radio.frames():
            self.frames.append(frame)
            for reading in self.watch.pipeline.on_frame(frame).readings:
                self.presses.append((reading.device, frame.payload[1]))

    def press(self, counter: int, address: str = BUTTON, rssi: int = -60) -> bool:
        """One advertisement of a press. Returns whether anybody was scanning."""
        return self.bluez.hear(address, {"fcd2": bytes([0x44, counter])}, rssi)

    async def hold(self, counter: int, done: Callable[[], bool], address: str = BUTTON) -> None:
        """As a button does it: the same advertisement again and again, at changing strength."""
        async with asyncio.timeout(15):
            while not done():
                self.press(counter, address, -60 - counter % 7)
                await asyncio.sleep(0.02)

    def arrived(self, counter: int, device: str = "button") -> Callable[[], bool]:
        return lambda: (device, counter) in self.presses

    async def scanned(self) -> None:
        """Somebody scans."""
        await until(lambda: any(a.clients for a in self.bluez.adapters.values()))

    async def settle(self) -> None:
        """Long enough for whatever is on its way."""
        await asyncio.sleep(0.15)


@contextlib.asynccontextmanager
async def rig(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    made = Rig(folder)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", made.bus.address)
    made.bus.start()
    await made.bluez.start("hci0")
    try:
        yield made
    finally:
        made.bluez.stop()
        await asyncio.sleep(0)
        made.bus.kill()
        await asyncio.sleep(0.05)
