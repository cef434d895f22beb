"""One Status: what is heard is shown, and silence is never shown as health."""

from __future__ import annotations

import msgspec
import pytest

from gateway.health import ClockHealth, Level, OutboxHealth, RouteHealth, Status, StorageHealth
from gateway.health.book import ALERTS, REVISIONS, HealthBook
from gateway.health.status import RECENT
from gateway.health.why import why
from gateway.health.words import SHOWN, lasting, moment, value
from gateway.records import (
    AlertType,
    Condition,
    DeviceKind,
    Outcome,
    Quantity,
    RadioState,
    Reading,
    Severity,
    State,
    Value,
)
from tests.fakes import at
from tests.lived_in import DEVICES, NOW, ROOMS, ZONE, LivedIn, answered, heard_book, press


def _heard(book: HealthBook, device: str, quantity: Quantity, value: Value, when: float) -> None:
    book.on_reading(Reading(device, quantity, value, at(when)))


def test_a_home_where_everything_was_heard_is_well() -> None:
    status = LivedIn().status()
    assert status.summary.level is Level.WELL
    assert status.problems == ()
    assert status.tally() == {
        "ok": 11,
        "late": 0,
        "lost": 0,
        "unknown": 0,
        "low": 0,
        "alive": 2,
        "blind": 0,
        "open": 0,
    }


def test_a_status_survives_its_own_json() -> None:
    home = LivedIn()
    home.happen(answered(press(), State.DISPATCHED, NOW, eta_s=600.0))
    status = home.status()
    assert msgspec.json.decode(msgspec.json.encode(status), type=Status) == status


def test_a_blind_radio_makes_its_devices_unknown_and_says_which_radio() -> None:
    home = LivedIn()
    home.set(radios=(RadioState("inputs", True), RadioState("meters", False, "unplugged")))
    status = home.status()
    states = {device.id: (device.state.value, device.why.en) for device in status.devices}
    assert states["water"] == ("unknown", "its receiver meters hears nothing")
    assert states["bedside"] == ("ok", "")
    assert status.summary.level is Level.IMPAIRED
    assert "Receiver meters hears nothing: unplugged" in [p.en for p in status.problems]


def test_a_lost_device_stays_lost_behind_a_blind_radio() -> None:
    home = LivedIn()
    home.set(
        radios=(RadioState("inputs", False), RadioState("meters", True)),
        states={**home.parts.states, "bedside": "lost"},
    )
    states = {device.id: device.state.value for device in home.status().devices}
    assert (states["bedside"], states["cord"]) == ("lost", "unknown")


def test_a_device_that_nobody_judged_or_heard_is_unknown() -> None:
    home = LivedIn()
    home.book = HealthBook(ROOMS, DEVICES, ZONE)
    home.set(states={})
    status = home.status()
    assert {device.state.value for device in status.devices} == {"unknown"}
    assert {device.why.en for device in status.devices} == {"not heard yet"}
    assert status.summary.words.en == "A call for help may go unheard: please check soon"


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"storage": StorageHealth(False, "disk full")}, "Storage fault: disk full"),
        ({"last_rule_pass": at(NOW - 400)}, "The rules have not run for 7 min"),
        ({"routes": ()}, "No platform is connected"),
        (
            {"routes": (RouteHealth("a", up=False),), "outbox": OutboxHealth({0: 2, 3: 1})},
            "The platform cannot be reached; 3 messages are kept and wait",
        ),
        (
            {"clock": ClockHealth(trusted=False)},
            "The clock is not sure yet: rules that need the time of day wait",
        ),
    ],
)
def test_what_the_hub_cannot_do_is_said_and_the_home_is_not_called_well(
    part: dict[str, object], said: str
) -> None:
    home = LivedIn()
    home.set(**part)
    status = home.status()
    assert [problem.en for problem in status.problems] == [said]
    assert status.summary.level is Level.IMPAIRED


def test_one_route_of_two_is_enough_to_be_connected() -> None:
    home = LivedIn()
    home.set(routes=(RouteHealth("a", up=False), RouteHealth("b", up=True)))
    assert home.status().problems == ()


def test_an_emergency_is_the_headline_and_comes_before_older_concerns() -> None:
    home = LivedIn()
    leak = msgspec.structs.replace(
        press(100.0, "leak"), id="LEAK", type=AlertType.WATER_LEAK, severity=Severity.S2
    )
    home.happen(leak)
    home.happen(press())
    status = home.status()
    assert [view.alert.id for view in status.open] == [press().id, "LEAK"]
    assert status.summary.words.zh == "紧急：主卧紧急呼叫"
    assert status.summary.words.en == "Emergency: Emergency call, Bedroom (主卧)"


def test_the_arrival_counts_from_the_dispatch_and_a_second_press_does_not_put_it_off() -> None:
    home = LivedIn()
    sent = answered(press(), State.DISPATCHED, NOW, eta_s=600.0)
    home.happen(sent)
    home.happen(msgspec.structs.replace(sent, rev=3, presses=2, changed_at=at(NOW + 300)))
    home.seconds = NOW + 301
    (view,) = home.status().open
    assert view.eta == at(NOW + 600)
    assert view.help.en == f"Help is on the way, expected at {_clock(NOW + 600)}"


def _clock(seconds: float) -> str:
    return f"{at(seconds).local(ZONE):%H:%M}"


def test_without_a_sure_clock_no_time_of_day_is_told() -> None:
    home = LivedIn()
    unsure = at(NOW, trusted=False)
    home.happen(
        msgspec.structs.replace(
            answered(press(), State.DISPATCHED, NOW, eta_s=600.0), changed_at=unsure
        )
    )
    (view,) = home.status().open
    assert view.help.en == "Help is on the way, there in about 10 min"
    assert moment(unsure, at(NOW + 120), ZONE).en == "2 min ago"


def test_every_revision_is_listed_with_its_way_and_its_receipt() -> None:
    home = LivedIn()
    alert = press()
    home.happen(alert)
    home.book.on_sent(alert.id, 1, "platform", at(NOW))
    home.book.on_sent(alert.id, 1, "backup", at(NOW + 30))
    home.book.on_sent(alert.id, 1, "platform", at(NOW + 40))
    home.book.on_receipt(alert.id, 1, at(NOW + 41))
    home.book.on_receipt("UNHEARD OF", 1, at(NOW + 41))
    (revision,) = home.status().open[0].revisions
    assert revision.routes == ("platform", "backup")
    assert (revision.sent_at, revision.received_at) == (at(NOW), at(NOW + 41))


def test_the_memory_of_what_was_sent_is_bounded() -> None:
    book = heard_book()
    alert = press()
    for rev in range(1, 100):
        book.on_alert(msgspec.structs.replace(alert, rev=rev))
    kept = [revision.rev for revision in book.steps(alert.id).revisions]
    assert (kept[0], kept[-1], len(kept)) == (1, 99, REVISIONS)
    for number in range(100):
        book.on_alert(msgspec.structs.replace(alert, id=f"A{number}"))
    remembered = [n for n in range(100) if book.steps(f"A{n}").revisions]
    assert remembered == list(range(100 - ALERTS, 100))


def test_only_the_last_alerts_that_ended_are_shown_newest_first() -> None:
    home = LivedIn()
    for number in range(RECENT + 5):
        ended = msgspec.structs.replace(
            press(), id=f"A{number:02}", state=State.CLOSED, changed_at=at(number), presses=0
        )
        home.happen(
            msgspec.structs.replace(ended, outcome=Outcome.HELPED, condition=Condition.ENDED)
        )
    status = home.status()
    assert status.open == ()
    assert [view.alert.id for view in status.recent][:2] == ["A24", "A23"]
    assert len(status.recent) == RECENT
    assert status.recent[0].help.en == "Closed: helped"


def test_a_sign_of_life_is_an_act_and_not_a_poll() -> None:
    book = HealthBook(ROOMS, DEVICES, ZONE)
    _heard(book, "door", Quantity.CONTACT_OPEN, False, 0)
    _heard(book, "motion", Quantity.MOTION, False, 0)
    _heard(book, "water", Quantity.WATER_TOTAL, 5.0, 0)
    _heard(book, "water", Quantity.WATER_TOTAL, 5.0, 60)
    _heard(book, "gas", Quantity.GAS_LEL, 0.4, 60)
    assert [book.sign_of_life(room.id) for room in ROOMS] == [None] * 5
    _heard(book, "door", Quantity.CONTACT_OPEN, True, 100)
    _heard(book, "motion", Quantity.MOTION, True, 110)
    _heard(book, "water", Quantity.WATER_TOTAL, 5.001, 120)
    _heard(book, "cord", Quantity.EMERGENCY, "press", 130)
    signs = {room.id: book.sign_of_life(room.id) for room in ROOMS}
    assert signs == {
        "bedroom": None,
        "bathroom": at(130),
        "kitchen": at(120),
        "living": at(110),
        "hall": at(100),
    }


def test_a_stranger_and_the_hub_itself_leave_no_trace() -> None:
    book = heard_book()
    before = msgspec.json.encode(book.state())
    _heard(book, "stranger", Quantity.MOTION, True, NOW)
    _heard(book, "hub", Quantity.MAINS_OK, True, NOW)
    assert msgspec.json.encode(book.state()) == before


def test_a_restart_forgets_nothing_but_what_is_no_longer_enrolled() -> None:
    home = LivedIn()
    home.happen(press())
    kept = msgspec.json.decode(msgspec.json.encode(home.book.state()))
    before = home.status()
    home.book = HealthBook(ROOMS, DEVICES, ZONE)
    home.book.restore(kept)
    assert home.status() == before
    fewer = HealthBook(ROOMS, DEVICES[1:], ZONE)
    fewer.restore(kept)
    assert DEVICES[0].id not in msgspec.json.encode(fewer.state()).decode().partition('"rooms"')[0]


def test_why_tells_the_most_important_first_in_both_languages() -> None:
    home = LivedIn()
    home.happen(press())
    home.set(states={**home.parts.states, "motion": "late"}, restarts={"meters": 2})
    english, chinese = why(home.status(), "en"), why(home.status(), "zh")
    assert len(english) == len(chinese)
    assert english[0].startswith("Emergency: ")
    assert english[1] == "Emergency call, Bedroom (主卧)"
    assert "Motion sensor (Living room): silent for longer than usual" in english
    assert "10 of 11 devices are heard as usual" in english
    assert english[-1] == "Jobs restarted 2 times: meters 2"
    assert chinese[1] == "主卧 紧急呼叫"
    assert all(any("\u4e00" <= c <= "\u9fff" for c in line) for line in chinese)


def test_many_devices_in_trouble_are_one_sentence() -> None:
    home = LivedIn()
    home.set(states={device.id: "lost" for device in DEVICES})
    (problem,) = home.status().problems
    assert problem.en.endswith("and 8 more: lost")
    assert problem.zh.endswith("等11个设备：失去联系")


def test_two_of_a_kind_in_one_room_can_be_told_apart() -> None:
    second = msgspec.structs.replace(DEVICES[0], id="window-side")
    home = LivedIn()
    home.book = HealthBook(ROOMS, (*DEVICES, second), ZONE)
    names = [device.name.en for device in home.status().devices if device.room == "bedroom"]
    assert names == ["Call button bedside", "Bed sensor", "Call button window-side"]


def test_every_value_that_is_shown_has_words_in_both_languages() -> None:
    for quantity in SHOWN:
        words = value(quantity, True if quantity.unit is None else 1.5)
        assert words.zh, quantity
        assert words.en, quantity
    assert value(Quantity.TEMPERATURE, 21.46).en == "Temperature 21.5\u00a0°C"
    assert value(Quantity.CURRENT, 0.5, "L2").zh == "电流 L2 0.50\u00a0A"
    assert value(Quantity.BUTTON, "double_press").en == "Pressed twice"
    assert not value(Quantity.TAMPER, False)


def test_times_are_told_as_people_say_them() -> None:
    assert lasting(22_800).zh == "6小时20分"
    assert moment(at(0), at(60), ZONE).zh == _clock(0)
    assert moment(at(-5 * 86400), at(0), ZONE).en.endswith(_clock(0))


def test_a_wired_button_that_nobody_pressed_says_so_and_is_no_sign_of_life() -> None:
    book = HealthBook(ROOMS, DEVICES, ZONE)
    button = next(device for device in DEVICES if device.kind is DeviceKind.CALL_BUTTON)
    book.on_reading(Reading(button.id, Quantity.EMERGENCY, False, at(0)))
    (latest,) = book.notes(button.id).latest.values()
    assert value(latest.quantity, latest.value).en == "Not pressed"
    assert book.sign_of_life(button.room) is None
    book.on_reading(Reading(button.id, Quantity.EMERGENCY, True, at(1)))
    assert book.sign_of_life(button.room) == at(1)


def test_a_hub_that_has_just_started_does_not_frighten_anybody_and_soon_does() -> None:
    def said(seconds: float) -> str:
        home = LivedIn()
        started = at(home.seconds - seconds)
        home.set(states={device.id: "unknown" for device in DEVICES}, started_at=started)
        return home.status().summary.words.en

    assert said(10) == "Just started: listening for the devices"
    assert said(70) == "A call for help may go unheard: please check soon"
