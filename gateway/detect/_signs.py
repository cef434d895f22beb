"""What counts as a sign of life, and when several of them are beyond doubt.

Motion sensors, mats and contacts trigger by themselves now and then (recorded empty homes show 0
to 22 a day), and a tap drips. So a lone trigger is heard, but it is not life for certain: that
takes a second sensor, a few triggers in a row, a litre and a half of water, a button or the door.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import msgspec

from gateway.detect._memory import Register, number
from gateway.records import Device, DeviceKind, Quantity, Reading, Role

COMPANY_S = 900.0
"""Two sensors within this time are company for each other. Ours."""
SEVERAL, SEVERAL_S = 3, 5400.0
"""At three strays a day, so many in this time come once in three weeks. Ours."""
MANY, MANY_S = 4, 12600.0
"""Likewise. Ours."""
SURE_M3 = 0.0015
"""More than a drip or a cistern that fills up by itself within COMPANY_S. Ours."""
AGAIN_S = 20.0
"""The same motion sensor so soon again is the same motion."""
STEP_W = 500.0
"""A step in power that no refrigerator makes. Ours."""
MOST_M3_H = 10.0
"""No household meter runs faster."""
CHANNELS = 64
"""Phases and plugs that are remembered."""


class Sign(IntEnum):
    NONE = 0
    TAIL = 1
    """Something that began goes out: somebody was there until now."""
    TRIGGER = 2
    SURE = 3


class Trigger(msgspec.Struct):
    device: str
    line: float
    m3: float = 0.0


class Memory(msgspec.Struct):
    """The last word of each sensor and meter."""

    known: dict[str, bool] = {}
    ends: set[str] = set()
    """Sensors that also say when it is over; what they repeat is nothing new."""
    registers: dict[str, Register] = {}
    watts: dict[str, float] = {}


STATES = frozenset({Quantity.MOTION, Quantity.PRESENCE, Quantity.SWITCH_ON})
CHANGES = frozenset({Quantity.CONTACT_OPEN, Quantity.BED_OCCUPIED})
PRESSES = frozenset({Quantity.BUTTON, Quantity.EMERGENCY, Quantity.FIRE_BUTTON})
NOBODY = frozenset({DeviceKind.LEAK_SENSOR, DeviceKind.GAS_ALARM, DeviceKind.SMOKE_ALARM})


class Signs:
    """Reads signs out of readings."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = {d.id for d in devices if d.kind not in NOBODY}
        self.doors = {d.id for d in devices if d.role is Role.FRONT_DOOR}
        self.memory = Memory()
        self.grown_m3 = 0.0
        """What the last sign of a water meter was worth."""

    def of(self, reading: Reading) -> Sign:
        quantity, device = reading.quantity, reading.device
        if device not in self._devices:
            return Sign.NONE
        if quantity in STATES:
            return self._state(device, bool(reading.value), bool(reading.event))
        if quantity in CHANGES:
            return self._change(device, bool(reading.value), bool(reading.event))
        if quantity is Quantity.WATER_TOTAL:
            return self._water(reading)
        if quantity is Quantity.POWER:
            return self._power(reading)
        return Sign.SURE if quantity in PRESSES else Sign.NONE

    def _state(self, device: str, on: bool, event: bool) -> Sign:
        known = self.memory.known.get(device)
        self.memory.known[device] = on
        if not on:
            self.memory.ends.add(device)
            return Sign.TAIL if known or event else Sign.NONE
        return Sign.NONE if known and device in self.memory.ends and not event else Sign.TRIGGER

    def _change(self, device: str, on: bool, event: bool) -> Sign:
        known = self.memory.known.get(device)
        self.memory.known[device] = on
        if known is on and not event:
            return Sign.NONE
        if known is None and not event and not on:
            return Sign.NONE
        return Sign.SURE if device in self.doors else Sign.TRIGGER

    def _water(self, reading: Reading) -> Sign:
        total = number(reading)
        before = self.memory.registers.get(reading.device)
        if total is None:
            return Sign.NONE
        self.memory.registers[reading.device] = Register(total, reading.at)
        grown = before.growth(total, reading.at, MOST_M3_H) if before else None
        self.grown_m3 = grown or 0.0
        return Sign.TRIGGER if grown else Sign.NONE

    def _power(self, reading: Reading) -> Sign:
        watts = number(reading)
        if watts is None:
            return Sign.NONE
        channel = f"{reading.device}/{reading.channel}"
        before = self.memory.watts.get(channel)
        if before is not None or len(self.memory.watts) < CHANNELS:
            self.memory.watts[channel] = watts
        return Sign.TRIGGER if before is not None and watts - before >= STEP_W else Sign.NONE


class Company:
    """Tells when triggers are company for each other, so that somebody is there for certain."""

    def __init__(self) -> None:
        self.triggers: list[Trigger] = []

    def joined_by(self, device: str, line: float, m3: float) -> bool:
        """Takes one trigger; whether with it there is no doubt left."""
        recent = [t for t in self.triggers if line - t.line <= MANY_S]
        last = recent[-1] if recent else None
        if last is None or m3 or last.device != device or line - last.line > AGAIN_S:
            recent.append(Trigger(device, line, m3))
        self.triggers = recent
        near = [t for t in recent if line - t.line <= COMPANY_S]
        return (
            len(recent) >= MANY
            or len({t.device for t in near}) > 1
            or sum(t.m3 for t in near) >= SURE_M3
            or sum(line - t.line <= SEVERAL_S for t in recent) >= SEVERAL
        )
