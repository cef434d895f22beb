"""Whether the hub itself is well."""

from __future__ import annotations

import pytest

from gateway.detect.hub import HubHealth
from gateway.records import HUB, DeviceKind, Instant, Quantity, Severity, Signal, Value
from gateway.rules import HubRules
from tests.household import Household, device, local

MINUTE, HOUR = 60.0, 3600.0
DEVICES = (
    device("pendant", DeviceKind.PENDANT, "radio"),
    device("meter", DeviceKind.WATER_METER, "bus"),
)


@pytest.fixture
def house() -> Household:
    return Household(local("2026-09-22 10:00"), HubHealth(HubRules(), DEVICES))


def hub(house: Household, quantity: Quantity, value: Value, channel: str = "") -> None:
    house.hear(HUB, quantity, value, channel=channel)


def worst(house: Household) -> list[Severity]:
    """The severities in the order in which they came up."""
    return list(dict.fromkeys(finding.severity for finding in house.said))


@pytest.mark.parametrize(
    ("seconds", "severities"),
    [
        (9, []),
        (11, [Severity.S0]),
        (61, [Severity.S0, Severity.S4]),
        (1801, [Severity.S0, Severity.S4, Severity.S2]),
    ],
)
def test_the_mains_are_noted_then_told_then_urgent(
    house: Household, seconds: float, severities: list[Severity]
) -> None:
    hub(house, Quantity.MAINS_OK, False)
    house.pass_time(seconds, 1)
    assert worst(house) == severities
    hub(house, Quantity.MAINS_OK, True)
    ended = [("ended", "hub.mains_lost", "hub")] if severities else []
    assert house.news[1:] == ended


def test_mains_that_flicker_for_seconds_are_nothing(house: Household) -> None:
    for _ in range(100):
        hub(house, Quantity.MAINS_OK, False)
        house.pass_time(5, 1)
        hub(house, Quantity.MAINS_OK, True)
        house.pass_time(5, 1)
    assert house.news == []


def test_a_hub_that_was_off_does_not_know_how_long_the_mains_were_away(house: Household) -> None:
    hub(house, Quantity.MAINS_OK, False)
    house.pass_time(70, 1)
    house.restart(off_s=8 * HOUR)
    house.pass_time(30, 1)
    assert worst(house) == [Severity.S0, Severity.S4]
    hub(house, Quantity.MAINS_OK, True)
    assert house.news[-1] == ("ended", "hub.mains_lost", "hub")


def test_a_hub_that_restarts_all_the_time_still_says_that_the_mains_are_away(
    house: Household,
) -> None:
    hub(house, Quantity.MAINS_OK, False)
    for _ in range(35):
        house.pass_time(60)
        house.restart(off_s=20)
        house.tick()
    assert worst(house)[-1] is Severity.S2


def test_failed_storage_is_urgent_at_once(house: Household) -> None:
    hub(house, Quantity.STORAGE_OK, False)
    assert worst(house) == [Severity.S2]
    hub(house, Quantity.STORAGE_OK, True)
    assert house.news[-1] == ("ended", "hub.storage_fault", "hub")


@pytest.mark.parametrize(("port", "severity"), [("bus", Severity.S4), ("radio", Severity.S2)])
def test_a_blind_radio_is_told_by_what_hangs_on_it(
    house: Household, port: str, severity: Severity
) -> None:
    hub(house, Quantity.RADIO_ALIVE, False, port)
    house.pass_time(9.5 * MINUTE)
    assert house.news == []
    house.pass_time(1 * MINUTE)
    assert house.news == [("holds", "hub.radio_blind", port)]
    assert worst(house) == [severity]
    hub(house, Quantity.RADIO_ALIVE, True, port)
    assert house.news[-1] == ("ended", "hub.radio_blind", port)


def test_a_route_down_is_urgent_only_when_no_other_is_up(house: Household) -> None:
    hub(house, Quantity.LINK_UP, True, "street")
    hub(house, Quantity.LINK_UP, False, "city")
    house.pass_time(3 * HOUR)
    assert house.news == [("holds", "hub.link_degraded", "city")]
    assert worst(house) == [Severity.S4]
    hub(house, Quantity.LINK_UP, False, "street")
    house.pass_time(2 * HOUR)
    assert worst(house) == [Severity.S4, Severity.S2]


def test_a_clock_unsure_for_hours_is_told_until_it_is_right(house: Household) -> None:
    house.now = Instant(house.now.line, 12.0, trusted=False)
    house.pass_time(5.9 * HOUR)
    assert house.news == []
    house.pass_time(0.2 * HOUR)
    assert house.news == [("holds", "hub.clock_unsure", "hub")]
    house.now = local("2026-09-22 16:10")
    house.tick()
    assert house.news[-1] == ("ended", "hub.clock_unsure", "hub")


def test_a_low_battery_is_urgent_when_the_mains_are_away_too(house: Household) -> None:
    hub(house, Quantity.BATTERY, 21.0)
    assert house.news == []
    hub(house, Quantity.BATTERY, 20.0)
    assert worst(house) == [Severity.S4]
    hub(house, Quantity.MAINS_OK, False)
    house.tick()
    assert worst(house)[-1] is Severity.S2
    hub(house, Quantity.BATTERY, 60.0)
    assert house.types(Signal.ENDED) == ["hub.battery_low"]


def test_a_battery_with_two_reasons_ends_with_the_last(house: Household) -> None:
    hub(house, Quantity.BATTERY, 12.0)
    hub(house, Quantity.BATTERY_LOW, True)
    hub(house, Quantity.BATTERY, 60.0)
    assert house.news == [("holds", "hub.battery_low", "hub")]
    hub(house, Quantity.BATTERY_LOW, False)
    assert house.news[-1] == ("ended", "hub.battery_low", "hub")


def test_a_failing_rule_is_urgent_until_an_hour_without_a_failure(house: Household) -> None:
    hub(house, Quantity.EVALUATOR_OK, False, "water_no_use")
    house.pass_time(50 * MINUTE)
    hub(house, Quantity.EVALUATOR_OK, False, "water_no_use")
    house.pass_time(50 * MINUTE)
    assert house.news == [("holds", "hub.evaluator_stalled", "water_no_use")]
    assert worst(house) == [Severity.S2]
    house.pass_time(11 * MINUTE)
    assert house.news[-1] == ("ended", "hub.evaluator_stalled", "water_no_use")


def test_a_rule_that_says_it_works_again_is_well_at_once(house: Household) -> None:
    hub(house, Quantity.EVALUATOR_OK, False, "leak")
    hub(house, Quantity.EVALUATOR_OK, True, "leak")
    assert house.news[-1] == ("ended", "hub.evaluator_stalled", "leak")


def test_what_a_device_says_of_its_own_mains_is_not_the_hubs(house: Household) -> None:
    house.hear("pendant", Quantity.MAINS_OK, False)
    house.pass_time(2 * HOUR)
    assert house.news == []
