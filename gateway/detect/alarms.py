"""Gas, smoke, carbon monoxide: the detector in the room has decided; we pass it on at once."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway.detect._memory import number, recall
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
from gateway.rules import GasRules

ALARMS = {
    Quantity.GAS_ALARM: AlertType.GAS_LEAK,
    Quantity.SMOKE_ALARM: AlertType.SMOKE_DETECTED,
    Quantity.CO_ALARM: AlertType.CO_DETECTED,
}


class _Alarm(msgspec.Struct):
    type: AlertType
    device: str
    since: Instant
    channels: set[str] = set()
    """The thresholds (low, high) that are still exceeded."""
    quiet: Instant | None = None


class _State(msgspec.Struct):
    alarms: dict[str, _Alarm] = {}
    faulty: set[str] = set()
    lel: dict[str, float] = {}


class Alarms:
    name = "alarms"

    def __init__(self, rules: GasRules) -> None:
        self._rules = rules
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        if reading.quantity in ALARMS:
            return self._heard(reading, ALARMS[reading.quantity])
        if reading.quantity is Quantity.GAS_LEL:
            level = number(reading)
            if level is not None:
                self._state.lel[reading.device] = level
        elif reading.quantity is Quantity.FAULT:
            change = self._state.faulty.add if reading.value else self._state.faulty.discard
            change(reading.device)
        return ()

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        for key in tuple(self._state.alarms):
            yield self._opinion(key, now)

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)

    def _heard(self, reading: Reading, type_: AlertType) -> Iterable[Finding]:
        key = f"{type_} {reading.device}"
        alarm = self._state.alarms.get(key)
        if reading.value:
            if alarm is None:
                alarm = self._state.alarms[key] = _Alarm(type_, reading.device, reading.at)
            alarm.channels.add(reading.channel)
            alarm.quiet = None
        elif alarm is None or reading.device in self._state.faulty:
            return  # a faulty detector may not say that the danger is over
        else:
            alarm.channels.discard(reading.channel)
            if not alarm.channels:
                alarm.quiet = alarm.quiet or reading.at
        yield self._opinion(key, reading.at)

    def _opinion(self, key: str, now: Instant) -> Finding:
        alarm = self._state.alarms[key]
        over = alarm.quiet is not None and now.since(alarm.quiet) >= self._rules.clear_s
        signal = Signal.ENDED if over else Signal.HOLDS
        if over:
            del self._state.alarms[key]
        evidence = Evidence(self._observed(alarm), rule=(Fact(Code.RULE, value=1.0),))
        return Finding(alarm.type, alarm.device, signal, Severity.S1, now, evidence)

    def _observed(self, alarm: _Alarm) -> tuple[Fact, ...]:
        said = Fact(Code.DETECTOR_ALARM, since=alarm.since)
        level = self._state.lel.get(alarm.device)
        if alarm.type is not AlertType.GAS_LEAK or level is None:
            return (said,)
        return (said, Fact(Code.CONCENTRATION, value=level, unit=Quantity.GAS_LEL.unit))
