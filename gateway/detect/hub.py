"""Whether the hub itself is well: mains, battery, storage, clock, routes, radios, rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from gateway.detect._memory import Watched, number, recall, rule
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
from gateway.rules import HubRules

TROUBLES = {
    Quantity.MAINS_OK: (AlertType.HUB_MAINS_LOST, Code.MAINS_LOST),
    Quantity.BATTERY: (AlertType.HUB_BATTERY_LOW, Code.BATTERY_LEVEL),
    Quantity.BATTERY_LOW: (AlertType.HUB_BATTERY_LOW, Code.BATTERY_FLAG),
    Quantity.STORAGE_OK: (AlertType.HUB_STORAGE_FAULT, Code.STORAGE_FAILED),
    Quantity.CLOCK_TRUSTED: (AlertType.HUB_CLOCK_UNSURE, Code.CLOCK_UNSURE),
    Quantity.LINK_UP: (AlertType.HUB_LINK_DEGRADED, Code.LINK_LOST),
    Quantity.RADIO_ALIVE: (AlertType.HUB_RADIO_BLIND, Code.RADIO_SILENT),
    Quantity.EVALUATOR_OK: (AlertType.HUB_EVALUATOR_STALLED, Code.RULES_STALLED),
}

Grades = tuple[tuple[float, Severity], ...]
"""(seconds, severity): how urgent a trouble is after so long, mildest first."""


class _Trouble(msgspec.Struct):
    quantity: Quantity
    channel: str
    since: Instant
    last: Instant
    """When it was last reported."""
    level: float | None = None
    severity: Severity | None = None
    """As it was last told; None while it is too short to be told."""
    limit_s: float = 0.0
    off_s: float = 0.0
    """How much of it passed while the hub was off."""


class _State(msgspec.Struct):
    troubles: dict[str, _Trouble] = {}
    routes: dict[str, bool] = {}
    last: Instant | None = None


class HubHealth:
    name = "hub"

    def __init__(self, rules: HubRules, devices: Sequence[Device]) -> None:
        self._rules = rules
        self._safety_ports = {device.port for device in devices if device.kind.safety}
        self._state = _State()
        self._watched = Watched()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        if reading.device != HUB or reading.quantity not in TROUBLES:
            return
        if reading.quantity is Quantity.LINK_UP:
            self._state.routes[reading.channel] = bool(reading.value)
        if reading.quantity is Quantity.CLOCK_TRUSTED:
            return  # every tick says it too, and without a gap
        key = f"{reading.quantity} {reading.channel}"
        if self._well(reading):
            yield from self._over(key, reading.at)
        else:
            self._resume(reading.at)
            yield from self._judge(self._note(key, reading), reading.at)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        self._resume(now)
        yield from self._clock(now)
        for key, trouble in tuple(self._state.troubles.items()):
            if self._clean(trouble, now):
                yield from self._over(key, now)
            else:
                yield from self._judge(trouble, now)

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        known = self._state.troubles.items()
        self._state.troubles = {key: t for key, t in known if t.quantity in TROUBLES}
        self._watched.resume()

    # ------------------------------------------------------------ what is wrong

    def _well(self, reading: Reading) -> bool:
        if reading.quantity is Quantity.BATTERY:
            level = number(reading)
            return level is None or level > self._rules.battery_percent
        if reading.quantity is Quantity.BATTERY_LOW:
            return not reading.value
        return bool(reading.value)

    def _note(self, key: str, reading: Reading) -> _Trouble:
        trouble = self._state.troubles.get(key)
        if trouble is None:
            trouble = _Trouble(reading.quantity, reading.channel, reading.at, reading.at)
            self._state.troubles[key] = trouble
        trouble.last, trouble.level = reading.at, number(reading)
        return trouble

    def _clock(self, now: Instant) -> Iterable[Finding]:
        key = f"{Quantity.CLOCK_TRUSTED} "
        if now.trusted:
            yield from self._over(key, now)
        elif key not in self._state.troubles:
            self._state.troubles[key] = _Trouble(Quantity.CLOCK_TRUSTED, "", now, now)

    def _clean(self, trouble: _Trouble, now: Instant) -> bool:
        """A detector that failed says nothing when it works again; time does."""
        clean_s = 60 * self._rules.evaluator_clean_min
        return trouble.quantity is Quantity.EVALUATOR_OK and now.since(trouble.last) > clean_s

    def _resume(self, now: Instant) -> None:
        """How a trouble went on while the hub was off nobody knows: that time does not count."""
        missed_s = self._watched.missed_s(self._state.last, now)
        if missed_s:
            for trouble in self._state.troubles.values():
                trouble.off_s += missed_s
        self._state.last = now

    # ------------------------------------------------------------ how bad it is

    def _judge(self, trouble: _Trouble, now: Instant) -> Iterable[Finding]:
        lasted = now.since(trouble.since) - trouble.off_s
        for after_s, severity in self._grades(trouble):
            if lasted >= after_s and _urgency(severity) < _urgency(trouble.severity):
                trouble.severity, trouble.limit_s = severity, after_s
        if trouble.severity is not None:
            yield self._finding(trouble, Signal.HOLDS, now)

    def _grades(self, trouble: _Trouble) -> Grades:
        rules = self._rules
        match trouble.quantity:
            case Quantity.MAINS_OK:
                return (
                    (rules.mains_log_s, Severity.S0),
                    (rules.mains_told_s, Severity.S4),
                    (60 * rules.mains_urgent_min, Severity.S2),
                )
            case Quantity.LINK_UP:
                told = (60 * rules.link_down_min, Severity.S4)
                urgent = (60 * rules.link_urgent_min, Severity.S2)
                return (told,) if any(self._state.routes.values()) else (told, urgent)
            case Quantity.RADIO_ALIVE:
                urgent_here = trouble.channel in self._safety_ports
                severity = Severity.S2 if urgent_here else Severity.S4
                return ((60 * rules.radio_blind_min, severity),)
            case Quantity.CLOCK_TRUSTED:
                return ((3600 * rules.clock_unsure_h, Severity.S4),)
            case Quantity.BATTERY | Quantity.BATTERY_LOW:
                on_mains = f"{Quantity.MAINS_OK} " not in self._state.troubles
                return ((0.0, Severity.S4 if on_mains else Severity.S2),)
            case _:  # without storage nothing is durable; without its rule nothing is seen
                return ((0.0, Severity.S2),)

    def _over(self, key: str, at: Instant) -> Iterable[Finding]:
        trouble = self._state.troubles.pop(key, None)
        if trouble is None or trouble.severity is None or self._still(trouble):
            return
        yield self._finding(trouble, Signal.ENDED, at)

    def _still(self, over: _Trouble) -> bool:
        """Whether the same incident has another reason (the battery's flag and its level)."""
        type_, _ = TROUBLES[over.quantity]
        return any(
            TROUBLES[trouble.quantity][0] is type_ and trouble.channel == over.channel
            for trouble in self._state.troubles.values()
        )

    def _finding(self, trouble: _Trouble, signal: Signal, at: Instant) -> Finding:
        type_, code = TROUBLES[trouble.quantity]
        unit = trouble.quantity.unit if trouble.level is not None else None
        evidence = Evidence(
            observed=(Fact(code, value=trouble.level, unit=unit, since=trouble.since),),
            rule=rule(trouble.limit_s, "s"),
        )
        severity = trouble.severity or Severity.S0
        cause = trouble.channel or HUB
        return Finding(type_, cause, signal, severity, at, evidence)


def _urgency(severity: Severity | None) -> int:
    return ("S1", "S2", "S3", "S4", "S0", None).index(severity.value if severity else None)
