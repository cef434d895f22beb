"""Pendants that sleep until something hits them, and then tell what they felt around it.

An open format, for firmware that anybody writes (a Puck.js, an nRF52 with an LIS2DH). The pendant
keeps the last second in its sensor's FIFO; after an impact it connects, or is connected to, and
notifies 4C4D0001-6C61-6D70-6C69-676874000001:

    01 RR NN NN II CC | XX XX YY YY ZZ ZZ | ..

- R       samples a second
- N       number of the impact, low byte first
- I C     which part this is, from 0, and how many there are
- X Y Z   acceleration, signed, 1/1024 g, low byte first, oldest first

A fall needs about a second before the impact and two after it: at 50 Hz 150 samples, six parts.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers import _motion
from gateway.records import BadFrame, Device, Driver, Enrolled, Frame, Motion, Reading

BURST = "4c4d0001-6c61-6d70-6c69-676874000001"
VERSION, HEAD, SAMPLE = 1, 6, 6
PER_G = 1024
MOST_PARTS, LONGEST = 32, 244
RATES = range(25, 101)


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    device = _motion.wearer(frame, devices)
    motion(frame, device)
    return _motion.heard(device, frame)


def motion(frame: Frame, device: Device) -> Motion | None:
    """One part; `sequence` is 256 times the number of the impact, plus the part's."""
    data = frame.payload
    if len(data) == 1:
        return None
    if not HEAD + SAMPLE <= len(data) <= LONGEST or (len(data) - HEAD) % SAMPLE:
        raise BadFrame("length")
    version, rate_hz, part, parts = data[0], data[1], data[4], data[5]
    if version != VERSION:
        raise BadFrame("version")
    if rate_hz not in RATES or not part < parts <= MOST_PARTS:
        raise BadFrame("value")
    sequence = int.from_bytes(data[2:4], "little") << 8 | part
    samples = _motion.fixed(data[HEAD:], PER_G)
    return Motion(device.id, frame.at, rate_hz, samples, sequence, True, part == parts - 1)


def check(device: Device) -> str:
    return _motion.check(device, RATES)


def context(mapping: Mapping[str, object]) -> list[Device]:
    return _motion.context(DRIVER.name, mapping)


DRIVER = Driver(
    name="impact_pendant",
    transport="ble",
    title="Pendants that sleep until an impact (our open format): motion around it, over GATT",
    decode=decode,
    services=(BURST, _motion.BATTERY_LEVEL),
    longest=LONGEST,
    context=context,
    check=check,
    motion=motion,
)
