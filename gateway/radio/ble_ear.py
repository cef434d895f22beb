"""Whose advertisements a BLE radio passes on, and which of them say something anew.

BlueZ tells of a device whenever its signal changes, and bleak then repeats the bytes that it
remembers. The scan asks for duplicates, so whatever really came over the air is a new object, and
a repetition out of memory is the very same one. What it remembered before the scan began may be
from yesterday, and is passed on as such.

Strangers are counted and forgotten: only an enrolled address has a place here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gateway.records import Clock, Device, Driver, Frame

NO_SIGNAL = -127
"""What bleak says where BlueZ gives no strength: the device was not heard just now."""
COPIES = 3
"""So many equal advertisements are passed on at once: one that nothing checks needs a second."""
THIN_S = 5.0
"""... and then one in so many seconds, for a thermometer that says the same ten times a second."""
MARGIN = 32
"""Strengths kept of each device for the installer's walk through the home."""

_LONG = "0000{}-0000-1000-8000-00805f9b34fb"


class _Heard(msgspec.Struct):
    """The last service data of one device under one UUID."""

    payload: bytes
    copies: int = 0
    passed_at: float = 0.0
    sure: bool = True
    """Heard over the air, and not found in somebody's memory."""


class Ear:
    """Time here is the loop's, in seconds: it is about the air, not about the home."""

    def __init__(
        self, adapter: str, devices: Iterable[Device], drivers: Mapping[str, Driver], clock: Clock
    ) -> None:
        self.counts: Counter[str] = Counter()
        """What was heard and not passed on."""
        self.heard_at = float("-inf")
        """When anybody at all was heard last."""
        self._adapter = adapter
        self._clock = clock
        devices = tuple(devices)
        self._names = {device.address: device.id for device in devices}
        self._wanted = {device.address: _services(drivers[device.driver]) for device in devices}
        self._heard: dict[tuple[str, str], _Heard] = {}
        self._signals: dict[str, list[float]] = {}

    def knows(self, address: str) -> bool:
        return address in self._wanted

    def hear(
        self, address: str, services: Mapping[str, bytes], rssi: float, now: float
    ) -> Sequence[Frame]:
        """One thing that the scanner says: the frames in it, none if it is nothing new."""
        if rssi == NO_SIGNAL:
            self.counts["no_signal"] += 1
            return ()
        self.heard_at = now
        wanted = self._wanted.get(address)
        if wanted is None:
            self.counts["stranger"] += 1
            return ()
        self._note_signal(address, rssi)
        return [
            self._frame(driver, address, services[uuid], rssi)
            for uuid, driver in wanted.items()
            if uuid in services and self._is_news((address, uuid), services[uuid], now)
        ]

    def begin(self, remembered: Mapping[str, Mapping[str, bytes]]) -> list[Frame]:
        """A scan begins. `remembered`: the service data that BlueZ kept, by address. What of it we
        have not heard ourselves is returned, as something that may be old."""
        frames = []
        for address, uuid, payload in self._of_ours(remembered):
            before = self._heard.get((address, uuid))
            self._heard[address, uuid] = _Heard(payload, sure=False)
            if before is None or before.payload != payload:
                driver = self._wanted[address][uuid]
                frames.append(self._frame(driver, address, payload, None, fresh=False))
        return frames

    def signals(self) -> dict[str, tuple[float, float]]:
        """By device: the last strength, and the weakest of the last few (dBm)."""
        heard = self._signals.items()
        return {self._names[address]: (each[-1], min(each)) for address, each in heard}

    def _of_ours(
        self, remembered: Mapping[str, Mapping[str, bytes]]
    ) -> Iterable[tuple[str, str, bytes]]:
        for address, wanted in self._wanted.items():
            services = remembered.get(address, {})
            yield from ((address, uuid, services[uuid]) for uuid in wanted if uuid in services)

    def _is_news(self, key: tuple[str, str], payload: bytes, now: float) -> bool:
        heard = self._heard.get(key)
        if heard is None or heard.payload != payload:
            self._heard[key] = _Heard(payload, 1, now)
            return True
        # The same object is the same hearing; Python shares objects of one byte and less.
        if not heard.sure or (heard.payload is payload and len(payload) > 1):
            heard.payload, heard.sure = payload, True
            self.counts["replayed"] += 1
            return False
        heard.payload = payload
        heard.copies += 1
        if heard.copies > COPIES and now - heard.passed_at < THIN_S:
            self.counts["repeated"] += 1
            return False
        heard.passed_at = now
        return True

    def _frame(
        self, driver: str, address: str, payload: bytes, rssi: float | None, fresh: bool = True
    ) -> Frame:
        return Frame(driver, self._adapter, payload, self._clock.now(), address, rssi, fresh)

    def _note_signal(self, address: str, rssi: float) -> None:
        signals = self._signals.setdefault(address, [])
        signals.append(rssi)
        del signals[:-MARGIN]


def _services(driver: Driver) -> dict[str, str]:
    """Full UUID of a service -> driver's name, for those that are advertised."""
    return {full(uuid): driver.name for uuid in driver.services if len(uuid) == 4}


def full(uuid: str) -> str:
    """The 128-bit form of a 16-bit UUID."""
    return _LONG.format(uuid) if len(uuid) == 4 else uuid
