"""A home for the detectors' tests: its sensors, its clock on the wall, and what was said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

import msgspec

from gateway.detect.alarms import Alarms
from gateway.detect.bathroom_overstay import BathroomOverstay
from gateway.detect.battery import Battery
from gateway.detect.bed_exit import BedExit
from gateway.detect.bed_long_stay import BedLongStay
from gateway.detect.checkin import Checkin
from gateway.detect.daily_signs import DailySigns
from gateway.detect.door_left_open import DoorLeftOpen
from gateway.detect.door_night_exit import DoorNightExit
from gateway.detect.door_no_use import DoorNoUse
from gateway.detect.fault import Fault
from gateway.detect.hub import HubHealth
from gateway.detect.inactivity import Inactivity
from gateway.detect.leak import Leak
from gateway.detect.power_no_use import PowerNoUse
from gateway.detect.presence import Presence
from gateway.detect.pressed import Pressed
from gateway.detect.stuck import Stuck
from gateway.detect.supervision import Supervision
from gateway.detect.temperature import Temperature
from gateway.detect.vitals import Vitals
from gateway.detect.water_continuous import WaterContinuous
from gateway.detect.water_high_use import WaterHighUse
from gateway.detect.water_no_use import WaterNoUse
from gateway.records import (
    Detector,
    Device,
    DeviceKind,
    Finding,
    Instant,
    Quantity,
    Reading,
    Role,
    Signal,
    Value,
)
from gateway.rules import Rules

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def device(
    name: str, kind: DeviceKind, port: str = "bus", role: Role = Role.NONE, poll_s: float = 0.0
) -> Device:
    return Device(name, "test", name, kind, port=port, role=role, poll_s=poll_s)


DEVICES = (
    device("bedside", DeviceKind.CALL_BUTTON, "inputs", poll_s=1),
    device("pendant", DeviceKind.PENDANT, "radio"),
    device("help", DeviceKind.HELP_BUTTON, "inputs", poll_s=1),
    device("cancel", DeviceKind.CANCEL_BUTTON, "inputs", poll_s=1),
    device("door", DeviceKind.DOOR_CONTACT, "inputs", Role.FRONT_DOOR, poll_s=1),
    device("living", DeviceKind.MOTION, "inputs", poll_s=1),
    device("kitchen", DeviceKind.MOTION, "inputs", poll_s=1),
    device("bath", DeviceKind.MOTION, "radio"),
    device("sink", DeviceKind.LEAK_SENSOR, "radio"),
    device("gas", DeviceKind.GAS_ALARM, "gas", poll_s=1),
    device("smoke", DeviceKind.SMOKE_ALARM, "radio"),
    device("co", DeviceKind.CO_ALARM, "radio"),
    device("water", DeviceKind.WATER_METER, "bus", poll_s=300),
    device("power", DeviceKind.ELECTRICITY_METER, "bus", poll_s=60),
)


def local(text: str, trusted: bool = True, zone: tzinfo = SHANGHAI) -> Instant:
    """The moment of a local date and time, on a clock that has always been right."""
    wall = datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()
    return Instant(wall - 1_700_000_000, wall, trusted)


def after(moment: Instant, seconds: float) -> Instant:
    return Instant(moment.line + seconds, moment.wall + seconds, moment.trusted)


def reset(moment: Instant, wall: float, trusted: bool = True) -> Instant:
    """The same moment after somebody set the clock on the wall."""
    return Instant(moment.line, wall, trusted)


def detectors(
    rules: Rules, devices: Sequence[Device] = DEVICES, zone: tzinfo = SHANGHAI
) -> list[Detector]:
    """All of them, in the order in which they are asked."""
    presence = Presence(rules.presence, devices)
    return [
        Pressed(rules.sos, devices),
        Alarms(rules.gas),
        Leak(rules.leak),
        presence,
        WaterNoUse(rules.water, devices, zone, presence),
        WaterContinuous(rules.water, devices, zone),
        WaterHighUse(rules.water, devices, zone),
        PowerNoUse(rules.power, devices, presence),
        Inactivity(rules.inactivity, devices, zone),
        DoorNightExit(rules.door, devices, zone),
        DoorLeftOpen(rules.door, devices, zone),
        DoorNoUse(rules.door, devices),
        BedExit(rules.bed, devices, zone),
        BedLongStay(rules.bed, devices),
        BathroomOverstay(rules.bathroom, devices, zone, ["bath"]),
        DailySigns(rules.rhythm, devices, zone),
        Temperature(rules.temperature),
        Vitals(rules.vitals),
        Checkin(rules.checkin, devices, zone),
        Supervision(rules.supervision, devices),
        Battery(rules.supervision, devices),
        Fault(rules.supervision, devices),
        Stuck(rules.supervision, devices),
        HubHealth(rules.hub, devices),
    ]


class Household:
    """Lets time and readings reach the detectors, and writes down what is new."""

    def __init__(self, start: Instant, *asked: Detector) -> None:
        self.now = start
        self.asked = asked
        self.said: list[Finding] = []
        """Every finding, as often as it was said."""
        self.news: list[tuple[str, str, str]] = []
        """(signal, type, cause), once for each change."""
        self._open: set[tuple[str, str]] = set()

    def hear(
        self,
        device: str,
        quantity: Quantity,
        value: Value = True,
        channel: str = "",
        event: str = "",
    ) -> None:
        reading = Reading(device, quantity, value, self.now, channel, event)
        for detector in self.asked:
            for finding in detector.on_reading(reading):
                self._note(finding)

    def tick(self) -> None:
        for detector in self.asked:
            for finding in detector.on_tick(self.now):
                self._note(finding)

    def pass_time(self, seconds: float, every: float = 60.0) -> None:
        """Nothing is heard, and the rules pass."""
        end = self.now.line + seconds
        while self.now.line < end:
            self.now = after(self.now, min(every, end - self.now.line))
            self.tick()

    def restart(self, off_s: float = 0.0, fresh: Sequence[Detector] = ()) -> None:
        """The hub was off for so long; it goes on with what it remembers, read from its disk."""
        states = [msgspec.json.encode(detector.state()) for detector in self.asked]
        self.now = after(self.now, off_s)
        self.asked = tuple(fresh) or self.asked
        for detector, state in zip(self.asked, states, strict=True):
            detector.restore(msgspec.json.decode(state))

    def types(self, signal: Signal = Signal.HOLDS) -> list[str]:
        """The types that were newly said with this signal, in order."""
        return [type_ for said, type_, _ in self.news if said == signal]

    def _note(self, finding: Finding) -> None:
        self.said.append(finding)
        cause = (finding.type.value, finding.cause)
        if finding.signal is Signal.HOLDS and cause in self._open:
            return
        if finding.signal is Signal.HOLDS:
            self._open.add(cause)
        elif finding.signal is Signal.ENDED:
            assert cause in self._open, f"{cause} ended and had never held"
            self._open.discard(cause)
        self.news.append((finding.signal.value, *cause))


class WaterMeter:
    """A water meter that is polled, and the taps behind it."""

    def __init__(
        self, house: Household, total: float = 812.0, name: str = "water", decimals: int = 3
    ) -> None:
        self.house, self.total, self.name, self.decimals = house, total, name, decimals

    def read(self) -> None:
        self.house.hear(self.name, Quantity.WATER_TOTAL, round(self.total, self.decimals))

    def use(self, litres: float) -> None:
        self.total += litres / 1000
        self.read()

    def run(self, hours: float, litres_per_h: float = 0.0, every: float = 300.0) -> None:
        """The meter is read again and again, while so much flows."""
        end = self.house.now.line + hours * 3600
        while self.house.now.line < end:
            self.house.pass_time(min(every, end - self.house.now.line), every)
            self.total += litres_per_h * every / 3600 / 1000
            self.read()
            self.house.tick()
