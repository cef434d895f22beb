"""Somebody went into the bathroom, and no sign of life came from anywhere else since.

It needs sensors in the bathroom and outside of it; it learns how long this person stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import tzinfo

import msgspec

from gateway.detect._memory import Watched, recall, rule
from gateway.detect._signs import Memory, Sign, Signs
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
    Reading,
    Severity,
    Signal,
)
from gateway.rules import BathroomRules

CAUSE = "home"
NOTICED = frozenset({DeviceKind.MOTION, DeviceKind.PRESENCE, DeviceKind.RADAR})
LEAST_STAYS, KEPT_STAYS = 30, 200
COUNTED_S = 300.0
"""A shorter stay is a visit to the basin; it teaches nothing."""


class _State(msgspec.Struct):
    since: Instant | None = None
    held: bool = False
    stays: list[float] = []
    """The newest stays in seconds."""
    memory: Memory = msgspec.field(default_factory=Memory)
    last: Instant | None = None


class BathroomOverstay:
    name = "bathroom_overstay"

    def __init__(
        self,
        rules: BathroomRules,
        devices: Sequence[Device],
        zone: tzinfo,
        bathroom: Collection[str],
    ) -> None:
        """`bathroom`: the devices in it."""
        self._rules, self._wall, self._bathroom = rules, Wall(zone), frozenset(bathroom)
        self._signs = Signs(devices)
        noticed = {d.id for d in devices if d.kind in NOTICED}
        self._able = bool(noticed & self._bathroom) and bool(noticed - self._bathroom)
        self._state = _State()
        self._watched = Watched()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        sign = self._signs.of(reading)
        if sign < Sign.TRIGGER or not self._able:
            return
        state = self._state
        if reading.device in self._bathroom:
            state.since = state.since or reading.at
            return
        since, state.since = state.since, None
        if since is not None:
            stayed = reading.at.since(since)
            if stayed >= COUNTED_S and not state.held:
                state.stays = [*state.stays, stayed][-KEPT_STAYS:]
        if state.held:
            state.held = False
            evidence = Evidence((Fact(Code.SIGN_OF_LIFE, since=reading.at),))
            yield self._finding(Signal.ENDED, reading.at, evidence)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        state = self._state
        if self._watched.missed_s(state.last, now) > COUNTED_S and not state.held:
            state.since = None
        state.last = now
        if state.since is None:
            return
        limit = self._limit_s(now)
        if state.held or now.since(state.since) >= limit:
            state.held = True
            observed = (Fact(Code.IN_BATHROOM, since=state.since),)
            evidence = Evidence(observed, self._usual(), rule(limit, "s"))
            yield self._finding(Signal.HOLDS, now, evidence)

    def state(self) -> object:
        self._state.memory = self._signs.memory
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        self._signs.memory = self._state.memory
        self._watched.resume()

    def _limit_s(self, now: Instant) -> float:
        rules = self._rules
        night = self._wall.within(now, rules.night_from, rules.night_until)
        limit = 60 * (rules.stay_night_min if night else rules.stay_min)
        if len(self._state.stays) < LEAST_STAYS:
            return limit
        return min(max(limit, 1.5 * max(self._state.stays)), 3600 * rules.ceiling_h)

    def _usual(self) -> tuple[Fact, ...]:
        if len(self._state.stays) < LEAST_STAYS:
            return (Fact(Code.NOT_YET_LEARNT),)
        return (Fact(Code.USUAL_LONGEST_STAY, value=max(self._state.stays), unit="s"),)

    def _finding(self, signal: Signal, at: Instant, evidence: Evidence) -> Finding:
        type_ = AlertType.BATHROOM_OVERSTAY
        return Finding(type_, CAUSE, signal, Severity.S2, at, evidence)
