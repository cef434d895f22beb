"""One press is one alarm: however often, however late and from wherever it is heard again."""

from __future__ import annotations

import msgspec
import pytest

from gateway.counters import ECHO_S, REMEMBERED, Counters
from gateway.records import BadFrame, Frame, Quantity, Reading
from tests.fakes import at


def hear(
    counters: Counters,
    number: object,
    seconds: float = 0.0,
    rising: bool = False,
    fresh: bool = True,
    address: str = "A",
    device: str = "button",
) -> list[str]:
    """What is told of one message: that it was heard, a press and a state."""
    event = str(number) if number is not None else ""
    moment = at(seconds)
    readings = [
        Reading(device, Quantity.SEEN, True, moment),
        Reading(device, Quantity.BUTTON, "press", moment, event=event, rising=rising),
        Reading(device, Quantity.CONTACT_OPEN, True, moment, event=event, rising=rising),
    ]
    frame = Frame("bthome", "hci0", b"", moment, address, fresh=fresh)
    return [reading.quantity.value for reading in counters.news(readings, frame)]


def presses(counters: Counters, *numbers: object, rising: bool = False) -> list[bool]:
    return ["button" in hear(counters, number, rising=rising) for number in numbers]


def restarted(counters: Counters) -> Counters:
    again = Counters()
    again.restore(msgspec.json.decode(msgspec.json.encode(counters.state())))
    return again


@pytest.mark.parametrize("rising", [False, True])
def test_a_message_heard_again_is_the_same_however_late(rising: bool) -> None:
    counters = Counters()
    assert hear(counters, 7, 0, rising) == ["seen", "button", "contact_open"]
    assert hear(counters, 7, 0.1, rising) == ["seen"]
    assert hear(counters, 7, 1e7, rising) == ["seen"]
    assert hear(restarted(counters), 7, 2e7, rising) == ["seen"]


@pytest.mark.parametrize("rising", [False, True])
def test_a_new_number_is_a_new_press_also_at_once_and_after_a_restart(rising: bool) -> None:
    counters = Counters()
    assert presses(counters, 7, 8, 10, rising=rising) == [True] * 3
    assert presses(restarted(counters), 11, rising=rising) == [True]


@pytest.mark.parametrize("lower", [0, 1, 99, 100, 4999])
def test_a_lower_number_of_a_sender_who_proved_himself_is_a_replay(lower: int) -> None:
    counters = Counters()
    assert presses(counters, 5000, rising=True) == [True]
    for heard in (counters, restarted(counters)):
        with pytest.raises(BadFrame, match="replayed"):
            hear(heard, lower, 1e6, rising=True)
    assert presses(counters, 5001, rising=True) == [True]


def test_an_old_plain_number_is_rejected_and_the_next_new_one_heard() -> None:
    counters = Counters()
    assert presses(counters, 1, 2, 3) == [True] * 3
    with pytest.raises(BadFrame, match="replayed"):
        hear(counters, 2, 3600)
    with pytest.raises(BadFrame, match="replayed"):
        hear(restarted(counters), 1, 3600)
    assert presses(counters, 4) == [True]


def test_plain_numbers_go_round_and_no_press_is_taken_for_an_old_one() -> None:
    counters = Counters()
    assert all(presses(counters, *(number % 256 for number in range(250, 1600))))


def test_a_press_between_hundreds_of_beacons_is_heard_whatever_its_number() -> None:
    """The number is the message's, not the press's: that an earlier press had it says nothing."""
    counters = Counters()
    told = [
        reading.event
        for number in range(2000)
        for reading in counters.news(
            [Reading("button", Quantity.BUTTON, "press", at(number), event=str(number % 256))],
            Frame("bthome", "hci0", b"", at(number), "A"),
        )
    ]
    assert len(set(told)) == 2000, "an event that is named like an earlier one would be dropped"


def test_a_new_battery_costs_one_press_at_most() -> None:
    counters = Counters()
    assert presses(counters, *range(6)) == [True] * 6
    later = 10 * ECHO_S
    assert hear(counters, 5, later) == ["seen"], "said last"
    with pytest.raises(BadFrame):
        hear(counters, 0, later + 1)
    assert "button" in hear(counters, 1, later + 2)
    assert ["button" in hear(counters, number, later + number) for number in (2, 3, 4)] == [
        True,
        True,
        True,
    ]


def test_another_adapter_that_lags_behind_makes_no_second_press() -> None:
    counters = Counters()
    assert presses(counters, 20, 21, 22) == [True] * 3
    for number in (20, 21):
        with pytest.raises(BadFrame):
            hear(counters, number, ECHO_S / 2)


def test_what_the_transport_kept_from_before_is_no_press_of_today() -> None:
    counters = Counters()
    assert hear(counters, 7, fresh=False) == []
    assert hear(counters, 7, 5) == ["seen"], "nor when it is said again"
    assert "button" in hear(counters, 8, 6)
    assert hear(Counters(), None, fresh=False) == []


def test_a_press_while_the_hub_was_off_is_heard_late_rather_than_never() -> None:
    counters = Counters()
    assert presses(counters, 7) == [True]
    assert "button" in hear(restarted(counters), 8, 600, fresh=False)


def test_another_device_under_the_same_name_begins_with_its_own_number() -> None:
    counters = Counters()
    assert presses(counters, 5000, rising=True) == [True]
    assert "button" in hear(counters, 1, rising=True, address="B")
    assert "button" in hear(counters, 5000, rising=True, device="other")


def test_a_cord_that_stays_pulled_calls_once_and_pulled_again_calls_again() -> None:
    def told(seconds: float, value: bool, repeat_s: float = 120.0) -> int:
        event = str(next(numbers))
        reading = Reading(
            "cord", Quantity.EMERGENCY, value, at(seconds), event=event, repeat_s=repeat_s
        )
        return len(counters.news([reading], Frame("bthome", "hci0", b"", at(seconds), "A")))

    counters, numbers = Counters(), iter(range(99))
    pulled = [told(30 * beacon, True) for beacon in range(20)]
    assert pulled == [1] + [0] * 19
    assert [told(600, False), told(601, True), told(630, True)] == [1, 1, 0]
    assert told(751, True) == 1, "the release was lost: better one call too many"
    assert [told(800 + press, True, 0.0) for press in range(3)] == [1, 1, 1], "a switch that rests"


def test_messages_without_a_number_pass() -> None:
    counters = Counters()
    assert hear(counters, None) == hear(counters, None) == ["seen", "button", "contact_open"]


def test_memory_is_bounded() -> None:
    counters = Counters()
    presses(counters, *range(200))
    state = msgspec.json.encode(counters.state())
    assert len(state) < REMEMBERED * 24
