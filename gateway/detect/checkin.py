"""The agreed press of every day did not come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo

import msgspec

from gateway.detect._memory import recall, rule
from gateway.detect._wall import Wall
from gateway.records import (
    AlertType,
    Code,
    Device,
    DeviceKind,
    Evidence,
    Fact,
    Finding,
    Instant,
    Quantity,
    Reading,
    Severity,
    Signal,
)
from gateway.rules import CheckinRules, minute_of_day

CAUSE = "home"


class _State(msgspec.Struct):
    pressed_day: int = -1
    first_day: int = -1
    """The day after which presses are expected: the first on which the hub knew the time."""
    held: bool = False


class Checkin:
    name = "checkin"

    def __init__(self, rules: CheckinRules, devices: Sequence[Device], zone: tzinfo) -> None:
        self._rules, self._wall = rules, Wall(zone)
        self._buttons = {d.id for d in devices if d.kind is DeviceKind.HELP_BUTTON}
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        if reading.quantity is not Quantity.BUTTON or reading.device not in self._buttons:
            return
        if reading.value != "press":
            return
        if reading.at.trusted:
            self._state.pressed_day = self._wall.day(reading.at)
        if self._state.held:
            self._state.held = False
            evidence = Evidence((Fact(Code.PRESSED, since=reading.at),))
            yield self._finding(Signal.ENDED, reading.at, evidence)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        if self._rules.every_days != 1 or not self._buttons or not now.trusted:
            return
        state, day = self._state, self._wall.day(now)
        if state.first_day < 0:
            state.first_day = day
        due = minute_of_day(self._rules.pressed_until) + self._rules.grace_min
        missed = day > state.first_day and day != state.pressed_day
        if state.held or (missed and self._wall.minute(now) >= due):
            state.held = True
            evidence = Evidence((Fact(Code.NOT_PRESSED),), rule=rule(60.0 * due, "clock"))
            yield self._finding(Signal.HOLDS, now, evidence)

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)

    def _finding(self, signal: Signal, at: Instant, evidence: Evidence) -> Finding:
        return Finding(AlertType.CHECKIN_MISSED, CAUSE, signal, Severity.S3, at, evidence)
