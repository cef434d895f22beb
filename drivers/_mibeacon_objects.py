"""What the objects inside MiBeacon messages say.

Object ids and values: Xiaomi's object definition (iot.mi.com, BLE object definition) for 0003 to
101B; the ones from 4800 on belong to single products and are known from the captures in
github.com/Bluetooth-Devices/xiaomi-ble. An object that nobody lists says only that its sender is
alive.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping

from drivers._ble import Said
from gateway.records import BadFrame, Quantity

# Product ids, where the same object means something else.
K9B_ONE, K9B_TWO, K9B_THREE = 0x1568, 0x1569, 0x0DFD
DIMMER, REMOTES = 0x03B6, frozenset({0x0153, 0x068E, 0x04E6, 0x03BF})
K9BB, TWO_KEYS, OWN_KEYS = 0x1C10, 0x1949, 0x5968
FOUR_KEYS = frozenset({0x3A61, 0x3E17})
XMOSB01XS = 0x4683

STILL_MOVING_S = 30
"""Xiaomi's own app takes a silence of up to so many seconds for movement."""
KNOCKED, STUCK = 3, 5

Meaning = Callable[[bytes, int], list[Said]]
"""From the object's value and the product id."""


def _one(quantity: Quantity, value: bool | float | str, channel: str = "") -> list[Said]:
    return [(quantity, value, channel)]


def _state(quantity: Quantity) -> Meaning:
    return lambda value, product: _one(quantity, value[0] > 0)


def _number(quantity: Quantity, divisor: int = 1, signed: bool = False) -> Meaning:
    return lambda value, product: _one(
        quantity, int.from_bytes(value, "little", signed=signed) / divisor
    )


def _float(quantity: Quantity) -> Meaning:
    def meaning(value: bytes, product: int) -> list[Said]:
        number: float = struct.unpack("<f", value)[0]
        if not math.isfinite(number):
            raise BadFrame("value")
        return _one(quantity, round(number, 2))

    return meaning


def _always(quantity: Quantity, state: bool = True) -> Meaning:
    return lambda value, product: _one(quantity, state)


def _alarm(quantity: Quantity) -> Meaning:
    """0 well, 1 alarm, 2 the detector is broken."""

    def meaning(value: bytes, product: int) -> list[Said]:
        if value[0] > 2:
            raise BadFrame("value")
        if value[0] == 2:
            return _one(Quantity.FAULT, True)
        return [(quantity, bool(value[0]), ""), (Quantity.FAULT, False, "")]

    return meaning


def _idle(value: bytes, product: int) -> list[Said]:
    """Seconds without movement."""
    return _one(Quantity.MOTION, int.from_bytes(value, "little") <= STILL_MOVING_S)


def _contact(value: bytes, product: int) -> list[Said]:
    """0 opened, 1 closed, 2 still open after a while, 3 the sensor was reset."""
    return [] if value[0] > 2 else _one(Quantity.CONTACT_OPEN, value[0] != 1)


def _lock(value: bytes, product: int) -> list[Said]:
    """Door of a lock: 0 opened, 1 closed, 2 still open, 3 a knock, 4 forced open, 5 stuck."""
    if value[0] in (KNOCKED, STUCK) or value[0] > STUCK:
        return []
    return _one(Quantity.CONTACT_OPEN, value[0] != 1)


def _contact_event(value: bytes, product: int) -> list[Said]:
    """1 opened, 2 closed (MS1BB)."""
    return _one(Quantity.CONTACT_OPEN, value[0] == 1) if value[0] in (1, 2) else []


def _flagged(quantity: Quantity, state: bool | str = True) -> Meaning:
    return lambda value, product: _one(quantity, state) if value[0] == 1 else []


def _occupied(value: bytes, product: int) -> list[Said]:
    somebody = value[0] == 1 if product == XMOSB01XS else value[0] > 0
    return _one(Quantity.PRESENCE, somebody)


def _flood(value: bytes, product: int) -> list[Said]:
    """0 wet, 1 dry below; 2 wet, 3 dry above."""
    if value[0] > 3:
        return []
    return _one(Quantity.WATER_LEAK, value[0] in (0, 2), "top" if value[0] > 1 else "")


def _kettle(value: bytes, product: int) -> list[Said]:
    return [(Quantity.SWITCH_ON, value[0] > 0, ""), (Quantity.TEMPERATURE, float(value[1]), "")]


def _climate(value: bytes, product: int) -> list[Said]:
    temperature, humidity = struct.unpack("<hH", value)
    return [
        (Quantity.TEMPERATURE, temperature / 10, ""),
        (Quantity.HUMIDITY, humidity / 10, ""),
    ]


# ---------------------------------------------------------------- buttons

HOW = {0: "press", 1: "double_press", 2: "long_press", 5: "press", 6: "long_press"}
HOW_K9B = {0: "press", 1: "long_press", 2: "double_press"}
KEYS_OF_TWO = {0: "1", 1: "2", 2: "12"}
KEYS_OF_THREE = {0: "1", 1: "2", 2: "3", 3: "12", 4: "23", 5: "13", 6: "123"}
HOW_K9BB = {1: "press", 8: "long_press", 15: "double_press"}
KEYS_OF_MASK = {1: "1", 2: "2", 3: "12"}


def _pressed(how: str | None, keys: str = "") -> list[Said]:
    """One press for each key; a button with one key has no channel."""
    if how is None:
        return []
    return [(Quantity.BUTTON, how, key) for key in keys or [""]]


def _button(value: bytes, product: int) -> list[Said]:
    """Which key, how far or how often, and how it was pressed."""
    key, _, how = value
    if product == DIMMER:
        return _pressed({0: "press", 1: "long_press"}.get(key) if how == 3 else None)
    if product == K9B_ONE:
        return _pressed(HOW_K9B.get(how))
    if product in (K9B_TWO, K9B_THREE):
        keys = (KEYS_OF_TWO if product == K9B_TWO else KEYS_OF_THREE).get(key)
        return _pressed(HOW_K9B.get(how), keys) if keys else []
    if product in REMOTES:
        return _pressed(HOW.get(how), str(key + 1)) if key < 9 else []
    return _pressed(HOW.get(how))


def _press(how: str) -> Meaning:
    """One object for each way of pressing; the value, if there is one, names the key."""

    def meaning(value: bytes, product: int) -> list[Said]:
        key = value[0] if value else 0
        if product == K9BB:
            return _pressed(HOW_K9BB.get(key))
        if product == TWO_KEYS:
            return _pressed(how, KEYS_OF_MASK[key]) if key in KEYS_OF_MASK else []
        if product == OWN_KEYS:
            return _pressed(how, str(key + 1)) if key < 2 else []
        if product in FOUR_KEYS:
            return _pressed(how, str(key)) if 1 <= key <= 4 else []
        return _pressed(how)

    return meaning


ANY = -1
"""A press object may be empty or name its key."""

OBJECTS: Mapping[int, tuple[int, Meaning]] = {
    0x0003: (1, _always(Quantity.MOTION)),
    0x0007: (1, _lock),
    0x000F: (3, _always(Quantity.MOTION)),
    0x1001: (3, _button),
    0x1004: (2, _number(Quantity.TEMPERATURE, 10, signed=True)),
    0x1005: (2, _kettle),
    0x1006: (2, _number(Quantity.HUMIDITY, 10)),
    0x100A: (1, _number(Quantity.BATTERY)),
    0x100D: (4, _climate),
    0x1012: (1, _state(Quantity.SWITCH_ON)),
    0x1014: (1, _state(Quantity.WATER_LEAK)),
    0x1015: (1, _alarm(Quantity.SMOKE_ALARM)),
    0x1016: (1, _alarm(Quantity.GAS_ALARM)),
    0x1017: (4, _idle),
    0x1019: (1, _contact),
    0x101B: (ANY, _always(Quantity.MOTION, False)),
    0x4801: (4, _float(Quantity.TEMPERATURE)),
    0x4802: (1, _number(Quantity.HUMIDITY)),
    0x4803: (1, _number(Quantity.BATTERY)),
    0x4804: (1, _contact_event),
    0x4806: (1, _state(Quantity.WATER_LEAK)),
    0x4808: (4, _float(Quantity.HUMIDITY)),
    0x480C: (1, _contact),
    0x4818: (2, _idle),
    0x483C: (1, _state(Quantity.BED_OCCUPIED)),
    0x484E: (1, _occupied),
    0x487B: (1, lambda value, product: _one(Quantity.WATER_LEAK, value[0] > 0, "top")),
    0x4A01: (1, _state(Quantity.BATTERY_LOW)),
    0x4A08: (4, _always(Quantity.MOTION)),
    0x4A0C: (ANY, _press("press")),
    0x4A0D: (ANY, _press("double_press")),
    0x4A0E: (ANY, _press("long_press")),
    0x4A0F: (1, _flagged(Quantity.TAMPER)),
    0x4A12: (1, _contact_event),
    0x4A13: (1, _flagged(Quantity.BUTTON, "press")),
    0x4A1A: (1, _flagged(Quantity.CONTACT_OPEN)),
    0x4A68: (1, _flood),
    0x4C01: (4, _float(Quantity.TEMPERATURE)),
    0x4C02: (1, _number(Quantity.HUMIDITY)),
    0x4C03: (1, _number(Quantity.BATTERY)),
    0x4C08: (4, _float(Quantity.HUMIDITY)),
    0x4E01: (1, _state(Quantity.BATTERY_LOW)),
    0x4E0C: (ANY, _press("press")),
    0x4E0D: (ANY, _press("double_press")),
    0x4E0E: (ANY, _press("long_press")),
    0x560C: (ANY, _press("press")),
    0x560D: (ANY, _press("double_press")),
    0x560E: (ANY, _press("long_press")),
}
"""Object id: the length of its value in bytes, and what it says."""


def meaning(object_: int, value: bytes, product: int) -> list[Said]:
    """What one object says; nothing if nobody knows it. Raises BadFrame."""
    if object_ not in OBJECTS:
        return []
    length, meaning_of = OBJECTS[object_]
    if length not in (ANY, len(value)):
        raise BadFrame("object")
    return meaning_of(value, product)
