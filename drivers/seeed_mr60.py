"""60 GHz radars Seeed MR60BHA1 (breath and heart in bed) and MR60FDA1 (falls); R60ABD1 alike.

    53 59 CC MM LL LL dd.. SS 54 43

- C M  control word and command; L length of the data, high byte first
- S    sum of everything before it, modulo 256

    80 01 presence  00 nobody, 01 somebody
    81 02 breath    1/min; 0 = no good signal
    83 01 fall      00 no, 01 yes
    84 01 bed       00 left, 01 in it, 02 the module does not watch for it
    85 02 heart     1/min; 0 = no good signal

Everything else (movement, distance, waves, sleep statistics, heartbeat 01 01) is a sign of life of
the module. Seeed's MR60BHA1 and MR60FDA1 user manuals and public libraries.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers._bits import alone_on_its_port, rate, sum8, whole
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

HEAD, TAIL = b"\x53\x59", b"\x54\x43"
OVERHEAD = 9
MOST_DATA = 64
"""The longest one documented, a product's name, is shorter."""
STATES = {
    (0x80, 0x01): Quantity.PRESENCE,
    (0x83, 0x01): Quantity.FALL,
    (0x84, 0x01): Quantity.BED_OCCUPIED,
}
RATES = {(0x81, 0x02): Quantity.BREATH_RATE, (0x85, 0x02): Quantity.HEART_RATE}
NOT_WATCHED = 2


def measure(pending: bytes | bytearray, start: int) -> int | None:
    """How long the message at `start` is. Raises BadFrame."""
    if pending[start] != HEAD[0]:
        raise BadFrame("start")
    if len(pending) > start + 1 and pending[start + 1] != HEAD[1]:
        return 0
    if len(pending) < start + 6:
        return None
    size = OVERHEAD + int.from_bytes(pending[start + 4 : start + 6], "big")
    if size > OVERHEAD + MOST_DATA:
        raise BadFrame("length")
    end = start + size
    if len(pending) < end:
        return None
    if pending[end - 2 : end] != TAIL:
        raise BadFrame("end", size)
    if sum8(pending[start : end - 3]) != pending[end - 3]:
        raise BadFrame("checksum", size)
    return size


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    message = whole(measure, frame.payload)
    device = devices.find(frame, frame.port)
    command, data = (message[2], message[3]), message[6:-3]
    if command in RATES:
        return [rate(device, RATES[command], float(_byte(data)), frame)]
    state = STATES.get(command)
    if state is None:
        return [Reading(device.id, Quantity.SEEN, True, frame.at)]
    value = _byte(data)
    if state is Quantity.BED_OCCUPIED and value == NOT_WATCHED:
        return [Reading(device.id, Quantity.SEEN, True, frame.at)]
    if value > 1:
        raise BadFrame("status")
    return [Reading(device.id, state, bool(value), frame.at)]


def _byte(data: bytes) -> int:
    if len(data) != 1:
        raise BadFrame("length")
    return data[0]


def context(mapping: Mapping[str, object]) -> list[Device]:
    return [Device("radar", DRIVER.name, "", DeviceKind.RADAR)]


DRIVER = Driver(
    name="seeed_mr60",
    transport="serial",
    title="60 GHz radars Seeed MR60BHA1 and MR60FDA1: in bed, breath, heart, fall",
    decode=decode,
    starts=HEAD[:1],
    measure=measure,
    longest=OVERHEAD + MOST_DATA,
    line=SerialLine(baud=115_200),
    context=context,
    check=alone_on_its_port,
)
