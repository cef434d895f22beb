"""Out of bed at night and not back: later if somebody still moves about, sooner if nobody does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo

import msgspec

from gateway.detect._memory import recall, rule
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
    Quantity,
    Reading,
    Severity,
    Signal,
)
from gateway.rules import BedRules

LEAVING_S = 120.0
"""What moves so soon after getting up is the way out of the room."""
STEADY, STEADY_S = 4, 900.0
"""So many signs in this time are somebody who is up and about, not somebody on the floor. Ours."""


class _Up(msgspec.Struct):
    since: Instant
    signs: list[float] = []
    """The newest signs of life elsewhere, on the timeline."""
    held: bool = False


class _State(msgspec.Struct):
    up: dict[str, _Up] = {}
    memory: Memory = msgspec.field(default_factory=Memory)


class BedExit:
    name = "bed_exit"

    def __init__(self, rules: BedRules, devices: Sequence[Device], zone: tzinfo) -> None:
        self._rules, self._wall = rules, Wall(zone)
        self._beds = {d.id for d in devices if d.kind is DeviceKind.BED}
        self._signs = Signs(devices)
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        if not self._beds:
            return
        sign = self._signs.of(reading)
        if reading.device in self._beds and reading.quantity is Quantity.BED_OCCUPIED:
            yield from self._bed(reading, sign)
        elif sign >= Sign.TRIGGER:
            yield from self._moved(reading)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        for bed, up in self._state.up.items():
            limit = 60 * (self._rules.exit_min if up.signs else self._rules.exit_still_min)
            if up.held or now.since(up.since) >= limit:
                up.held = True
                evidence = Evidence((Fact(Code.OUT_OF_BED, since=up.since),), rule=rule(limit, "s"))
                yield self._finding(bed, Signal.HOLDS, now, evidence)

    def state(self) -> object:
        self._state.memory = self._signs.memory
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        self._state.up = {bed: up for bed, up in self._state.up.items() if bed in self._beds}
        self._signs.memory = self._state.memory

    def _bed(self, reading: Reading, sign: Sign) -> Iterable[Finding]:
        if reading.value:
            yield from self._over(reading.device, reading.at, Code.IN_BED)
        elif sign is not Sign.NONE and self._night(reading.at):
            self._state.up.setdefault(reading.device, _Up(reading.at))

    def _moved(self, reading: Reading) -> Iterable[Finding]:
        line = reading.at.line
        for bed, up in list(self._state.up.items()):
            if reading.device in self._signs.doors:  # whoever went out is the door's affair
                yield from self._over(bed, reading.at, Code.SIGN_OF_LIFE)
            elif reading.at.since(up.since) > LEAVING_S:
                up.signs = [*(s for s in up.signs if line - s <= STEADY_S), line][-STEADY:]
                if len(up.signs) >= STEADY or (not self._night(reading.at) and not up.held):
                    yield from self._over(bed, reading.at, Code.SIGN_OF_LIFE)

    def _over(self, bed: str, at: Instant, why: Code) -> Iterable[Finding]:
        up = self._state.up.pop(bed, None)
        if up is not None and up.held:
            yield self._finding(bed, Signal.ENDED, at, Evidence((Fact(why, since=at),)))

    def _night(self, at: Instant) -> bool:
        return self._wall.within(at, self._rules.night_from, self._rules.night_until)

    def _finding(self, bed: str, signal: Signal, at: Instant, evidence: Evidence) -> Finding:
        type_ = AlertType.BED_EXIT_NO_RETURN
        return Finding(type_, bed, signal, Severity.S2, at, evidence)
