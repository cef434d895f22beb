"""Wireless M-Bus meters (EN 13757-4, OMS) as `wmbusmeters --format=json` tells them.

    {"_": "telegram", "media": "water", "meter": "iperl", "name": "..", "id": "33225544",
     "total_m3": 123.529, "timestamp": ..}

The address is the meter's eight digits. wmbusmeters has checked the CRCs and decrypted the telegram
with the key of the plan (`key`, 32 hexadecimal digits; none for a meter that does not encrypt).
`driver` names the meter's driver in wmbusmeters: pin it, because what a named driver says never
changes, and "auto" may choose another one after an update.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from drivers._bits import flag
from gateway.records import (
    BadFrame,
    Device,
    DeviceKind,
    Driver,
    Enrolled,
    Frame,
    Quantity,
    Reading,
)

LONGEST = 8192
TOTALS = {
    "total_m3": Quantity.WATER_TOTAL,
    "total_energy_consumption_kwh": Quantity.ENERGY_TOTAL,
    "flow_m3h": Quantity.WATER_FLOW,
    "volume_flow_m3h": Quantity.WATER_FLOW,
    "power_consumption_kw": Quantity.POWER,
}
PER_UNIT = {"power_consumption_kw": 1000.0}
STATUS = ("status", "current_status")
MOST = 1e9
KEY = re.compile(r"[0-9A-Fa-f]{32}")
NUMBER = re.compile(r"[0-9A-Fa-f]{8}")
NAME = re.compile(r"[a-z0-9_]{1,40}")
"""Both go into wmbusmeters' settings, where a line's end would begin another setting."""

_Line = dict[str, object]


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    line = _line(frame.payload)
    number = line.get("id")
    if line.get("_", "telegram") != "telegram" or not isinstance(number, str):
        raise BadFrame("telegram")
    device = devices.find(frame, number)
    readings = [*_totals(line, device, frame), *_warnings(line, device, frame)]
    return readings or [Reading(device.id, Quantity.SEEN, True, frame.at)]


def _line(payload: bytes) -> _Line:
    if len(payload) > LONGEST:
        raise BadFrame("length")
    try:
        return msgspec.json.decode(payload, type=_Line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise BadFrame("json") from None


def _totals(line: _Line, device: Device, frame: Frame) -> Iterator[Reading]:
    for name, quantity in TOTALS.items():
        if line.get(name) is not None:
            value = _number(line[name]) * PER_UNIT.get(name, 1.0)
            yield Reading(device.id, quantity, value, frame.at)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadFrame("type")
    if not 0 <= value < MOST:
        raise BadFrame("value")
    return float(value)


def _warnings(line: _Line, device: Device, frame: Frame) -> Iterator[Reading]:
    """The words of EN 13757-3's status byte, and the makers' own."""
    told = [line[name] for name in STATUS if name in line]
    if told:
        words = " ".join(map(str, told)).upper()
        yield flag(device, Quantity.BATTERY_LOW, "BATTERY" in words or "POWER_LOW" in words, frame)
        yield flag(device, Quantity.FAULT, "PERMANENT_ERROR" in words, frame)


def check(device: Device) -> str:
    key = device.options.get("key", "")
    if not NUMBER.fullmatch(device.address):
        return "the address is the meter's number of 8 digits"
    if not isinstance(key, str) or not (key == "" or KEY.fullmatch(key)):
        return "key is the meter's AES key, 32 hexadecimal digits"
    if not NAME.fullmatch(str(device.options.get("driver", "auto"))):
        return "driver is a meter driver of wmbusmeters, such as multical21"
    return ""


def context(mapping: Mapping[str, object]) -> list[Device]:
    meter = str(mapping.get("meter", ""))
    kind = DeviceKind(str(mapping.get("kind", DeviceKind.WATER_METER.value)))
    return [Device(meter, DRIVER.name, meter, kind)]


DRIVER = Driver(
    name="wmbus_json",
    transport="pipe",
    title="Wireless M-Bus meters that wmbusmeters knows",
    decode=decode,
    longest=LONGEST,
    context=context,
    check=check,
)
