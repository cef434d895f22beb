"""The last two days of a home as strips of half-hours, one a room, beside what is usual.

Pure: readings in, characters out. A dark cell was lively, a dot was quiet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo

import msgspec

from gateway.records import Instant, Quantity, Reading

CELL_S = 1800.0
CELLS = 48
DAYS = 2
LIVELY = frozenset(
    {
        Quantity.MOTION,
        Quantity.PRESENCE,
        Quantity.CONTACT_OPEN,
        Quantity.BED_OCCUPIED,
        Quantity.SWITCH_ON,
        Quantity.BUTTON,
    }
)
SHADES = "·░▒▓█"


class Strip(msgspec.Struct, frozen=True):
    room: str
    lately: str
    """The last 48 h, oldest half-hour first."""
    usual: str
    """The same hours of the clock, shaded by how often they were lively before."""


def strips(
    readings: Iterable[Reading], rooms: Mapping[str, str], now: Instant, zone: tzinfo
) -> list[Strip]:
    """`rooms`: device -> room. What has no trusted time of day is left out."""
    offset = now.local(zone).utcoffset()
    last = int((now.wall + (offset.total_seconds() if offset else 0.0)) // CELL_S)
    shift = last - int(now.wall // CELL_S)
    lively: dict[str, set[int]] = {room: set() for room in rooms.values()}
    oldest = last
    for reading in readings:
        room = rooms.get(reading.device)
        if room is None or reading.quantity not in LIVELY or not reading.at.trusted:
            continue
        cell = int(reading.at.wall // CELL_S) + shift
        oldest = min(oldest, cell)
        if reading.value:
            lively[room].add(cell)
    first = last - DAYS * CELLS + 1
    days = max(0, (first - oldest) // CELLS)
    return [_strip(room, cells, first, days) for room, cells in lively.items()]


def _strip(room: str, cells: set[int], first: int, days: int) -> Strip:
    span = range(first, first + DAYS * CELLS)
    lately = "".join("█" if cell in cells else "·" for cell in span)
    usual = "".join(_shade(cells, cell, first, days) for cell in span)
    return Strip(room, lately, usual)


def _shade(cells: set[int], cell: int, first: int, days: int) -> str:
    """How many of the days before were lively at this half-hour."""
    if days < 1:
        return " "
    back = (cell - first) // CELLS
    times = sum(cell - (back + day) * CELLS in cells for day in range(1, days + 1))
    return SHADES[min(round(times / days * (len(SHADES) - 1) + 0.3), len(SHADES) - 1)]
