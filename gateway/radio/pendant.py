"""A pendant that is connected to: it streams its accelerometer over GATT, or wakes to tell of an
impact and sleeps again.

The scanner goes on meanwhile; BlueZ interleaves the two. An advertisement says that the pendant is
near, and only then is it worth calling: a call into the void takes the radio's time.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from gateway.radio.ble import TROUBLE, BleRadio
from gateway.radio.ble_ear import NO_SIGNAL
from gateway.records import Clock, Device, Driver, Frame, RadioState

BATTERY = "00002a19-0000-1000-8000-00805f9b34fb"
"""Battery Level, one byte of per cent (Bluetooth SIG, Battery Service 1.0). It is read, not
streamed; a driver that lists it gets it as a payload of one byte."""
KEPT = 512
"""Notifications that wait; a stream is telemetry, so the newest stay."""


class Pace(msgspec.Struct, frozen=True):
    """Real seconds."""

    call_s: float = 20.0
    """How long a connection may take to come about."""
    silent_s: float = 30.0
    """A connection on which nothing is said for so long is asked whether it still lives."""
    battery_s: float = 3600.0
    back_off_s: tuple[float, float] = (1.0, 60.0)
    look_s: float = 1.0


class Pendant:
    """A Radio. `frames()` runs for ever: it waits for the pendant, listens, and waits again."""

    def __init__(
        self,
        device: Device,
        driver: Driver,
        radio: BleRadio,
        clock: Clock,
        pace: Pace | None = None,
    ) -> None:
        self.name = f"{radio.name} {device.id}"
        self._device = device
        self._driver = driver
        self._radio = radio
        self._clock = clock
        self._pace = pace or Pace()
        self._streams = [uuid for uuid in driver.services if len(uuid) > 4 and uuid != BATTERY]
        self._greeting = driver.greeting(device) if driver.greeting else ()
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue(KEPT)
        self._near = asyncio.Event()
        self._seen: BLEDevice | None = None
        self._rssi: float | None = None
        self._faults: Counter[str] = Counter()
        self._ordinary: Counter[str] = Counter()

    def state(self) -> RadioState:
        """Never blind: whether it can be heard is the adapter's affair, whether it is, its own."""
        return RadioState(self.name, True, "", dict(self._faults), dict(self._ordinary))

    async def frames(self) -> AsyncIterator[Frame]:
        self._radio.witnesses.append(self._witness)
        tries = 0
        try:
            while True:
                device = await self._wait_until_near()
                try:
                    async with self._connected(device) as client:
                        tries = 0
                        self._ordinary["connected"] += 1
                        async for payload in self._listen(client):
                            yield self._frame(payload)
                    self._ordinary["disconnected"] += 1
                except TROUBLE:
                    self._faults["connect_failed"] += 1
                first, longest = self._pace.back_off_s
                await asyncio.sleep(min(first * 2.0**tries, longest) * random.uniform(0.8, 1.2))
                tries = min(tries + 1, 16)
        finally:
            self._radio.witnesses.remove(self._witness)

    # ------------------------------------------------------------ finding it

    def _witness(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        if device.address.upper() == self._device.address and advertisement.rssi != NO_SIGNAL:
            self._seen, self._rssi = device, float(advertisement.rssi)
            self._near.set()

    async def _wait_until_near(self) -> BLEDevice:
        """As it advertises; or as BlueZ still holds the connection of a hub that was killed."""
        while True:
            linked = self._radio.linked.pop(self._device.address, None)
            if linked is not None:
                return linked
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.look_s):
                    await self._near.wait()
            if self._near.is_set() and self._seen is not None:
                self._near.clear()
                return self._seen

    # ------------------------------------------------------------ one connection

    @asynccontextmanager
    async def _connected(self, device: BLEDevice) -> AsyncIterator[BleakClient]:
        """Connected and subscribed. Raises TROUBLE."""
        while not self._inbox.empty():
            self._inbox.get_nowait()
        client = BleakClient(
            device, disconnected_callback=lambda _: self._put(None), timeout=self._pace.call_s
        )
        async with client:
            for uuid in self._streams:
                await client.start_notify(uuid, self._notified)
            for uuid, words in self._greeting:
                await client.write_gatt_char(uuid, words, response=True)
            yield client

    async def _listen(self, client: BleakClient) -> AsyncIterator[bytes]:
        """What it says until the connection breaks. Raises TROUBLE if it does so without a word."""
        loop = asyncio.get_running_loop()
        heard_at, asked_at, scan = loop.time(), float("-inf"), self._radio.scans
        while client.is_connected:
            if loop.time() - asked_at > self._pace.battery_s and self._tells_battery(client):
                asked_at = loop.time()
                yield bytes(await client.read_gatt_char(BATTERY))
            try:
                async with asyncio.timeout(self._pace.look_s):
                    payload = await self._inbox.get()
            except TimeoutError:
                silent = loop.time() - heard_at > self._pace.silent_s
                if silent or self._radio.scans != scan:
                    await self._probe(client)
                    heard_at, scan = loop.time(), self._radio.scans
                continue
            if payload is None:
                return
            heard_at = loop.time()
            yield payload

    async def _probe(self, client: BleakClient) -> None:
        """bluetoothd may have gone, and the connection with it, without anybody saying so."""
        if client.services.get_characteristic(BATTERY) is None:
            raise ConnectionError("silent")
        async with asyncio.timeout(self._pace.call_s):
            await client.read_gatt_char(BATTERY)

    def _tells_battery(self, client: BleakClient) -> bool:
        listed = BATTERY in self._driver.services
        return listed and client.services.get_characteristic(BATTERY) is not None

    def _notified(self, characteristic: BleakGATTCharacteristic, said: bytearray) -> None:
        self._put(bytes(said))

    def _put(self, payload: bytes | None) -> None:
        if self._inbox.full():
            self._inbox.get_nowait()
            self._faults["overrun"] += 1
        self._inbox.put_nowait(payload)

    def _frame(self, payload: bytes) -> Frame:
        now, address = self._clock.now(), self._device.address
        return Frame(self._driver.name, self._radio.name, payload, now, address, self._rssi)
