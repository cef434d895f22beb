"""MiBeacon advertisements of Xiaomi, Aqara and Linptech: buttons, doors, bed strips, smoke alarms.

Service data FE95, versions 2 to 5:

    FF FF PP PP N | aa*6 | c [i] | TT TT LL vv.. | ..                       plain
    FF FF PP PP N | aa*6 | c [i] | sealed objects | XX XX XX | MM MM MM MM  versions 4 and 5
    FF FF PP PP N | aa*6 | c [i] | sealed objects | XX XX XX | S            versions 2 and 3

- F   frame control: bit 3 encrypted, bit 4 the address follows (backwards), bit 5 a capability
      byte (and, by its bit 5, one more), bit 6 objects follow, bit 7 mesh, bits 12-15 version
- P   product; N number of the message, 8 bits; X its higher 24 bits
- T   object id, L its length, v its value; all numbers low byte first
- M   integrity code (AES-CCM, with 11 as additional data); S a checksum that nobody documents

Nonce of versions 4 and 5: address backwards, P, N, X; the key has 32 digits. Of 2 and 3: F, P, N,
X, address backwards without its last byte; the key has 24 digits. Those have no integrity code:
what is no whole known object was sealed with another key, and a press must be heard twice.

A message without objects is a beacon: somebody is alive, and says nothing of his state.
Public sources: iot.mi.com (MiBeacon protocol), github.com/Magalex2x14/LYWSD03MMC-info (captures),
and the captures in github.com/Bluetooth-Devices/xiaomi-ble.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from drivers import _ble, _ccm, _mibeacon_objects
from drivers._ble import MADE_BY_SOMEBODY, MIC, Said
from gateway.records import BadFrame, Device, DeviceKind, Driver, Enrolled, Frame, Quantity, Reading

ENCRYPTED, ADDRESS, CAPABILITY, OBJECTS, MESH = 0x08, 0x10, 0x20, 0x40, 0x80
INPUT_OUTPUT = 0x20
OLDEST, SEALED_AND_CHECKED, NEWEST = 2, 4, 5
HEAD, EXTENSION = 5, 3
EXTRA = b"\x11"
WARNINGS = frozenset({Quantity.FAULT})
"""An alarm's word that all is well ends its fault too."""
LEGACY_DIGITS, DIGITS = 24, 32
LEGACY_FILL = bytes.fromhex("8d3d3c97")
"""What makes a 24-digit key as long as AES wants it."""


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    device, address = _ble.speaker(frame, devices)
    data = frame.payload
    control, start = _head(data, address)
    if not control & OBJECTS:
        if start != len(data):
            raise BadFrame("length")
        return _ble.readings(device, [], frame)
    key = _ble.key_of(device)
    if control & ENCRYPTED == 0:
        if key:
            raise BadFrame("plain")
        return _ble.readings(
            device, _said(data[start:], data), frame, str(data[4]), False, WARNINGS
        )
    if not key:
        raise BadFrame("no key")
    if control >> 12 < SEALED_AND_CHECKED:
        return _legacy(frame, device, key, data[start:], address)
    body, extension, mic = (
        data[start : -EXTENSION - MIC],
        data[-EXTENSION - MIC : -MIC],
        data[-MIC:],
    )
    if len(data) <= start + EXTENSION + MIC or len(key) * 2 != DIGITS:
        raise BadFrame("truncated" if len(key) * 2 == DIGITS else "key")
    nonce = address[::-1] + data[2:5] + extension
    objects = _ccm.opened(key, nonce, body, mic, EXTRA)
    counter = int.from_bytes(extension, "little") << 8 | data[4]
    number = _ble.rising(device, counter)
    return _ble.readings(device, _said(objects, data), frame, number, True, WARNINGS)


def _head(data: bytes, address: bytes) -> tuple[int, int]:
    """Frame control, and where the objects begin. Raises BadFrame."""
    if len(data) < HEAD:
        raise BadFrame("length")
    control = int.from_bytes(data[:2], "little")
    if control & MESH:
        raise BadFrame("mesh")
    if not OLDEST <= control >> 12 <= NEWEST:
        raise BadFrame("version")
    at = HEAD
    if control & ADDRESS:
        if data[at : at + 6] != address[::-1]:
            raise BadFrame("address")
        at += 6
    if control & CAPABILITY:
        at += 2 if data[at : at + 1] >= bytes([INPUT_OUTPUT]) else 1
    if at > len(data):
        raise BadFrame("length")
    return control, at


def _said(body: bytes, data: bytes) -> list[Said]:
    """What the objects say. Raises BadFrame if they are cut short, or none is there."""
    product = int.from_bytes(data[2:4], "little")
    said: list[Said] = []
    for object_, value in _objects(body):
        said += _mibeacon_objects.meaning(object_, value, product)
    return said


def _objects(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(body) or not body:
        end = at + 3 + (body[at + 2] if at + 2 < len(body) else 0)
        if at + 3 > len(body) or end > len(body):
            raise BadFrame("truncated")
        yield int.from_bytes(body[at : at + 2], "little"), body[at + 3 : end]
        at = end


def _legacy(frame: Frame, device: Device, key: bytes, body: bytes, address: bytes) -> list[Reading]:
    data, extension = frame.payload, body[-EXTENSION - 1 : -1]
    if len(key) * 2 != LEGACY_DIGITS:
        raise BadFrame("key")
    if len(body) <= EXTENSION + 1:
        raise BadFrame("truncated")
    nonce = data[:5] + extension + address[:0:-1]
    objects = _ccm.unproved(key[:6] + LEGACY_FILL + key[6:], nonce, body[: -EXTENSION - 1])
    known = all(object_ in _mibeacon_objects.OBJECTS for object_, _ in _objects(objects))
    if not known:
        raise BadFrame("integrity")
    readings = _ble.readings(device, _said(objects, data), frame)
    return [
        msgspec.structs.replace(reading, unsure=reading.quantity in MADE_BY_SOMEBODY)
        for reading in readings
    ]


def check(device: Device) -> str:
    return _ble.check(device, (LEGACY_DIGITS, DIGITS))


def context(mapping: Mapping[str, object]) -> list[Device]:
    return _ble.context(DRIVER.name, mapping, DeviceKind.DOOR_CONTACT)


DRIVER = Driver(
    name="mibeacon",
    transport="ble",
    title="MiBeacon: Xiaomi, Aqara and Linptech buttons, doors, bed strips, presence, smoke alarms",
    decode=decode,
    services=("fe95",),
    longest=255,
    protocol="mibeacon_v5_encrypted",
    aliases=(
        "mibeacon",
        "mibeacon_v3",
        "mibeacon_v3_encrypted",
        "mibeacon_v4",
        "mibeacon_v4_encrypted",
        "mibeacon_v5",
    ),
    context=context,
    check=check,
)
