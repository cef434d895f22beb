"""A state has an age: what nobody said again for a day is unknown, neither open nor closed."""

from __future__ import annotations

import msgspec
import pytest

from gateway.detect.door_left_open import DoorLeftOpen
from gateway.health.words import value
from gateway.records import (
    AGEING,
    BELIEVED_S,
    Code,
    DeviceKind,
    Finding,
    Quantity,
    Reading,
    RoomKind,
    Signal,
)
from gateway.rules import DoorRules
from gateway.sentences import sentence
from tests.fakes import at
from tests.household import DEVICES, SHANGHAI

MISSED_S = 3600.0


def door() -> DoorLeftOpen:
    return DoorLeftOpen(DoorRules(), DEVICES, SHANGHAI)


def opened(seconds: float, value: bool = True) -> Reading:
    return Reading("door", Quantity.CONTACT_OPEN, value, at(seconds))


def hear(detector: DoorLeftOpen, reading: Reading) -> list[Finding]:
    return list(detector.on_reading(reading))


def test_a_missed_closing_does_not_hold_a_door_open_for_ever() -> None:
    detector = door()
    hear(detector, opened(0))
    assert [f.signal for f in detector.on_tick(at(MISSED_S))] == [Signal.HOLDS]
    assert [f.signal for f in detector.on_tick(at(BELIEVED_S))] == [Signal.HOLDS]
    [ended] = detector.on_tick(at(BELIEVED_S + 1))
    assert ended.signal is Signal.ENDED
    assert [fact.code for fact in ended.evidence.observed] == [Code.SILENT]
    assert list(detector.on_tick(at(2 * BELIEVED_S))) == []
    for language in ("zh", "en"):
        assert sentence(ended, language, SHANGHAI, RoomKind.HALL, DeviceKind.DOOR_CONTACT)


def test_a_door_that_says_again_that_it_is_open_stays_open() -> None:
    detector = door()
    for hour in range(40):
        hear(detector, opened(3600 * hour))
    [finding] = detector.on_tick(at(40 * 3600))
    assert finding.signal is Signal.HOLDS
    assert finding.evidence.observed[0].since == at(0)


def test_an_unknown_door_can_be_found_open_again() -> None:
    detector = door()
    hear(detector, opened(0))
    list(detector.on_tick(at(2 * BELIEVED_S)))
    hear(detector, opened(3 * BELIEVED_S))
    [finding] = detector.on_tick(at(3 * BELIEVED_S + MISSED_S))
    assert finding.signal is Signal.HOLDS


def test_a_restart_makes_no_state_younger() -> None:
    before, after = door(), door()
    hear(before, opened(0))
    list(before.on_tick(at(MISSED_S)))
    after.restore(msgspec.json.decode(msgspec.json.encode(before.state())))
    assert [f.signal for f in after.on_tick(at(BELIEVED_S + 1))] == [Signal.ENDED]


@pytest.mark.parametrize("quantity", sorted(AGEING))
def test_the_page_says_that_an_old_state_is_unknown(quantity: Quantity) -> None:
    assert value(quantity, True, age_s=BELIEVED_S).en != "State unknown"
    assert value(quantity, True, age_s=BELIEVED_S + 1).en == "State unknown"
    assert value(quantity, False, age_s=BELIEVED_S + 1).zh == "状态未知"


@pytest.mark.parametrize("alarm", [Quantity.GAS_ALARM, Quantity.SMOKE_ALARM, Quantity.WATER_LEAK])
def test_an_alarm_does_not_fade(alarm: Quantity) -> None:
    assert value(alarm, True, age_s=9 * BELIEVED_S) == value(alarm, True)
