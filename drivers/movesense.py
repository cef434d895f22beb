"""Movesense sensors as a pendant: acceleration by the GATT SensorData Protocol (GSP) version 1.

Written to 34800001, what we want; R is a reference of our choice:

    01 RR "/Meas/Acc/52"

Told by 34800002, low byte first:

    02 RR TT TT TT TT | XX*4 YY*4 ZZ*4 | ..     samples
    01 RR SS SS ..                              an answer; S as in HTTP

- T       the sensor's clock in ms at the first sample
- X Y Z   acceleration in m/s2, 32-bit floats, gravity included

movesense.com/docs/esw/gatt_sensordata_protocol, and acc.yaml of the Movesense device library.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers import _motion
from gateway.records import BadFrame, Device, Driver, Enrolled, Frame, Motion, Reading

COMMANDS = "34800001-7185-4d5d-b431-630e7050e8f0"
DATA = "34800002-7185-4d5d-b431-630e7050e8f0"
SUBSCRIBE, ANSWER, SAMPLES = 1, 1, 2
REFERENCE = 0x4C
STANDARD_GRAVITY = 9.80665
HEAD, SAMPLE, MOST = 6, 12, 20
USUAL_HZ = 52
RATES = (26, 52)
FAILED = 400


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    device = _motion.wearer(frame, devices)
    motion(frame, device)
    return _motion.heard(device, frame)


def motion(frame: Frame, device: Device) -> Motion | None:
    data = frame.payload
    if len(data) == 1:
        return None
    if len(data) < 4 or data[1] != REFERENCE:
        raise BadFrame("length" if len(data) < 4 else "reference")
    if data[0] == ANSWER:
        _granted(data)
        return None
    if data[0] != SAMPLES:
        raise BadFrame("type")
    count, rest = divmod(len(data) - HEAD, SAMPLE)
    if rest or not 1 <= count <= MOST:
        raise BadFrame("length")
    samples = _motion.floats(data[HEAD:], STANDARD_GRAVITY)
    clock_ms = int.from_bytes(data[2:HEAD], "little")
    return Motion(device.id, frame.at, _motion.rate(device, USUAL_HZ), samples, clock_ms)


def _granted(data: bytes) -> None:
    if int.from_bytes(data[2:4], "little") >= FAILED:
        raise BadFrame("refused")


def greeting(device: Device) -> list[tuple[str, bytes]]:
    path = f"/Meas/Acc/{_motion.rate(device, USUAL_HZ)}"
    return [(COMMANDS, bytes([SUBSCRIBE, REFERENCE]) + path.encode("ascii"))]


def check(device: Device) -> str:
    return _motion.check(device, RATES)


def context(mapping: Mapping[str, object]) -> list[Device]:
    return _motion.context(DRIVER.name, mapping)


DRIVER = Driver(
    name="movesense",
    transport="ble",
    title="Movesense sensors as a pendant: motion for the fall detector, over GATT",
    decode=decode,
    services=(DATA, _motion.BATTERY_LEVEL),
    longest=HEAD + MOST * SAMPLE,
    context=context,
    check=check,
    motion=motion,
    greeting=greeting,
)
