"""From a frame to an alert, and what happens to everything else on the way."""

from __future__ import annotations

from gateway.alerts import AlertBook
from gateway.pipeline import Pipeline
from gateway.records import (
    AlertType,
    Code,
    Detector,
    Evidence,
    Fact,
    Finding,
    Quantity,
    Reading,
    Severity,
    Signal,
    State,
)
from gateway.repeats import Repeats
from tests.fakes import PLAIN, Opinions, at, button, numbered, plain, revisions

SOS = Finding(
    AlertType.SOS_PRESSED,
    "bedside",
    Signal.HAPPENED,
    Severity.S1,
    at(0),
    Evidence((Fact(Code.PRESSED),)),
)


def pipeline(*detectors: Detector) -> Pipeline:
    return Pipeline([button()], {"plain": PLAIN}, detectors, AlertBook(numbered()))


def test_a_press_becomes_a_reading_and_an_alert() -> None:
    step = pipeline(Opinions("pressed", SOS)).on_frame(plain("bedside emergency on", at(0)))
    assert [r.quantity for r in step.readings] == [Quantity.EMERGENCY]
    assert revisions(step.alerts) == [("ALERT0001", 1, "raised")]


def test_damaged_frames_and_strangers_are_counted_and_never_heard() -> None:
    detector = Opinions("pressed")
    pipe = pipeline(detector)
    for text in ("garbage", "neighbour emergency on", "bedside emergency maybe"):
        assert pipe.on_frame(plain(text, at(0))).alerts == []
    assert pipe.rejected == {"plain: plain": 2, "plain: stranger": 1}
    assert detector.heard == []


def test_a_frame_for_an_unknown_driver_is_counted() -> None:
    pipe = Pipeline([button()], {}, [], AlertBook(numbered()))
    pipe.on_frame(plain("bedside emergency on", at(0)))
    assert pipe.rejected == {"plain: no such driver": 1}


def test_a_failing_detector_is_told_of_and_silences_nobody_else() -> None:
    pipe = pipeline(Opinions("broken", ValueError("bug")), Opinions("pressed", SOS))
    alerts = pipe.on_frame(plain("bedside emergency on", at(0))).alerts
    assert {a.type for a in alerts} == {AlertType.SOS_PRESSED, AlertType.HUB_EVALUATOR_STALLED}
    assert pipe.rejected == {"detector broken: failed": 1}


def test_a_detector_that_works_for_an_hour_again_is_well_again() -> None:
    pipe = pipeline(Opinions("broken", ValueError("bug"), ValueError("bug")))
    assert len(pipe.on_tick(at(0)).alerts) == 1
    assert pipe.on_tick(at(10)).alerts == []
    assert pipe.on_tick(at(3000)).alerts == []
    (alert,) = pipe.on_tick(at(3700)).alerts
    assert alert.state is State.CLOSED


def test_a_restart_restores_what_it_can_and_names_what_it_cannot() -> None:
    pipe = pipeline(Opinions("pressed", SOS))
    pipe.on_frame(plain("bedside emergency on", at(0)))
    snapshot = pipe.snapshot()
    reborn = pipeline(Opinions("pressed"))
    assert reborn.restore(snapshot | {"detect.pressed": b'{"not": "a list"}'}) == ["detect.pressed"]
    assert revisions(reborn.book.open()) == [("ALERT0001", 1, "raised")]


def test_after_a_restart_every_state_is_heard_anew_by_rules_that_may_remember_less() -> None:
    listening = Opinions("door")
    pipe = pipeline(Opinions("pressed"))
    pipe.on_frame(plain("bedside emergency off", at(0)))
    reborn = pipeline(listening)
    reborn.restore(pipe.snapshot())
    reborn.on_frame(plain("bedside emergency off", at(1)))
    assert [reading.value for reading in listening.heard] == [False]


def test_a_restart_with_a_torn_snapshot_still_starts() -> None:
    unread = pipeline().restore({"alerts.3": b"{torn", "repeats": b"[]"})
    assert sorted(unread) == ["alerts.3", "repeats"]


def test_an_alert_takes_along_what_the_detector_behind_it_remembers_and_nobody_elses() -> None:
    pipe = pipeline(Opinions("pressed", SOS), Opinions("patient"))
    step = pipe.on_frame(plain("bedside emergency on", at(0)))
    assert step.spoke == {"pressed"}
    parts = pipe.snapshot(step.spoke)
    assert "detect.pressed" in parts
    assert "detect.patient" not in parts
    reborn = pipeline(Opinions("pressed"), Opinions("patient"))
    assert reborn.restore(parts) == []
    assert revisions(reborn.book.open()) == [("ALERT0001", 1, "raised")]


def reading(value: bool | str, seconds: float, quantity: Quantity, event: str = "") -> Reading:
    return Reading("bedside", quantity, value, at(seconds), event=event)


def test_an_unchanged_state_is_passed_on_once_a_minute() -> None:
    repeats = Repeats()
    news = [s for s in range(0, 180) if repeats.is_news(reading(False, s, Quantity.CONTACT_OPEN))]
    assert news == [0, 60, 120]


def test_a_change_is_always_news() -> None:
    repeats = Repeats()
    values = [False, True, False, True]
    assert all(
        repeats.is_news(reading(v, i * 0.2, Quantity.EMERGENCY)) for i, v in enumerate(values)
    )


def test_the_same_counter_is_the_same_press_however_late_and_a_new_one_is_a_new_press() -> None:
    repeats = Repeats()
    assert repeats.is_news(reading("press", 0, Quantity.BUTTON, "7"))
    assert not repeats.is_news(reading("press", 4000, Quantity.BUTTON, "7"))
    assert repeats.is_news(reading("press", 4000.1, Quantity.BUTTON, "8"))
    assert not repeats.is_news(reading("press", 4000.2, Quantity.BUTTON, "7"))


def test_a_held_key_without_a_counter_is_one_press_and_a_second_push_is_a_second() -> None:
    repeats = Repeats()
    held = [repeats.is_news(reading("press", i / 4, Quantity.BUTTON)) for i in range(40)]
    assert held == [True] + [False] * 39
    repeats.is_news(reading(True, 10.0, Quantity.SEEN))
    assert repeats.is_news(reading("press", 10.25, Quantity.BUTTON))


def test_event_memory_is_bounded() -> None:
    repeats = Repeats()
    for i in range(10_000):
        repeats.is_news(reading("press", i, Quantity.BUTTON, str(i)))
    assert len(str(repeats.state())) < 2000
