"""The records of an M-Bus telegram, read by pyMeterBus: which one is the meter's present total.

pyMeterBus splits the records and knows the units. The number itself is taken from the bytes: its
BCD reads an F as a digit, and its floats print as 0.332000000000000017.
"""

from __future__ import annotations

import math
from typing import Any

import meterbus

from drivers._bits import bcd, scaled
from gateway.records import BadFrame

EXTENDED = 0xFB
KWH_PER_J = 3.6e6
EXTENSION_BIT = 0x80
NO_ERROR = 0x00
"""The one qualifier that changes nothing: a record error code that says none."""
REAL = meterbus.DataEncoding.ENCODING_REAL
DECIMAL = meterbus.DataEncoding.ENCODING_BCD
INTEGER = meterbus.DataEncoding.ENCODING_INTEGER
UNITS = (meterbus.MeasureUnit.M3, meterbus.MeasureUnit.WH, meterbus.MeasureUnit.J)
PRESENT = meterbus.FunctionType.INSTANTANEOUS_VALUE


def present_total(data: bytes, unit: str) -> float | None:
    """In m3 for "m^3", in kWh for "Wh" (joules are taken too); None if the telegram has none.

    Raises BadFrame("records") if the records do not add up.
    """
    for record in _records(data):
        meaning = _meaning(record) if _is_present(record) else None
        count = _count(record) if meaning else None
        if meaning is None or count is None:
            continue
        exponent, found = meaning
        if found == unit == "m^3":
            return scaled_total(count, exponent)
        if found == unit == "Wh":
            return scaled_total(count, exponent - 3)
        if found == "J" and unit == "Wh":
            return round(count * 10.0**exponent / KWH_PER_J, 6)
    return None


def more_follows(data: bytes) -> bool:
    """Whether the meter has another telegram to tell (DIF 1F)."""
    try:
        return any(record.more_records_follow for record in _records(data))
    except BadFrame:
        return False


def scaled_total(count: float, exponent: int) -> float:
    return scaled(count, exponent) if isinstance(count, int) else round(scaled(count, exponent), 6)


def _records(data: bytes) -> list[Any]:
    try:
        records: list[Any] = meterbus.TelegramLong.parse(list(data)).records
    except (meterbus.MBusFrameDecodeError, LookupError, ValueError):
        raise BadFrame("records") from None
    return records


def _is_present(record: Any) -> bool:
    """Now, not at a due date; the whole meter, not one tariff or subunit; not a maximum."""
    head = record.dib
    return bool(not head.is_eoud and head.function_type is PRESENT and not any(head.parse_dife()))


def _meaning(record: Any) -> tuple[int, str] | None:
    """The unit and its power of ten, unless a qualifier makes it something else."""
    parts = record.vib.parts
    if not parts or parts[-1] & EXTENSION_BIT:
        return None
    if len(parts) == 2 and parts[0] == EXTENDED:
        row = meterbus.VIFTable.lut.get(parts[1] | 0x200)
    elif len(parts) == 1 or parts[1:] == [NO_ERROR]:
        row = meterbus.VIFTable.lut.get(parts[0] & ~EXTENSION_BIT)
    else:
        return None
    if row is None or row[1] not in UNITS:
        return None
    return round(math.log10(row[0])), row[1].value


def _count(record: Any) -> float | None:
    """The number as it stands; None where the meter says that it has none. Raises BadFrame."""
    size, encoding = record.dib.length_encoding
    field = bytes(record.dataField.parts)
    if encoding not in (REAL, DECIMAL, INTEGER):
        return None
    if len(field) != size:
        raise BadFrame("records")
    if encoding is REAL:
        value = float(record.dataField.decodeReal)
        return value if math.isfinite(value) else None
    if encoding is DECIMAL:
        return bcd(field) if field.hex().isdecimal() else None
    # The most negative number stands for "no value" (EN 13757-3, type B).
    return (
        None
        if field == b"\0" * (size - 1) + b"\x80"
        else int.from_bytes(field, "little", signed=True)
    )
