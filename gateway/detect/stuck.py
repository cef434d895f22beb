"""A sensor that cannot be believed: active for half a day, or changing its mind all the time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from gateway.detect._memory import Watched, recall, rule
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

RESTLESS = frozenset({Quantity.MOTION, Quantity.EMERGENCY, Quantity.FIRE_BUTTON})
"""Never active for hours when all is well (a bed, a window or a presence radar may be)."""
STATES = RESTLESS | {
    Quantity.CONTACT_OPEN,
    Quantity.PRESENCE,
    Quantity.BED_OCCUPIED,
    Quantity.WATER_LEAK,
}
MINUTE_S = 60


class _Sensor(msgspec.Struct):
    value: bool
    active: Instant | None = None
    """Active without a pause since."""
    off_s: float = 0.0
    """How much of that passed while the hub was off."""
    minute: int = 0
    changes: int = 0
    """In this minute of the timeline."""
    noisy: int = 0
    """Minutes of chattering in a row, up to those that make it stuck."""
    held: Code | None = None
    since: Instant | None = None


class _State(msgspec.Struct):
    sensors: dict[str, _Sensor] = {}
    """By device and quantity."""
    last: Instant | None = None


class Stuck:
    name = "stuck"

    def __init__(self, rules: SupervisionRules, devices: Sequence[Device]) -> None:
        self._rules = rules
        self._safety = {device.id: device.kind.safety for device in devices}
        self._state = _State()
        self._watched = Watched()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        lasting = not (reading.event or reading.repeat_s)
        if lasting and reading.quantity in STATES and reading.device in self._safety:
            self._resume(reading.at)
            self._note(reading)
        return ()

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        self._resume(now)
        for key, sensor in self._state.sensors.items():
            if not (sensor.active or sensor.changes or sensor.noisy or sensor.held):
                continue  # nearly all sensors, nearly always
            self._count(sensor, now)
            code = self._opinion(sensor, now)
            if code is not None:
                if sensor.held is not code:
                    sensor.held = code
                    sensor.since = sensor.active if code is Code.STUCK_ACTIVE else now
                yield self._finding(key, code, sensor.since, Signal.HOLDS, now)
            elif sensor.held is not None:
                yield self._finding(key, sensor.held, sensor.since, Signal.ENDED, now)
                sensor.held = sensor.since = None

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        known = self._state.sensors.items()
        self._state.sensors = {k: s for k, s in known if k.partition(" ")[2] in self._safety}
        self._watched.resume()

    def _note(self, reading: Reading) -> None:
        key, value = f"{reading.quantity} {reading.device}", bool(reading.value)
        sensor = self._state.sensors.get(key)
        if sensor is None:
            minute = int(reading.at.line // MINUTE_S)
            sensor = self._state.sensors[key] = _Sensor(value, minute=minute)
        elif sensor.value is not value:
            self._count(sensor, reading.at)
            sensor.changes += 1
            sensor.value = value
        if not value:
            sensor.active, sensor.off_s = None, 0.0
        elif reading.quantity in RESTLESS and sensor.active is None:
            sensor.active, sensor.off_s = reading.at, 0.0

    def _count(self, sensor: _Sensor, now: Instant) -> None:
        """Turns the page of the minute; quiet minutes take back what noisy ones added."""
        passed = int(now.line // MINUTE_S) - sensor.minute
        if passed == 0:
            return
        most = self._rules.chatter_min
        noisy = sensor.changes > self._rules.chatter_per_min
        sensor.noisy = min(most, sensor.noisy + 1) if noisy else max(0, sensor.noisy - 1)
        sensor.noisy = max(0, sensor.noisy - max(0, passed - 1))
        sensor.minute += passed
        sensor.changes = 0

    def _opinion(self, sensor: _Sensor, now: Instant) -> Code | None:
        active_s = now.since(sensor.active) - sensor.off_s if sensor.active else 0.0
        if active_s > 3600 * self._rules.stuck_h:
            return Code.STUCK_ACTIVE
        limit = 1 if sensor.held is Code.CHATTERING else self._rules.chatter_min
        return Code.CHATTERING if sensor.noisy >= limit else None

    def _resume(self, now: Instant) -> None:
        """What was active while the hub was off was not watched: that time does not count."""
        missed_s = self._watched.missed_s(self._state.last, now)
        if missed_s:
            for sensor in self._state.sensors.values():
                sensor.off_s += missed_s
        self._state.last = now

    def _finding(
        self, key: str, code: Code, since: Instant | None, signal: Signal, now: Instant
    ) -> Finding:
        device = key.partition(" ")[2]
        severity = Severity.S2 if self._safety[device] else Severity.S4
        limit = rule(3600 * self._rules.stuck_h, "s")
        if code is Code.CHATTERING:
            limit = rule(60.0 * self._rules.chatter_min, "s")
        evidence = Evidence(observed=(Fact(code, since=since),), rule=limit)
        return Finding(AlertType.SENSOR_STUCK, device, signal, severity, now, evidence)
