"""What the water meter says about the day."""

from __future__ import annotations

import msgspec
import pytest

from gateway.detect.presence import Presence
from gateway.detect.water_continuous import WaterContinuous
from gateway.detect.water_high_use import WaterHighUse
from gateway.detect.water_no_use import WaterNoUse
from gateway.records import Code, DeviceKind, Instant, Quantity, Role, Severity, Signal
from gateway.rules import PresenceRules, WaterRules
from tests.household import DEVICES, SHANGHAI, Household, WaterMeter, device, local

NO_USE, USED = ("holds", "water.no_use", "home"), ("ended", "water.no_use", "home")


def no_use(start: str, rules: WaterRules = WaterRules()) -> tuple[Household, WaterMeter, Presence]:  # noqa: B008
    presence = Presence(PresenceRules(), DEVICES)
    house = Household(local(start), presence, WaterNoUse(rules, DEVICES, SHANGHAI, presence))
    meter = WaterMeter(house)
    meter.read()
    return house, meter, presence


@pytest.mark.parametrize(
    ("last_use", "hours", "alarm"),
    [
        # twelve hours, but not at night: at seven in the morning it is judged
        ("2026-09-22 21:10", 11.9, None),
        ("2026-09-22 21:10", 14, "2026-09-23 09:10"),
        ("2026-09-22 17:00", 13.9, None),
        ("2026-09-22 17:00", 14.2, "2026-09-23 07:00"),
        ("2026-09-22 08:00", 12.2, "2026-09-22 20:00"),
        # complete after ten in the evening: the next morning says it
        ("2026-09-22 11:00", 19.9, None),
        ("2026-09-22 11:00", 20.1, "2026-09-23 07:00"),
    ],
)
def test_twelve_hours_without_water_are_told_by_day(
    last_use: str, hours: float, alarm: str | None
) -> None:
    house, meter, _ = no_use("2026-09-22 06:00")
    meter.run(local(last_use).since(house.now) / 3600, litres_per_h=240)
    meter.run(hours)
    assert house.news == ([NO_USE] if alarm else [])
    if alarm:
        assert abs(house.said[0].at.since(local(alarm))) <= 600
        assert house.said[0].severity is Severity.S2
        (observed,) = house.said[0].evidence.observed
        assert observed.code is Code.NO_WATER
        assert observed.since is not None
        assert abs(observed.since.since(local(last_use))) <= 600


def test_using_water_ends_it() -> None:
    house, meter, _ = no_use("2026-09-22 20:00")
    meter.run(14)
    assert house.news == [NO_USE]
    meter.use(3)
    assert house.news == [NO_USE]
    meter.use(8)
    assert house.news == [NO_USE, USED]
    meter.run(1)
    assert house.news == [NO_USE, USED]


def test_once_told_it_holds_through_the_evening() -> None:
    house, meter, _ = no_use("2026-09-22 09:50")
    meter.run(13)
    assert house.now.local(SHANGHAI).hour == 22
    assert house.said[-1].signal is Signal.HOLDS
    assert house.said[-1].at == house.now


def test_a_dripping_tap_is_nobody_using_water() -> None:
    house, meter, _ = no_use("2026-09-22 08:00")
    meter.run(12.5, litres_per_h=0.5)
    assert house.news == [NO_USE]
    meter.run(24, litres_per_h=0.5)
    assert house.news == [NO_USE]


def test_a_glass_of_water_every_hour_is_use() -> None:
    house, meter, _ = no_use("2026-09-22 08:00")
    for _ in range(40):
        meter.run(1)
        meter.use(1)
    assert house.news == []


@pytest.mark.parametrize("decimals", [0, 1, 2])
def test_one_increment_of_a_coarse_register_is_use(decimals: int) -> None:
    house, meter, _ = no_use("2026-09-22 08:00")
    meter.decimals = decimals
    meter.run(11)
    meter.use(1000.0 / 10**decimals)
    meter.run(11)
    assert house.news == []
    meter.run(2)
    assert house.news == [NO_USE]


def test_a_coarse_register_counts_increments_whatever_the_limit() -> None:
    house, meter, _ = no_use("2026-09-22 08:00", WaterRules(no_use_m3=0.05))
    meter.decimals = 2
    meter.run(11)
    meter.use(10)
    meter.run(11)
    assert house.news == []


def test_nothing_is_judged_before_the_register_was_known_for_twelve_hours() -> None:
    house, meter, _ = no_use("2026-09-22 09:00")
    meter.run(11.9)
    assert house.news == []


def test_a_silent_meter_proves_nothing() -> None:
    house, meter, _ = no_use("2026-09-22 08:00")
    meter.run(8)
    house.pass_time(8 * 3600)
    assert house.news == []


def test_a_register_that_did_not_move_while_the_hub_was_off_proves_no_use() -> None:
    house, meter, presence = no_use("2026-09-22 20:00")
    meter.run(2)
    fresh = WaterNoUse(WaterRules(), DEVICES, SHANGHAI, presence)
    house.restart(off_s=11 * 3600, fresh=[presence, fresh])
    house.tick()
    assert house.news == []
    meter.run(0.1)
    assert house.news == [NO_USE]


def test_water_used_while_the_hub_was_off_is_use() -> None:
    house, meter, _ = no_use("2026-09-22 20:00")
    meter.run(2)
    house.restart(off_s=11 * 3600)
    meter.use(40)
    meter.run(2)
    assert house.news == []


@pytest.mark.parametrize("jump_litres", [-500_000, -11, 90_000])
def test_a_new_or_turned_back_meter_starts_the_window_again(jump_litres: float) -> None:
    house, meter, _ = no_use("2026-09-22 08:00")
    meter.run(11)
    meter.use(jump_litres)
    meter.run(11)
    assert house.news == []
    meter.run(13)
    assert house.news == [NO_USE]


def test_a_new_meter_does_not_end_what_holds() -> None:
    house, meter, _ = no_use("2026-09-22 20:00")
    meter.run(14)
    meter.use(-700_000)
    meter.run(1)
    assert house.news == [NO_USE]
    meter.use(12)
    assert house.news == [NO_USE, USED]


def leave(house: Household) -> None:
    for state in (False, True, False):
        house.hear("door", Quantity.CONTACT_OPEN, state)
        house.pass_time(20, 20)


def test_nobody_at_home_uses_no_water_and_that_is_fine() -> None:
    house, meter, presence = no_use("2026-09-22 08:00")
    leave(house)
    meter.run(30)
    assert presence.away
    assert house.news == []


def test_the_window_begins_at_the_return_not_before() -> None:
    house, meter, presence = no_use("2026-09-21 18:00")
    leave(house)
    meter.run(14)
    house.hear("door", Quantity.CONTACT_OPEN, True)
    house.hear("door", Quantity.CONTACT_OPEN, False)
    meter.run(11.5)
    assert not presence.away
    assert house.news == []
    meter.run(1)
    assert house.news == [NO_USE]


def test_an_unsure_home_is_judged_and_the_doubt_is_said() -> None:
    presence = Presence(PresenceRules(), DEVICES[:6])  # one motion sensor: too few to be sure
    house = Household(
        local("2026-09-22 20:00"),
        presence,
        WaterNoUse(WaterRules(), DEVICES, SHANGHAI, presence),
    )
    meter = WaterMeter(house)
    meter.read()
    leave(house)
    meter.run(13)
    assert house.news == [NO_USE]
    against = [fact.code for fact in house.said[0].evidence.against]
    assert against == [Code.DOOR_OPENED, Code.PERHAPS_AWAY]


def test_with_two_meters_water_is_unused_when_both_rest() -> None:
    hot_and_cold = [device("hot", DeviceKind.WATER_METER), device("cold", DeviceKind.WATER_METER)]
    presence = Presence(PresenceRules(), ())
    house = Household(
        local("2026-09-22 08:00"),
        WaterNoUse(WaterRules(), hot_and_cold, SHANGHAI, presence),
    )
    hot, cold = WaterMeter(house, 3, "hot"), WaterMeter(house, 9, "cold")
    for hours in range(1, 26):
        house.pass_time(3600)
        cold.total += 0.02 if hours < 13 else 0
        hot.read()
        cold.read()
        house.tick()
        assert bool(house.news) == (hours >= 24)


def test_a_main_meter_speaks_for_the_meters_behind_it() -> None:
    meters = [
        device("main", DeviceKind.WATER_METER, role=Role.MAIN_METER),
        device("garden", DeviceKind.WATER_METER),
    ]
    house = Household(
        local("2026-09-22 08:00"),
        WaterNoUse(WaterRules(), meters, SHANGHAI, Presence(PresenceRules(), ())),
    )
    meter = WaterMeter(house, name="main")
    meter.read()
    meter.run(12.5)
    assert house.news == [NO_USE]


def live_days(house: Household, meter: WaterMeter, days: int) -> None:
    """Days with water from six till half past eleven at night, and a nap; from six o'clock on."""
    for _ in range(days):
        for awake in (7, 7.5):
            meter.run(awake, litres_per_h=30)
            meter.run(3 if awake == 7 else 6.5)


def test_what_is_usual_is_learnt_at_home_and_told() -> None:
    house, meter, _ = no_use("2026-09-01 06:00")
    live_days(house, meter, 9)
    assert house.news == []
    meter.run(1, litres_per_h=30)
    meter.run(13)
    (usual,) = house.said[0].evidence.usual
    assert (usual.code, usual.unit) == (Code.USUAL_LONGEST_GAP, "s")
    assert 3 <= (usual.value or 0) / 3600 <= 3.7
    meter.run(2, litres_per_h=60)
    meter.run(12.5)
    (usual,) = house.said[-1].evidence.usual
    assert usual.code is Code.USUAL_LONGEST_GAP_NIGHT
    assert 6.5 <= (usual.value or 0) / 3600 <= 7.2


def test_hours_proven_by_night_are_not_told_in_the_morning_by_a_silent_meter() -> None:
    house, meter, _ = no_use("2026-09-22 17:00")
    meter.run(12.5)
    house.pass_time(3 * 3600)
    assert house.news == []


def test_only_hours_that_the_register_proved_count() -> None:
    house, meter, _ = no_use("2026-09-22 08:00")
    meter.run(11.5)
    house.pass_time(0.7 * 3600)
    assert house.news == []
    meter.read()
    house.tick()
    assert house.news == [NO_USE]


def test_water_used_at_an_unknown_hour_teaches_nothing() -> None:
    house, meter, _ = no_use("2026-09-01 06:00")
    live_days(house, meter, 8)
    meter.run(15, litres_per_h=60)
    house.restart(off_s=9 * 3600)
    meter.use(60)
    meter.run(15, litres_per_h=60)
    meter.run(13)
    (usual,) = house.said[0].evidence.usual
    assert usual.code is Code.USUAL_LONGEST_GAP_NIGHT
    assert (usual.value or 0) < 8 * 3600


def test_before_a_week_has_passed_nothing_is_called_usual() -> None:
    house, meter, _ = no_use("2026-09-22 20:00")
    meter.run(13)
    assert [fact.code for fact in house.said[0].evidence.usual] == [Code.NOT_YET_LEARNT]


def test_what_was_an_alarm_does_not_become_usual() -> None:
    house, meter, _ = no_use("2026-09-01 06:00")
    live_days(house, meter, 9)
    for _ in range(2):
        meter.run(1, litres_per_h=30)
        meter.run(20)
    (usual,) = house.said[-1].evidence.usual
    assert (usual.value or 0) < 8 * 3600


def test_a_year_of_life_is_remembered_in_a_few_kilobytes() -> None:
    house, meter, _ = no_use("2026-01-01 06:00")
    rules = (WaterContinuous, WaterHighUse)
    house.asked += tuple(rule(WaterRules(), DEVICES, SHANGHAI) for rule in rules)
    for _ in range(365):
        for hours, flow in ((1, 37.7), (8, 0.7), (3, 12.3), (12, 0)):
            meter.run(hours, flow, every=1500)
    sizes = [len(msgspec.json.encode(detector.state())) for detector in house.asked]
    assert max(sizes) < 8_000


# ---------------------------------------------------------------- continuous use


def flowing(start: str) -> tuple[Household, WaterMeter]:
    house = Household(local(start), WaterContinuous(WaterRules(), DEVICES, SHANGHAI))
    meter = WaterMeter(house)
    meter.read()
    return house, meter


RUNS, RESTS = ("holds", "water.continuous", "water"), ("ended", "water.continuous", "water")


def test_water_that_never_rests_for_a_day_is_a_concern_until_it_rests() -> None:
    house, meter = flowing("2026-09-22 07:00")
    meter.run(14.9, litres_per_h=20)
    assert house.news == []
    for _ in range(20):  # through the night slowly enough to be no steady flow
        meter.use(1)
        meter.run(25 / 60)
    assert house.news == []
    meter.run(1, litres_per_h=20)
    assert house.news == [RUNS]
    assert house.said[0].severity is Severity.S3
    meter.run(0.4)
    assert house.news == [RUNS]
    meter.run(0.2)
    assert house.news == [RUNS, RESTS]


def test_one_rest_of_half_an_hour_a_day_is_enough() -> None:
    house, meter = flowing("2026-09-22 07:00")
    for _ in range(3):
        meter.run(14, litres_per_h=20)
        meter.run(0.6)
        for _ in range(20):
            meter.use(1)
            meter.run(25 / 60)
    assert house.news == []


@pytest.mark.parametrize(
    ("start", "minutes", "told"),
    [
        ("2026-09-23 02:00", 60, False),
        ("2026-09-23 02:00", 75, True),
        ("2026-09-22 21:00", 110, False),
        ("2026-09-22 21:00", 130, True),
        ("2026-09-23 10:00", 300, False),
        ("2026-09-23 05:30", 120, False),
    ],
)
def test_a_tap_left_on_at_night_is_told_after_an_hour(
    start: str, minutes: float, told: bool
) -> None:
    house, meter = flowing(start)
    meter.run(minutes / 60, litres_per_h=300)
    assert house.news == ([RUNS] if told else [])


def test_the_night_is_not_judged_while_the_time_of_day_is_unknown() -> None:
    house, meter = flowing("2026-09-23 01:00")
    house.now = Instant(house.now.line, house.now.wall, trusted=False)
    meter.run(3, litres_per_h=300)
    assert house.news == []


def test_a_meter_that_speaks_once_an_hour_cannot_prove_that_water_never_rests() -> None:
    house, meter = flowing("2026-09-22 07:00")
    meter.run(60, litres_per_h=20, every=3600)
    assert house.news == []


def test_hours_in_which_the_hub_was_off_are_not_continuous_use() -> None:
    house, meter = flowing("2026-09-22 07:00")
    meter.run(1, litres_per_h=20)
    house.restart(off_s=30 * 3600)
    meter.run(1, litres_per_h=20)
    assert house.news == []


# ---------------------------------------------------------------- high use


def high(start: str) -> tuple[Household, WaterMeter]:
    house = Household(local(start), WaterHighUse(WaterRules(), DEVICES, SHANGHAI))
    meter = WaterMeter(house)
    meter.read()
    return house, meter


MUCH, NEXT_DAY = ("holds", "water.high_use", "water"), ("ended", "water.high_use", "water")


def test_more_than_two_cubic_metres_a_day_are_told_until_the_next_day() -> None:
    house, meter = high("2026-09-22 01:00")
    meter.run(10, litres_per_h=190)
    assert house.news == []
    meter.run(1, litres_per_h=190)
    assert house.news == [MUCH]
    (observed,) = house.said[0].evidence.observed
    assert observed.unit == "m3"
    assert 2 < (observed.value or 0) < 2.1
    meter.run(11.8)
    assert house.news == [MUCH]
    meter.run(1)
    assert house.news == [MUCH, NEXT_DAY]


def test_two_ordinary_days_are_not_one_extraordinary_one() -> None:
    house, meter = high("2026-09-22 12:00")
    meter.run(12, litres_per_h=150)
    meter.run(12, litres_per_h=150)
    assert house.news == []


def test_without_a_trusted_clock_the_last_24_hours_are_the_day() -> None:
    house, meter = high("2026-09-22 12:00")
    house.now = Instant(house.now.line, 0.0, trusted=False)
    meter.run(12, litres_per_h=150)
    assert house.news == []
    meter.run(3, litres_per_h=150)
    assert house.news == [MUCH]
    meter.run(20)
    assert house.news == [MUCH, NEXT_DAY]


def test_water_of_the_days_the_hub_was_off_is_not_todays() -> None:
    house, meter = high("2026-09-22 12:00")
    meter.run(1, litres_per_h=50)
    house.restart(off_s=5 * 86400)
    meter.use(6_000)
    meter.run(2, litres_per_h=50)
    assert house.news == []


def test_what_is_usual_a_day_is_learnt() -> None:
    house, meter = high("2026-09-01 00:30")
    meter.run(24 * 9, litres_per_h=5)
    meter.run(10, litres_per_h=300)
    (usual,) = house.said[0].evidence.usual
    assert usual.code is Code.USUAL_DAILY
    assert usual.value == pytest.approx(0.12, abs=0.01)
