"""The front door stands open: for ten minutes by day, for five at night."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo

import msgspec

from gateway.detect._memory import recall, rule
from gateway.detect._wall import Wall
from gateway.records import (
    BELIEVED_S,
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
    open: dict[str, Instant] = {}
    held: set[str] = set()
    said: dict[str, Instant] = {}
    """When each open door last said so."""


class DoorLeftOpen:
    name = "door_left_open"

    def __init__(self, rules: DoorRules, devices: Sequence[Device], zone: tzinfo) -> None:
        self._rules, self._wall = rules, Wall(zone)
        self._doors = {d.id for d in devices if d.role is Role.FRONT_DOOR}
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        door, open_ = reading.device, self._state.open
        if reading.quantity is not Quantity.CONTACT_OPEN or door not in self._doors:
            return
        if reading.value:
            open_.setdefault(door, reading.at)
            self._state.said[door] = reading.at
            return
        self._state.said.pop(door, None)
        open_.pop(door, None)
        if door in self._state.held:
            self._state.held.discard(door)
            closed = Evidence((Fact(Code.DOOR_CLOSED, since=reading.at),))
            yield self._finding(door, Signal.ENDED, Severity.S3, reading.at, closed)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        if not self._state.open:
            return
        yield from self._forget(now)
        night = self._wall.within(now, self._rules.night_from, self._rules.night_until)
        limit = 60 * (self._rules.open_night_min if night else self._rules.open_min)
        for door, since in self._state.open.items():
            if door in self._state.held or now.since(since) >= limit:
                self._state.held.add(door)
                evidence = Evidence((Fact(Code.DOOR_OPEN, since=since),), rule=rule(limit, "s"))
                severity = Severity.S2 if night else Severity.S3
                yield self._finding(door, Signal.HOLDS, severity, now, evidence)

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        self._state.open = {d: at for d, at in self._state.open.items() if d in self._doors}

    def _forget(self, now: Instant) -> Iterable[Finding]:
        """Whether a door is open that said so yesterday, and nothing since, nobody knows."""
        for door, said in tuple(self._state.said.items()):
            if now.since(said) <= BELIEVED_S:
                continue
            del self._state.said[door]
            self._state.open.pop(door, None)
            if door in self._state.held:
                self._state.held.discard(door)
                silent = Evidence((Fact(Code.SILENT, since=said),))
                yield self._finding(door, Signal.ENDED, Severity.S3, now, silent)

    def _finding(
        self, door: str, signal: Signal, severity: Severity, at: Instant, evidence: Evidence
    ) -> Finding:
        return Finding(AlertType.DOOR_LEFT_OPEN, door, signal, severity, at, evidence)
