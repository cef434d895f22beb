"""What a device says of itself: its housing is open, or it is out of order."""

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
    Severity,
    Signal,
)
from gateway.rules import SupervisionRules

SAID = {
    Quantity.TAMPER: (AlertType.SENSOR_TAMPER, Code.TAMPER_OPEN),
    Quantity.FAULT: (AlertType.SENSOR_FAULT, Code.DEVICE_FAULT),
    Quantity.WATER_FAULT: (AlertType.SENSOR_FAULT, Code.DEVICE_FAULT),
}


class _Complaint(msgspec.Struct):
    type: AlertType
    code: Code
    device: str
    since: Instant
    sources: set[str] = set()
    held: bool = False


class _State(msgspec.Struct):
    complaints: dict[str, _Complaint] = {}


class Fault:
    name = "fault"

    def __init__(self, rules: SupervisionRules, devices: Sequence[Device]) -> None:
        self._rules = rules
        self._safety = {device.id: device.kind.safety for device in devices}
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        if reading.quantity not in SAID or reading.device not in self._safety:
            return
        type_, code = SAID[reading.quantity]
        key, source = f"{type_} {reading.device}", f"{reading.quantity} {reading.channel}"
        complaint = self._state.complaints.get(key)
        if reading.value:
            if complaint is None:
                complaint = _Complaint(type_, code, reading.device, reading.at)
                self._state.complaints[key] = complaint
            complaint.sources.add(source)
            yield from self._judge(complaint, reading.at)
        elif complaint is not None:
            complaint.sources.discard(source)
            if not complaint.sources:
                del self._state.complaints[key]
                if complaint.held:
                    yield self._finding(complaint, Signal.ENDED, reading.at)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        for complaint in self._state.complaints.values():
            yield from self._judge(complaint, now)

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        known = self._state.complaints.items()
        self._state.complaints = {k: c for k, c in known if c.device in self._safety}

    def _wait_s(self, complaint: _Complaint) -> float:
        return self._rules.tamper_s if complaint.type is AlertType.SENSOR_TAMPER else 0.0

    def _judge(self, complaint: _Complaint, now: Instant) -> Iterable[Finding]:
        if complaint.held or now.since(complaint.since) >= self._wait_s(complaint):
            complaint.held = True
            yield self._finding(complaint, Signal.HOLDS, now)

    def _finding(self, complaint: _Complaint, signal: Signal, now: Instant) -> Finding:
        severity = Severity.S2 if self._safety[complaint.device] else Severity.S4
        evidence = Evidence(
            observed=(Fact(complaint.code, since=complaint.since),),
            rule=rule(self._wait_s(complaint), "s"),
        )
        return Finding(complaint.type, complaint.device, signal, severity, now, evidence)
