"""Nordic Thingy:52 as a pendant: its raw motion characteristic over GATT, EF680406.

    XX XX YY YY ZZ ZZ | gyroscope, 6 bytes | compass, 6 bytes

- X Y Z   acceleration, signed, 1/1024 g, low byte first (6 bits before the point, 10 after)

The sampling rate goes into EF680401: pedometer, temperature and compass intervals in ms, then the
rate in Hz, 16 bits each, and one byte "wake on motion". Nordic-Thingy52-FW 2.2.0, ble_tms.h and
m_motion.c. A message has no number: what is lost shows only in the time between them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from drivers import _motion
from gateway.records import BadFrame, Device, Driver, Enrolled, Frame, Motion, Reading

RAW = "ef680406-9b35-4933-9b10-52ffa9740042"
CONFIGURATION = "ef680401-9b35-4933-9b10-52ffa9740042"
SIZE, ACCELERATION = 18, 6
PER_G = 1024
USUAL_HZ = 50
RATES = range(25, 53)
SLOWEST_MS = (5000, 5000, 1000)
"""Pedometer, temperature, compass: we do not need them."""


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    device = _motion.wearer(frame, devices)
    if len(frame.payload) not in (1, SIZE):
        raise BadFrame("length")
    return _motion.heard(device, frame)


def motion(frame: Frame, device: Device) -> Motion | None:
    if len(frame.payload) == 1:
        return None
    if len(frame.payload) != SIZE:
        raise BadFrame("length")
    samples = _motion.fixed(frame.payload[:ACCELERATION], PER_G)
    return Motion(device.id, frame.at, _motion.rate(device, USUAL_HZ), samples)


def greeting(device: Device) -> list[tuple[str, bytes]]:
    rate_hz = _motion.rate(device, USUAL_HZ)
    return [(CONFIGURATION, struct.pack("<4HB", *SLOWEST_MS, rate_hz, 1))]


def check(device: Device) -> str:
    return _motion.check(device, RATES)


def context(mapping: Mapping[str, object]) -> list[Device]:
    return _motion.context(DRIVER.name, mapping)


DRIVER = Driver(
    name="thingy52",
    transport="ble",
    title="Nordic Thingy:52 as a pendant: motion for the fall detector, over GATT",
    decode=decode,
    services=(RAW, _motion.BATTERY_LEVEL),
    longest=SIZE,
    context=context,
    check=check,
    motion=motion,
    greeting=greeting,
)
