"""Meters that answer on a wire, written from the standards and not from our drivers.

Each hears the hub's bytes one at a time and decides by itself what was asked of it. What it shows
comes from a function, so that a home can let the water run.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.simulate.wires import Fault

WAKE_UP = b"\xfe\xfe\xfe"
KEPT = 300
"""Bytes a device remembers of a request; longer ones do not exist in these protocols."""


def sum_of(message: bytes) -> int:
    return sum(message) % 256


def bcd(number: int, size: int) -> bytes:
    """`size` bytes of packed decimal digits, the lowest pair first. Wraps like a register."""
    digits = str(number % 10 ** (2 * size)).zfill(2 * size)
    return bytes.fromhex(digits)[::-1]


class WaterMeter:
    """CJ/T 188-2004 cold water meter whose register counts litres.

    Clause 6: 68 T A0..A6 C L DI0 DI1 SER CS 16 asks, C = 01 reads, DI 901F is the current volume.
    """

    def __init__(self, number: str, litres: Callable[[], float], baud: int = 0) -> None:
        self.fault = Fault.NONE
        self.baud = baud
        self.low_battery = False
        self.closed_valve = False
        self._address = bytes.fromhex(number)[::-1]
        self._litres = litres
        self._heard = bytearray()

    def hear(self, sent: bytes) -> bytes:
        answer = b""
        for byte in sent:
            self._heard.append(byte)
            del self._heard[:-KEPT]
            if byte == 0x16:
                answer = self._asked() or answer
        return answer

    def _asked(self) -> bytes:
        """A stop byte came: the answer if a read request for this meter ends here."""
        request = bytes(self._heard[-16:])
        if len(request) < 16 or request[0] != 0x68 or request[9:11] != b"\x01\x03":
            return b""
        if sum_of(request[:14]) != request[14] or request[2:9] not in (self._address, b"\xaa" * 7):
            return b""
        self._heard.clear()
        if request[11:13] not in (b"\x90\x1f", b"\x1f\x90"):
            return self._framed(request[1], b"\xc1", request[13:14] + b"\x02\x00")
        return self._framed(request[1], b"\x81", request[11:14] + self._volumes())

    def _volumes(self) -> bytes:
        # Unit 29 is litres; the two decimals that every volume has stay zero.
        now = bcd(int(self._litres()) * 100, 4) + b"\x29"
        clock = bytes.fromhex("00000001012620")
        status = (4 if self.low_battery else 0) | (1 if self.closed_valve else 0)
        return now + now + clock + bytes([status, 0])

    def _framed(self, kind: int, control: bytes, body: bytes) -> bytes:
        number = b"\x99" * 7 if self.fault is Fault.FOREIGN else self._address
        message = bytes([0x68, kind]) + number + control + bytes([len(body)]) + body
        return WAKE_UP + message + bytes([sum_of(message), 0x16])


class ElectricityMeter:
    """DL/T 645-2007 single-phase meter: total energy, voltage, current, power.

    Clause 5: 68 A0..A5 68 C L DATA CS 16, every data byte sent with 33h added.
    """

    def __init__(
        self, number: str, watts: Callable[[], float], kwh: Callable[[], float], baud: int = 0
    ) -> None:
        self.fault = Fault.NONE
        self.baud = baud
        self.volts = 228.4
        self._address = bytes.fromhex(number)[::-1]
        self._watts = watts
        self._kwh = kwh
        self._heard = bytearray()

    def hear(self, sent: bytes) -> bytes:
        answer = b""
        for byte in sent:
            self._heard.append(byte)
            del self._heard[:-KEPT]
            if byte == 0x16:
                answer = self._asked() or answer
        return answer

    def _asked(self) -> bytes:
        """A stop byte came: the answer if a read request for this meter ends here."""
        request = bytes(self._heard[-16:])
        if len(request) < 16 or (request[0], request[7]) != (0x68, 0x68):
            return b""
        if sum_of(request[:14]) != request[14] or request[8:10] != b"\x11\x04":
            return b""
        if request[1:7] not in (self._address, b"\xaa" * 6):
            return b""
        self._heard.clear()
        asked = bytes((byte - 0x33) % 256 for byte in request[10:14])
        value = self._value(int.from_bytes(asked, "little"))
        return self._framed(b"\x91", asked + value) if value else self._framed(b"\xd1", b"\x02")

    def _value(self, item: int) -> bytes:
        """Annex A: what stands behind a data identifier; nothing if the meter has no such."""
        watts = self._watts()
        absent = b"\xff"
        if item == 0x00000000:
            return bcd(int(self._kwh() * 100), 4)
        volts = bcd(round(self.volts * 10), 2)
        amperes = bcd(round(watts / self.volts * 1000), 3)
        power = bcd(round(watts * 10), 3)
        return {
            0x02010100: volts,
            0x0201FF00: volts + absent * 4,
            0x02020100: amperes,
            0x0202FF00: amperes + absent * 6,
            0x02030000: power,
            0x0203FF00: power + power + absent * 6,
        }.get(item, b"")

    def _framed(self, control: bytes, body: bytes) -> bytes:
        number = b"\x99" * 6 if self.fault is Fault.FOREIGN else self._address
        coded = bytes((byte + 0x33) % 256 for byte in body)
        message = b"\x68" + number + b"\x68" + control + bytes([len(coded)]) + coded
        return WAKE_UP + b"\xfe" + message + bytes([sum_of(message), 0x16])


class MBusMeter:
    """EN 13757 water meter behind a level converter: SND_NKE, REQ_UD2 with its frame count bit,
    and selection by identification number.
    """

    def __init__(
        self, primary: int, number: str, litres: Callable[[], float], baud: int = 0
    ) -> None:
        self.fault = Fault.NONE
        self.baud = baud
        self._primary = primary
        self._number = bytes.fromhex(number)[::-1]
        self._litres = litres
        self._heard = bytearray()
        self._selected = False
        self._frame_count = -1
        self._last = b""
        self._access = 0

    def hear(self, sent: bytes) -> bytes:
        answer = b""
        for byte in sent:
            self._heard.append(byte)
            del self._heard[:-KEPT]
            if byte == 0x16:
                answer = self._asked() or answer
        return answer

    def _asked(self) -> bytes:
        """A stop byte came: the end of a short frame or of a selection, perhaps."""
        last = bytes(self._heard[-5:])
        if len(last) == 5 and last[0] == 0x10 and sum_of(last[1:3]) == last[3]:
            return self._short(last[1], last[2])
        last = bytes(self._heard[-17:])
        if last[:7] == b"\x68\x0b\x0b\x68\x53\xfd\x52" and sum_of(last[4:15]) == last[15]:
            return self._select(last[7:11])
        return b""

    def _short(self, control: int, primary: int) -> bytes:
        if primary not in (self._primary, 0xFE) and not (primary == 0xFD and self._selected):
            return b""
        self._heard.clear()
        if control == 0x40:
            self._frame_count = -1
            return b"\xe5"
        if control & 0xCF != 0x4B:
            return b""
        count = control >> 5 & 1
        if count != self._frame_count:
            # A toggled bit asks for the next telegram, the same bit for the last one again.
            self._frame_count = count
            self._last = self._telegram()
        return self._last

    def _select(self, number: bytes) -> bytes:
        self._heard.clear()
        self._selected = number == self._number
        self._frame_count = -1
        return b"\xe5" if self._selected else b""

    def _telegram(self) -> bytes:
        """RSP_UD with a fixed header and one record: present volume, litres, 8 BCD digits."""
        foreign = self.fault is Fault.FOREIGN
        number = b"\x99" * 4 if foreign else self._number
        self._access = (self._access + 1) % 256
        # LMP as manufacturer, version 1, medium 06 warm water, status 0, no signature.
        header = number + b"\xb0\x31" + b"\x01\x06" + bytes([self._access, 0, 0, 0])
        record = b"\x0c\x13" + bcd(int(self._litres()), 4)
        primary = 99 if foreign else self._primary
        body = bytes([0x08, primary, 0x72]) + header + record
        size = bytes([len(body)])
        return b"\x68" + size + size + b"\x68" + body + bytes([sum_of(body), 0x16])
