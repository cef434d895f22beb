"""Water where none should be: wet for a few seconds, until it has been dry for a minute."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway.detect._memory import recall, rule
from gateway.records import (
    AlertType,
    Code,
    Evidence,
    Fact,
    Finding,
    Instant,
    Quantity,
    Reading,
    Severity,
    Signal,
)
from gateway.rules import LeakRules


class _Puddle(msgspec.Struct):
    since: Instant
    dry: Instant | None = None
    held: bool = False


class _State(msgspec.Struct):
    puddles: dict[str, _Puddle] = {}


class Leak:
    name = "leak"

    def __init__(self, rules: LeakRules) -> None:
        self._rules = rules
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        if reading.quantity is not Quantity.WATER_LEAK:
            return ()
        if reading.value:
            self._state.puddles.setdefault(reading.device, _Puddle(reading.at)).dry = None
        elif puddle := self._state.puddles.get(reading.device):
            puddle.dry = puddle.dry or reading.at
        return self._judge(reading.device, reading.at)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        for device in tuple(self._state.puddles):
            yield from self._judge(device, now)

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)

    def _judge(self, device: str, now: Instant) -> Iterable[Finding]:
        puddle = self._state.puddles.get(device)
        if puddle is None:
            return
        if puddle.dry is not None and not puddle.held:
            del self._state.puddles[device]  # a splash
        elif puddle.dry is not None and now.since(puddle.dry) >= self._rules.dry_s:
            del self._state.puddles[device]
            yield self._finding(device, puddle, Signal.ENDED, now)
        elif puddle.held or now.since(puddle.since) >= self._rules.wet_s:
            puddle.held = True
            yield self._finding(device, puddle, Signal.HOLDS, now)

    def _finding(self, device: str, puddle: _Puddle, signal: Signal, now: Instant) -> Finding:
        evidence = Evidence(
            (Fact(Code.WET, since=puddle.since),), rule=rule(self._rules.wet_s, "s")
        )
        return Finding(AlertType.WATER_LEAK, device, signal, Severity.S2, now, evidence)
