"""A battery that is low, or will be within four weeks.

The forecast is a straight line through the level of the last weeks (Theil and Sen: the median of
all slopes), which one wrong reading cannot tilt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import median

import msgspec

from gateway.detect._memory import number, recall
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

DAY_S = 86400.0
EVERY_S = 3 * DAY_S
POINTS = 20
"""Two months of points, one every EVERY_S."""
LEAST_POINTS = 6
RENEWED_PERCENT = 20.0
"""A level that jumps up this far is a new battery."""
EASE = 1.25
"""Once low, a battery must be this much better than the limit to be well again."""
FLAGS = frozenset({Quantity.BATTERY_LOW, Quantity.BATTERY_DEFECT})


class _Battery(msgspec.Struct):
    level: float | None = None
    flags: set[Quantity] = set()
    points: list[tuple[float, float]] = []
    """(line in seconds, level in percent)"""
    days_left: float | None = None
    held: bool = False


class _State(msgspec.Struct):
    batteries: dict[str, _Battery] = {}


class Battery:
    name = "battery"

    def __init__(self, rules: SupervisionRules, devices: Sequence[Device]) -> None:
        self._rules = rules
        self._devices = {device.id: device for device in devices}
        self._state = _State()

    def low(self) -> frozenset[str]:
        """The devices whose battery is low now, for the heartbeat and the page."""
        return frozenset(name for name, b in self._state.batteries.items() if b.held)

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        if reading.device not in self._devices:
            return
        level = number(reading)
        if reading.quantity in FLAGS:
            battery = self._battery(reading.device)
            change = battery.flags.add if reading.value else battery.flags.discard
            change(reading.quantity)
        elif reading.quantity is Quantity.BATTERY and level is not None:
            battery = self._battery(reading.device)
            _track(battery, level, reading.at)
        else:
            return
        yield from self._judge(reading.device, battery, reading.at)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        return ()

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        known = self._state.batteries.items()
        self._state.batteries = {name: b for name, b in known if name in self._devices}

    def _battery(self, device: str) -> _Battery:
        return self._state.batteries.setdefault(device, _Battery())

    def _judge(self, device: str, battery: _Battery, now: Instant) -> Iterable[Finding]:
        facts = tuple(self._reasons(battery, EASE if battery.held else 1.0))
        if facts:
            battery.held = True
            yield self._finding(device, Signal.HOLDS, facts, now)
        elif battery.held:
            battery.held = False
            well = (Fact(Code.BATTERY_LEVEL, value=battery.level, unit="%"),)
            yield self._finding(device, Signal.ENDED, well, now)

    def _reasons(self, battery: _Battery, ease: float) -> Iterable[Fact]:
        if battery.flags:
            yield Fact(Code.BATTERY_FLAG)
        if battery.level is not None and battery.level <= self._rules.battery_percent * ease:
            yield Fact(Code.BATTERY_LEVEL, value=battery.level, unit="%")
        days = battery.days_left
        if days is not None and days <= self._rules.battery_days * ease:
            yield Fact(Code.BATTERY_DAYS_LEFT, value=float(round(days)), unit="d")

    def _finding(
        self, device: str, signal: Signal, observed: tuple[Fact, ...], now: Instant
    ) -> Finding:
        severity = Severity.S2 if self._devices[device].kind.safety else Severity.S4
        limit = Fact(Code.LIMIT, value=self._rules.battery_days, unit="d")
        evidence = Evidence(observed, rule=(Fact(Code.RULE, value=1.0), limit))
        return Finding(AlertType.SENSOR_BATTERY_LOW, device, signal, severity, now, evidence)


def _track(battery: _Battery, level: float, at: Instant) -> None:
    last = battery.points[-1] if battery.points else None
    renewed = battery.level is not None and level - battery.level >= RENEWED_PERCENT
    if renewed or (last is not None and at.line < last[0]):
        battery.points, battery.days_left, last = [], None, None
    battery.level = level
    if last is None or at.line - last[0] >= EVERY_S:
        battery.points = [*battery.points, (at.line, level)][-POINTS:]
        battery.days_left = days_left(battery.points)


def days_left(points: Sequence[tuple[float, float]]) -> float | None:
    """Days until the level is 0, from (seconds, percent); None while it does not fall."""
    if len(points) < LEAST_POINTS:
        return None
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2) if b[0] > a[0]]
    slope = median(slopes) if slopes else 0.0
    if slope >= 0:
        return None
    level = median(level for _, level in points[-3:])
    return max(0.0, level / -slope / DAY_S)
