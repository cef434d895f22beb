"""The picture of the day: what happened lately beside what usually happens."""

from __future__ import annotations

from gateway.records import Quantity, Reading
from gateway.strip import CELLS, strips
from tests.household import SHANGHAI, after, local

NOW = local("2026-09-22 12:00")


def breakfasts(days: int) -> list[Reading]:
    """Motion in the kitchen at eight, on so many days up to yesterday."""
    eight = local("2026-09-22 08:10")
    moments = [after(eight, -86400.0 * day) for day in range(days, 0, -1)]
    return [Reading("k", Quantity.MOTION, True, moment) for moment in moments]


def test_a_missing_breakfast_shows_beside_the_usual_one() -> None:
    (strip,) = strips(breakfasts(10), {"k": "kitchen"}, NOW, SHANGHAI)
    today, yesterday = -1 - 8, -1 - 8 - CELLS  # noon is the newest half-hour
    assert strip.lately[today] == "·"
    assert strip.lately[yesterday] == "█"
    assert strip.usual[today] == "█"
    assert len(strip.lately) == len(strip.usual) == 2 * CELLS


def test_a_new_home_has_no_usual() -> None:
    (strip,) = strips(breakfasts(1), {"k": "kitchen"}, NOW, SHANGHAI)
    assert set(strip.usual) == {" "}


def test_a_time_of_day_that_nobody_knows_is_not_shown() -> None:
    reading = Reading("k", Quantity.MOTION, True, local("2026-09-22 08:10", trusted=False))
    (strip,) = strips([reading], {"k": "kitchen"}, NOW, SHANGHAI)
    assert set(strip.lately) == {"·"}
