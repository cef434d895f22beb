"""HLK-LD2410 presence radars on their UART, basic and engineering reports.

    F4 F3 F2 F1 LL LL TT AA SS mm mm M ss ss S dd dd [gates..] 55 00 F8 F7 F6 F5

- L   length of what stands between it and the end mark, low byte first
- T   02 basic report, 01 engineering report (the same, then an energy for each distance gate)
- S   target: 00 nobody, 01 moving, 02 still, 03 both; 04..06 the module measures its own noise
- m s d  distances in cm (moving, still, detected), M S energies 0..100 of moving and still target

Hi-Link "LD2410 serial communication protocol" V1.02 and later, 2.3; field names as in the public
aio-ld2410. There is no checksum: the marks and the ranges are all that can be looked at, so a
message says presence and nothing more urgent. One module speaks on one port and names nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers._bits import alone_on_its_port, whole
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

HEAD, TAIL = b"\xf4\xf3\xf2\xf1", b"\xf8\xf7\xf6\xf5"
BASIC, ENGINEERING, MARK, CLOSING = 0x02, 0x01, 0xAA, b"\x55\x00"
OVERHEAD = 10
BASIC_DATA = 13
MOST_DATA = 64
"""An engineering report of nine gates has 35 bytes."""
SOMEBODY, CALIBRATING = range(4), range(4, 7)
MOST_ENERGY = 100


def measure(pending: bytes | bytearray, start: int) -> int | None:
    """How long the message at `start` is. Raises BadFrame."""
    head = bytes(pending[start : start + 4])
    if head[1:2] not in (b"", b"\xf3"):
        return 0
    if not HEAD.startswith(head):
        raise BadFrame("start")
    if len(pending) < start + 6:
        return None
    size = OVERHEAD + int.from_bytes(pending[start + 4 : start + 6], "little")
    if not OVERHEAD + BASIC_DATA <= size <= OVERHEAD + MOST_DATA:
        raise BadFrame("length")
    if len(pending) < start + size:
        return None
    if pending[start + size - 4 : start + size] != TAIL:
        raise BadFrame("end", size)
    return size


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    body = whole(measure, frame.payload)[6:-4]
    if body[1] != MARK or body[-2:] != CLOSING or not _has_its_length(body):
        raise BadFrame("report")
    device = devices.find(frame, frame.port)
    status, energies = body[2], (body[5], body[8])
    if max(energies) > MOST_ENERGY:
        raise BadFrame("value")
    if status in CALIBRATING:
        return [Reading(device.id, Quantity.SEEN, True, frame.at)]
    if status not in SOMEBODY:
        raise BadFrame("status")
    return [Reading(device.id, Quantity.PRESENCE, status != 0, frame.at)]


def _has_its_length(body: bytes) -> bool:
    if body[0] == BASIC:
        return len(body) == BASIC_DATA
    return body[0] == ENGINEERING and len(body) > BASIC_DATA


def context(mapping: Mapping[str, object]) -> list[Device]:
    return [Device("radar", DRIVER.name, "", DeviceKind.RADAR)]


DRIVER = Driver(
    name="ld2410",
    transport="serial",
    title="HLK-LD2410 presence radars",
    decode=decode,
    starts=HEAD[:1],
    measure=measure,
    longest=OVERHEAD + MOST_DATA,
    line=SerialLine(baud=256_000),
    context=context,
    check=alone_on_its_port,
    checked=False,
)
