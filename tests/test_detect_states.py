"""What a detector remembers: it fits on a disk, survives it, and no odd state or reading harms."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.records import HUB, Detector, Finding, Instant, Quantity, Reading, Value
from gateway.rules import Rules
from tests.household import DEVICES, detectors, local

START = local("2026-09-22 05:00")
NAMES = [detector.name for detector in detectors(Rules())]

VALUES: st.SearchStrategy[Value] = st.one_of(
    st.booleans(),
    st.sampled_from(["press", "long_press", "cancel", "", "open"]),
    st.floats(),
    st.floats(0, 3).map(lambda more: round(800 + more, 3)),
    st.sampled_from([0.0, 5.0, 60.0, 100.0, 2000.0]),
)
READINGS = st.tuples(
    st.sampled_from([device.id for device in DEVICES] + [HUB, "stranger"]),
    st.sampled_from(Quantity),
    VALUES,
    st.sampled_from(["", "", "bus", "radio", "low"]),
    st.sampled_from(["", "", "1", "2"]),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1.0, 30.0, 300.0, 1900.0, 7200.0, 40000.0]),
        st.sampled_from([0.0, 0.0, 0.0, -86400.0, 1e9]),
        st.booleans(),
        st.one_of(st.none(), READINGS),
    ),
    max_size=40,
)
Told = list[tuple[Instant, Reading | None]]


def story(steps: list[Any]) -> Told:
    """Moments on one timeline, with a clock on the wall that is set now and then."""
    now, told = START, []
    for passed, jump, trusted, said in steps:
        now = Instant(now.line + passed, max(0.0, min(4e9, now.wall + passed + jump)), trusted)
        reading = None
        if said is not None:
            device, quantity, value, channel, event = said
            reading = Reading(device, quantity, value, now, channel, event)
        told.append((now, reading))
    return told


def tell(asked: list[Detector], told: Told) -> list[Finding]:
    said: list[Finding] = []
    for now, reading in told:
        for detector in asked:
            if reading is not None:
                said += detector.on_reading(reading)
            said += detector.on_tick(now)
    return said


def awakened(asked: list[Detector]) -> list[Detector]:
    """New detectors that remember what these knew, by way of JSON."""
    fresh = detectors(Rules())
    for old, new in zip(asked, fresh, strict=True):
        new.restore(msgspec.json.decode(msgspec.json.encode(old.state())))
    return fresh


@settings(max_examples=150, deadline=None)
@given(before=STEPS, after=STEPS)
def test_after_a_restart_the_same_is_said_of_the_same(before: list[Any], after: list[Any]) -> None:
    told = story(before + after)
    first, rest = told[: len(before)], told[len(before) :]
    asked = detectors(Rules())
    tell(asked, first)
    once, twice = awakened(asked), awakened(awakened(asked))
    assert tell(once, rest) == tell(twice, rest)
    if not first:
        return
    # A restart in no time changes nothing that a detector says: nothing was missed.
    now = first[-1][0]
    for detectors_ in (asked, once_again := awakened(asked)):
        tell(detectors_, [(now, None)])
    assert tell(asked, rest) == tell(once_again, rest)


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    state=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
    steps=STEPS,
)
def test_an_odd_state_is_started_afresh(name: str, state: object, steps: list[Any]) -> None:
    (detector,) = [d for d in detectors(Rules()) if d.name == name]
    detector.restore(state)
    tell([detector], story(steps))


@pytest.mark.parametrize("name", NAMES)
def test_a_state_of_another_shape_is_started_afresh(name: str) -> None:
    (detector,) = [d for d in detectors(Rules()) if d.name == name]
    state = detector.state()
    assert isinstance(state, dict)
    for key in state:
        detector.restore(state | {key: "what an older version wrote"})
        assert detector.state() == state
    detector.restore(state | {"what a newer version writes": 1})
    assert detector.state() == state


def test_a_state_of_devices_that_are_gone_is_forgotten() -> None:
    asked = detectors(Rules())
    for quantity in Quantity:
        for device in DEVICES:
            tell(asked, [(START, Reading(device.id, quantity, True, START))])
            tell(asked, [(START, Reading(device.id, quantity, 5.0, START))])
    fewer = detectors(Rules(), DEVICES[:1])
    for old, new in zip(asked, fewer, strict=True):
        new.restore(old.state())
    tell(fewer, [(START, None)])


def test_what_all_detectors_remember_of_a_busy_home_is_small() -> None:
    asked = detectors(Rules())
    told: Told = []
    for n in range(3000):
        now = Instant(START.line + n * 600.0, START.wall + n * 600.0)
        device = DEVICES[n % len(DEVICES)]
        quantity = list(Quantity)[n % len(Quantity)]
        value: Value = n % 3 == 0 if n % 2 else 800 + n / 1000
        told.append((now, Reading(device.id, quantity, value, now)))
    tell(asked, told)
    assert sum(len(msgspec.json.encode(detector.state())) for detector in asked) < 40_000
