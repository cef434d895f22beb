"""The rules that watch one home, in the order in which they are asked; emergencies come first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.alerts import AlertBook
from gateway.detect._prealarm import PreAlarm
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
from gateway.home import Home
from gateway.pipeline import Pipeline
from gateway.records import Detector, Driver, Instant, RoomKind


class Watch:
    """The pipeline of one home, and the detectors whose opinion the page asks for."""

    def __init__(
        self, home: Home, drivers: Mapping[str, Driver], new_id: Callable[[Instant], str]
    ) -> None:
        """`new_id` makes the id of a new incident."""
        rules, devices = home.rules, home.devices
        self.pressed = Pressed(rules.sos, devices)
        self.presence = Presence(rules.presence, devices)
        self.supervision = Supervision(rules.supervision, devices)
        self.battery = Battery(rules.supervision, devices)
        self.asked: list[PreAlarm] = []
        """The rules of daily life: what each of them asks in the home before it is told."""

        def asked(rule: Detector) -> PreAlarm:
            self.asked.append(PreAlarm(rules.prealarm, devices, rule))
            return self.asked[-1]

        bathroom = [d.id for d in devices if home.room_kind(d.id) is RoomKind.BATHROOM]
        detectors: list[Detector] = [
            self.pressed,
            Alarms(rules.gas),
            Leak(rules.leak),
            # Presence before whoever asks it whether anybody is at home.
            self.presence,
            asked(WaterNoUse(rules.water, devices, home.zone, self.presence)),
            WaterContinuous(rules.water, devices, home.zone),
            WaterHighUse(rules.water, devices, home.zone),
            asked(PowerNoUse(rules.power, devices, self.presence)),
            asked(Inactivity(rules.inactivity, devices, home.zone)),
            DoorNightExit(rules.door, devices, home.zone),
            DoorLeftOpen(rules.door, devices, home.zone),
            DoorNoUse(rules.door, devices),
            asked(BedExit(rules.bed, devices, home.zone)),
            asked(BedLongStay(rules.bed, devices)),
            asked(BathroomOverstay(rules.bathroom, devices, home.zone, bathroom)),
            asked(DailySigns(rules.rhythm, devices, home.zone)),
            Temperature(rules.temperature),
            Vitals(rules.vitals),
            asked(Checkin(rules.checkin, devices, home.zone)),
            self.supervision,
            self.battery,
            Fault(rules.supervision, devices),
            Stuck(rules.supervision, devices),
            HubHealth(rules.hub, devices),
        ]
        book = AlertBook(new_id, rules.sos.merge_s, rules.sos.cancel_s)
        clean_s = 60 * rules.hub.evaluator_clean_min
        self.pipeline = Pipeline(devices, drivers, detectors, book, clean_s)
