"""60 GHz radars that speak TinyFrame: Seeed MR60BHA2 and MR60FDA2, the HLK-LD6002 family.

    01 II II LL LL TT TT HH dd.. DD

- I   number of the frame; L length of the data; T type; all high byte first
- H   inverted XOR of the seven bytes before
- d D data and its inverted XOR; a frame without data ends with H

    0E02 fall       1 byte  00 no, 01 yes
    0F09 somebody   1 or 2 bytes, low first: 00 no, 01 yes
    0A14 breath     float, low byte first, 1/min; 0 = no good signal
    0A15 heart      float, low byte first, 1/min; 0 = no good signal

Other types (phases, distances, point clouds, answers) are a sign of life of the module. Layout
from Seeed's public library and ESPHome's components of these modules. Of a radar that is enrolled
as a bed's sensor, "somebody" is somebody in that bed.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

from drivers._bits import alone_on_its_port, inverted_xor, rate, whole
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
)

START = 0x01
HEADER = 8
MOST_DATA = 1024
"""A point cloud of fifty points."""
FALL, SOMEBODY, BREATH, HEART = 0x0E02, 0x0F09, 0x0A14, 0x0A15
RATES = {BREATH: Quantity.BREATH_RATE, HEART: Quantity.HEART_RATE}


def measure(pending: bytes | bytearray, start: int) -> int | None:
    """How long the message at `start` is. Raises BadFrame."""
    if pending[start] != START:
        raise BadFrame("start")
    if len(pending) < start + HEADER:
        return None
    if inverted_xor(pending[start : start + HEADER - 1]) != pending[start + HEADER - 1]:
        raise BadFrame("header_checksum")
    count = int.from_bytes(pending[start + 3 : start + 5], "big")
    if count > MOST_DATA:
        raise BadFrame("length")
    size = HEADER + count + 1 if count else HEADER
    if len(pending) < start + size:
        return None
    if (
        count
        and inverted_xor(pending[start + HEADER : start + size - 1]) != pending[start + size - 1]
    ):
        raise BadFrame("checksum", size)
    return size


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    message = whole(measure, frame.payload)
    device = devices.find(frame, frame.port)
    kind, data = int.from_bytes(message[5:7], "big"), message[HEADER:-1]
    if kind in RATES:
        return [rate(device, RATES[kind], _number(data), frame)]
    if kind == FALL:
        return [Reading(device.id, Quantity.FALL, _yes(data, 1), frame.at)]
    if kind == SOMEBODY:
        in_bed = device.kind is DeviceKind.BED
        quantity = Quantity.BED_OCCUPIED if in_bed else Quantity.PRESENCE
        return [Reading(device.id, quantity, _yes(data, 2), frame.at)]
    return [Reading(device.id, Quantity.SEEN, True, frame.at)]


def _yes(data: bytes, longest: int) -> bool:
    if not 1 <= len(data) <= longest:
        raise BadFrame("length")
    value = int.from_bytes(data, "little")
    if value > 1:
        raise BadFrame("status")
    return bool(value)


def _number(data: bytes) -> float:
    if len(data) != 4:
        raise BadFrame("length")
    (value,) = struct.unpack("<f", data)
    if not math.isfinite(value):
        raise BadFrame("value")
    return float(f"{value:.7g}")  # what the module meant: 16.4, not 16.399999618530273


def context(mapping: Mapping[str, object]) -> list[Device]:
    kind = DeviceKind(str(mapping.get("kind", DeviceKind.RADAR.value)))
    return [Device("radar", DRIVER.name, "", kind)]


DRIVER = Driver(
    name="seeed_tinyframe",
    transport="serial",
    title="60 GHz radars Seeed MR60BHA2, MR60FDA2 and HLK-LD6002: fall, presence, breath, heart",
    decode=decode,
    starts=bytes([START]),
    measure=measure,
    longest=HEADER + MOST_DATA + 1,
    line=SerialLine(baud=115_200),
    context=context,
    check=alone_on_its_port,
)
