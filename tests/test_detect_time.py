"""A hub has no clock battery: whatever its clock does, nothing is invented and nothing forgiven."""

from __future__ import annotations

from datetime import tzinfo
from zoneinfo import ZoneInfo

import pytest

from gateway.records import HUB, Instant, Quantity, Signal
from gateway.rules import Rules
from tests.household import (
    BERLIN,
    DEVICES,
    SHANGHAI,
    Household,
    WaterMeter,
    detectors,
    local,
    reset,
)

HOUR, YEARS = 3600.0, 57 * 365 * 86400.0
NO_USE = ("holds", "water.no_use", "home")


def living(start: Instant, zone: tzinfo = SHANGHAI) -> tuple[Household, WaterMeter]:
    """A home with every rule awake, in which only the water meter is heard."""
    awake = [d for d in detectors(Rules(), DEVICES, zone) if d.name not in ("supervision", "stuck")]
    house = Household(start, *awake)
    meter = WaterMeter(house)
    meter.read()
    return house, meter


def unset(seconds: float = 0) -> Instant:
    """1970, as a hub without a network believes."""
    return Instant(5_000 + seconds, seconds, trusted=False)


def test_emergencies_wait_for_no_clock() -> None:
    house, _ = living(unset())
    house.hear("bedside", Quantity.EMERGENCY, True)
    house.hear("gas", Quantity.GAS_ALARM, True)
    house.hear("sink", Quantity.WATER_LEAK, True)
    house.pass_time(5, 1)
    assert house.news == [
        ("happened", "sos.pressed", "bedside"),
        ("holds", "gas.leak", "gas"),
        ("holds", "water.leak", "sink"),
    ]


def test_without_a_clock_no_use_waits_for_the_hard_limit() -> None:
    house, meter = living(unset())
    meter.run(23.9)
    assert NO_USE not in house.news
    meter.run(0.2)
    assert NO_USE in house.news


def test_the_first_sync_jumps_by_years_and_no_hour_is_invented() -> None:
    house, meter = living(unset())
    house.hear("sink", Quantity.WATER_LEAK, False)
    meter.run(5)
    house.now = reset(house.now, local("2026-09-22 10:00").wall)
    meter.run(5)
    assert house.news == []


def test_the_first_sync_jumps_by_years_and_no_hour_is_forgiven() -> None:
    house, meter = living(unset())
    meter.run(11)
    house.now = reset(house.now, local("2026-09-22 10:00").wall)
    meter.run(0.9)
    assert NO_USE not in house.news
    meter.run(0.2)
    assert NO_USE in house.news


@pytest.mark.parametrize("jump_h", [-30 * 24, -30, -3, 3, 30, 30 * 24])
def test_a_clock_set_forward_or_back_changes_no_duration(jump_h: float) -> None:
    house, meter = living(local("2026-09-22 08:00"))
    meter.run(6)
    house.now = reset(house.now, house.now.wall + jump_h * HOUR)
    meter.run(5.9)
    assert house.news == []
    house.now = reset(house.now, local("2026-09-22 12:00").wall)
    meter.run(0.2)
    assert house.news == [NO_USE]


def test_a_clock_set_back_while_something_holds_ends_nothing() -> None:
    house, meter = living(local("2026-09-22 08:00"))
    meter.run(13)
    house.now = reset(house.now, 0.0, trusted=False)
    meter.run(1)
    assert house.news[0] == NO_USE
    assert house.said[-1].signal == "holds"
    assert house.types(Signal.ENDED) == []


@pytest.mark.parametrize(
    ("last_use", "hours"),
    [
        ("2026-03-29 00:30", 12),  # the day has 23 hours
        ("2026-10-25 00:30", 12),  # the day has 25 hours
        ("2026-10-24 20:00", 12),
    ],
)
def test_summer_time_changes_no_duration(last_use: str, hours: float) -> None:
    house, meter = living(local(last_use, zone=BERLIN), BERLIN)
    meter.run(hours - 0.1)
    assert house.news == []
    meter.run(0.2)
    assert house.news == [NO_USE]


def test_summer_time_moves_the_hour_at_which_the_day_is_judged() -> None:
    house, meter = living(local("2026-10-24 17:00", zone=BERLIN), BERLIN)
    meter.run(14.9)  # 06:54 by winter time
    assert house.news == []
    meter.run(0.2)
    assert house.news == [NO_USE]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/New_York", "UTC"])
def test_a_wrong_zone_shifts_only_when_the_day_is_judged(zone: str) -> None:
    house, meter = living(local("2026-09-22 08:00"), ZoneInfo(zone))
    meter.run(11.9)
    assert house.news == []
    meter.run(12.3)
    assert house.news == [NO_USE]


def test_a_day_of_25_hours_is_one_day_of_water() -> None:
    house, meter = living(local("2026-10-25 00:00", zone=BERLIN), BERLIN)
    meter.run(24.9, litres_per_h=79)  # below 2 m3 in all, and steady: told as continuous only
    assert "water.high_use" not in house.types()
    meter.run(2, litres_per_h=79)
    assert "water.high_use" not in house.types()


def test_a_jump_of_years_makes_nobody_away_and_no_device_lost() -> None:
    house = Household(unset(), *detectors(Rules()))
    for device in DEVICES:
        house.hear(device.id, Quantity.SEEN)
    house.hear("door", Quantity.CONTACT_OPEN, False)
    house.hear("door", Quantity.CONTACT_OPEN, True)
    house.hear("door", Quantity.CONTACT_OPEN, False)
    house.hear(HUB, Quantity.MAINS_OK, False)
    house.pass_time(9, 1)
    house.now = reset(house.now, YEARS)
    house.tick()
    assert house.news == []


def test_a_timeline_that_was_lost_begins_again_and_still_judges() -> None:
    house = Household(local("2026-09-22 05:00"), *detectors(Rules()))
    meter = WaterMeter(house)
    meter.run(3)
    house.restart()
    again = Household(Instant(5.0, house.now.wall), *house.asked)
    meter.house = again
    meter.read()
    again.tick()
    again.news.clear()
    meter.run(11.9)
    assert NO_USE not in again.news
    assert "sensor.offline" in again.types()
    meter.run(0.2)
    assert NO_USE in again.news
