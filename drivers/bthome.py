"""BTHome v2 advertisements: Shelly BLU buttons, doors, motion; any button, contact, alarm, meter.

Service data FCD2 (bthome.io/format):

    II | OO vv.. | OO vv.. | ..                          plain
    II | sealed objects | CC CC CC CC | MM MM MM MM      encrypted, AES-CCM

- I   bit 0 encrypted, bit 1 the address follows (backwards), bit 2 sent when something happens,
      bits 5-7 version, 2
- O   object id; v its value, low byte first; object 00 is the packet's number
- C   counter, low byte first; M integrity code

The nonce is address, D2 FC, I, C. Ids ascend; one that is not in the standard is newer than this
file, its length is unknown, and it ends what can be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drivers import _ble, _ccm
from drivers._ble import MIC, Said
from gateway.records import (
    BadFrame,
    Device,
    DeviceKind,
    Driver,
    Enrolled,
    Frame,
    Quantity,
    Reading,
    Value,
)

ENCRYPTED, WITH_ADDRESS, VERSION, VERSION_2 = 0x01, 0x02, 0xE0, 0x40
COUNTER = 4
UUID = b"\xd2\xfc"
PACKET, GENERIC, BUTTON = 0x00, 0x0F, 0x3A
TEXT, RAW, COMMAND = 0x53, 0x54, 0x3B

LENGTHS: dict[int, int] = {
    **dict.fromkeys((0x00, 0x01, 0x09, *range(0x0F, 0x12), *range(0x15, 0x30)), 1),
    **dict.fromkeys((0x3A, 0x46, 0x57, 0x58, 0x59, 0x60, 0x64, 0x65), 1),
    **dict.fromkeys((0x02, 0x03, 0x06, 0x07, 0x08, 0x0C, 0x0D, 0x0E, 0x12, 0x13, 0x14), 2),
    **dict.fromkeys((0x3C, 0x3D, 0x3F, 0x40, 0x41, 0x43, 0x44, 0x45, 0x47, 0x48, 0x49), 2),
    **dict.fromkeys((0x4A, 0x51, 0x52, 0x56, 0x5A, 0x5D, 0x5E, 0x5F, 0x61, 0xF0), 2),
    **dict.fromkeys((0x04, 0x05, 0x0A, 0x0B, 0x42, 0x4B, 0xF2), 3),
    **dict.fromkeys((0x3E, 0x4C, 0x4D, 0x4E, 0x4F, 0x50, 0x55, 0x5B, 0x5C, 0x62, 0x63, 0xF1), 4),
}
"""The standard's objects of fixed length, in bytes."""

STATES = {
    0x10: Quantity.SWITCH_ON,
    0x11: Quantity.CONTACT_OPEN,
    0x15: Quantity.BATTERY_LOW,
    0x17: Quantity.CO_ALARM,
    0x1A: Quantity.CONTACT_OPEN,
    0x1B: Quantity.CONTACT_OPEN,
    0x1C: Quantity.GAS_ALARM,
    0x20: Quantity.WATER_LEAK,
    0x21: Quantity.MOTION,
    0x22: Quantity.MOTION,
    0x23: Quantity.PRESENCE,
    0x25: Quantity.PRESENCE,
    0x26: Quantity.FAULT,
    0x29: Quantity.SMOKE_ALARM,
    0x2B: Quantity.TAMPER,
    0x2D: Quantity.CONTACT_OPEN,
}
"""Binary sensors: 1 is so, 0 is not."""
NUMBERS: dict[int, tuple[Quantity, float, bool]] = {
    0x01: (Quantity.BATTERY, 1, False),
    0x02: (Quantity.TEMPERATURE, 100, True),
    0x03: (Quantity.HUMIDITY, 100, False),
    0x0A: (Quantity.ENERGY_TOTAL, 1000, False),
    0x0B: (Quantity.POWER, 100, False),
    0x0C: (Quantity.VOLTAGE, 1000, False),
    0x2E: (Quantity.HUMIDITY, 1, False),
    0x43: (Quantity.CURRENT, 1000, False),
    0x45: (Quantity.TEMPERATURE, 10, True),
    0x49: (Quantity.WATER_FLOW, 1000, False),
    0x4A: (Quantity.VOLTAGE, 10, False),
    0x4D: (Quantity.ENERGY_TOTAL, 1000, False),
    0x4F: (Quantity.WATER_TOTAL, 1_000_000, False),
    0x57: (Quantity.TEMPERATURE, 1, True),
    0x58: (Quantity.TEMPERATURE, 100 / 35, True),
    0x5C: (Quantity.POWER, 100, True),
    0x5D: (Quantity.CURRENT, 1000, True),
}
"""Measurements: the divisor that leads to our unit, and whether they are signed."""
PRESSES = {
    0x01: "press",
    0x02: "double_press",
    0x03: "triple_press",
    0x04: "long_press",
    0x05: "long_double_press",
    0x06: "long_triple_press",
    0x80: "hold_press",
}
"""00 is no press, 81 the release of a held key."""
BY_KIND = {
    DeviceKind.CALL_BUTTON: Quantity.EMERGENCY,
    DeviceKind.PENDANT: Quantity.EMERGENCY,
    DeviceKind.DOOR_CONTACT: Quantity.CONTACT_OPEN,
    DeviceKind.MOTION: Quantity.MOTION,
    DeviceKind.PRESENCE: Quantity.PRESENCE,
    DeviceKind.BED: Quantity.BED_OCCUPIED,
    DeviceKind.LEAK_SENSOR: Quantity.WATER_LEAK,
    DeviceKind.GAS_ALARM: Quantity.GAS_ALARM,
    DeviceKind.SMOKE_ALARM: Quantity.SMOKE_ALARM,
    DeviceKind.CO_ALARM: Quantity.CO_ALARM,
    DeviceKind.PLUG: Quantity.SWITCH_ON,
}
"""What the generic binary sensor means, by the plan."""

Object = tuple[int, bytes]


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    device, address = _ble.speaker(frame, devices)
    data = frame.payload
    if not data or data[0] & VERSION != VERSION_2:
        raise BadFrame("version")
    body = _without_address(data, address)
    key = _ble.key_of(device)
    if data[0] & ENCRYPTED:
        objects, counter = _opened(key, address, data[0], body)
        number, rising = _ble.rising(device, counter), True
    elif key:
        raise BadFrame("plain")
    else:
        objects = list(_objects(body))
        number, rising = next((str(v[0]) for o, v in objects if o == PACKET), ""), False
    if not objects:
        raise BadFrame("empty")
    return _ble.readings(device, _meanings(objects, device.kind), frame, number, rising)


def _without_address(data: bytes, address: bytes) -> bytes:
    if not data[0] & WITH_ADDRESS:
        return data[1:]
    if data[1:7] != address[::-1]:
        raise BadFrame("address")
    return data[7:]


def _opened(key: bytes, address: bytes, info: int, body: bytes) -> tuple[list[Object], int]:
    if not key:
        raise BadFrame("no key")
    if len(body) <= COUNTER + MIC:
        raise BadFrame("truncated")
    sealed, counter, mic = body[: -COUNTER - MIC], body[-COUNTER - MIC : -MIC], body[-MIC:]
    nonce = address + UUID + bytes([info]) + counter
    objects = list(_objects(_ccm.opened(key, nonce, sealed, mic)))
    return objects, int.from_bytes(counter, "little")


def _objects(body: bytes) -> Iterator[Object]:
    at = 0
    while at < len(body):
        kind = body[at]
        size = _size(kind, body[at + 1 : at + 2])
        if size is None:
            return
        at += 1 if kind in LENGTHS else 2
        if at + size > len(body):
            raise BadFrame("truncated")
        yield kind, body[at : at + size]
        at += size


def _size(kind: int, length: bytes) -> int | None:
    """How many bytes the object has; None if nobody can know."""
    if kind in LENGTHS:
        return LENGTHS[kind]
    if kind not in (TEXT, RAW, COMMAND):
        return None
    if not length:
        raise BadFrame("truncated")
    return 1 + (length[0] & 0x1F) if kind == COMMAND else length[0]


def _meanings(objects: list[Object], kind: DeviceKind) -> list[Said]:
    """Objects that come several times (the keys of a remote) are counted from 1."""
    ids = [object_ for object_, _ in objects]
    said: list[Said] = []
    for at, (object_, value) in enumerate(objects):
        channel = str(ids[:at].count(object_) + 1) if ids.count(object_) > 1 else ""
        meaning = _meaning(object_, value, kind)
        if meaning is not None:
            said.append((*meaning, channel))
    return said


def _meaning(object_: int, value: bytes, kind: DeviceKind) -> tuple[Quantity, Value] | None:
    if object_ in NUMBERS:
        quantity, divisor, signed = NUMBERS[object_]
        return quantity, int.from_bytes(value, "little", signed=signed) / divisor
    if object_ == BUTTON:
        press = PRESSES.get(value[0])
        return (Quantity.BUTTON, press) if press else None
    state = BY_KIND.get(kind) if object_ == GENERIC else STATES.get(object_)
    if state is None:
        return None
    if value[0] > 1:
        raise BadFrame("value")
    if state is Quantity.PRESENCE and kind is DeviceKind.BED:
        state = Quantity.BED_OCCUPIED
    return state, bool(value[0])


def check(device: Device) -> str:
    return _ble.check(device, (32,))


def context(mapping: Mapping[str, object]) -> list[Device]:
    return _ble.context(DRIVER.name, mapping, DeviceKind.THERMOMETER)


DRIVER = Driver(
    name="bthome",
    transport="ble",
    title="BTHome v2: Shelly BLU Button1 and Door/Window; any button, contact, alarm or meter",
    decode=decode,
    services=("fcd2",),
    longest=255,
    protocol="bthome_v2",
    aliases=("bthome_v2_encrypted",),
    context=context,
    check=check,
)
