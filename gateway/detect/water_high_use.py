"""More water in one day than a home uses: a burst pipe, or a tap forgotten.

The day is the local day where the clock is trusted, else the last 24 hours. Water that ran while
the meter was not heard belongs to no day that we know, and is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from statistics import median

import msgspec

from gateway.detect._memory import Register, number, recall, silent_s
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
from gateway.rules import WaterRules

DAY_S = 86400.0
MARK_S = 3600.0
LEARNT_DAYS = 28


class _Day(msgspec.Struct):
    last: Register
    marks: list[Register]
    """The register about once an hour, over the last 24 hours."""
    start: Register
    """The register when the local day began."""
    date: str = ""
    held: bool = False
    daily: list[float] = []
    """What was used on the last days, in m3."""


class _State(msgspec.Struct):
    meters: dict[str, _Day] = {}


class WaterHighUse:
    name = "water_high_use"

    def __init__(self, rules: WaterRules, devices: Sequence[Device], zone: tzinfo) -> None:
        self._rules, self._zone = rules, zone
        self._silent_s = {
            d.id: silent_s(d, rules.meter_silent_min)
            for d in devices
            if d.kind is DeviceKind.WATER_METER
        }
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        total = number(reading)
        if reading.quantity is not Quantity.WATER_TOTAL or total is None:
            return
        if reading.device in self._silent_s:
            day = self._heard(reading.device, total, reading.at)
            start = day.start if reading.at.trusted else day.marks[0]
            used = round(total - start.total, 3)
            if used > self._rules.high_use_m3:
                day.held = True
                yield self._finding(reading.device, Signal.HOLDS, used, start.at, reading.at)
            elif day.held:
                day.held = False
                yield self._finding(reading.device, Signal.ENDED, used, start.at, reading.at)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        return ()

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        self._state.meters = {k: day for k, day in self._state.meters.items() if day.marks}

    def _heard(self, device: str, total: float, at: Instant) -> _Day:
        now = Register(total, at)
        day = self._state.meters.setdefault(device, _Day(now, [now], now))
        grown = day.last.growth(total, at, self._rules.flow_max_m3_h)
        if grown is None or at.since(day.last.at) > self._silent_s[device]:
            start = total if grown is None else day.start.total + total - day.last.total
            day.marks, day.last, day.start = [now], now, Register(start, at)
        if at.since(day.marks[-1].at) >= MARK_S:
            day.marks.append(now)
        while at.since(day.marks[0].at) > DAY_S and len(day.marks) > 1:
            del day.marks[0]
        self._turn_page(day, at)
        day.last = now
        return day

    def _turn_page(self, day: _Day, at: Instant) -> None:
        if not at.trusted:
            return
        date = at.local(self._zone).date().isoformat()
        if date == day.date:
            return
        whole = at.since(day.start.at) > DAY_S / 2
        if day.date and whole:
            day.daily = [*day.daily, round(day.last.total - day.start.total, 3)][-LEARNT_DAYS:]
        day.date = date
        day.start = Register(day.last.total, at)

    def _finding(
        self, device: str, signal: Signal, used: float, since: Instant, at: Instant
    ) -> Finding:
        daily = self._state.meters[device].daily
        usual = Fact(Code.NOT_YET_LEARNT)
        if len(daily) >= self._rules.learn_days:
            usual = Fact(Code.USUAL_DAILY, value=round(median(daily), 3), unit="m3")
        limit = Fact(Code.LIMIT, value=self._rules.high_use_m3, unit="m3")
        evidence = Evidence(
            observed=(Fact(Code.WATER_USED, value=used, unit="m3", since=since),),
            usual=(usual,),
            rule=(Fact(Code.RULE, value=1.0), limit),
        )
        return Finding(AlertType.WATER_HIGH_USE, device, signal, Severity.S3, at, evidence)
