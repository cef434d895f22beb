"""The life of an alert, told as stories."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alerts import LATCHING, TRANSITIONS, AlertBook, ulid
from gateway.records import (
    AlertType,
    Answer,
    Code,
    Condition,
    Evidence,
    Fact,
    Finding,
    Outcome,
    Severity,
    Signal,
    State,
    WorkOrder,
)
from tests.fakes import at, numbered, revisions

EVIDENCE = Evidence(observed=(Fact(Code.PRESSED),))


def finding(
    signal: Signal,
    seconds: float,
    type_: AlertType = AlertType.SOS_PRESSED,
    cause: str = "bedside",
    severity: Severity = Severity.S1,
) -> Finding:
    return Finding(type_, cause, signal, severity, at(seconds), EVIDENCE)


def press(seconds: float, cause: str = "bedside") -> Finding:
    return finding(Signal.HAPPENED, seconds, cause=cause)


def gas(signal: Signal, seconds: float) -> Finding:
    return finding(signal, seconds, AlertType.GAS_LEAK, "kitchen")


def offline(signal: Signal, seconds: float, severity: Severity = Severity.S4) -> Finding:
    return finding(signal, seconds, AlertType.SENSOR_OFFLINE, "meter", severity)


@pytest.fixture
def book() -> AlertBook:
    return AlertBook(numbered())


def test_twenty_buttons_pressed_in_one_second_are_twenty_alerts(book: AlertBook) -> None:
    alerts = [book.on_finding(press(i / 20, f"button{i}")) for i in range(20)]
    assert len({alert.id for news in alerts for alert in news}) == 20


def test_twenty_presses_of_one_button_in_one_second_are_told_twenty_times(book: AlertBook) -> None:
    alerts = [alert for i in range(20) for alert in book.on_finding(press(i / 20))]
    assert [alert.rev for alert in alerts] == list(range(1, 21))
    assert {alert.id for alert in alerts} == {"ALERT0001"}
    assert alerts[-1].presses == 20


def test_a_press_after_ten_seconds_is_a_second_call_for_help(book: AlertBook) -> None:
    book.on_finding(press(0))
    book.on_finding(press(9))
    assert revisions(book.on_finding(press(20))) == [("ALERT0002", 1, "raised")]
    assert len(book.open()) == 2


def test_a_press_after_the_first_was_closed_or_cancelled_is_a_new_alert(book: AlertBook) -> None:
    book.on_finding(press(0))
    book.on_answer(Answer("ALERT0001", Signal.CLOSED, at(1), outcome=Outcome.HELPED))
    assert revisions(book.on_finding(press(2))) == [("ALERT0002", 1, "raised")]
    book.on_finding(finding(Signal.CANCELLED, 3, cause="*"))
    assert revisions(book.on_finding(press(4))) == [("ALERT0003", 1, "raised")]


def test_the_platforms_answers_come_back_as_revisions(book: AlertBook) -> None:
    book.on_finding(press(0))
    order = WorkOrder("WO-1", 600)
    told = [
        book.on_answer(Answer("ALERT0001", Signal.RECEIVED, at(1))),
        book.on_answer(Answer("ALERT0001", Signal.ACKNOWLEDGED, at(2))),
        book.on_answer(Answer("ALERT0001", Signal.DISPATCHED, at(3), order)),
        book.on_answer(Answer("ALERT0001", Signal.ON_SITE, at(4))),
        book.on_answer(Answer("ALERT0001", Signal.CLOSED, at(5), outcome=Outcome.HELPED)),
    ]
    alerts = [alert for news in told for alert in news]
    assert [a.state.value for a in alerts] == [
        "delivered",
        "acknowledged",
        "dispatched",
        "on_site",
        "closed",
    ]
    assert [a.rev for a in alerts] == [2, 3, 4, 5, 6]
    assert alerts[-1].work_order == order
    assert alerts[-1].outcome is Outcome.HELPED


def test_a_late_receipt_undoes_nothing(book: AlertBook) -> None:
    book.on_finding(press(0))
    book.on_answer(Answer("ALERT0001", Signal.DISPATCHED, at(2), WorkOrder("WO-1")))
    assert book.on_answer(Answer("ALERT0001", Signal.RECEIVED, at(3))) == []
    assert book.on_answer(Answer("ALERT0001", Signal.ACKNOWLEDGED, at(3))) == []
    alert = book.get("ALERT0001")
    assert alert is not None
    assert alert.state is State.DISPATCHED


def test_another_team_on_its_way_is_news_and_the_same_team_is_not(book: AlertBook) -> None:
    book.on_finding(press(0))
    book.on_answer(Answer("ALERT0001", Signal.DISPATCHED, at(2), WorkOrder("WO-1", 600)))
    assert not book.on_answer(Answer("ALERT0001", Signal.DISPATCHED, at(3), WorkOrder("WO-1", 600)))
    assert book.on_answer(Answer("ALERT0001", Signal.DISPATCHED, at(4), WorkOrder("WO-2", 300)))


def test_a_cancel_within_thirty_seconds_is_told_and_deletes_nothing(book: AlertBook) -> None:
    book.on_finding(press(0))
    (alert,) = book.on_finding(finding(Signal.CANCELLED, 20, cause="*"))
    assert alert.state is State.CANCELLED
    assert alert.evidence.observed == EVIDENCE.observed
    assert alert.evidence.against[0].code is Code.CANCEL_PRESSED


def test_a_late_cancel_is_told_once_and_help_still_comes(book: AlertBook) -> None:
    book.on_finding(press(0))
    (alert,) = book.on_finding(finding(Signal.CANCELLED, 40, cause="*"))
    assert alert.state is State.RAISED
    assert book.on_finding(finding(Signal.CANCELLED, 41, cause="*")) == []


def test_the_platform_may_still_send_somebody_after_a_cancel(book: AlertBook) -> None:
    book.on_finding(press(0))
    book.on_finding(finding(Signal.CANCELLED, 5, cause="*"))
    (alert,) = book.on_answer(Answer("ALERT0001", Signal.DISPATCHED, at(6), WorkOrder("WO-1")))
    assert alert.state is State.DISPATCHED


def test_a_gas_alarm_that_clears_stays_open_until_a_person_closes_it(book: AlertBook) -> None:
    book.on_finding(gas(Signal.HOLDS, 0))
    (alert,) = book.on_finding(gas(Signal.ENDED, 30))
    assert (alert.state, alert.condition) == (State.RAISED, Condition.ENDED)
    assert book.on_finding(gas(Signal.ENDED, 31)) == []


def test_a_gas_alarm_is_repeated_while_it_lasts_and_ever_more_slowly(book: AlertBook) -> None:
    alerts = [a for s in range(86_400) for a in book.on_finding(gas(Signal.HOLDS, s))]
    times = [alert.changed_at.since(at(0)) for alert in alerts]
    assert times[:4] == [0, 60, 180, 420]
    assert 24 < len(alerts) < 36
    assert {alert.id for alert in alerts} == {"ALERT0001"}


def test_gas_that_returns_within_the_hour_is_the_same_incident(book: AlertBook) -> None:
    book.on_finding(gas(Signal.HOLDS, 0))
    book.on_finding(gas(Signal.ENDED, 30))
    (alert,) = book.on_finding(gas(Signal.HOLDS, 60))
    assert (alert.id, alert.condition) == ("ALERT0001", Condition.PRESENT)
    book.on_finding(gas(Signal.ENDED, 90))
    (alert,) = book.on_finding(gas(Signal.HOLDS, 4000))
    assert alert.id == "ALERT0002"


def test_gas_that_the_platform_closed_and_still_leaks_is_raised_again(book: AlertBook) -> None:
    book.on_finding(gas(Signal.HOLDS, 0))
    book.on_answer(Answer("ALERT0001", Signal.CLOSED, at(10), outcome=Outcome.FALSE_ALARM))
    assert book.on_finding(gas(Signal.HOLDS, 60)) == []
    assert revisions(book.on_finding(gas(Signal.HOLDS, 3700))) == [("ALERT0002", 1, "raised")]


def test_a_technical_alert_closes_by_itself_and_flapping_is_one_incident(book: AlertBook) -> None:
    book.on_finding(offline(Signal.HOLDS, 0))
    assert book.on_finding(offline(Signal.HOLDS, 1)) == []
    (alert,) = book.on_finding(offline(Signal.ENDED, 100))
    assert (alert.state, alert.outcome) == (State.CLOSED, Outcome.CLEARED)
    (again,) = book.on_finding(offline(Signal.HOLDS, 200))
    assert (again.id, again.state, again.rev) == ("ALERT0001", State.RAISED, 3)
    book.on_finding(offline(Signal.ENDED, 300))
    assert revisions(book.on_finding(offline(Signal.HOLDS, 5000))) == [("ALERT0002", 1, "raised")]


def test_growing_worse_is_news_and_growing_milder_is_not(book: AlertBook) -> None:
    book.on_finding(offline(Signal.HOLDS, 0, Severity.S4))
    (alert,) = book.on_finding(offline(Signal.HOLDS, 10, Severity.S2))
    assert (alert.rev, alert.severity) == (2, Severity.S2)
    assert book.on_finding(offline(Signal.HOLDS, 20, Severity.S4)) == []


def test_what_nobody_closed_is_let_go_after_a_week_but_not_while_it_holds(book: AlertBook) -> None:
    book.on_finding(gas(Signal.HOLDS, 0))
    book.on_answer(Answer("ALERT0001", Signal.RECEIVED, at(1)))
    assert book.on_tick(at(8 * 86_400)) == []
    book.on_finding(gas(Signal.ENDED, 8 * 86_400))
    assert book.on_tick(at(9 * 86_400)) == []
    assert revisions(book.on_tick(at(16 * 86_400))) == [("ALERT0001", 4, "expired")]


def test_an_alert_that_never_arrived_does_not_expire(book: AlertBook) -> None:
    book.on_finding(press(0))
    assert book.on_tick(at(60 * 86_400)) == []


def test_what_is_over_is_remembered_within_bounds(book: AlertBook) -> None:
    for i in range(1000):
        book.on_finding(press(i * 100))
        book.on_answer(Answer(f"ALERT{i + 1:04d}", Signal.CLOSED, at(i * 100 + 1)))
    book.on_tick(at(100_000))
    assert len(list(book.alerts())) == 200


def test_answers_about_strangers_alerts_change_nothing(book: AlertBook) -> None:
    assert book.on_answer(Answer("NOT-OURS", Signal.CLOSED, at(0))) == []


def test_an_answer_cannot_speak_as_a_detector(book: AlertBook) -> None:
    book.on_finding(offline(Signal.HOLDS, 0))
    assert book.on_answer(Answer("ALERT0001", Signal.ENDED, at(1))) == []


def test_every_open_state_can_be_closed_and_none_leads_back_to_raised_by_an_answer() -> None:
    for state in State:
        if state.open:
            assert TRANSITIONS[state, Signal.CLOSED] is State.CLOSED
    answers = (Signal.RECEIVED, Signal.ACKNOWLEDGED, Signal.DISPATCHED, Signal.ON_SITE)
    assert State.RAISED not in {to for (_, signal), to in TRANSITIONS.items() if signal in answers}


SIGNALS = st.sampled_from([Signal.HOLDS, Signal.ENDED, Signal.HAPPENED, Signal.CANCELLED])
ANSWERS = st.sampled_from([s for s in Signal if s not in (Signal.HOLDS, Signal.HAPPENED)])


@given(st.lists(st.tuples(SIGNALS | ANSWERS, st.sampled_from(list(LATCHING)), st.floats(0, 9000))))
def test_a_restart_in_the_middle_of_any_story_changes_nothing_that_follows(
    story: list[tuple[Signal, AlertType, float]],
) -> None:
    whole, restarted = AlertBook(numbered()), AlertBook(numbered())
    now = 0.0
    for signal, type_, wait in story:
        now += wait
        reborn = AlertBook(restarted._new_id)
        for part in restarted.parts().values():
            reborn.restore(msgspec.json.decode(part))
        restarted = reborn
        told = [_tell(book, signal, type_, now) for book in (whole, restarted)]
        assert told[0] == told[1]
    assert list(whole.alerts()) == list(restarted.alerts())


def test_a_change_writes_a_small_part_of_the_book_again() -> None:
    names = iter(range(1000))
    book = AlertBook(lambda at: f"{next(names):03d}{'0123456789ABCDEF'[next(names) % 16]}")
    alerts = [book.on_finding(press(n * 60, f"button {n}"))[0] for n in range(160)]
    before = book.parts()
    book.on_answer(Answer(alerts[7].id, Signal.RECEIVED, at(20_000)))
    after = book.parts()
    changed = [name for name in after if after[name] != before[name]]
    assert len(changed) == 1
    assert len(after[changed[0]]) < sum(map(len, after.values())) / 4


def _tell(book: AlertBook, signal: Signal, type_: AlertType, now: float) -> object:
    if signal in (Signal.HOLDS, Signal.ENDED, Signal.HAPPENED, Signal.CANCELLED):
        return book.on_finding(finding(signal, now, type_))
    return book.on_answer(Answer("ALERT0001", signal, at(now)))


def test_ulids_sort_by_time_and_have_the_published_form() -> None:
    assert ulid(1469918176.385, b"\xff" * 10) == "01ARYZ6S41ZZZZZZZZZZZZZZZZ"
    assert ulid(1.0, b"\0" * 10) < ulid(2.0, b"\0" * 10)
