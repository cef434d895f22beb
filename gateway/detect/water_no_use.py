"""No water for too long: the sign of trouble that a whole city watches for.

The window is rolling and exact: it begins at the newest moment since which less than the limit
ran through the meter. Only what the register itself proves counts, from reading to reading, so a
silent meter proves nothing and a register that did not move while the hub was off proves the rest.

Judged by day only (by a trusted clock), except the hard limit, which holds at any hour and also
while the time of day is unknown; not while nobody is at home; once it holds, until water is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo

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
    Role,
    Severity,
    Signal,
)
from gateway.rules import WaterRules, within

CAUSE = "home"
LEARNT_DAYS = 28
LEAST_GAP_S = 1800.0
"""Shorter gaps are never the longest of a day."""
GRAINS = 50
"""Finer steps of the register than limit / GRAINS share one point, which bounds the memory."""
LITRE = 3
"""Decimals of a register in m3 that tells litres; a coarser one counts increments."""


class _Meter(msgspec.Struct):
    last: Register
    points: list[Register]
    """Where the register stood when, oldest first: only as far back as the limit reaches."""
    decimals: int = 0

    def limit_m3(self, no_use_m3: float) -> float:
        return no_use_m3 if self.decimals >= LITRE else min(no_use_m3, 10.0**-self.decimals)

    def add(self, total: float, at: Instant, no_use_m3: float) -> bool:
        """Takes a register that went on. True where the window has moved: water was used."""
        self.decimals = max(self.decimals, _decimals(total))
        self.last = Register(total, at)
        limit = self.limit_m3(no_use_m3)
        if round(total - self.points[-1].total, 6) >= limit / GRAINS:
            self.points.append(Register(total, at))
        old = self.points[0].at
        while len(self.points) > 1 and round(total - self.points[0].total, 6) >= limit:
            del self.points[0]
        return self.points[0].at is not old


class _State(msgspec.Struct):
    meters: dict[str, _Meter] = {}
    held: bool = False
    days: dict[str, list[float]] = {}
    """Local date -> longest gap by day and by night, in seconds; the newest LEARNT_DAYS."""


class WaterNoUse:
    name = "water_no_use"

    def __init__(
        self, rules: WaterRules, devices: Sequence[Device], zone: tzinfo, presence: Presence
    ) -> None:
        meters = [d for d in devices if d.kind is DeviceKind.WATER_METER]
        main = [d for d in meters if d.role is Role.MAIN_METER]
        self._rules, self._zone, self._presence = rules, zone, presence
        self._silent_s = {d.id: silent_s(d, rules.meter_silent_min) for d in main or meters}
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        total = number(reading)
        if reading.quantity is not Quantity.WATER_TOTAL or total is None:
            return
        if reading.device not in self._silent_s:
            return
        used = self._used(reading.device, total, reading.at)
        if used is not None and self._state.held:
            self._state.held = False
            yield self._finding(Signal.ENDED, reading.at, Evidence((used,)))

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        since = self._since()
        if since is None or not self._fresh(now):
            return
        proven_s = min(m.last.at.line for m in self._state.meters.values()) - since.line
        if self._state.held or self._too_long(proven_s, now):
            self._state.held = True
            yield self._finding(Signal.HOLDS, now, self._evidence(since, now))

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        known = self._state.meters.items()
        self._state.meters = {k: m for k, m in known if k in self._silent_s and m.points}

    # ------------------------------------------------------------ the window

    def _used(self, device: str, total: float, at: Instant) -> Fact | None:
        """Takes the register; says what was used, where that is somebody using water."""
        meter = self._state.meters.get(device)
        grown = meter.last.growth(total, at, self._rules.flow_max_m3_h) if meter else None
        if meter is None or grown is None:  # first heard, replaced, or misread: begin again
            start = Register(total, at)
            self._state.meters[device] = _Meter(start, [start], _decimals(total))
            return None
        since, heard = self._since(), meter.last.at
        if not meter.add(total, at, self._rules.no_use_m3):
            return None
        if since is not None and at.since(heard) <= self._silent_s[device]:
            self._learn(at.since(since), at)
        if at.since(meter.points[0].at) >= 3600 * self._rules.no_use_h:
            return None  # a drip: the window moved on, and is still as long
        return Fact(Code.WATER_USED, value=grown, unit="m3", since=heard)

    def _since(self) -> Instant | None:
        """The last use of water at any meter, in this stay; None before every meter was heard."""
        if not self._silent_s or len(self._state.meters) < len(self._silent_s):
            return None
        last = max((m.points[0].at for m in self._state.meters.values()), key=lambda at: at.line)
        return later(last, self._presence.stay_since)

    def _fresh(self, now: Instant) -> bool:
        meters = self._state.meters.items()
        return all(now.since(m.last.at) <= self._silent_s[name] for name, m in meters)

    def _too_long(self, proven_s: float, now: Instant) -> bool:
        rules = self._rules
        if self._presence.away or proven_s < 3600 * rules.no_use_h:
            return False
        return proven_s >= 3600 * rules.no_use_hard_h or self._by_day(now)

    def _by_day(self, now: Instant) -> bool:
        if not now.trusted:
            return False
        minute = _minute(now.local(self._zone))
        return within(minute, self._rules.judged_from, self._rules.judged_until)

    # ------------------------------------------------------------ what is usual here

    def _learn(self, gap_s: float, at: Instant) -> None:
        """Gaps that were alarms, or that nobody was at home in, are not what is usual."""
        if not at.trusted or self._state.held or self._presence.away or gap_s < LEAST_GAP_S:
            return
        days = self._state.days
        longest = days.setdefault(at.local(self._zone).date().isoformat(), [0.0, 0.0])
        night = self._by_night(gap_s, at)
        longest[night] = max(longest[night], gap_s)
        while len(days) > LEARNT_DAYS:
            del days[next(iter(days))]

    def _by_night(self, gap_s: float, end: Instant) -> bool:
        """Whether the middle of the gap lies in the night."""
        middle = end.local(self._zone) - timedelta(seconds=gap_s / 2)
        return within(_minute(middle), self._rules.night_from, self._rules.night_until)

    def _usual(self, since: Instant, now: Instant) -> tuple[Fact, ...]:
        days = [longest for longest in self._state.days.values() if len(longest) == 2]
        if len(days) < self._rules.learn_days or not now.trusted:
            return (Fact(Code.NOT_YET_LEARNT),)
        night = self._by_night(now.since(since), now)
        code = Code.USUAL_LONGEST_GAP_NIGHT if night else Code.USUAL_LONGEST_GAP
        longest = max(day[night] for day in days)
        return (Fact(code, value=longest, unit="s"),) if longest else ()

    # ------------------------------------------------------------ the words

    def _evidence(self, since: Instant, now: Instant) -> Evidence:
        return Evidence(
            observed=(Fact(Code.NO_WATER, since=since),),
            usual=self._usual(since, now),
            rule=rule(self._rules.no_use_h * 3600, "s"),
            against=self._presence.doubts(),
        )

    def _finding(self, signal: Signal, now: Instant, evidence: Evidence) -> Finding:
        return Finding(AlertType.WATER_NO_USE, CAUSE, signal, Severity.S2, now, evidence)


def _minute(local: datetime) -> int:
    return local.hour * 60 + local.minute


def _decimals(total: float) -> int:
    """How many decimals (up to litres) a register in m3 shows: 123.45 has two."""
    return next(d for d in range(LITRE + 1) if d == LITRE or round(total, d) == round(total, 6))
