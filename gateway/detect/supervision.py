"""Silence is not health: each device must be heard within its own rhythm, and within 25 hours.

Only silence that somebody could have heard counts. While the hub is off, or the radio of a device
is blind, its silence stands still; but a blind radio does not stretch the ceiling of a safety
device, on whose word an emergency may depend.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from gateway.detect._memory import Watched, recall, rule
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
from gateway.rules import SupervisionRules

DeviceState = Literal["ok", "late", "lost", "unknown"]

REPEATED_S = 120.0
"""An unchanged state is passed on once a minute, so less silence than this cannot be noticed."""
HALF_LIFE_S = 7 * 86400.0
"""A longest interval counts half after a week: a rhythm may change with the season."""
LEARN_S = 2 * 86400.0
"""A rhythm must have shown its nights before it is believed."""
ANOTHER_LINE_S = 3600.0
"""Further back than any reading may be late: the timeline itself was lost."""
SAME_WORD_S = 1.0
"""Readings closer together come out of one message."""


class _Heard(msgspec.Struct):
    at: Instant
    first: Instant
    ever: bool = False
    off_s: float = 0.0
    """What the hub's dark time was when the device was last heard."""
    blind_s: float = 0.0
    """Likewise its port's."""
    rhythm_s: float = 0.0
    """Its longest usual interval."""
    intervals: int = 0
    held: bool = False


class _State(msgspec.Struct):
    devices: dict[str, _Heard] = {}
    last: Instant | None = None
    off_s: float = 0.0
    """Seconds in which the hub itself was off, since ever."""
    blind_s: dict[str, float] = {}
    """Seconds in which each port was blind, since ever."""
    blind: dict[str, Instant] = {}


class Supervision:
    name = "supervision"

    def __init__(self, rules: SupervisionRules, devices: Sequence[Device]) -> None:
        self._rules = rules
        self._devices = {device.id: device for device in devices}
        self._state = _State()
        self._watched = Watched()

    def device_states(self, now: Instant) -> dict[str, DeviceState]:
        """How each enrolled device is doing, for the heartbeat and the page."""
        return {name: self._device_state(device, now) for name, device in self._devices.items()}

    def last_heard(self) -> dict[str, Instant]:
        """When each device was last heard; a device never heard is not in it."""
        return {name: heard.at for name, heard in self._state.devices.items() if heard.ever}

    # ------------------------------------------------------------ the detector's duties

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        if reading.device == HUB:
            self._hub(reading)
        elif device := self._devices.get(reading.device):
            self._watch(reading.at)
            heard = self._heard(device, reading.at)
            self._learn(heard, self._silence(device, heard, reading.at))
            heard.at, heard.ever = reading.at, True
            heard.off_s, heard.blind_s = self._dark(device)
            if heard.held:
                heard.held = False
                said = Evidence((Fact(Code.HEARD, since=reading.at),))
                yield self._finding(device, Signal.ENDED, reading.at, said)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        self._watch(now)
        for device in self._devices.values():
            heard = self._heard(device, now)
            if now.since(heard.at) <= REPEATED_S and not heard.held:
                continue  # nearly all devices, nearly always
            if heard.held or self._lost(device, heard, now):
                heard.held = True
                yield self._finding(device, Signal.HOLDS, now, self._evidence(device, heard))

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        self._watched.resume()
        known = self._state.devices.items()
        self._state.devices = {name: heard for name, heard in known if name in self._devices}

    # ------------------------------------------------------------ the clock of silence

    def _watch(self, now: Instant) -> None:
        """Counts the time in which nothing could be heard."""
        state = self._state
        passed = now.since(state.last) if state.last else 0.0
        missed_s = self._watched.missed_s(state.last, now)
        if passed < -ANOTHER_LINE_S:  # nothing remembered can be measured on this timeline
            self._state = state = _State()
        elif missed_s:
            state.off_s += missed_s
        elif passed > 0:
            for port in state.blind:
                state.blind_s[port] = state.blind_s.get(port, 0.0) + passed
        if state.last is None or now.since(state.last) > 0:
            state.last = now

    def _heard(self, device: Device, now: Instant) -> _Heard:
        heard = self._state.devices.get(device.id)
        if heard is None:
            off_s, blind_s = self._dark(device)
            heard = _Heard(now, now, off_s=off_s, blind_s=blind_s)
            self._state.devices[device.id] = heard
        return heard

    def _dark(self, device: Device) -> tuple[float, float]:
        return self._state.off_s, self._state.blind_s.get(device.port, 0.0)

    def _silence(self, device: Device, heard: _Heard, now: Instant) -> float:
        """Seconds of silence while somebody listened."""
        off_s, blind_s = self._dark(device)
        return now.since(heard.at) - (off_s - heard.off_s) - (blind_s - heard.blind_s)

    def _hub(self, reading: Reading) -> None:
        if reading.quantity is Quantity.RADIO_ALIVE:
            self._watch(reading.at)
            if reading.value:
                self._state.blind.pop(reading.channel, None)
            else:
                self._state.blind.setdefault(reading.channel, reading.at)

    # ------------------------------------------------------------ its own rhythm

    def _learn(self, heard: _Heard, silence_s: float) -> None:
        if not heard.ever or silence_s < SAME_WORD_S:
            return
        faded = heard.rhythm_s * 0.5 ** (silence_s / HALF_LIFE_S)
        heard.rhythm_s = max(faded, silence_s)
        heard.intervals += 1

    def _bound_s(self, device: Device, heard: _Heard | None) -> float:
        """The longest silence that is no loss."""
        rules = self._rules
        ceiling_s, floor_s = 3600 * rules.ceiling_h, 60 * rules.floor_min
        learnt = heard is not None and heard.intervals >= rules.learn_intervals
        if device.silent_s > 0:
            bound = max(device.silent_s, REPEATED_S)
        elif device.poll_s > 0:
            bound = max(rules.rhythm_factor * device.poll_s, floor_s)
        elif heard is not None and learnt and heard.at.since(heard.first) >= LEARN_S:
            bound = max(rules.rhythm_factor * heard.rhythm_s, floor_s)
        else:
            bound = ceiling_s
        return min(bound, ceiling_s)

    def _lost(self, device: Device, heard: _Heard, now: Instant) -> bool:
        silence_s = self._silence(device, heard, now)
        if silence_s > self._bound_s(device, heard):
            return True
        if not device.kind.safety:
            return False
        while_on = now.since(heard.at) - (self._state.off_s - heard.off_s)
        return while_on > 3600 * self._rules.ceiling_h

    def _device_state(self, device: Device, now: Instant) -> DeviceState:
        heard = self._state.devices.get(device.id)
        if heard is not None and heard.held:
            return "lost"
        if heard is None or not heard.ever or device.port in self._state.blind:
            return "unknown"
        share = self._rules.late_factor / self._rules.rhythm_factor
        late_s = min(1.0, share) * self._bound_s(device, heard)
        return "late" if self._silence(device, heard, now) > late_s else "ok"

    # ------------------------------------------------------------ the words

    def _evidence(self, device: Device, heard: _Heard) -> Evidence:
        usual = Fact(Code.USUAL_INTERVAL, value=round(heard.rhythm_s), unit="s")
        blind = self._state.blind.get(device.port)
        return Evidence(
            observed=(Fact(Code.SILENT, since=heard.at),),
            usual=(usual,) if heard.rhythm_s >= 1 else (),
            rule=rule(self._bound_s(device, heard), "s"),
            against=(Fact(Code.RADIO_BLIND, since=blind),) if blind else (),
        )

    def _finding(self, device: Device, signal: Signal, now: Instant, evidence: Evidence) -> Finding:
        severity = Severity.S2 if device.kind.safety else Severity.S4
        return Finding(AlertType.SENSOR_OFFLINE, device.id, signal, severity, now, evidence)
