"""DL/T 645-2007: electricity meters on RS-485, the multi-function meter of every Chinese home.

    FE FE FE FE 68 AAAAAAAAAAAA 68 CC LL DDDDDDDD vvvv.. SS 16

- FE  up to four wake-up bytes (5.3), no part of the message
- A   address, 12 BCD digits, low byte first; AA.. asks whoever hears it (5.2.2)
- C   control (5.2.3): 11 read, 91 its answer, B1 answer with more to follow, D1 refused
- L   length of the data, 0..200 in a read (5.2.4)
- D   data identifier, low byte first (annex A); v: values, BCD, low byte first
- S   sum of all bytes from the first 68 on, modulo 256 (5.2.6)

Every data byte is sent with 33h added (5.2.5). A value of FFs means that the meter has no such
phase. Current, power and energy carry their sign in the highest bit (annex A).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

import msgspec

from drivers._bits import address, address_bytes, bcd, is_number, sum8, summed, whole
from gateway.records import (
    BadFrame,
    Device,
    DeviceKind,
    Driver,
    Echo,
    Enrolled,
    Frame,
    Quantity,
    Reading,
    SerialLine,
)

START, END = 0x68, 0x16
OVERHEAD = 12
FROM_METER = 0x80
REFUSED = 0x40
READ, ANSWER, ANSWER_MORE = 0x11, 0x91, 0xB1
OFFSET = 0x33


class Item(msgspec.Struct, frozen=True):
    """What one data identifier holds: one value per channel, `size` bytes each."""

    quantity: Quantity
    size: int
    scale: int
    """How many of the number make one unit."""
    channels: tuple[str, ...]
    factor: int = 1
    signed: bool = True


PHASES = ("a", "b", "c")
FORWARD = "forward"
"""What went in, where the plan asks for the combined total as well; else it is the total."""


def _phases(start: int, quantity: Quantity, size: int, scale: int, factor: int) -> dict[int, Item]:
    """The rows of one quantity per phase, and its block (xxxxFFxx)."""
    signed = quantity is not Quantity.VOLTAGE
    rows = {
        start + (n << 8): Item(quantity, size, scale, (phase,), factor, signed)
        for n, phase in enumerate(PHASES, 1)
    }
    rows[start + 0xFF00] = Item(quantity, size, scale, PHASES, factor, signed)
    return rows


def _items() -> dict[int, Item]:
    energy = Item(Quantity.ENERGY_TOTAL, 4, 100, ("",))
    forward = Item(Quantity.ENERGY_TOTAL, 4, 100, (FORWARD,), signed=False)
    items = {
        # The total comes first in a block of tariffs; the tariffs after it are left.
        0x00000000: energy,
        0x0000FF00: energy,
        0x00010000: forward,
        0x0001FF00: forward,
    }
    items |= _phases(0x02010000, Quantity.VOLTAGE, 2, 10, 1)
    items |= _phases(0x02020000, Quantity.CURRENT, 3, 1000, 1)
    items |= _phases(0x02030000, Quantity.POWER, 3, 10000, 1000)
    items[0x02030000] = Item(Quantity.POWER, 3, 10000, ("",), 1000)
    items[0x0203FF00] = Item(Quantity.POWER, 3, 10000, ("", *PHASES), 1000)
    return items


ITEMS = _items()
"""By data identifier: annex A, energies and variables."""

ASKED = {
    "energy": 0x00000000,
    FORWARD: 0x00010000,
    "power": 0x02030000,
    "voltage": 0x0201FF00,
    "current": 0x0202FF00,
}
"""What `read = "energy, power"` in a device's options may name."""


def measure(pending: bytes | bytearray, start: int) -> int | None:
    """How long the message at `start` is. Raises BadFrame."""
    if pending[start] != START:
        raise BadFrame("start")
    if len(pending) <= start + 7:
        return None
    if pending[start + 7] != START:
        raise BadFrame("start")
    if len(pending) <= start + 9:
        return None
    return summed(pending, start, OVERHEAD + pending[start + 9], END)


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    data = whole(measure, frame.payload)
    control = data[8]
    if not control & FROM_METER:
        raise Echo
    device = devices.find(frame, address(data[1:7]))
    if control & REFUSED:
        raise BadFrame("refused")
    body = bytes((byte - OFFSET) & 0xFF for byte in data[10:-2])
    readings = []
    if control in (ANSWER, ANSWER_MORE):
        if len(body) < 4:
            raise BadFrame("length")
        item = ITEMS.get(int.from_bytes(body[:4], "little"))
        readings = _values(item, body[4:], device, frame) if item else []
    return readings or [Reading(device.id, Quantity.SEEN, True, frame.at)]


def _values(item: Item, body: bytes, device: Device, frame: Frame) -> list[Reading]:
    """One reading per phase that the meter has. Raises BadFrame if a value is cut or not BCD."""
    if len(body) < item.size * len(item.channels):
        raise BadFrame("length")
    readings = []
    for n, channel in enumerate(item.channels):
        field = body[n * item.size : (n + 1) * item.size]
        if set(field) != {0xFF}:
            value = _number(field, item.signed) * item.factor / item.scale
            where = "" if channel == FORWARD and "energy" not in _asked(device) else channel
            readings.append(Reading(device.id, item.quantity, value, frame.at, where))
    return readings


def _number(field: bytes, signed: bool) -> int:
    if signed and field[-1] & 0x80:
        return -bcd(field[:-1] + bytes([field[-1] & 0x7F]))
    return bcd(field)


def request(meter: str, item: int) -> bytes:
    """A request for one data identifier, with its wake-up bytes."""
    body = bytes((byte + OFFSET) & 0xFF for byte in item.to_bytes(4, "little"))
    message = bytes([START, *address_bytes(meter, 6), START, READ, len(body), *body])
    return b"\xfe" * 4 + message + bytes([sum8(message), END])


def poll(device: Device) -> Generator[bytes, bytes, None]:
    """Asks for what `read` in the device's options names, one after the other."""
    for name in _asked(device):
        yield request(device.address, ASKED[name])


def check(device: Device) -> str:
    if not is_number(device.address, 12):
        return "the address is the meter's number of 12 digits, with its leading zeros"
    unknown = set(_asked(device)) - ASKED.keys()
    if unknown:
        return f"read names {', '.join(sorted(unknown))}; known are {', '.join(ASKED)}"
    return ""


def _asked(device: Device) -> list[str]:
    return [name.strip() for name in str(device.options.get("read", "energy, power")).split(",")]


def context(mapping: Mapping[str, object]) -> list[Device]:
    meter = str(mapping.get("meter", "")).rjust(12, "0")
    return [Device(meter, DRIVER.name, meter, DeviceKind.ELECTRICITY_METER)]


DRIVER = Driver(
    name="dlt645_2007",
    transport="serial",
    title="DL/T 645-2007 electricity meters (RS-485)",
    decode=decode,
    starts=bytes([START]),
    measure=measure,
    longest=OVERHEAD + 255,
    poll=poll,
    line=SerialLine(baud=2400, parity="E"),
    context=context,
    check=check,
)
