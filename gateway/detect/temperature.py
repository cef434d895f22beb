"""A room too cold or too hot for too long; in great heat at once."""

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
from gateway.rules import TemperatureRules

ROOMS = 200
"""Thermometers that are remembered."""
FRESH_S = 3 * 3600.0
"""A thermometer not heard for longer says nothing about the present."""
IMPOSSIBLE = (-40.0, 60.0)
"""Outside of this a reading tells about the thermometer, not about the room."""


class _Room(msgspec.Struct):
    celsius: float
    heard: Instant
    cold: Instant | None = None
    hot: Instant | None = None
    held_cold: bool = False
    held_hot: bool = False


class _State(msgspec.Struct):
    rooms: dict[str, _Room] = {}


class Temperature:
    name = "temperature"

    def __init__(self, rules: TemperatureRules) -> None:
        self._rules = rules
        self._state = _State()

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        celsius = number(reading)
        if reading.quantity is not Quantity.TEMPERATURE or celsius is None:
            return
        if not IMPOSSIBLE[0] < celsius < IMPOSSIBLE[1]:
            return
        rooms, at, rules = self._state.rooms, reading.at, self._rules
        if reading.device not in rooms and len(rooms) >= ROOMS:
            return
        room = rooms.setdefault(reading.device, _Room(celsius, at))
        room.celsius, room.heard = celsius, at
        room.cold = (room.cold or at) if celsius < rules.cold_c else None
        room.hot = (room.hot or at) if celsius > rules.hot_c else None
        if room.held_cold and celsius >= rules.cold_c + rules.back_c:
            room.held_cold = False
            yield self._finding(AlertType.TEMP_COLD, reading.device, Signal.ENDED, room, at)
        if room.held_hot and celsius <= rules.hot_c - rules.back_c:
            room.held_hot = False
            yield self._finding(AlertType.TEMP_HOT, reading.device, Signal.ENDED, room, at)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        for device, room in self._state.rooms.items():
            fresh = now.since(room.heard) <= FRESH_S
            lasts_s = 3600 * self._rules.lasting_h
            great = room.celsius > self._rules.great_heat_c
            if fresh and room.cold is not None and now.since(room.cold) >= lasts_s:
                room.held_cold = True
            if fresh and room.hot is not None and (great or now.since(room.hot) >= lasts_s):
                room.held_hot = True
            if room.held_cold:
                yield self._finding(AlertType.TEMP_COLD, device, Signal.HOLDS, room, now)
            if room.held_hot:
                yield self._finding(AlertType.TEMP_HOT, device, Signal.HOLDS, room, now)

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)

    def _finding(
        self, type_: AlertType, device: str, signal: Signal, room: _Room, at: Instant
    ) -> Finding:
        cold = type_ is AlertType.TEMP_COLD
        since = room.cold if cold else room.hot
        limit = self._rules.cold_c if cold else self._rules.hot_c
        great = not cold and room.celsius > self._rules.great_heat_c
        evidence = Evidence(
            (Fact(Code.ROOM_TEMPERATURE, value=round(room.celsius, 1), unit="C", since=since),),
            rule=rule(limit, "C"),
        )
        severity = Severity.S2 if great else Severity.S3
        return Finding(type_, device, signal, severity, at, evidence)
