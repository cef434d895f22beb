"""The day's rhythm as stories: nights, mornings, doors, beds, baths, heat and cold."""

from __future__ import annotations

import pytest

from gateway.detect.bathroom_overstay import BathroomOverstay
from gateway.detect.bed_exit import BedExit
from gateway.detect.bed_long_stay import BedLongStay
from gateway.detect.checkin import Checkin
from gateway.detect.daily_signs import DailySigns
from gateway.detect.door_left_open import DoorLeftOpen
from gateway.detect.door_night_exit import DoorNightExit
from gateway.detect.door_no_use import DoorNoUse
from gateway.detect.temperature import Temperature
from gateway.detect.vitals import Vitals
from gateway.records import Detector, DeviceKind, Quantity, Severity, Signal
from gateway.rules import (
    BathroomRules,
    BedRules,
    CheckinRules,
    DoorRules,
    RhythmRules,
    TemperatureRules,
    VitalsRules,
)
from tests.household import DEVICES, SHANGHAI, Household, device, local

HOME = (*DEVICES, device("bed", DeviceKind.BED, "inputs"))


def house(start: str, *asked: Detector) -> Household:
    return Household(local(start), *asked)


def told(home: Household) -> list[str]:
    return [signal for signal, _, _ in home.news]


@pytest.mark.parametrize(
    ("start", "minutes", "severity"),
    [("2026-09-22 14:00", 10, Severity.S3), ("2026-09-22 23:00", 5, Severity.S2)],
)
def test_a_door_left_open_is_told_sooner_at_night(
    start: str, minutes: int, severity: Severity
) -> None:
    home = house(start, DoorLeftOpen(DoorRules(), HOME, SHANGHAI))
    home.hear("door", Quantity.CONTACT_OPEN, True)
    home.pass_time(60 * minutes - 30, 30)
    assert told(home) == []
    home.pass_time(60, 30)
    assert home.said[-1].severity is severity
    home.hear("door", Quantity.CONTACT_OPEN, False)
    assert told(home) == [Signal.HOLDS, Signal.ENDED]


def test_who_goes_out_at_night_and_stays_out_is_missed() -> None:
    home = house("2026-09-22 02:00", DoorNightExit(DoorRules(), HOME, SHANGHAI))
    home.hear("door", Quantity.CONTACT_OPEN, False)
    home.hear("door", Quantity.CONTACT_OPEN, True)
    home.hear("door", Quantity.CONTACT_OPEN, False)
    home.pass_time(16 * 60)
    assert told(home) == [Signal.HOLDS]
    home.hear("door", Quantity.CONTACT_OPEN, True)
    assert told(home) == [Signal.HOLDS, Signal.ENDED]


def test_who_only_looks_out_at_night_is_not_missed() -> None:
    home = house("2026-09-22 02:00", DoorNightExit(DoorRules(), HOME, SHANGHAI))
    home.hear("door", Quantity.CONTACT_OPEN, True)
    home.pass_time(120)
    home.hear("living", Quantity.MOTION, True)
    home.pass_time(3600)
    assert told(home) == []


def test_going_out_by_day_is_nobodys_business() -> None:
    home = house("2026-09-22 10:00", DoorNightExit(DoorRules(), HOME, SHANGHAI))
    home.hear("door", Quantity.CONTACT_OPEN, True)
    home.pass_time(3600)
    assert told(home) == []


def test_a_door_nobody_uses_is_a_note_and_then_a_concern() -> None:
    home = house("2026-09-22 10:00", DoorNoUse(DoorRules(), HOME))
    home.hear("door", Quantity.CONTACT_OPEN, True)
    home.hear("door", Quantity.CONTACT_OPEN, False)
    home.pass_time(25 * 3600, 3600)
    assert {f.severity for f in home.said} == {Severity.S0}
    home.pass_time(24 * 3600, 3600)
    assert home.said[-1].severity is Severity.S3
    home.hear("door", Quantity.CONTACT_OPEN, True)
    assert told(home)[-1] == Signal.ENDED


def up_at_night(*later: tuple[float, str]) -> Household:
    home = house("2026-09-22 02:00", BedExit(BedRules(), HOME, SHANGHAI))
    home.hear("bed", Quantity.BED_OCCUPIED, True)
    home.pass_time(60)
    home.hear("bed", Quantity.BED_OCCUPIED, False)
    for minutes, name in later:
        home.pass_time(60 * minutes)
        bed = name == "bed"
        home.hear(name, Quantity.BED_OCCUPIED if bed else Quantity.MOTION, True)
    return home


def test_out_of_bed_at_night_and_nothing_moves_is_told_after_half_an_hour() -> None:
    home = up_at_night()
    home.pass_time(29 * 60)
    assert told(home) == []
    home.pass_time(2 * 60)
    assert told(home) == [Signal.HOLDS]
    home.hear("bed", Quantity.BED_OCCUPIED, True)
    assert told(home) == [Signal.HOLDS, Signal.ENDED]


def test_a_trip_to_the_bathroom_is_no_alert() -> None:
    home = up_at_night((3, "bath"), (6, "bed"))
    home.pass_time(3 * 3600)
    assert told(home) == []


def test_one_sign_on_the_way_gives_a_quarter_of_an_hour_more() -> None:
    home = up_at_night((5, "bath"))
    home.pass_time(35 * 60)
    assert told(home) == []
    home.pass_time(10 * 60)
    assert told(home) == [Signal.HOLDS]


def test_who_is_up_and_about_at_night_is_left_alone() -> None:
    home = up_at_night((3, "bath"), (2, "kitchen"), (2, "living"), (2, "kitchen"), (2, "living"))
    home.pass_time(3 * 3600)
    assert told(home) == []


def test_a_long_stay_in_bed_is_judged_by_what_is_usual_here() -> None:
    home = house("2026-09-01 22:00", BedLongStay(BedRules(), HOME))
    for _ in range(10):
        home.hear("bed", Quantity.BED_OCCUPIED, True)
        home.pass_time(8.5 * 3600, 1800)
        home.hear("bed", Quantity.BED_OCCUPIED, False)
        home.pass_time(15.5 * 3600, 1800)
    home.hear("bed", Quantity.BED_OCCUPIED, True)
    home.pass_time(10.4 * 3600, 600)
    assert told(home) == []
    home.pass_time(0.3 * 3600, 600)
    assert {finding.severity for finding in home.said} == {Severity.S3}
    home.pass_time(2.2 * 3600, 600)
    assert home.said[-1].severity is Severity.S2


def in_the_bathroom() -> Household:
    rules = BathroomOverstay(BathroomRules(), HOME, SHANGHAI, ["bath"])
    home = house("2026-09-22 10:00", rules)
    home.hear("living", Quantity.MOTION, True)
    home.hear("bath", Quantity.MOTION, True)
    return home


def test_too_long_in_the_bathroom_is_told_until_somebody_is_seen_elsewhere() -> None:
    home = in_the_bathroom()
    for _ in range(5):
        home.pass_time(11 * 60)
        home.hear("bath", Quantity.MOTION, True)
    assert told(home) == []
    home.pass_time(6 * 60)
    assert told(home) == [Signal.HOLDS]
    home.hear("kitchen", Quantity.MOTION, True)
    assert told(home) == [Signal.HOLDS, Signal.ENDED]


def test_who_left_the_bathroom_is_not_in_it() -> None:
    home = in_the_bathroom()
    home.pass_time(30 * 60)
    home.hear("living", Quantity.MOTION, True)
    home.pass_time(3 * 3600, 300)
    assert told(home) == []


def early_riser(days: int) -> Household:
    """Up at seven on so many workdays."""
    home = house("2026-08-03 07:00", DailySigns(RhythmRules(), HOME, SHANGHAI))
    for _ in range(days):
        for room, hours in (("kitchen", 5), ("living", 6), ("living", 13)):
            home.hear(room, Quantity.MOTION, True)
            home.pass_time(hours * 3600, 600)
    return home


def test_a_new_hub_asks_after_the_morning_at_the_plans_hour() -> None:
    home = early_riser(2)
    home.news.clear()
    home.pass_time(2.8 * 3600, 600)
    assert told(home) == []
    home.pass_time(0.4 * 3600, 600)
    assert home.news == [("holds", "activity.no_morning", "home")]


def test_a_usual_riser_is_missed_an_hour_after_the_usual_time() -> None:
    home = early_riser(18)
    home.news.clear()
    home.pass_time(0.8 * 3600, 600)
    assert told(home) == []
    home.pass_time(0.4 * 3600, 600)
    assert home.news == [("holds", "activity.no_morning", "home")]
    home.hear("kitchen", Quantity.MOTION, True)
    assert told(home) == [Signal.HOLDS, Signal.ENDED]


def test_an_evening_without_a_sign_is_a_concern() -> None:
    home = early_riser(3)
    home.news.clear()
    home.hear("kitchen", Quantity.MOTION, True)
    home.pass_time(13.8 * 3600, 600)
    assert told(home) == []
    home.pass_time(0.4 * 3600, 600)
    assert home.news == [("holds", "activity.no_evening", "home")]


def test_nobody_is_missed_in_the_evening_while_they_are_out() -> None:
    home = early_riser(3)
    home.news.clear()
    home.hear("kitchen", Quantity.MOTION, True)
    home.pass_time(3600)
    home.hear("door", Quantity.CONTACT_OPEN, True)
    home.pass_time(14 * 3600, 600)
    assert told(home) == []


@pytest.mark.parametrize(
    ("celsius", "hours", "severity"),
    [(14.0, 2.1, Severity.S3), (31.0, 2.1, Severity.S3), (34.0, 0.1, Severity.S2)],
)
def test_cold_and_heat_are_told_in_time(celsius: float, hours: float, severity: Severity) -> None:
    home = house("2026-09-22 10:00", Temperature(TemperatureRules()))
    home.hear("living", Quantity.TEMPERATURE, celsius)
    home.pass_time(hours * 3600)
    assert home.said[-1].severity is severity
    home.hear("living", Quantity.TEMPERATURE, 22.0)
    assert told(home) == [Signal.HOLDS, Signal.ENDED]


def test_a_cold_hour_is_no_alert() -> None:
    home = house("2026-09-22 10:00", Temperature(TemperatureRules()))
    home.hear("living", Quantity.TEMPERATURE, 14.0)
    home.pass_time(3600)
    home.hear("living", Quantity.TEMPERATURE, 17.0)
    home.pass_time(7200)
    assert told(home) == []


def beats(home: Household, rate: float, minutes: int) -> None:
    for _ in range(minutes):
        home.hear("bed", Quantity.HEART_RATE, rate)
        home.pass_time(60)


def test_a_racing_heart_is_told_after_five_minutes_and_over_after_ten() -> None:
    home = house("2026-09-22 03:00", Vitals(VitalsRules()))
    beats(home, 135.0, 5)
    assert told(home) == []
    beats(home, 135.0, 2)
    assert told(home) == [Signal.HOLDS]
    beats(home, 70.0, 12)
    assert told(home) == [Signal.HOLDS, Signal.ENDED]


def test_a_sensor_that_loses_the_signal_starts_the_count_again() -> None:
    home = house("2026-09-22 03:00", Vitals(VitalsRules()))
    beats(home, 135.0, 4)
    home.pass_time(600)
    beats(home, 135.0, 4)
    assert told(home) == []


def test_the_agreed_press_is_missed_half_an_hour_later() -> None:
    rules = CheckinRules(every_days=1)
    home = house("2026-09-21 12:00", Checkin(rules, HOME, SHANGHAI))
    home.pass_time(21.4 * 3600, 600)
    assert told(home) == []
    home.pass_time(0.3 * 3600, 600)
    assert told(home) == [Signal.HOLDS]
    home.hear("help", Quantity.BUTTON, "press")
    assert told(home) == [Signal.HOLDS, Signal.ENDED]


def test_nobody_is_asked_for_a_press_that_was_not_agreed() -> None:
    home = house("2026-09-21 12:00", Checkin(CheckinRules(), HOME, SHANGHAI))
    home.pass_time(48 * 3600, 600)
    assert told(home) == []
