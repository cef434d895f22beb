"""No appliance was switched for too long: no kettle, no lamp, no rice cooker.

A step in power is a change; for meters that tell energy only, the mean power of one slot against
the next. What happened while the meter was not heard is not known, and no hour of it counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from gateway.detect._memory import Register, later, number, recall, rule, silent_s
from gateway.detect.presence import Presence
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
from gateway.rules import PowerRules

CAUSE = "home"
PHASES = 8
"""Channels of one meter that are remembered."""
MOST_KW = 100.0
"""No home draws more: a register that rises faster is another one."""


class _Meter(msgspec.Struct):
    heard: Instant
    changed: Instant
    watts: dict[str, float] = {}
    slot: Register | None = None
    mean_w: float | None = None


class _State(msgspec.Struct):
    meters: dict[str, _Meter] = {}
    held: bool = False


class PowerNoUse:
    name = "power_no_use"

    def __init__(self, rules: PowerRules, devices: Sequence[Device], presence: Presence) -> None:
        self._rules, self._presence = rules, presence
        self._silent_s = {
            d.id: silent_s(d, rules.meter_silent_min)
            for d in devices
            if d.kind is DeviceKind.ELECTRICITY_METER
        }
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        value = number(reading)
        if value is None or reading.device not in self._silent_s:
            return
        if reading.quantity not in (Quantity.POWER, Quantity.ENERGY_TOTAL):
            return
        meter = self._heard(reading.device, reading.at)
        is_power = reading.quantity is Quantity.POWER
        changed = self._stepped if is_power else self._sloped
        if changed(meter, value, reading):
            meter.changed = reading.at
            if self._state.held:
                self._state.held = False
                change = Fact(Code.POWER_CHANGED, since=reading.at)
                yield self._finding(Signal.ENDED, change, reading.at)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        meters = self._state.meters
        if not meters or len(meters) < len(self._silent_s):
            return
        if any(now.since(m.heard) > self._silent_s[name] for name, m in meters.items()):
            return
        last = max((m.changed for m in meters.values()), key=lambda at: at.line)
        since = later(last, self._presence.stay_since)
        proven_s = min(m.heard.line for m in meters.values()) - since.line
        too_long = proven_s >= 3600 * self._rules.no_use_h and not self._presence.away
        if self._state.held or too_long:
            self._state.held = True
            none = Fact(Code.NO_POWER_CHANGE, since=since)
            yield self._finding(Signal.HOLDS, none, now)

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        known = self._state.meters.items()
        self._state.meters = {name: m for name, m in known if name in self._silent_s}

    def _heard(self, device: str, at: Instant) -> _Meter:
        meter = self._state.meters.setdefault(device, _Meter(at, at))
        if not 0 <= at.since(meter.heard) <= self._silent_s[device]:
            meter = self._state.meters[device] = _Meter(at, at)
        meter.heard = at
        return meter

    def _stepped(self, meter: _Meter, watts: float, reading: Reading) -> bool:
        before = meter.watts.get(reading.channel)
        if before is not None or len(meter.watts) < PHASES:
            meter.watts[reading.channel] = watts
        return before is not None and abs(watts - before) >= self._rules.step_w

    def _sloped(self, meter: _Meter, total: float, reading: Reading) -> bool:
        if reading.channel:
            return False  # tariffs and phases are parts of the total
        slot = meter.slot
        grown = slot.growth(total, reading.at, MOST_KW) if slot else None
        if slot is None or grown is None:
            meter.slot, meter.mean_w = Register(total, reading.at), None
            return False
        elapsed_s = reading.at.since(slot.at)
        if elapsed_s < 60 * self._rules.slope_min:
            return False
        before, meter.mean_w = meter.mean_w, grown * 3_600_000 / elapsed_s
        meter.slot = Register(total, reading.at)
        return before is not None and abs(meter.mean_w - before) >= self._rules.slope_w

    def _finding(self, signal: Signal, observed: Fact, at: Instant) -> Finding:
        evidence = Evidence(
            observed=(observed,),
            rule=rule(3600 * self._rules.no_use_h, "s"),
            against=self._presence.doubts(),
        )
        return Finding(AlertType.POWER_NO_USE, CAUSE, signal, Severity.S3, at, evidence)
