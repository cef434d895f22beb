"""The home is asked first; what is answered there never leaves it."""

from __future__ import annotations

import json

import msgspec
import pytest

from gateway.detect._prealarm import PreAlarm
from gateway.detect.inactivity import Inactivity
from gateway.detect.pressed import Pressed
from gateway.detect.temperature import Temperature
from gateway.records import Quantity, Signal
from gateway.rules import InactivityRules, PreAlarmRules, SosRules, TemperatureRules
from tests.household import DEVICES, SHANGHAI, Household, local


def asked(answer_s: float = 120.0) -> PreAlarm:
    inner = Inactivity(InactivityRules(), DEVICES, SHANGHAI)
    return PreAlarm(PreAlarmRules(answer_s=answer_s), DEVICES, inner)


def silent_for_ten_hours(rule: PreAlarm) -> Household:
    home = Household(local("2026-09-22 08:00"), rule)
    moves(home)
    home.pass_time(10 * 3600, 60)
    return home


def moves(home: Household) -> None:
    home.hear("living", Quantity.MOTION, True)
    home.hear("kitchen", Quantity.MOTION, True)


def test_the_home_is_asked_and_the_platform_is_told_when_nobody_answers() -> None:
    rule = asked()
    home = silent_for_ten_hours(rule)
    assert [pre.type for pre in rule.waiting()] == ["activity.inactivity"]
    assert home.news == []
    home.pass_time(120, 60)
    assert home.news == [("holds", "activity.inactivity", "home")]
    assert rule.waiting() == []


def test_a_sign_of_life_withdraws_it_and_nobody_hears_of_it() -> None:
    rule = asked()
    home = silent_for_ten_hours(rule)
    moves(home)
    home.pass_time(300, 60)
    assert home.said == []
    assert rule.waiting() == []


def test_the_cancel_key_withdraws_it_for_an_hour_and_then_the_home_is_asked_again() -> None:
    rule = PreAlarm(PreAlarmRules(), DEVICES, Temperature(TemperatureRules(lasting_h=0)))
    home = Household(local("2026-09-22 08:00"), rule)
    home.hear("living", Quantity.TEMPERATURE, 14.0)
    home.pass_time(60, 60)
    home.hear("cancel", Quantity.BUTTON, "cancel")
    home.pass_time(58 * 60, 60)
    assert home.said == []
    home.pass_time(10 * 60, 60)
    assert home.news == [("holds", "temp.cold", "living")]


def test_what_was_told_also_ends() -> None:
    home = silent_for_ten_hours(asked())
    home.pass_time(300, 60)
    moves(home)
    assert [signal for signal, _, _ in home.news] == [Signal.HOLDS, Signal.ENDED]


def test_who_wants_no_pre_alarm_has_none() -> None:
    assert silent_for_ten_hours(asked(answer_s=0)).news


def test_a_restart_neither_forgets_nor_prolongs_the_waiting() -> None:
    rule, reborn = asked(), asked()
    home = silent_for_ten_hours(rule)
    reborn.restore(json.loads(msgspec.json.encode(rule.state())))
    assert [pre.since for pre in reborn.waiting()] == [pre.since for pre in rule.waiting()]
    home.asked = (reborn,)
    home.pass_time(180, 60)
    assert home.news == [("holds", "activity.inactivity", "home")]


@pytest.mark.parametrize("value", ["press", True])
def test_an_emergency_never_waits(value: str | bool) -> None:
    home = Household(
        local("2026-09-22 08:00"),
        PreAlarm(PreAlarmRules(), DEVICES, Pressed(SosRules(), DEVICES)),
    )
    home.hear("bedside", Quantity.EMERGENCY if value is True else Quantity.BUTTON, value)
    assert [signal for signal, _, _ in home.news] == [Signal.HAPPENED]
