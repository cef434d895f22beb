"""One press is one event, also where the radio has no counter and nothing checks what it says."""

from __future__ import annotations

import msgspec

from gateway.records import Quantity, Reading, Value
from gateway.repeats import AGREE_S, Repeats
from tests.fakes import at


def press(seconds: float, unsure: bool = False, value: Value = "press") -> Reading:
    return Reading("fob", Quantity.BUTTON, value, at(seconds), repeat_s=2.0, unsure=unsure)


def told(repeats: Repeats, *readings: Reading) -> list[bool]:
    return [repeats.is_news(reading) for reading in readings]


def test_a_code_that_is_sent_again_within_the_window_is_the_same_press() -> None:
    held = [press(seconds) for seconds in (0, 1.3, 3.2, 5.2)]
    assert told(Repeats(), *held) == [True, False, False, False]


def test_after_the_window_the_same_code_is_a_second_press() -> None:
    assert told(Repeats(), press(0), press(2.1)) == [True, True]


def test_another_key_of_the_same_fob_is_another_event_at_once() -> None:
    assert told(Repeats(), press(0), press(0.5, value="cancel")) == [True, True]


def test_a_sign_of_life_between_two_repeats_makes_no_second_press() -> None:
    seen = Reading("fob", Quantity.SEEN, True, at(0.5))
    assert told(Repeats(), press(0), seen, press(1)) == [True, True, False]


def test_what_nothing_checks_waits_for_a_second_message_that_agrees() -> None:
    once, again, held = press(0, unsure=True), press(0.1, unsure=True), press(0.2, unsure=True)
    assert told(Repeats(), once, again, held) == [False, True, False]
    assert told(Repeats(), once, press(0.1, unsure=True, value="cancel")) == [False, False]
    assert told(Repeats(), once, press(0.1)) == [False, True]


def test_a_second_message_that_comes_too_late_agrees_with_nothing() -> None:
    late = AGREE_S + 0.1
    unsure = [press(0, unsure=True), press(late, unsure=True), press(late + 1, unsure=True)]
    assert told(Repeats(), *unsure) == [False, False, True]


def test_a_restart_between_two_repeats_makes_no_second_press_and_loses_none() -> None:
    before, after = Repeats(), Repeats()
    assert told(before, press(0)) == [True]
    after.restore(msgspec.json.decode(msgspec.json.encode(before.state())))
    assert told(after, press(1), press(4)) == [False, True]
    waiting = Repeats()
    assert told(waiting, press(0, unsure=True)) == [False]
    after.restore(msgspec.json.decode(msgspec.json.encode(waiting.state())))
    assert told(after, press(1, unsure=True)) == [True]


def test_what_an_older_version_remembered_is_still_read() -> None:
    repeats = Repeats()
    repeats.restore({"last": [], "events": []})
    assert told(repeats, press(0)) == [True]
