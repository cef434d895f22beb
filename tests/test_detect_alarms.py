"""Gas, smoke, carbon monoxide and leaks: said at once, and over when it is over."""

from __future__ import annotations

import pytest

from gateway.detect.alarms import Alarms
from gateway.detect.leak import Leak
from gateway.records import Code, Quantity, Severity, Signal
from gateway.rules import GasRules, LeakRules
from tests.household import Household, local


@pytest.fixture
def house() -> Household:
    return Household(local("2026-09-22 10:00"), Alarms(GasRules()), Leak(LeakRules()))


@pytest.mark.parametrize(
    ("device", "quantity", "type_"),
    [
        ("gas", Quantity.GAS_ALARM, "gas.leak"),
        ("smoke", Quantity.SMOKE_ALARM, "smoke.detected"),
        ("co", Quantity.CO_ALARM, "co.detected"),
    ],
)
def test_a_detectors_alarm_is_an_emergency_until_it_clears(
    house: Household, device: str, quantity: Quantity, type_: str
) -> None:
    house.hear(device, quantity, True)
    assert house.news == [("holds", type_, device)]
    assert house.said[0].severity is Severity.S1
    house.pass_time(3600)
    house.hear(device, quantity, False)
    house.pass_time(11, 1)
    assert house.news[1:] == [("ended", type_, device)]


def test_an_alarm_is_said_again_at_every_pass_while_it_lasts(house: Household) -> None:
    house.hear("gas", Quantity.GAS_ALARM, True)
    house.pass_time(600, 60)
    assert [finding.signal for finding in house.said] == [Signal.HOLDS] * 11


def test_the_concentration_is_in_the_evidence_of_gas_alone(house: Household) -> None:
    house.hear("gas", Quantity.GAS_LEL, 23.5)
    house.hear("gas", Quantity.GAS_ALARM, True)
    house.hear("gas", Quantity.CO_ALARM, True)
    gas, co = house.said
    assert [fact.code for fact in gas.evidence.observed] == [
        Code.DETECTOR_ALARM,
        Code.CONCENTRATION,
    ]
    assert (gas.evidence.observed[1].value, gas.evidence.observed[1].unit) == (23.5, "%LEL")
    assert [fact.code for fact in co.evidence.observed] == [Code.DETECTOR_ALARM]


def test_an_alarm_that_flickers_is_one_incident(house: Household) -> None:
    for _ in range(20):
        house.hear("gas", Quantity.GAS_ALARM, True)
        house.pass_time(3, 1)
        house.hear("gas", Quantity.GAS_ALARM, False)
        house.pass_time(3, 1)
    assert house.news == [("holds", "gas.leak", "gas")]


def test_low_and_high_alarm_of_one_detector_are_over_when_both_are(house: Household) -> None:
    house.hear("gas", Quantity.GAS_ALARM, True, channel="low")
    house.hear("gas", Quantity.GAS_ALARM, True, channel="high")
    house.hear("gas", Quantity.GAS_ALARM, False, channel="high")
    house.pass_time(60)
    assert house.news == [("holds", "gas.leak", "gas")]
    house.hear("gas", Quantity.GAS_ALARM, False, channel="low")
    house.pass_time(60)
    assert house.news[-1] == ("ended", "gas.leak", "gas")


def test_a_faulty_detector_does_not_take_its_alarm_back(house: Household) -> None:
    house.hear("gas", Quantity.GAS_ALARM, True)
    house.hear("gas", Quantity.FAULT, True)
    house.hear("gas", Quantity.GAS_ALARM, False)
    house.pass_time(600)
    assert house.news == [("holds", "gas.leak", "gas")]
    house.hear("gas", Quantity.FAULT, False)
    house.hear("gas", Quantity.GAS_ALARM, False)
    house.pass_time(60)
    assert house.news[-1] == ("ended", "gas.leak", "gas")


def test_a_faulty_detector_may_still_raise_the_alarm(house: Household) -> None:
    house.hear("smoke", Quantity.FAULT, True)
    house.hear("smoke", Quantity.SMOKE_ALARM, True)
    assert house.news == [("holds", "smoke.detected", "smoke")]


def test_an_alarm_goes_on_after_a_restart_and_can_end(house: Household) -> None:
    house.hear("gas", Quantity.GAS_ALARM, True)
    house.restart(off_s=900, fresh=[Alarms(GasRules()), Leak(LeakRules())])
    house.tick()
    assert house.said[-1].signal is Signal.HOLDS
    house.hear("gas", Quantity.GAS_ALARM, False)
    house.pass_time(60)
    assert house.news == [("holds", "gas.leak", "gas"), ("ended", "gas.leak", "gas")]


def wet(house: Household, *spells: tuple[bool, float]) -> None:
    for state, seconds in spells:
        house.hear("sink", Quantity.WATER_LEAK, state)
        house.pass_time(seconds, 1)


LEAK, DRIED = ("holds", "water.leak", "sink"), ("ended", "water.leak", "sink")


@pytest.mark.parametrize(
    ("spells", "news"),
    [
        ([(True, 4)], []),
        ([(True, 5)], [LEAK]),
        ([(True, 4), (False, 100)], []),
        ([(True, 4), (False, 1), (True, 4)], []),
        ([(True, 6), (False, 59)], [LEAK]),
        ([(True, 6), (False, 60)], [LEAK, DRIED]),
        ([(True, 6), (False, 50), (True, 1), (False, 50)], [LEAK]),
        ([(True, 6), (False, 60), (True, 6)], [LEAK, DRIED, LEAK]),
        ([(False, 60)], []),
    ],
)
def test_a_leak_is_wet_for_five_seconds_and_over_after_a_dry_minute(
    house: Household, spells: list[tuple[bool, float]], news: list[tuple[str, str, str]]
) -> None:
    wet(house, *spells)
    assert house.news == news


def test_a_leak_is_urgent_and_says_since_when(house: Household) -> None:
    began = house.now
    wet(house, (True, 30))
    assert house.said[0].severity is Severity.S2
    assert house.said[-1].evidence.observed[0].since == began


def test_a_detector_that_keeps_saying_that_it_is_clear_is_believed(house: Household) -> None:
    house.hear("gas", Quantity.GAS_ALARM, True)
    for _ in range(3):
        house.hear("gas", Quantity.GAS_ALARM, False)
        house.pass_time(4, 1)
    assert house.news[-1] == ("ended", "gas.leak", "gas")


def test_a_sensor_that_keeps_saying_that_it_is_dry_is_believed(house: Household) -> None:
    wet(house, (True, 10), *[(False, 6.0)] * 10)
    assert house.news == [LEAK, DRIED]
