"""Modbus over Serial Line V1.02: the frames that every Modbus driver shares.

    SS FF NN dd.. CC CC      answer to a read (functions 01 to 04): N bytes of data
    SS FF aa aa nn nn CC CC  our request: first address, how many
    SS FF+80 EE CC CC        exception E

CRC-16, low byte first. A reply does not say which registers it holds: the slave and the function
code tell which question it answers, and a driver asks each slave one question per function.
"""

from __future__ import annotations

from drivers._bits import crc16, whole
from gateway.records import BadFrame, Echo

READS = frozenset({0x01, 0x02, 0x03, 0x04})
SLAVE_NUMBERS = range(1, 248)
SLAVES = bytes(SLAVE_NUMBERS)
EXCEPTION = 0x80
REQUEST = 8
MOST_DATA = 64
"""Bytes of data in an answer. The standard allows 250; we never ask for more than this, and a
header that claims more is not believed."""
LONGEST = 5 + MOST_DATA


def measure(pending: bytes | bytearray, start: int) -> int | None:
    """How long the message at `start` is: an answer, an exception or a request. Raises BadFrame."""
    if len(pending) < start + 2:
        return None
    function = pending[start + 1]
    if function & ~EXCEPTION not in READS:
        raise BadFrame("function")
    if function & EXCEPTION:
        return _complete(pending, start, (5,))
    if len(pending) < start + 3:
        return None
    count = pending[start + 2]
    sizes = (5 + count,) if 0 < count <= MOST_DATA else ()
    if len(pending) < start + 5 or pending[start + 4] == 0:
        # Perhaps our own request: we never ask for more than 255.
        sizes = (*sizes, REQUEST)
    if not sizes:
        raise BadFrame("length")
    return _complete(pending, start, sizes)


def _complete(pending: bytes | bytearray, start: int, sizes: tuple[int, ...]) -> int | None:
    """Of the lengths it may have, the one whose checksum is right."""
    ready = [size for size in sizes if len(pending) >= start + size]
    for size in ready:
        end = start + size
        if crc16(pending[start : end - 2]) == pending[end - 2] | pending[end - 1] << 8:
            return size
    if len(ready) < len(sizes):
        return None
    raise BadFrame("checksum", sizes[0])


def answer(payload: bytes, function: int) -> tuple[int, bytes]:
    """Slave and data of an answer to `function`. Raises BadFrame, or Echo for a request."""
    data = whole(measure, payload)
    if data[1] & EXCEPTION:
        return data[0], b""
    if len(data) == REQUEST and data[2] != REQUEST - 5:
        raise Echo
    if data[1] != function:
        raise BadFrame("function")
    return data[0], data[3:-2]


def request(slave: int, function: int, first: int, count: int) -> bytes:
    body = bytes([slave, function]) + first.to_bytes(2, "big") + count.to_bytes(2, "big")
    return body + crc16(body).to_bytes(2, "little")
