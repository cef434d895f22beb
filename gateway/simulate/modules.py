"""Modbus-RTU devices that answer on a wire: a digital-input module and a gas alarm.

Written from "Modbus over Serial Line V1.02" and not from our drivers. A request for one of these
functions is eight bytes with a CRC over the first six, so each device looks at the last eight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.simulate.wires import Fault

REQUEST = 8
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2


def crc(message: bytes) -> bytes:
    """CRC-16 of Modbus, bit by bit as in the standard's appendix B, low byte first."""
    register = 0xFFFF
    for byte in message:
        register ^= byte
        for _ in range(8):
            carry = register & 1
            register >>= 1
            if carry:
                register ^= 0xA001
    return bytes([register & 0xFF, register >> 8])


class RequestEar:
    """Finds the requests for one slave in a stream of bytes, whatever lies between them."""

    def __init__(self, slave: int) -> None:
        self._slave = slave
        self._last = bytearray()

    def requests(self, sent: bytes) -> list[tuple[int, int, int]]:
        """(function, first, count) of every request that these bytes complete."""
        found = []
        for byte in sent:
            self._last.append(byte)
            del self._last[:-REQUEST]
            if len(self._last) == REQUEST and self._last[0] == self._slave:
                body, check = bytes(self._last[:6]), bytes(self._last[6:])
                if crc(body) == check:
                    found.append((body[1], body[2] * 256 + body[3], body[4] * 256 + body[5]))
                    self._last.clear()
        return found


class InputModule:
    """Digital inputs, function 02. `closed()` says which circuits are closed, input 1 first."""

    def __init__(self, slave: int, closed: Callable[[], Sequence[bool]], baud: int = 0) -> None:
        self.fault = Fault.NONE
        self.baud = baud
        self._slave = slave
        self._closed = closed
        self._ear = RequestEar(slave)

    def hear(self, sent: bytes) -> bytes:
        return b"".join(self._answer(*request) for request in self._ear.requests(sent))

    def _answer(self, function: int, first: int, count: int) -> bytes:
        slave = self._slave + (100 if self.fault is Fault.FOREIGN else 0)
        if function != 2:
            return framed(slave, function | 0x80, bytes([ILLEGAL_FUNCTION]))
        closed = list(self._closed())
        if count < 1 or first + count > len(closed):
            return framed(slave, function | 0x80, bytes([ILLEGAL_ADDRESS]))
        bits = bytearray((count + 7) // 8)
        for n in range(count):
            bits[n // 8] |= closed[first + n] << n % 8
        return framed(slave, function, bytes([len(bits)]) + bits)


class GasAlarm:
    """Registers 0 (concentration, 0.1 %LEL) and 1 (bits: low alarm, high alarm, sensor fault)."""

    def __init__(self, slave: int, registers: Callable[[], tuple[int, int]], baud: int = 0) -> None:
        self.fault = Fault.NONE
        self.baud = baud
        self._slave = slave
        self._registers = registers
        self._ear = RequestEar(slave)

    def hear(self, sent: bytes) -> bytes:
        return b"".join(self._answer(*request) for request in self._ear.requests(sent))

    def _answer(self, function: int, first: int, count: int) -> bytes:
        slave = self._slave + (100 if self.fault is Fault.FOREIGN else 0)
        if function not in (3, 4):
            return framed(slave, function | 0x80, bytes([ILLEGAL_FUNCTION]))
        values = self._registers()[first : first + count]
        if not values or len(values) != count:
            return framed(slave, function | 0x80, bytes([ILLEGAL_ADDRESS]))
        body = b"".join(value.to_bytes(2, "big") for value in values)
        return framed(slave, function, bytes([len(body)]) + body)


def framed(slave: int, function: int, body: bytes) -> bytes:
    message = bytes([slave, function]) + body
    return message + crc(message)
