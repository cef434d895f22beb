"""EN 13757-2 and -3 (wired M-Bus): water and electricity meters behind a level converter.

    68 LL LL 68 CC AA II DDDDDDDD MMMM VV KK NN FF GGGG records.. SS 16     long frame
    10 CC AA SS 16                                                          short frame
    E5                                                                      acknowledgement

- L   length from C to the last record, sent twice (EN 13757-2)
- C   control: 08, 18, 28, 38 an answer (RSP_UD); with bit 6 set it is the master who speaks
- A   primary address 0..250; FDh is whoever was selected by identification number
- I   72h variable structure, 73h fixed structure (EN 13757-3)
- D   identification number, 8 BCD digits, low byte first; M manufacturer, V version
- K   medium: 02 electricity, 06 07 15 16 17 water; N access number
- F   status: bit 2 power low, bit 3 permanent error, bit 4 temporary error
- G   signature; bits 8-12 say how the records are encrypted
- S   sum of the bytes from C on, modulo 256

    II=73: DDDDDDDD NN FF UUUU 11111111 22222222       two counters with their units

Only the meter's present total counts: storage 0, tariff 0, subunit 0, an instantaneous value, no
qualifier behind its unit. The records are read by pyMeterBus.

The status byte is believed only as far as it follows the standard: a meter that sets bits 5-7
(its maker's own) or the reserved pair 0-1 = 3 uses the byte in its own way. Healthy meters in
libmbus' collection do (Engelmann WaterStar 27h, Itron Cyble 30h).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

from drivers._bits import (
    address,
    address_bytes,
    bcd,
    cubic_metres,
    flag,
    is_number,
    sum8,
    summed,
    whole,
)
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

LONG, SHORT, ACK, END = 0x68, 0x10, 0xE5, 0x16
SND_NKE, REQ_UD2, SND_UD, FCB = 0x40, 0x5B, 0x53, 0x20
FROM_MASTER = 0x40
CONTROLS = frozenset({0x40, 0x5A, 0x5B, 0x7A, 0x7B, 0x53, 0x73, 0x08, 0x18, 0x28, 0x38})
VARIABLE, FIXED, ERROR, SELECT = (0x72, 0x76), 0x73, 0x70, 0x52
SELECTED = 0xFD
WATER = frozenset({0x06, 0x07, 0x15, 0x16, 0x17})
ELECTRICITY = 0x02
MAKERS_OWN, RESERVED = 0xE0, 0x03
POWER_LOW, ERRORS = 0x04, 0x18
BINARY, STORED, FIXED_FLAGS = 0x01, 0x02, 0x03
VOLUMES = range(0x26, 0x2F)
MORE_FOLLOWS = 8
"""At most so many telegrams are asked of one meter."""
HEAD = 19
"""Bytes of a long frame up to the first record."""


def measure(pending: bytes | bytearray, start: int) -> int | None:
    """How long the message at `start` is. Raises BadFrame."""
    first = pending[start]
    if first == ACK:
        return 1
    if first == SHORT:
        return _measure_body(pending, start, start + 1, 2)
    if first != LONG:
        raise BadFrame("start")
    head = pending[start : start + 4]
    if len(head) > 1 and head[1] < 3:
        raise BadFrame("length")
    if len(head) > 2 and head[1] != head[2]:
        raise BadFrame("length", 4)
    if len(head) < 4:
        return None
    if head[3] != LONG:
        raise BadFrame("start", 4)
    return _measure_body(pending, start, start + 4, head[1])


def _measure_body(pending: bytes | bytearray, start: int, body: int, length: int) -> int | None:
    """The part that the checksum covers, the checksum and the stop byte."""
    size = body + length + 2 - start
    if len(pending) > body and pending[body] not in CONTROLS:
        raise BadFrame("control")
    return summed(pending, start, size, END, header=body - start)


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    data = whole(measure, frame.payload)
    if data[0] != LONG or data[4] & FROM_MASTER:
        raise Echo
    structure = data[6]
    device = _speaker(frame, devices, data)
    if structure == ERROR:
        raise BadFrame("refused")
    readings: list[Reading] = []
    if structure in VARIABLE:
        readings = _variable(data, device, frame)
    elif structure == FIXED:
        readings = _fixed(data, device, frame)
    return readings or [Reading(device.id, Quantity.SEEN, True, frame.at)]


def _speaker(frame: Frame, devices: Enrolled, data: bytes) -> Device:
    """By identification number where the plan names one, else by primary address."""
    primary = str(data[5])
    if data[6] not in (*VARIABLE, FIXED) or len(data) < 13:
        return devices.find(frame, primary)
    number = data[7:11] if data[6] != VARIABLE[1] else data[10:6:-1]
    try:
        return devices.find(frame, address(number))
    except BadFrame:
        return devices.find(frame, primary)


def _variable(data: bytes, device: Device, frame: Frame) -> list[Reading]:
    if len(data) < HEAD + 2:
        raise BadFrame("length")
    if (data[18] if data[6] == VARIABLE[0] else data[17]) & 0x1F:
        raise BadFrame("encrypted")
    flags, sound = _status(data[16], device, frame)
    total = _total(data, data[14]) if sound else None
    if total is not None:
        quantity = Quantity.WATER_TOTAL if data[14] in WATER else Quantity.ENERGY_TOTAL
        flags.append(Reading(device.id, quantity, total, frame.at))
    return flags


def _status(status: int, device: Device, frame: Frame) -> tuple[list[Reading], bool]:
    """What the status byte tells, and whether the values may be believed."""
    if status & MAKERS_OWN or status & RESERVED == RESERVED:
        return [], True
    flags = [
        flag(device, Quantity.BATTERY_LOW, status & POWER_LOW, frame),
        flag(device, Quantity.FAULT, status & ERRORS, frame),
    ]
    return flags, not status & ERRORS


def _total(data: bytes, medium: int) -> float | None:
    """The present total in m3 or kWh, as this medium counts. Raises BadFrame."""
    if medium not in WATER and medium != ELECTRICITY:
        return None
    # Here, not above: 8 MB that only a home with an M-Bus meter pays.
    from drivers._mbus_records import present_total

    return present_total(data, "m^3" if medium in WATER else "Wh")


def _fixed(data: bytes, device: Device, frame: Frame) -> list[Reading]:
    """Two counters; the first one in a unit of volume counts, if it is a present value."""
    if len(data) != HEAD + 6:
        raise BadFrame("length")
    flags, sound = _status(data[12] & ~FIXED_FLAGS, device, frame)
    medium = data[13] >> 6 | data[14] >> 6 << 2
    if not sound or medium not in WATER or data[12] & STORED:
        return flags
    for unit, field in ((data[13] & 0x3F, data[15:19]), (data[14] & 0x3F, data[19:23])):
        if unit in VOLUMES:
            count = int.from_bytes(field, "little") if data[12] & BINARY else bcd(field)
            volume = cubic_metres(count, unit)
            return [*flags, Reading(device.id, Quantity.WATER_TOTAL, volume, frame.at)]
    return flags


def short(control: int, primary: int) -> bytes:
    return bytes([SHORT, control, primary, (control + primary) & 0xFF, END])


def select(number: str) -> bytes:
    """Calls up the meter with this identification number, whoever made it."""
    body = bytes([SND_UD, SELECTED, SELECT]) + address_bytes(number, 4) + b"\xff" * 4
    return bytes([LONG, len(body), len(body), LONG]) + body + bytes([sum8(body), END])


def poll(device: Device) -> Generator[bytes, bytes, None]:
    """Resets the link or selects the meter, then asks for data until it has told everything."""
    if len(device.address) == 8:
        primary = SELECTED
        yield select(device.address)
    else:
        primary = int(device.address)
        yield short(SND_NKE, primary)
    control = REQ_UD2 | FCB
    for _ in range(MORE_FOLLOWS):
        reply = yield short(control, primary)
        if not _more_follows(reply):
            return
        control ^= FCB


def _more_follows(reply: bytes) -> bool:
    if len(reply) < HEAD + 2 or reply[6] not in VARIABLE:
        return False
    from drivers._mbus_records import more_follows

    return more_follows(reply)


def check(device: Device) -> str:
    if is_number(device.address, 8) or is_number(device.address, among=range(251)):
        return ""
    return "the address is a primary one, 0 to 250, or an identification number of 8 digits"


def context(mapping: Mapping[str, object]) -> list[Device]:
    """A `primary` or `secondary` address; where there is none, whoever answers is enrolled."""
    named = mapping.get("primary", mapping.get("secondary", mapping.get("meter")))
    # A full secondary address goes on with maker, version and medium; the number is enough.
    addresses = [str(named)[:8]] if named is not None else [str(n) for n in range(251)]
    return [Device(each, DRIVER.name, each, DeviceKind.WATER_METER) for each in addresses]


DRIVER = Driver(
    name="mbus",
    transport="serial",
    title="Wired M-Bus (EN 13757) water and electricity meters",
    decode=decode,
    starts=bytes([LONG, SHORT, ACK]),
    measure=measure,
    longest=6 + 255,
    poll=poll,
    line=SerialLine(baud=2400, parity="E"),
    protocol="mbus_en13757",
    context=context,
    check=check,
)
