"""A press is a call for help: every one, once, at once."""

from __future__ import annotations

import pytest

from gateway.detect.pressed import Pressed
from gateway.records import HUB, Code, Quantity, Severity, Signal
from gateway.rules import SosRules
from tests.household import DEVICES, Household, local

CALL = ("happened", "sos.pressed")


@pytest.fixture
def house() -> Household:
    return Household(local("2026-09-22 10:00"), Pressed(SosRules(), DEVICES))


def wired(house: Household, *states: bool) -> None:
    for state in states:
        house.hear("bedside", Quantity.EMERGENCY, state)
        house.pass_time(1, 1)


def test_a_press_is_an_emergency_at_once_with_its_time(house: Household) -> None:
    wired(house, False, True)
    (finding,) = house.said
    assert (finding.type, finding.signal, finding.severity) == (*CALL[::-1], Severity.S1)
    assert finding.cause == "bedside"
    assert finding.evidence.observed[0].code is Code.PRESSED
    assert finding.evidence.observed[0].since == finding.at


@pytest.mark.parametrize(
    ("states", "presses"),
    [
        ([False, True, True, True, False], 1),
        ([False, True, False, True, False], 2),
        ([True], 1),
        ([True, True, False, True], 2),
        ([False, False], 0),
    ],
)
def test_a_wired_button_held_is_one_press(
    house: Household, states: list[bool], presses: int
) -> None:
    wired(house, *states)
    assert house.news == [(*CALL, "bedside")] * presses


def test_a_button_that_was_held_before_the_restart_is_not_pressed_again(house: Household) -> None:
    wired(house, False, True)
    house.restart(off_s=30, fresh=[Pressed(SosRules(), DEVICES)])
    wired(house, True, True)
    assert len(house.news) == 1
    wired(house, False, True)
    assert len(house.news) == 2


def test_a_button_pressed_while_the_hub_was_off_is_a_press(house: Household) -> None:
    wired(house, False)
    house.restart(off_s=30)
    wired(house, True)
    assert house.news == [(*CALL, "bedside")]


def test_a_radio_that_tells_each_press_needs_no_release(house: Household) -> None:
    for counter in ("7", "8", "9"):
        house.hear("pendant", Quantity.EMERGENCY, True, event=counter)
    assert house.news == [(*CALL, "pendant")] * 3


@pytest.mark.parametrize(
    ("device", "value", "said"),
    [
        ("bedside", "press", [(*CALL, "bedside")]),
        ("pendant", "press", [(*CALL, "pendant")]),
        ("pendant", "double_press", [(*CALL, "pendant")]),
        ("pendant", "triple_press", [(*CALL, "pendant")]),
        ("pendant", "long_press", [("happened", "help.requested", "pendant")]),
        ("help", "press", [("happened", "help.requested", "help")]),
        ("cancel", "press", [("cancelled", "sos.pressed", "*")]),
        ("pendant", "cancel", [("cancelled", "sos.pressed", "*")]),
        ("door", "press", []),
        ("stranger", "press", []),
    ],
)
def test_each_key_calls_for_what_it_is_for(
    house: Household, device: str, value: str, said: list[tuple[str, str, str]]
) -> None:
    house.hear(device, Quantity.BUTTON, value, event="41")
    assert house.news == said


def test_a_fire_button_is_an_emergency_that_says_fire(house: Household) -> None:
    house.hear("bedside", Quantity.FIRE_BUTTON)
    assert house.said[0].severity is Severity.S1
    assert house.said[0].evidence.observed[0].code is Code.FIRE_BUTTON


@pytest.mark.parametrize("who", ["bedside", HUB])
def test_a_press_during_a_test_is_a_test_call(house: Household, who: str) -> None:
    house.hear(who, Quantity.TEST, True)
    wired(house, True, False)
    house.hear(who, Quantity.TEST, False)
    wired(house, True)
    assert house.types(Signal.HAPPENED) == ["test.call", "sos.pressed"]
    assert house.said[0].severity is Severity.S0


def test_a_test_of_one_button_makes_no_test_of_another(house: Household) -> None:
    house.hear("bedside", Quantity.TEST, True)
    house.hear("pendant", Quantity.BUTTON, "press", event="1")
    assert house.types(Signal.HAPPENED) == ["sos.pressed"]


def test_a_test_window_left_on_ends_by_itself(house: Household) -> None:
    house.hear("bedside", Quantity.TEST, True)
    for _ in range(40):
        house.pass_time(60)
        house.hear("bedside", Quantity.TEST, True)
    wired(house, False, True)
    assert house.types(Signal.HAPPENED) == ["sos.pressed"]
