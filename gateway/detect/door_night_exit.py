"""Somebody went out at night and is not back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo

import msgspec

from gateway.detect._memory import recall, rule
from gateway.detect._signs import Company, Memory, Sign, Signs, Trigger
from gateway.detect._wall import Wall
from gateway.records import (
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
from gateway.rules import DoorRules

CAUSE = "home"
ON_THE_WAY_S = 3.0
"""What moves so soon after the door is still the way out."""


class _State(msgspec.Struct):
    out: Instant | None = None
    held: bool = False
    triggers: list[Trigger] = []
    memory: Memory = msgspec.field(default_factory=Memory)


class DoorNightExit:
    name = "door_night_exit"

    def __init__(self, rules: DoorRules, devices: Sequence[Device], zone: tzinfo) -> None:
        self._rules, self._wall = rules, Wall(zone)
        self._signs, self._company = Signs(devices), Company()
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        sign = self._signs.of(reading)
        if sign < Sign.TRIGGER:
            return ()
        if reading.device in self._signs.doors:
            return self._door(reading)
        out = self._state.out
        if out is None or reading.at.since(out) <= ON_THE_WAY_S or not reading.value:
            return ()
        # Before it was told one sign is enough; afterwards a stray trigger brings nobody back.
        sure = sign is Sign.SURE or self._company.joined_by(reading.device, reading.at.line, 0.0)
        return self._back(reading.at) if sure or not self._state.held else ()

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        out, limit = self._state.out, 60 * self._rules.night_back_min
        if out is None or now.since(out) < limit:
            return
        self._state.held = True
        left = Fact(Code.DOOR_OPENED, since=out)
        evidence = Evidence((left, Fact(Code.NOT_BACK)), rule=rule(limit, "s"))
        yield Finding(AlertType.DOOR_NIGHT_EXIT, CAUSE, Signal.HOLDS, Severity.S2, now, evidence)

    def state(self) -> object:
        self._state.triggers, self._state.memory = self._company.triggers, self._signs.memory
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        self._company.triggers, self._signs.memory = self._state.triggers, self._state.memory

    def _door(self, reading: Reading) -> Iterable[Finding]:
        if not reading.value or reading.quantity is not Quantity.CONTACT_OPEN:
            return ()
        if self._state.held:
            return self._back(reading.at)
        night = self._wall.within(reading.at, self._rules.night_from, self._rules.night_until)
        self._state.out = reading.at if night else None
        self._company.triggers = []
        return ()

    def _back(self, at: Instant) -> list[Finding]:
        held, self._state.held, self._state.out = self._state.held, False, None
        self._company.triggers = []
        if not held:
            return []
        evidence = Evidence((Fact(Code.SIGN_OF_LIFE, since=at),))
        type_ = AlertType.DOOR_NIGHT_EXIT
        return [Finding(type_, CAUSE, Signal.ENDED, Severity.S2, at, evidence)]
