"""Heart or breath out of bounds for five minutes, in bed. A notice of wellbeing, no medical device.

Only a sensor that measures says anything: without a reading for two minutes the count begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway.detect._memory import number, recall, rule
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
from gateway.rules import VitalsRules

KINDS = {
    Quantity.HEART_RATE: (AlertType.VITALS_HEART, Code.HEART_RATE),
    Quantity.BREATH_RATE: (AlertType.VITALS_BREATH, Code.BREATH_RATE),
}
BROKEN_S = 120.0
"""A longer pause between two readings breaks the row."""
SENSORS = 50


class _Row(msgspec.Struct):
    """Readings one after the other on one side of the bounds."""

    odd: bool
    since: Instant
    last: Instant
    held: bool = False


class _State(msgspec.Struct):
    rows: dict[str, _Row] = {}


class Vitals:
    name = "vitals"

    def __init__(self, rules: VitalsRules) -> None:
        self._rules = rules
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        rate = number(reading)
        if reading.quantity not in KINDS or rate is None or rate <= 0:
            return
        key = f"{reading.quantity}/{reading.device}"
        low, high = self._bounds(reading.quantity)
        odd, rows = not low < rate < high, self._state.rows
        row = rows.get(key)
        if row is None and len(rows) >= SENSORS:
            return
        if row is None or row.odd is not odd or reading.at.since(row.last) > BROKEN_S:
            held = row.held if row else False
            row = rows[key] = _Row(odd, reading.at, reading.at, held)
        row.last = reading.at
        lasted = reading.at.since(row.since)
        if odd and lasted >= 60 * self._rules.lasting_min:
            row.held = True
            yield self._finding(reading, rate, row, Signal.HOLDS)
        elif row.held and not odd and lasted >= 60 * self._rules.normal_min:
            row.held = False
            yield self._finding(reading, rate, row, Signal.ENDED)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        return ()

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)

    def _bounds(self, quantity: Quantity) -> tuple[float, float]:
        rules = self._rules
        if quantity is Quantity.HEART_RATE:
            return rules.heart_low_per_min, rules.heart_high_per_min
        return rules.breath_low_per_min, rules.breath_high_per_min

    def _finding(self, reading: Reading, rate: float, row: _Row, signal: Signal) -> Finding:
        type_, code = KINDS[reading.quantity]
        observed = (Fact(code, value=rate, unit="1/min", since=row.since),)
        evidence = Evidence(observed, rule=rule(60 * self._rules.lasting_min, "s"))
        return Finding(type_, reading.device, signal, Severity.S2, reading.at, evidence)
