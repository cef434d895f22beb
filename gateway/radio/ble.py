"""One Bluetooth adapter and its one scanner: what enrolled devices advertise becomes frames.

A scanner goes deaf without a word when bluetoothd restarts, an adapter is pulled or the system
bus dies, and only a fresh one hears again. So three ears are kept open: bluetoothd's own news
(`bluez`), the connection to the bus, and the silence of everybody, neighbours included.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError
from dbus_fast.errors import DBusFastError

from gateway.home import Adapter
from gateway.radio import usb
from gateway.radio.ble_advice import advice
from gateway.radio.ble_ear import Ear
from gateway.radio.ble_scan import Witness, adapter_path, connected, fresh_scanner, remembered
from gateway.radio.bluez import ADAPTER, Bluez, Interfaces
from gateway.records import Clock, Device, Driver, Frame, RadioState

TROUBLE = (BleakError, DBusFastError, OSError, EOFError, TimeoutError)
"""What bleak, dbus-fast and the world raise when the radio is not to be had."""
ODD = (AttributeError, IndexError, KeyError, TypeError, UnicodeError, ValueError)
"""What an advertisement that nobody foresaw may raise; it must not deafen the others."""
QUEUE = 4096
"""Frames that wait for the pipeline: minutes of everything that a home has to say."""


class Patience(msgspec.Struct, frozen=True):
    """Real seconds."""

    silent_s: float = 45.0
    """Nobody at all was heard for so long: deaf."""
    call_s: float = 15.0
    """... for an answer of bluetoothd."""
    stop_s: float = 3.0
    """... when it is asked to stop scanning; it may be gone."""
    off_s: float = 1.0
    """How long an adapter is switched off to come to its senses."""
    back_off_s: tuple[float, float] = (0.5, 5.0)
    look_s: float = 1.0
    """How often we look whether the bus is still there."""


class Stir(msgspec.Struct, frozen=True):
    """Something happened after which this scanner hears nothing any more; or may hear again."""

    what: str


CURES = ("scan", "power", "usb", *5 * ("scan",))
"""What is tried after one silence, two, three ...: a fresh scanner in any case."""
HOPELESS = 3
"""After so many silences the radio is blind, until somebody is heard."""


class BleRadio:
    """A Radio. `frames()` runs for ever."""

    def __init__(
        self,
        adapter: Adapter,
        devices: Sequence[Device],
        drivers: Mapping[str, Driver],
        clock: Clock,
        patience: Patience | None = None,
        reset: Callable[[str], bool] = usb.reset,
        alone: bool = True,
    ) -> None:
        """`devices`: those that this adapter hears. `reset` resets the adapter's USB device.
        `alone`: no other adapter is in the plan, so it may come back under another number."""
        self.name = adapter.name
        self.witnesses: list[Witness] = []
        self.scans = 0
        """How many scans there were. Another one: whatever was before may be gone."""
        self.linked: dict[str, BLEDevice] = {}
        """Enrolled devices that BlueZ was connected to when the scan began, by address."""
        self._ear = Ear(adapter.name, devices, drivers, clock)
        self._patience = patience or Patience(silent_s=adapter.silent_s)
        self._reset = reset
        self._alone = alone
        self._inbox: asyncio.Queue[Frame | Stir] = asyncio.Queue(QUEUE)
        self._bluez = Bluez(adapter.name, lambda what: self._put(Stir(what)))
        self._faults: Counter[str] = Counter()
        self._why = "not started yet"
        self._silences = 0
        self._began = 0.0

    def state(self) -> RadioState:
        ear, faults = self._ear, dict(self._faults)
        ordinary = dict(ear.counts)
        return RadioState(self.name, not self._why, self._why, faults, ordinary, ear.signals())

    async def frames(self) -> AsyncIterator[Frame]:
        tries = 0
        try:
            while True:
                try:
                    await self._mend()
                    async with self._scan():
                        tries = 0
                        while isinstance(item := await self._next(), Frame):
                            yield item
                        self._why = f"{item.what}; scanning again"
                except TROUBLE as error:
                    self._faults["scan_failed"] += 1
                    self._why = advice(error, self.name)
                until = asyncio.get_running_loop().time() + self._rest_s(tries)
                while isinstance(late := await self._next_until(until), Frame):
                    yield late
                tries = min(tries + 1, 16)
        finally:
            self._bluez.close()

    # ------------------------------------------------------------ one scan

    @asynccontextmanager
    async def _scan(self) -> AsyncIterator[None]:
        """A fresh scanner, from here to the end of the block. Raises TROUBLE."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._patience.call_s):
            await self._bluez.open()
            adapter = await self._prepare(await self._bluez.objects())
            self._drop_stirs()
            scanner = fresh_scanner(adapter, self._hear)
            await scanner.start()
        self._began = loop.time()
        self.scans += 1
        if self._silences < HOPELESS:
            self._why = ""
        try:
            yield
        finally:
            with suppress(*TROUBLE):
                async with asyncio.timeout(self._patience.stop_s):
                    await scanner.stop()

    async def _prepare(self, objects: Mapping[str, Interfaces]) -> str:
        """The name that the adapter has now; it is on. What BlueZ remembers is taken for that."""
        path = adapter_path(objects, self.name, self._alone)
        await self._bluez.follow(path)
        if not objects[path][ADAPTER].get("Powered"):
            await self._bluez.power(True)
        for frame in self._ear.begin(remembered(objects, path)):
            self._put(frame)
        held = connected(objects, path)
        self.linked = {each.address: each for each in held if self._ear.knows(each.address)}
        return path.rpartition("/")[2]

    def _hear(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        try:
            address = device.address.upper()
            services, rssi = advertisement.service_data, advertisement.rssi
            now = asyncio.get_running_loop().time()
            for frame in self._ear.hear(address, services, rssi, now):
                self._put(frame)
            if self._silences and self._ear.heard_at == now:
                self._silences, self._why = 0, ""
            for witness in self.witnesses:
                witness(device, advertisement)
        except ODD:
            self._faults["odd"] += 1

    async def _next(self) -> Frame | Stir:
        """The next frame; or why this scan is over."""
        loop = asyncio.get_running_loop()
        while True:
            item = await self._next_until(loop.time() + self._patience.look_s)
            if item is not None:
                return item
            if not self._bluez.connected:
                return Stir("the system bus (dbus) has gone")
            if loop.time() - max(self._ear.heard_at, self._began) > self._patience.silent_s:
                self._silences += 1
                return Stir(f"nobody was heard for {self._patience.silent_s:.0f} s")

    async def _next_until(self, until: float) -> Frame | Stir | None:
        """What comes before this moment of the loop's time."""
        with suppress(asyncio.QueueEmpty):
            return self._inbox.get_nowait()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                return await self._inbox.get()
        return None

    # ------------------------------------------------------------ between two scans

    async def _mend(self) -> None:
        """After a silence: first a fresh scanner only, then stronger cures."""
        if self._silences:
            cure = CURES[(self._silences - 1) % len(CURES)]
            self._faults[f"cure_{cure}"] += 1
            async with asyncio.timeout(self._patience.call_s + self._patience.off_s):
                await self._apply(cure)

    async def _apply(self, cure: str) -> None:
        if cure == "power":
            await self._bluez.power(False)
            await asyncio.sleep(self._patience.off_s)
            await self._bluez.power(True)
        elif cure == "usb":
            try:
                self._reset(self.name)
            except OSError:
                self._faults["usb_refused"] += 1

    def _rest_s(self, tries: int) -> float:
        """Seconds before the next try; bluetoothd or an adapter that comes back ends them."""
        first, longest = self._patience.back_off_s
        if self._silences >= HOPELESS:
            self._why = f"{self.name} hears nobody at all: unplug it and plug it in again"
        return min(first * 2.0**tries, longest) * random.uniform(0.8, 1.2)

    def _put(self, item: Frame | Stir) -> None:
        try:
            self._inbox.put_nowait(item)
        except asyncio.QueueFull:
            self._faults["overrun"] += 1

    def _drop_stirs(self) -> None:
        """What led here is known; frames stay."""
        waiting = [self._inbox.get_nowait() for _ in range(self._inbox.qsize())]
        for item in waiting:
            if isinstance(item, Frame):
                self._inbox.put_nowait(item)
