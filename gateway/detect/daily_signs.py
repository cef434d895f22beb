"""The neighbours' curtain and lamp: no sign of life this morning, none this evening.

The morning is judged by when this person is usually first heard of (workdays and free days apart),
an hour later at the latest; before that is learnt, by the plan's hour. The evening is judged when
it is over. Without a trusted clock nobody knows what a morning is, and nothing is said. Nobody is
missed while they are out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import tzinfo

import msgspec

from gateway.detect._gaps import free_day
from gateway.detect._memory import recall, rule
from gateway.detect._signs import Memory, Sign, Signs
from gateway.detect._wall import DAY, Wall
from gateway.detect._whereabouts import Whereabouts
from gateway.records import (
    HUB,
    AlertType,
    Code,
    Device,
    Evidence,
    Fact,
    Finding,
    Instant,
    Quantity,
    Reading,
    Severity,
    Signal,
)
from gateway.rules import RhythmRules, minute_of_day

CAUSE = "home"
KEPT = 60
"""Mornings of each kind of day that are remembered."""
LATER_MIN = 60
SEVERITIES = {
    AlertType.ACTIVITY_NO_MORNING: Severity.S2,
    AlertType.ACTIVITY_NO_EVENING: Severity.S3,
}


class _State(msgspec.Struct):
    last: Instant | None = None
    """The last sign of life."""
    begun: Instant | None = None
    """Since when the home is listened to without a gap."""
    whereabouts: Whereabouts = msgspec.field(default_factory=Whereabouts)
    memory: Memory = msgspec.field(default_factory=Memory)
    mornings: dict[str, list[int]] = {}
    """workday, free -> the minutes of the newest first signs."""
    learnt_day: int = -1
    held: set[str] = set()


class DailySigns:
    name = "daily_signs"

    def __init__(self, rules: RhythmRules, devices: Sequence[Device], zone: tzinfo) -> None:
        self._rules, self._wall, self._signs = rules, Wall(zone), Signs(devices)
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        if reading.device == HUB:
            if reading.quantity is Quantity.RADIO_ALIVE:
                self._state.begun = reading.at if reading.value else None
            return ()
        sign = self._signs.of(reading)
        if sign < Sign.TRIGGER:
            return ()
        state, at = self._state, reading.at
        state.begun = state.begun or at
        if reading.device in self._signs.doors:
            state.whereabouts.door_used(at.line)
        elif reading.value:
            state.whereabouts.noticed(reading.device, at.line)
        state.last = at
        self._learn(at)
        return self._ended(at)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        if not now.trusted or self._state.begun is None:
            return
        rules, minute = self._rules, self._wall.minute(now)
        dawn, dusk = minute_of_day(rules.morning_from), minute_of_day(rules.evening_from)
        latest = self._latest(now)
        if dawn < latest <= minute < dusk:
            yield from self._missed(AlertType.ACTIVITY_NO_MORNING, now, minute - dawn, latest)
        night = minute_of_day(rules.evening_until)
        if dusk < night <= minute:
            yield from self._missed(AlertType.ACTIVITY_NO_EVENING, now, minute - dusk, night)

    def state(self) -> object:
        self._state.memory = self._signs.memory
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        self._signs.memory = self._state.memory

    # ------------------------------------------------------------ inside

    def _missed(self, type_: AlertType, now: Instant, open_min: int, by: int) -> Iterable[Finding]:
        """`open_min`: so long ago the window opened in which somebody should have been heard."""
        state, begun = self._state, self._state.begun
        out = bool(self._signs.doors) and state.whereabouts.out(now.line)
        if out or begun is None or state.last is None or now.since(begun) < 60 * open_min:
            return
        if now.since(state.last) < 60 * open_min:
            return
        state.held.add(type_)
        evidence = Evidence(
            (Fact(Code.NO_SIGN_OF_LIFE, since=state.last),),
            self._usual(now) if type_ is AlertType.ACTIVITY_NO_MORNING else (),
            (*rule(60.0 * by, "clock"),),
        )
        yield Finding(type_, CAUSE, Signal.HOLDS, SEVERITIES[type_], now, evidence)

    def _ended(self, at: Instant) -> list[Finding]:
        held, self._state.held = sorted(self._state.held), set()
        evidence = Evidence((Fact(Code.SIGN_OF_LIFE, since=at),))
        return [
            Finding(type_, CAUSE, Signal.ENDED, SEVERITIES[type_], at, evidence)
            for type_ in SEVERITIES
            if type_ in held
        ]

    def _learn(self, at: Instant) -> None:
        """The first sign of a morning."""
        day, minute = self._wall.day(at), self._wall.minute(at)
        dawn = minute_of_day(self._rules.morning_from)
        noon = minute_of_day(self._rules.evening_from)
        if not at.trusted or day == self._state.learnt_day or not dawn <= minute < noon:
            return
        self._state.learnt_day = day
        mornings = self._state.mornings
        kind = self._kind(at)
        mornings[kind] = [*mornings.get(kind, []), minute][-KEPT:]

    def _kind(self, at: Instant) -> str:
        return "free" if free_day(self._wall.local(at) // DAY * DAY) else "workday"

    def _known(self, at: Instant) -> list[int]:
        known = self._state.mornings.get(self._kind(at), [])
        return known if len(known) >= self._rules.learn_days else []

    def _latest(self, now: Instant) -> int:
        known = sorted(self._known(now))
        if not known:
            return minute_of_day(self._rules.morning_until)
        return known[math.ceil(0.95 * len(known)) - 1] + LATER_MIN

    def _usual(self, now: Instant) -> tuple[Fact, ...]:
        known = sorted(self._known(now))
        if not known:
            return (Fact(Code.NOT_YET_LEARNT),)
        return (Fact(Code.USUAL_FIRST_SIGN, value=60.0 * known[len(known) // 2], unit="clock"),)
