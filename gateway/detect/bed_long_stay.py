"""In bed for longer than this person stays in bed: two hours beyond what is usual."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from gateway.detect._memory import recall, rule
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
from gateway.rules import BedRules

NIGHT_S = 3 * 3600.0
"""Shorter stays are naps."""
KEPT = 100
MARGIN_S = 2 * 3600.0


class _State(msgspec.Struct):
    since: dict[str, Instant] = {}
    held: set[str] = set()
    stays: list[float] = []
    """The newest long stays in seconds."""


class BedLongStay:
    name = "bed_long_stay"

    def __init__(self, rules: BedRules, devices: Sequence[Device]) -> None:
        self._rules = rules
        self._beds = {d.id for d in devices if d.kind is DeviceKind.BED}
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        bed, at, state = reading.device, reading.at, self._state
        if reading.quantity is not Quantity.BED_OCCUPIED or bed not in self._beds:
            return
        if reading.value:
            state.since.setdefault(bed, at)
            return
        since = state.since.pop(bed, None)
        if since is not None and at.since(since) >= NIGHT_S and bed not in state.held:
            state.stays = [*state.stays, at.since(since)][-KEPT:]
        if bed in state.held:
            state.held.discard(bed)
            evidence = Evidence((Fact(Code.OUT_OF_BED, since=at),))
            yield self._finding(bed, Signal.ENDED, Severity.S3, at, evidence)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        if not self._state.since:
            return
        limit = self._limit_s()
        for bed, since in self._state.since.items():
            stayed = now.since(since)
            if bed in self._state.held or stayed >= limit:
                self._state.held.add(bed)
                evidence = Evidence(
                    (Fact(Code.IN_BED, since=since),), self._usual(), rule(limit, "s")
                )
                severity = Severity.S2 if stayed >= limit + MARGIN_S else Severity.S3
                yield self._finding(bed, Signal.HOLDS, severity, now, evidence)

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        self._state.since = {b: at for b, at in self._state.since.items() if b in self._beds}

    def _limit_s(self) -> float:
        rules, stays = self._rules, self._state.stays
        if len(stays) < rules.learn_days:
            return 3600 * rules.stay_h
        longest = sorted(stays)[min(math.ceil(0.99 * len(stays)), len(stays)) - 1]
        return min(max(longest + MARGIN_S, 3600 * rules.stay_floor_h), 3600 * rules.stay_ceiling_h)

    def _usual(self) -> tuple[Fact, ...]:
        if len(self._state.stays) < self._rules.learn_days:
            return (Fact(Code.NOT_YET_LEARNT),)
        return (Fact(Code.USUAL_LONGEST_STAY, value=max(self._state.stays), unit="s"),)

    def _finding(
        self, bed: str, signal: Signal, severity: Severity, at: Instant, evidence: Evidence
    ) -> Finding:
        return Finding(AlertType.BED_LONG_STAY, bed, signal, severity, at, evidence)
