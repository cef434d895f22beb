"""Heart and breath are those of somebody in bed: a radar finds a pulse in every curtain and fan."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway.records import Device, DeviceKind, Quantity, Reading

VITALS = frozenset({Quantity.HEART_RATE, Quantity.BREATH_RATE})


class Vitals:
    """`weighed(reading)`: the reading, or only that its sensor was heard. Remembers, for each bed
    sensor, whether it last said that somebody lies there. A sensor's bed is what it feels itself,
    and what the bed sensors of its room feel."""

    def __init__(self, devices: Iterable[Device], unknown: bool = False) -> None:
        """`unknown`: whether vitals count while no bed has said anything yet."""
        devices = tuple(devices)
        beds = [device for device in devices if device.kind is DeviceKind.BED and device.room]
        self._beds = {
            device.id: {device.id, *(bed.id for bed in beds if bed.room == device.room)}
            for device in devices
        }
        self._occupied: dict[str, bool] = {}
        self._unknown = unknown

    def weighed(self, reading: Reading) -> Reading:
        if reading.quantity is Quantity.BED_OCCUPIED and reading.device in self._beds:
            self._occupied[reading.device] = bool(reading.value)
        if reading.quantity not in VITALS or self._in_bed(reading.device):
            return reading
        return Reading(reading.device, Quantity.SEEN, True, reading.at)

    def _in_bed(self, device: str) -> bool:
        beds = self._beds.get(device, set()) & self._occupied.keys()
        return any(self._occupied[bed] for bed in beds) if beds else self._unknown

    def state(self) -> object:
        return dict(self._occupied)

    def restore(self, state: object) -> None:
        kept = msgspec.convert(state, dict[str, bool])
        self._occupied = {bed: value for bed, value in kept.items() if bed in self._beds}
