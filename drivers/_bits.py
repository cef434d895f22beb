"""Checksums, BCD and whole messages: what several wired protocols share."""

from __future__ import annotations

from gateway.records import BadFrame, Device, Frame, Measure, Quantity, Reading


def whole(measure: Measure, payload: bytes) -> bytes:
    """The payload, if it is exactly one message. Raises BadFrame, also on a wrong checksum."""
    if not payload or measure(payload, 0) != len(payload):
        raise BadFrame("length")
    return payload


def sum8(data: bytes | bytearray) -> int:
    """The arithmetic sum modulo 256 (CJ/T 188, DL/T 645, M-Bus)."""
    return sum(data) & 0xFF


def summed(
    pending: bytes | bytearray, start: int, size: int, last: int, header: int = 0
) -> int | None:
    """The size of a message whose last two bytes are the sum of all before them, without the first
    `header` bytes, and `last`; None while it is not complete. Raises BadFrame, with the size that
    the message claims."""
    end = start + size
    if len(pending) < end:
        return None
    if pending[end - 1] != last:
        raise BadFrame("end", size)
    if sum8(pending[start + header : end - 2]) != pending[end - 2]:
        raise BadFrame("checksum", size)
    return size


def _crc16_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ 0xA001 if byte & 1 else byte >> 1
    return byte


CRC16 = tuple(map(_crc16_of_byte, range(256)))


def crc16(data: bytes | bytearray, crc: int = 0xFFFF) -> int:
    """CRC-16/MODBUS: polynomial A001 reflected, begins with FFFF; sent low byte first. Begun with
    0 it is CRC-16/ARC (DSMR P1)."""
    for byte in data:
        crc = crc >> 8 ^ CRC16[(crc ^ byte) & 0xFF]
    return crc


def bcd(data: bytes) -> int:
    """A packed decimal number, low byte first. Raises BadFrame if a digit is above 9."""
    digits = data[::-1].hex()
    if not digits.isdecimal():
        raise BadFrame("bcd")
    return int(digits)


def address(data: bytes) -> str:
    """A meter's number as its label shows it, high digit first."""
    return data[::-1].hex().upper()


def address_bytes(text: str, size: int) -> bytes:
    """A meter's number as it goes on the wire, low byte first, filled up with leading zeros."""
    return bytes.fromhex(text.rjust(size * 2, "0"))[::-1]


def is_number(text: str, digits: int = 0, among: range | None = None) -> bool:
    """Whether a device's address is a decimal number of so many digits, or one of these."""
    plain = text.isascii() and text.isdecimal()
    return plain and (len(text) == digits if among is None else int(text) in among)


def cubic_metres(count: int, unit: int) -> float:
    """A count in a volume unit of EN 1434-3's table (CJ/T 188 and M-Bus' fixed structure share
    it): 26h ml, 29h l, 2Ch m3, each next code ten times as much. Raises BadFrame on another."""
    if not 0x26 <= unit <= 0x2E:
        raise BadFrame("unit")
    return scaled(count, unit - 0x2C)


def scaled(count: float, exponent: int) -> float:
    """count x 10^exponent, as exactly as a float can say it (21.81, not 21.810000000000002)."""
    return count * 10.0**exponent if exponent >= 0 else count / 10.0**-exponent


def flag(device: Device, quantity: Quantity, bit: int | bool, frame: Frame) -> Reading:
    """A warning bit of a status byte: told when it is set, implied when it is not."""
    return Reading(device.id, quantity, bool(bit), frame.at, implied=not bit)


def inverted_xor(data: bytes | bytearray) -> int:
    """All bytes XORed, and every bit of that turned round (TinyFrame)."""
    mixed = 0xFF
    for byte in data:
        mixed ^= byte
    return mixed


def alone_on_its_port(device: Device) -> str:
    """What is wrong with the address of a device whose messages name nobody."""
    if device.address == device.port:
        return ""
    return "the address is its port's name: it is alone on it, and its messages name nobody"


RATES = {Quantity.HEART_RATE: 250.0, Quantity.BREATH_RATE: 80.0}
"""The highest per minute that a living person has; above, something else was measured."""


def rate(device: Device, quantity: Quantity, value: float, frame: Frame) -> Reading:
    """A heart or breath rate; without a good signal, only that the sensor is alive. Raises
    BadFrame."""
    if value == 0:
        return Reading(device.id, Quantity.SEEN, True, frame.at)
    if not 1 <= value <= RATES[quantity]:
        raise BadFrame("value")
    return Reading(device.id, quantity, value, frame.at)
