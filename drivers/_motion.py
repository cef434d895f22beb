"""What pendants with an accelerometer share: their battery, their enrolment, their sample rate.

Over GATT one driver reads several characteristics; they are told apart by their length.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

from drivers import _ble
from gateway.records import BadFrame, Device, DeviceKind, Enrolled, Frame, Quantity, Reading

BATTERY_LEVEL = "00002a19-0000-1000-8000-00805f9b34fb"
"""Bluetooth SIG: one byte, per cent."""
MOST_G = 32.0
"""No such sensor measures more; a float beyond was damaged."""
Sample = tuple[float, float, float]


def heard(device: Device, frame: Frame) -> list[Reading]:
    """That it is alive, and its battery. Raises BadFrame."""
    readings = [Reading(device.id, Quantity.SEEN, True, frame.at)]
    if len(frame.payload) != 1:
        return readings
    if frame.payload[0] > 100:
        raise BadFrame("value")
    battery = float(frame.payload[0])
    return [*readings, Reading(device.id, Quantity.BATTERY, battery, frame.at)]


def wearer(frame: Frame, devices: Enrolled) -> Device:
    """Raises Stranger."""
    return _ble.speaker(frame, devices)[0]


def fixed(data: bytes, per_g: float) -> tuple[Sample, ...]:
    """x, y, z as signed 16-bit numbers, one after the other."""
    values = [value / per_g for value in struct.unpack(f"<{len(data) // 2}h", data)]
    return _threes(values)


def floats(data: bytes, per_g: float) -> tuple[Sample, ...]:
    """x, y, z as 32-bit floats, one after the other. Raises BadFrame."""
    values = [value / per_g for value in struct.unpack(f"<{len(data) // 4}f", data)]
    if not all(math.isfinite(value) and abs(value) <= MOST_G for value in values):
        raise BadFrame("value")
    return _threes(values)


def rate(device: Device, usual: int) -> int:
    """Samples a second, as the plan says."""
    return int(device.options.get("rate_hz", usual))


def check(device: Device, rates: range | tuple[int, ...]) -> str:
    wrong = _ble.check(device, (0,))
    asked = device.options.get("rate_hz", rates[0])
    if not wrong and (isinstance(asked, bool | str) or asked not in rates):
        words = f"{rates[0]} to {rates[-1]}" if isinstance(rates, range) else f"one of {rates}"
        wrong = f"the option rate_hz is {words}"
    return wrong


def context(driver: str, mapping: Mapping[str, object]) -> list[Device]:
    """`mac`."""
    return _ble.context(driver, mapping, DeviceKind.PENDANT)


def _threes(values: list[float]) -> tuple[Sample, ...]:
    return tuple(zip(values[::3], values[1::3], values[2::3], strict=True))
