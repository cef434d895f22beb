"""Whether the sensors themselves are well."""

from __future__ import annotations

import pytest

from gateway.detect.battery import Battery, days_left
from gateway.detect.fault import Fault
from gateway.detect.stuck import Stuck
from gateway.detect.supervision import Supervision
from gateway.records import HUB, Code, DeviceKind, Quantity, Severity, Signal
from gateway.rules import SupervisionRules
from tests.household import Household, device, local

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
RULES = SupervisionRules()

HOME = (
    device("pendant", DeviceKind.PENDANT, "radio"),
    device("motion", DeviceKind.MOTION, "radio"),
    device("meter", DeviceKind.WATER_METER, "bus", poll_s=300),
    device("button", DeviceKind.CALL_BUTTON, "bus", poll_s=1),
)


def supervised() -> tuple[Household, Supervision]:
    supervision = Supervision(RULES, HOME)
    house = Household(local("2026-09-22 10:00"), supervision)
    house.tick()
    return house, supervision


def beat(house: Household, name: str, every_s: float, times: int, quantity: Quantity) -> None:
    for _ in range(times):
        house.pass_time(every_s, max(every_s, 60))
        house.hear(name, quantity, True)


def offline(house: Household, name: str) -> bool:
    return ("holds", "sensor.offline", name) in house.news


def test_a_device_never_heard_since_it_was_enrolled_is_offline() -> None:
    house, supervision = supervised()
    assert set(supervision.device_states(house.now).values()) == {"unknown"}
    house.pass_time(11 * MINUTE)
    assert offline(house, "button")
    assert not offline(house, "meter")
    house.pass_time(6 * MINUTE)
    assert offline(house, "meter")
    house.pass_time(25 * HOUR, 600)
    assert offline(house, "pendant")
    assert offline(house, "motion")


@pytest.mark.parametrize(("name", "severity"), [("pendant", Severity.S2), ("motion", Severity.S4)])
def test_no_device_is_silent_for_more_than_25_hours_unnoticed(
    name: str, severity: Severity
) -> None:
    house, supervision = supervised()
    house.hear(name, Quantity.SEEN)
    house.pass_time(24.9 * HOUR, 600)
    assert not offline(house, name)
    house.pass_time(0.4 * HOUR, 600)
    assert offline(house, name)
    assert {f.severity for f in house.said if f.cause == name} == {severity}
    assert supervision.device_states(house.now)[name] == "lost"
    house.hear(name, Quantity.SEEN)
    assert house.news[-1] == ("ended", "sensor.offline", name)
    assert supervision.device_states(house.now)[name] == "ok"


def test_any_reading_at_all_is_a_sign_of_the_device() -> None:
    house, _ = supervised()
    for quantity in (Quantity.SEEN, Quantity.FAULT, Quantity.BATTERY):
        house.pass_time(20 * HOUR, HOUR)
        house.hear("motion", quantity, False)
    assert not offline(house, "motion")


def test_a_polled_device_is_late_and_then_lost_after_three_polls() -> None:
    house, supervision = supervised()
    beat(house, "meter", 300, 5, Quantity.SEEN)
    assert supervision.device_states(house.now)["meter"] == "ok"
    house.pass_time(8 * MINUTE)
    assert supervision.device_states(house.now)["meter"] == "late"
    assert not offline(house, "meter")
    house.pass_time(8 * MINUTE)
    assert offline(house, "meter")


def test_a_device_that_learnt_an_hourly_rhythm_is_missed_after_three_hours() -> None:
    house, _ = supervised()
    beat(house, "motion", HOUR, 72, Quantity.SEEN)
    house.pass_time(2.9 * HOUR)
    assert not offline(house, "motion")
    house.pass_time(0.2 * HOUR)
    assert offline(house, "motion")
    (usual,) = next(f for f in house.said if f.cause == "motion").evidence.usual
    assert (usual.code, usual.value) == (Code.USUAL_INTERVAL, 3600.0)


def test_a_busy_day_does_not_make_a_quiet_night_suspicious() -> None:
    house, _ = supervised()
    for _ in range(5):
        beat(house, "motion", 120, 400, Quantity.MOTION)
        house.pass_time(10 * HOUR, 600)
    assert not offline(house, "motion")


def test_a_rhythm_must_have_shown_its_nights_before_it_is_believed() -> None:
    house, _ = supervised()
    beat(house, "motion", 60, 600, Quantity.MOTION)
    house.pass_time(9 * HOUR, 600)
    assert not offline(house, "motion")


def test_what_the_plan_says_about_silence_comes_before_what_was_learnt() -> None:
    pendant = device("p", DeviceKind.PENDANT)
    strict = [type(pendant)("p", "test", "p", DeviceKind.PENDANT, silent_s=1800)]
    house = Household(local("2026-09-22 10:00"), Supervision(RULES, strict))
    house.hear("p", Quantity.SEEN)
    house.pass_time(29 * MINUTE)
    assert house.news == []
    house.pass_time(2 * MINUTE)
    assert offline(house, "p")


def test_no_plan_can_stretch_the_silence_beyond_25_hours() -> None:
    lax = type(HOME[1])("m", "test", "m", DeviceKind.MOTION, silent_s=60 * HOUR)
    house = Household(local("2026-09-22 10:00"), Supervision(RULES, [lax]))
    house.hear("m", Quantity.SEEN)
    house.pass_time(25.3 * HOUR, 600)
    assert offline(house, "m")


def test_a_blind_radio_makes_its_devices_unknown_not_offline() -> None:
    house, supervision = supervised()
    beat(house, "meter", 300, 5, Quantity.SEEN)
    house.hear("motion", Quantity.SEEN)
    house.hear(HUB, Quantity.RADIO_ALIVE, False, channel="bus")
    house.pass_time(20 * HOUR, 60)
    assert supervision.device_states(house.now)["meter"] == "unknown"
    assert supervision.device_states(house.now)["motion"] != "unknown"
    assert not offline(house, "meter")
    house.hear(HUB, Quantity.RADIO_ALIVE, True, channel="bus")
    house.pass_time(10 * MINUTE)
    assert not offline(house, "meter")
    house.pass_time(6 * MINUTE)
    assert offline(house, "meter")


def test_a_blind_radio_does_not_stretch_the_25_hours_of_a_safety_device() -> None:
    house, _ = supervised()
    house.hear("pendant", Quantity.SEEN)
    house.hear("motion", Quantity.SEEN)
    house.hear(HUB, Quantity.RADIO_ALIVE, False, channel="radio")
    house.pass_time(26 * HOUR, 600)
    assert offline(house, "pendant")
    assert not offline(house, "motion")
    said = next(f for f in house.said if f.cause == "pendant")
    assert [fact.code for fact in said.evidence.against] == [Code.RADIO_BLIND]


def test_silence_while_the_hub_was_off_is_not_the_devices() -> None:
    house, _ = supervised()
    beat(house, "button", 1, 60, Quantity.SEEN)
    house.restart(off_s=30 * HOUR)
    house.tick()
    house.pass_time(5 * MINUTE)
    assert house.news == []
    house.pass_time(6 * MINUTE)
    assert offline(house, "button")


def test_hubs_that_restart_often_still_notice_25_hours_of_silence() -> None:
    house, _ = supervised()
    house.hear("pendant", Quantity.SEEN)
    for _ in range(26):
        house.pass_time(HOUR, 600)
        house.restart(off_s=60)
        house.tick()
    assert offline(house, "pendant")


def test_an_offline_device_stays_offline_over_a_restart_and_ends_when_heard() -> None:
    house, _ = supervised()
    house.pass_time(12 * MINUTE)
    house.restart(off_s=600, fresh=[Supervision(RULES, HOME)])
    house.tick()
    assert house.said[-1].signal is Signal.HOLDS
    house.hear("button", Quantity.SEEN)
    assert house.news[-1] == ("ended", "sensor.offline", "button")


# ---------------------------------------------------------------- battery


def batteries() -> tuple[Household, Battery]:
    battery = Battery(RULES, HOME)
    return Household(local("2026-01-01 10:00"), battery), battery


LOW = "sensor.battery_low"


def test_a_low_flag_is_told_until_a_new_battery() -> None:
    house, battery = batteries()
    house.hear("motion", Quantity.BATTERY_LOW, True)
    assert house.news == [("holds", LOW, "motion")]
    assert battery.low() == {"motion"}
    house.hear("motion", Quantity.BATTERY_LOW, False)
    assert house.news[-1] == ("ended", LOW, "motion")
    assert battery.low() == frozenset()


@pytest.mark.parametrize(("level", "low"), [(11, False), (10, True), (0, True), (100, False)])
def test_a_tenth_of_the_battery_is_low(level: float, low: bool) -> None:
    house, battery = batteries()
    house.hear("pendant", Quantity.BATTERY, level)
    assert bool(battery.low()) is low
    assert {finding.severity for finding in house.said} == ({Severity.S2} if low else set())


def test_a_level_that_wavers_about_the_limit_is_told_once() -> None:
    house, _ = batteries()
    for level in (10, 11, 10, 11, 10):
        house.hear("motion", Quantity.BATTERY, float(level))
        house.pass_time(HOUR, HOUR)
    assert house.news == [("holds", LOW, "motion")]


def test_a_battery_is_told_four_weeks_before_it_is_empty() -> None:
    house, _ = batteries()
    level, told_at = 100.0, None
    while level > 0 and told_at is None:
        house.pass_time(DAY, DAY)
        level -= 0.5
        house.hear("motion", Quantity.BATTERY, level)
        told_at = level if house.news else None
    assert told_at == pytest.approx(14, abs=2)
    days = [f for f in house.said[0].evidence.observed if f.code is Code.BATTERY_DAYS_LEFT]
    assert [fact.unit for fact in days] == ["d"]


def test_one_wrong_reading_does_not_tilt_the_forecast() -> None:
    points = [(n * 3 * DAY, 90.0 - n * 0.3) for n in range(15)]
    points[7] = (points[7][0], 5.0)
    assert days_left(points) == pytest.approx(860, rel=0.05)


def test_a_battery_that_does_not_fall_has_no_end() -> None:
    assert days_left([(n * 3 * DAY, 90.0 + n % 2) for n in range(20)]) is None


def test_a_new_battery_starts_a_new_forecast() -> None:
    house, _ = batteries()
    for day in range(60):
        house.pass_time(DAY, DAY)
        house.hear("motion", Quantity.BATTERY, 100.0 - 1.5 * day)
    assert house.types() == [LOW]
    house.hear("motion", Quantity.BATTERY, 100.0)
    assert house.types(Signal.ENDED) == [LOW]


# ---------------------------------------------------------------- faults, tamper, stuck


def test_a_housing_open_for_ten_seconds_is_tampering() -> None:
    house = Household(local("2026-09-22 10:00"), Fault(RULES, HOME))
    house.hear("motion", Quantity.TAMPER, True)
    house.pass_time(9, 1)
    house.hear("motion", Quantity.TAMPER, False)
    assert house.news == []
    house.hear("motion", Quantity.TAMPER, True)
    house.pass_time(11, 1)
    house.hear("motion", Quantity.TAMPER, False)
    assert house.news == [
        ("holds", "sensor.tamper", "motion"),
        ("ended", "sensor.tamper", "motion"),
    ]


def test_a_fault_is_told_at_once_and_until_the_last_is_gone() -> None:
    house = Household(local("2026-09-22 10:00"), Fault(RULES, HOME))
    house.hear("meter", Quantity.FAULT, True)
    house.hear("meter", Quantity.WATER_FAULT, True)
    house.hear("meter", Quantity.FAULT, False)
    assert house.news == [("holds", "sensor.fault", "meter")]
    house.hear("meter", Quantity.WATER_FAULT, False)
    assert house.news[-1] == ("ended", "sensor.fault", "meter")


def stuck() -> Household:
    return Household(local("2026-09-22 10:00"), Stuck(RULES, HOME))


def test_a_motion_sensor_active_for_half_a_day_is_stuck() -> None:
    house = stuck()
    house.hear("motion", Quantity.MOTION, True)
    house.pass_time(11.9 * HOUR, 600)
    assert house.news == []
    house.pass_time(0.2 * HOUR, 600)
    assert house.news == [("holds", "sensor.stuck", "motion")]
    house.hear("motion", Quantity.MOTION, False)
    house.tick()
    assert house.news[-1] == ("ended", "sensor.stuck", "motion")


def test_a_call_button_that_is_stuck_is_urgent() -> None:
    house = stuck()
    house.hear("button", Quantity.EMERGENCY, True)
    house.pass_time(13 * HOUR, 600)
    assert {finding.severity for finding in house.said} == {Severity.S2}


@pytest.mark.parametrize("quantity", [Quantity.CONTACT_OPEN, Quantity.BED_OCCUPIED])
def test_a_window_or_a_bed_may_be_open_or_occupied_all_day(quantity: Quantity) -> None:
    house = stuck()
    house.hear("motion", quantity, True)
    house.pass_time(40 * HOUR, HOUR)
    assert house.news == []


def test_hours_in_which_the_hub_was_off_do_not_make_a_sensor_stuck() -> None:
    house = stuck()
    house.hear("motion", Quantity.MOTION, True)
    house.pass_time(HOUR)
    house.restart(off_s=20 * HOUR)
    house.tick()
    house.pass_time(10.9 * HOUR, 600)
    assert house.news == []
    house.pass_time(0.3 * HOUR, 600)
    assert house.types() == ["sensor.stuck"]


def chatter(house: Household, minutes: int, changes: int) -> None:
    for _ in range(minutes):
        for n in range(changes):
            house.hear("motion", Quantity.CONTACT_OPEN, n % 2 == 0)
            house.pass_time(60 / changes, 60 / changes)


@pytest.mark.parametrize(
    ("minutes", "changes", "told"), [(5, 30, True), (2, 30, False), (30, 12, False)]
)
def test_a_contact_that_changes_its_mind_for_minutes_is_stuck(
    minutes: int, changes: int, told: bool
) -> None:
    house = stuck()
    chatter(house, minutes, changes)
    assert bool(house.news) is told
    house.pass_time(10 * MINUTE)
    assert len(house.news) == (2 if told else 0)


def test_a_contact_that_rests_for_a_minute_now_and_then_is_told_once() -> None:
    house = stuck()
    chatter(house, 4, 30)
    for _ in range(5):
        house.pass_time(MINUTE)
        chatter(house, 3, 30)
    assert house.news == [("holds", "sensor.stuck", "motion")]


def test_chattering_minutes_an_hour_apart_do_not_add_up() -> None:
    house = stuck()
    chatter(house, 2, 60)
    house.restart(off_s=HOUR)
    chatter(house, 2, 60)
    house.pass_time(MINUTE)
    assert house.news == []
