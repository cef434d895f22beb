"""Water that never rests: a tap left on at night, a cistern or a pipe that leaks all day.

A flow ends when the register rests for half an hour (a zero slot). Only readings closer together
than the pause can prove that there was none, so a meter that speaks rarely is not judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo

import msgspec

from gateway.detect._memory import Register, number, recall, rule
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
from gateway.rules import WaterRules, within


class _Flow(msgspec.Struct):
    last: Register
    grew: Instant
    """When the register last rose (or was first heard)."""
    since: Instant | None = None
    """Flowing without a zero slot since."""
    night: Instant | None = None
    """Flowing steadily, in this night, since."""
    held: bool = False


class _State(msgspec.Struct):
    flows: dict[str, _Flow] = {}


class WaterContinuous:
    name = "water_continuous"

    def __init__(self, rules: WaterRules, devices: Sequence[Device], zone: tzinfo) -> None:
        self._rules, self._zone = rules, zone
        self._meters = {d.id for d in devices if d.kind is DeviceKind.WATER_METER}
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        total = number(reading)
        if reading.quantity is not Quantity.WATER_TOTAL or total is None:
            return
        if reading.device in self._meters:
            yield from self._heard(reading.device, total, reading.at)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        return ()

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)

    def _heard(self, device: str, total: float, at: Instant) -> Iterable[Finding]:
        flow = self._state.flows.setdefault(device, _Flow(Register(total, at), at))
        grown = flow.last.growth(total, at, self._rules.flow_max_m3_h)
        gap_s = at.since(flow.last.at)
        flow.last = Register(total, at)
        if grown is None or gap_s >= 60 * self._rules.pause_min:
            flow.since = flow.night = None
            flow.grew = at
        elif grown > 0:
            self._flows(flow, gap_s, at)
        elif at.since(flow.grew) >= 60 * self._rules.pause_min:
            flow.since = flow.night = None
            if flow.held:
                flow.held = False
                stopped = Fact(Code.WATER_STOPPED, since=flow.grew)
                yield self._finding(device, Signal.ENDED, stopped, at)
        yield from self._judge(device, flow, at)

    def _flows(self, flow: _Flow, gap_s: float, at: Instant) -> None:
        rested = max(gap_s, at.since(flow.grew)) > 60 * self._rules.night_pause_min
        flow.grew = at
        flow.since = flow.since or at
        if not self._is_night(at):
            flow.night = None
        elif flow.night is None or rested:
            flow.night = at

    def _judge(self, device: str, flow: _Flow, at: Instant) -> Iterable[Finding]:
        rules = self._rules
        since = None
        if flow.since and at.since(flow.since) >= 3600 * rules.continuous_h:
            since = flow.since
        elif flow.night and flow.grew.since(flow.night) > 60 * rules.night_flow_min:
            since = flow.night
        if since is not None:
            flow.held = True
            yield self._finding(device, Signal.HOLDS, Fact(Code.WATER_FLOWING, since=since), at)

    def _is_night(self, at: Instant) -> bool:
        if not at.trusted:
            return False
        local = at.local(self._zone)
        minute = local.hour * 60 + local.minute
        return within(minute, self._rules.night_from, self._rules.night_until)

    def _finding(self, device: str, signal: Signal, observed: Fact, at: Instant) -> Finding:
        evidence = Evidence(
            observed=(observed,),
            rule=rule(60 * self._rules.pause_min, "s"),
        )
        return Finding(AlertType.WATER_CONTINUOUS, device, signal, Severity.S3, at, evidence)
