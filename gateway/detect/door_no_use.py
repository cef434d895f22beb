"""The front door was not used for a day, for two: nobody came and nobody went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from gateway.detect._memory import recall, rule
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
    Role,
    Severity,
    Signal,
)
from gateway.rules import DoorRules


class _State(msgspec.Struct):
    used: dict[str, Instant] = {}
    held: set[str] = set()


class DoorNoUse:
    name = "door_no_use"

    def __init__(self, rules: DoorRules, devices: Sequence[Device]) -> None:
        self._rules = rules
        self._doors = {d.id for d in devices if d.role is Role.FRONT_DOOR}
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        door = reading.device
        if reading.quantity is not Quantity.CONTACT_OPEN or door not in self._doors:
            return
        if not reading.value:
            self._state.used.setdefault(door, reading.at)
            return
        self._state.used[door] = reading.at
        if door in self._state.held:
            self._state.held.discard(door)
            opened = Evidence((Fact(Code.DOOR_OPENED, since=reading.at),))
            yield self._finding(door, Signal.ENDED, Severity.S0, reading.at, opened)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        note_s, concern_s = 3600 * self._rules.no_use_note_h, 3600 * self._rules.no_use_concern_h
        for door, used in self._state.used.items():
            unused = now.since(used)
            if unused < min(note_s, concern_s):
                continue
            self._state.held.add(door)
            concern = unused >= concern_s
            limit = rule(concern_s if concern else note_s, "s")
            evidence = Evidence((Fact(Code.DOOR_NOT_USED, since=used),), rule=limit)
            severity = Severity.S3 if concern else Severity.S0
            yield self._finding(door, Signal.HOLDS, severity, now, evidence)

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        self._state.used = {d: at for d, at in self._state.used.items() if d in self._doors}

    def _finding(
        self, door: str, signal: Signal, severity: Severity, at: Instant, evidence: Evidence
    ) -> Finding:
        return Finding(AlertType.DOOR_NO_USE, door, signal, severity, at, evidence)
