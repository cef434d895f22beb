"""Smart electricity meters with a P1 port (DSMR 4 and 5, ESMR, the Swedish and Belgian ports).

    /XXX5identification CR LF CR LF
    1-0:1.8.1(000123.456*kWh) CR LF     energy taken, tariff 1; 1.8.2 tariff 2, or 1.8.0 all
    1-0:1.7.0(01.193*kW) CR LF          power taken
    1-0:32.7.0(230.1*V) CR LF           voltage L1; 52 L2, 72 L3
    1-0:31.7.0(002*A) CR LF             current L1; 51 L2, 71 L3
    0-1:24.1.0(007) CR LF               a meter on its M-Bus: 007 water, with number and total
    0-1:96.1.0(3347..) CR LF
    0-1:24.2.1(101209112500W)(00012.785*m3) CR LF
    !EF2F CR LF                         CRC-16/ARC from "/" to "!", four capital digits

The meter sends by itself every one or ten seconds. Its address is its equipment number, 0-0:96.1.1
decoded to the text on its label; that of a water meter behind it is 0-n:96.1.0 likewise. "P1
Companion Standard" 5.0.2, chapters 5 and 6. Telegrams without a CRC (DSMR 2) are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from drivers._bits import crc16, whole
from gateway.records import (
    BadFrame,
    Device,
    DeviceKind,
    Driver,
    Enrolled,
    Frame,
    Quantity,
    Reading,
    SerialLine,
    Stranger,
)

START, END = b"/", b"\r\n!"
CHECKSUM = re.compile(rb"[0-9A-F]{4}\r\n")
CHECKED = 6
"""Checksum and line end behind the "!"."""
LONGEST = 4096
NAME = re.compile(rb"/[A-Za-z0-9]{0,3}")
NO_TEXT = re.compile(rb"[^\x20-\x7e\r\n]")
LINE = re.compile(r"^(\d-\d:\d+\.\d+\.\d+)\((.*)\)\r$", re.MULTILINE)
NUMBER = re.compile(r"(\d{1,10}(?:\.\d{1,6})?)\*(\w+)")
UNITS = {"kWh": 1, "kW": 1000, "W": 1, "V": 1, "A": 1, "m3": 1}
TOTAL, TARIFFS = "1-0:1.8.0", ("1-0:1.8.1", "1-0:1.8.2")
EQUIPMENT = "0-0:96.1.1"
PHASES = {
    "1-0:1.7.0": (Quantity.POWER, ""),
    "1-0:32.7.0": (Quantity.VOLTAGE, "a"),
    "1-0:52.7.0": (Quantity.VOLTAGE, "b"),
    "1-0:72.7.0": (Quantity.VOLTAGE, "c"),
    "1-0:31.7.0": (Quantity.CURRENT, "a"),
    "1-0:51.7.0": (Quantity.CURRENT, "b"),
    "1-0:71.7.0": (Quantity.CURRENT, "c"),
}
WATER = "007"
SECONDARY = range(1, 5)


def measure(pending: bytes | bytearray, start: int) -> int | None:
    """How long the message at `start` is. Raises BadFrame."""
    if pending[start : start + 1] != START:
        raise BadFrame("start")
    if not NAME.fullmatch(pending, start, min(start + 4, len(pending))):
        return 0
    end = pending.find(END, start, start + LONGEST)
    size = None if end < 0 else end + len(END) + CHECKED - start
    stop = len(pending) if size is None else start + size
    if NO_TEXT.search(pending, start, min(stop, len(pending))):
        raise BadFrame("text")
    if size is None or len(pending) < start + size:
        if len(pending) - start >= LONGEST:
            raise BadFrame("length")
        return None
    return _checked(pending, start, size)


def _checked(pending: bytes | bytearray, start: int, size: int) -> int:
    at = start + size - CHECKED
    if not CHECKSUM.fullmatch(pending, at, start + size):
        raise BadFrame("no_checksum")
    if crc16(pending[start:at], 0) != int(pending[at : at + 4], 16):
        raise BadFrame("checksum", size)
    return size


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    text = whole(measure, frame.payload).decode("ascii")
    objects = dict(LINE.findall(text))
    readings = [*_electricity(objects, frame, devices), *_water(objects, frame, devices)]
    if not readings:
        raise Stranger
    return readings


def _electricity(objects: Mapping[str, str], frame: Frame, devices: Enrolled) -> Iterator[Reading]:
    device = _find(objects.get(EQUIPMENT, ""), frame, devices)
    if device is None:
        return
    yield Reading(device.id, Quantity.SEEN, True, frame.at)
    registers = (TOTAL,) if TOTAL in objects else TARIFFS
    energies = [_value(objects[name]) for name in registers if name in objects]
    if energies:
        yield Reading(device.id, Quantity.ENERGY_TOTAL, float(sum(energies)), frame.at)
    for name, (quantity, phase) in PHASES.items():
        if name in objects:
            value = float(_value(objects[name]))
            yield Reading(device.id, quantity, value, frame.at, channel=phase)


def _water(objects: Mapping[str, str], frame: Frame, devices: Enrolled) -> Iterator[Reading]:
    for number in SECONDARY:
        if objects.get(f"0-{number}:24.1.0") != WATER:
            continue
        device = _find(objects.get(f"0-{number}:96.1.0", ""), frame, devices)
        total = objects.get(f"0-{number}:24.2.1")
        if device is not None and total is not None:
            volume = float(_value(total.rpartition("(")[2]))
            yield Reading(device.id, Quantity.WATER_TOTAL, volume, frame.at)


def _find(number: str, frame: Frame, devices: Enrolled) -> Device | None:
    """Whose equipment number this is, if he lives here."""
    try:
        return devices.find(frame, bytes.fromhex(number).decode("ascii"))
    except (Stranger, ValueError):
        return None


def _value(text: str) -> Decimal:
    """A number in the unit that readings have."""
    match = NUMBER.fullmatch(text)
    if match is None or match[2] not in UNITS:
        raise BadFrame("value")
    return Decimal(match[1]) * UNITS[match[2]]


def context(mapping: Mapping[str, object]) -> list[Device]:
    """`meter` and `water`: the numbers on the labels."""
    named = (("meter", DeviceKind.ELECTRICITY_METER), ("water", DeviceKind.WATER_METER))
    numbers = [(str(mapping[name]), kind) for name, kind in named if name in mapping]
    return [Device(number, DRIVER.name, number, kind) for number, kind in numbers]


DRIVER = Driver(
    name="dsmr_p1",
    transport="serial",
    title="P1 ports of smart electricity meters (DSMR 4/5), with the water meter behind them",
    decode=decode,
    starts=START,
    measure=measure,
    longest=LONGEST,
    line=SerialLine(baud=115_200),
    context=context,
)
