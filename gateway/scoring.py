"""The program protocol of detector benches: a home's events and ticks in, alerts out.

JSON lines, one object each:

    -> {"home": {"name", "t0", "tick_s", "sensors": [{"name", "kind", "room"}]}}      first
    <- {"hello": {"fork": true}}
    -> {"t", "sensor", "kind", "value", "room"}                                       an event
    -> {"t", "tick": true}                                                            <- {"ack": t}
    <- {"t", "alert", "severity": "alarm"|"check", ...}                               before the ack
    -> {"cmd": "fork"} ... {"cmd": "exit"}      a child tries what would happen, and is forgotten

`t` is the local clock of the home in seconds (read it as UTC). Nothing is learnt here that the hub
would not learn: the sensors are enrolled by kind and room, and the detector is the hub's own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC
from typing import BinaryIO

import msgspec

from gateway.detect.inactivity import Inactivity
from gateway.records import (
    HUB,
    AlertType,
    Device,
    DeviceKind,
    Finding,
    Instant,
    Quantity,
    Reading,
    Role,
    Severity,
    Signal,
)
from gateway.rules import InactivityRules

KINDS: dict[str, tuple[DeviceKind, Quantity]] = {
    "motion": (DeviceKind.MOTION, Quantity.MOTION),
    "door": (DeviceKind.DOOR_CONTACT, Quantity.CONTACT_OPEN),
    "contact": (DeviceKind.DOOR_CONTACT, Quantity.CONTACT_OPEN),
    "bed": (DeviceKind.BED, Quantity.BED_OCCUPIED),
    "seat": (DeviceKind.BED, Quantity.PRESENCE),
    "water": (DeviceKind.WATER_METER, Quantity.WATER_TOTAL),
    "item": (DeviceKind.PLUG, Quantity.SWITCH_ON),
    "button": (DeviceKind.CALL_BUTTON, Quantity.BUTTON),
}
"""Sensors of other kinds tell nothing about people, and are not enrolled."""
PORT = "recorded"
NAMES = {AlertType.ACTIVITY_INACTIVITY: "inactivity", AlertType.ACTIVITY_NOT_RETURNED: "absent"}


class Sensor(msgspec.Struct, frozen=True):
    name: str
    kind: str
    room: str = ""


class Header(msgspec.Struct, frozen=True):
    name: str = ""
    t0: float = 0.0
    tick_s: float = 300.0
    sensors: tuple[Sensor, ...] = ()


class Line(msgspec.Struct, frozen=True):
    """Anything that may come in."""

    home: Header | None = None
    cmd: str = ""
    t: float = 0.0
    tick: bool = False
    sensor: str = ""
    kind: str = ""
    value: float = 0.0


class Said(msgspec.Struct, frozen=True):
    t: float
    alert: str
    severity: str
    since: float


class Trial:
    """One home and the hub's own detector. Pure."""

    def __init__(self, home: Header, rules: InactivityRules) -> None:
        self._t0 = home.t0
        self.detector = Inactivity(rules, enrolled(home.sensors), UTC)
        self._registers: dict[str, float] = {}
        self._said: set[tuple[str, float]] = set()
        self._count = 0

    def event(self, t: float, sensor: str, kind: str, value: float) -> None:
        reading = self._reading(self._at(t), sensor, kind, value)
        if reading is not None:
            for finding in self.detector.on_reading(reading):
                self._forget(finding)

    def tick(self, t: float) -> list[Said]:
        """What is said that was not said already about the same silence."""
        news = []
        for finding in self.detector.on_tick(self._at(t)):
            since = finding.evidence.observed[0].since
            key = (NAMES[finding.type], since.wall if since else t)
            if finding.signal is Signal.HOLDS and key not in self._said:
                self._said.add(key)
                urgent = finding.severity in (Severity.S1, Severity.S2)
                news.append(Said(t, key[0], "alarm" if urgent else "check", key[1]))
        return news

    def _forget(self, finding: Finding) -> None:
        if finding.signal is Signal.ENDED:
            self._said.clear()

    def _at(self, t: float) -> Instant:
        return Instant(t - self._t0, t)

    def _reading(self, at: Instant, sensor: str, kind: str, value: float) -> Reading | None:
        if kind == "status":
            return Reading(HUB, Quantity.RADIO_ALIVE, value != 0, at, channel=PORT)
        known = KINDS.get(kind)
        if known is None:
            return None
        self._count += 1
        event = str(self._count)
        if kind == "water":
            total = self._registers[sensor] = self._registers.get(sensor, 0.0) + value / 1000
            return Reading(sensor, known[1], total, at, event=event)
        return Reading(sensor, known[1], value > 0, at, event=event)


def enrolled(sensors: Sequence[Sensor]) -> list[Device]:
    return [
        Device(
            sensor.name,
            "recorded",
            sensor.name,
            KINDS[sensor.kind][0],
            room=sensor.room,
            role=Role.FRONT_DOOR if sensor.kind == "door" else Role.NONE,
            port=PORT,
        )
        for sensor in sensors
        if sensor.kind in KINDS
    ]


def speak(stdin: BinaryIO, stdout: BinaryIO, risk: float | None = None) -> None:
    """Answers until the input ends. `risk`: false alarms in 30 days that may be spent; None = as
    shipped. Raises msgspec.MsgspecError for a line that is none of the protocol's."""
    chosen = {} if risk is None else {"false_per_month": risk}
    rules = msgspec.convert(chosen, InactivityRules)
    decode = msgspec.json.Decoder(Line).decode
    trial = Trial(Header(), rules)
    while text := stdin.readline():
        line = decode(text)
        if line.tick:
            _answer(stdout, *trial.tick(line.t), {"ack": line.t})
        elif line.sensor or line.kind:
            trial.event(line.t, line.sensor, line.kind, line.value)
        elif line.home is not None:
            trial = Trial(line.home, rules)
            _answer(stdout, {"hello": {"fork": True}})
        elif line.cmd == "fork":
            _fork(stdout)
        elif line.cmd == "exit":
            os._exit(0)


def _fork(stdout: BinaryIO) -> None:
    """The child goes on reading until it is told to exit; the parent waits for that."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    _answer(stdout, {"resumed": True} if child else {"forked": True})


def _answer(stdout: BinaryIO, *answers: object) -> None:
    for answer in answers:
        stdout.write(msgspec.json.encode(answer) + b"\n")
    stdout.flush()
