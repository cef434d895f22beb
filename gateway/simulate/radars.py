"""What speaks by itself on a wire: radars over a bed and under a ceiling, and a meter's P1 port.

Written from the makers' protocols (Seeed's and Hi-Link's manuals, "P1 Companion Standard" 5.0.2)
and not from our drivers. What each shows comes from a function, so that a home can live.
"""

from __future__ import annotations

import asyncio
import functools
import operator
import struct
from collections.abc import Callable
from typing import Protocol

import msgspec

from gateway.simulate.wires import Wire


class Talker(Protocol):
    def says(self) -> bytes:
        """What it sends now."""


async def speak(wire: Wire, talker: Talker, every_s: float) -> None:
    """For ever, in real seconds, whether anybody listens or not."""
    while True:
        wire.babble(talker.says())
        await asyncio.sleep(every_s)


class Sleeper(msgspec.Struct):
    """Whom a radar over the bed sees."""

    in_bed: bool = False
    fallen: bool = False
    heart: float = 62.0
    breath: float = 14.0


class CeilingRadar:
    """HLK-LD2410, basic reports: somebody sits still three metres away, or nobody is there."""

    def __init__(self, somebody: Callable[[], bool]) -> None:
        self._somebody = somebody

    def says(self) -> bytes:
        still = self._somebody()
        target = struct.pack("<BHBHBH", 2 * still, 0, 0, 300 * still, 80 * still, 300 * still)
        report = b"\x02\xaa" + target + b"\x55\x00"
        length = len(report).to_bytes(2, "little")
        return b"\xf4\xf3\xf2\xf1" + length + report + b"\xf8\xf7\xf6\xf5"


class BedRadar:
    """Seeed MR60BHA2 over a bed, with MR60FDA2's falls: TinyFrame, numbered from 0."""

    def __init__(self, sleeper: Callable[[], Sleeper]) -> None:
        self._sleeper = sleeper
        self._number = 0

    def says(self) -> bytes:
        seen = self._sleeper()
        heart, breath = (seen.heart, seen.breath) if seen.in_bed else (0.0, 0.0)
        return b"".join(
            (
                self._frame(0x0F09, struct.pack("<H", seen.in_bed)),
                self._frame(0x0A14, struct.pack("<f", breath)),
                self._frame(0x0A15, struct.pack("<f", heart)),
                self._frame(0x0E02, struct.pack("<B", seen.fallen)),
            )
        )

    def _frame(self, kind: int, body: bytes) -> bytes:
        head = struct.pack(">BHHH", 1, self._number, len(body), kind)
        self._number = (self._number + 1) % 0x10000
        return head + _inverted(head) + body + _inverted(body)


class SleepRadar:
    """Seeed MR60BHA1 (or R60ABD1) in its sleep mode."""

    def __init__(self, sleeper: Callable[[], Sleeper]) -> None:
        self._sleeper = sleeper

    def says(self) -> bytes:
        seen = self._sleeper()
        told = {
            (0x80, 0x01): seen.in_bed,
            (0x84, 0x01): seen.in_bed,
            (0x81, 0x02): round(seen.breath) * seen.in_bed,
            (0x85, 0x02): round(seen.heart) * seen.in_bed,
            (0x83, 0x01): seen.fallen,
        }
        return b"".join(self._frame(*command, value) for command, value in told.items())

    def _frame(self, control: int, command: int, value: int) -> bytes:
        message = bytes([0x53, 0x59, control, command, 0x00, 0x01, value])
        return message + bytes([sum(message) % 256]) + b"\x54\x43"


class P1Port:
    """DSMR 5 electricity meter, single phase."""

    def __init__(self, number: str, watts: Callable[[], float], kwh: Callable[[], float]) -> None:
        self._number = number
        self._watts = watts
        self._kwh = kwh

    def says(self) -> bytes:
        lines = (
            "/SIM5\\demo",
            "",
            "1-3:0.2.8(50)",
            f"0-0:96.1.1({self._number.encode().hex().upper()})",
            f"1-0:1.8.1({self._kwh():010.3f}*kWh)",
            f"1-0:1.7.0({self._watts() / 1000:06.3f}*kW)",
            "!",
        )
        telegram = "\r\n".join(lines).encode()
        return telegram + b"%04X\r\n" % _arc(telegram)


def _inverted(part: bytes) -> bytes:
    return bytes([functools.reduce(operator.xor, part, 0) ^ 0xFF])


def _arc(message: bytes) -> int:
    """CRC-16/ARC, bit by bit: x^16 + x^15 + x^2 + 1, least significant bit first, from 0."""
    register = 0
    for byte in message:
        register ^= byte
        for _ in range(8):
            register, carry = register >> 1, register & 1
            register ^= 0xA001 if carry else 0
    return register
