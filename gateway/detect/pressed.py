"""A press is a call for help: every one, at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from gateway.detect._memory import recall
from gateway.records import (
    HUB,
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
from gateway.rules import SosRules

CALLS = frozenset({DeviceKind.CALL_BUTTON, DeviceKind.PENDANT})
SWITCHES = {Quantity.EMERGENCY: Code.PRESSED, Quantity.FIRE_BUTTON: Code.FIRE_BUTTON}
EVERY_CALL = "*"
"""The cause of a cancel: all calls for help; the alert table decides which are fresh enough."""

_RULE = (Fact(Code.RULE, value=1.0),)


class _State(msgspec.Struct):
    active: set[str] = set()
    """Switches that are closed now: still held is still the same press."""
    testing: dict[str, Instant] = {}


class Pressed:
    name = "pressed"

    def __init__(self, rules: SosRules, devices: Sequence[Device]) -> None:
        self._rules = rules
        self._kinds = {device.id: device.kind for device in devices}
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        if reading.quantity is Quantity.BUTTON:
            return self._button(reading)
        if reading.quantity in SWITCHES:
            return self._switch(reading)
        if reading.quantity is Quantity.TEST:
            self._test(reading)
        return ()

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        return ()

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)

    def _button(self, reading: Reading) -> Iterable[Finding]:
        """A press of a key that says so each time; repeats are already gone."""
        kind = self._kinds.get(reading.device)
        value = str(reading.value)
        if value == "cancel" or kind is DeviceKind.CANCEL_BUTTON:
            yield _cancel(reading.at)
        elif kind is DeviceKind.HELP_BUTTON or (kind in CALLS and value.startswith("long")):
            yield self._call(reading, AlertType.HELP_REQUESTED, Severity.S3, Code.PRESSED)
        elif kind in CALLS:
            yield self._call(reading, AlertType.SOS_PRESSED, Severity.S1, Code.PRESSED)

    def _switch(self, reading: Reading) -> Iterable[Finding]:
        """A press is the change to active. Unknown before, it is a press: better one too many."""
        key = f"{reading.device} {reading.quantity} {reading.channel}"
        if not reading.value:
            self._state.active.discard(key)
        elif reading.event or key not in self._state.active:
            if not reading.event:  # a radio that tells each press has no release to wait for
                self._state.active.add(key)
            code = SWITCHES[reading.quantity]
            yield self._call(reading, AlertType.SOS_PRESSED, Severity.S1, code)

    def _call(self, reading: Reading, type_: AlertType, severity: Severity, code: Code) -> Finding:
        if self._testing(reading.device, reading.at) or self._testing(HUB, reading.at):
            type_, severity = AlertType.TEST_CALL, Severity.S0
        evidence = Evidence(observed=(Fact(code, since=reading.at),), rule=_RULE)
        return Finding(type_, reading.device, Signal.HAPPENED, severity, reading.at, evidence)

    def _test(self, reading: Reading) -> None:
        if not reading.value:
            self._state.testing.pop(reading.device, None)
        else:
            self._state.testing.setdefault(reading.device, reading.at)

    def _testing(self, device: str, at: Instant) -> bool:
        since = self._state.testing.get(device)
        return since is not None and 0 <= at.since(since) <= 60 * self._rules.test_min


def _cancel(at: Instant) -> Finding:
    evidence = Evidence(observed=(Fact(Code.CANCEL_PRESSED, since=at),), rule=_RULE)
    return Finding(AlertType.SOS_PRESSED, EVERY_CALL, Signal.CANCELLED, Severity.S1, at, evidence)
