"""From a finding to its end: what was found and why, how urgent it is, and how help goes on."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.records.readings import Instant


class Code(StrEnum):
    """What an evidence fact says. Closed: the platform has the same list, in two languages."""

    PRESSED = "pressed"
    PRESSES = "presses"
    FIRE_BUTTON = "fire_button"
    CANCEL_PRESSED = "cancel_pressed"
    DETECTOR_ALARM = "detector_alarm"
    CONCENTRATION = "concentration"
    WET = "wet"
    NO_WATER = "no_water"
    WATER_USED = "water_used"
    WATER_FLOWING = "water_flowing"
    WATER_STOPPED = "water_stopped"
    NO_POWER_CHANGE = "no_power_change"
    POWER_CHANGED = "power_changed"
    USUAL_LONGEST_GAP = "usual_longest_gap"
    USUAL_LONGEST_GAP_NIGHT = "usual_longest_gap_night"
    USUAL_DAILY = "usual_daily"
    NOT_YET_LEARNT = "not_yet_learnt"
    LIMIT = "limit"
    RULE = "rule"
    SILENT = "silent"
    HEARD = "heard"
    USUAL_INTERVAL = "usual_interval"
    BATTERY_LEVEL = "battery_level"
    BATTERY_DAYS_LEFT = "battery_days_left"
    BATTERY_FLAG = "battery_flag"
    TAMPER_OPEN = "tamper_open"
    DEVICE_FAULT = "device_fault"
    STUCK_ACTIVE = "stuck_active"
    CHATTERING = "chattering"
    MAINS_LOST = "mains_lost"
    STORAGE_FAILED = "storage_failed"
    RADIO_SILENT = "radio_silent"
    LINK_LOST = "link_lost"
    CLOCK_UNSURE = "clock_unsure"
    RULES_STALLED = "rules_stalled"
    DOOR_OPENED = "door_opened"
    PERHAPS_AWAY = "perhaps_away"
    RADIO_BLIND = "radio_blind"
    METER_SILENT = "meter_silent"
    SELF_TEST = "self_test"
    NO_SIGN_OF_LIFE = "no_sign_of_life"
    SIGN_OF_LIFE = "sign_of_life"
    USUAL_QUIET = "usual_quiet"
    LONE_TRIGGER = "lone_trigger"
    USUAL_FIRST_SIGN = "usual_first_sign"
    USUAL_LONGEST_STAY = "usual_longest_stay"
    DOOR_OPEN = "door_open"
    DOOR_CLOSED = "door_closed"
    DOOR_NOT_USED = "door_not_used"
    NOT_BACK = "not_back"
    OUT_OF_BED = "out_of_bed"
    IN_BED = "in_bed"
    IN_BATHROOM = "in_bathroom"
    ROOM_TEMPERATURE = "room_temperature"
    HEART_RATE = "heart_rate"
    BREATH_RATE = "breath_rate"
    NOT_PRESSED = "not_pressed"


class Fact(msgspec.Struct, frozen=True, omit_defaults=True):
    """One coded statement with its numbers. `value` is in `unit` (SI or the quantity's)."""

    code: Code
    value: float | None = None
    unit: str | None = None
    since: Instant | None = None


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why: what was observed, what is usual here, which rule spoke, what speaks against it."""

    observed: tuple[Fact, ...]
    usual: tuple[Fact, ...] = ()
    rule: tuple[Fact, ...] = ()
    against: tuple[Fact, ...] = ()


class Severity(StrEnum):
    S1 = "S1"
    """Emergency: act now."""
    S2 = "S2"
    """Urgent: within 30 minutes."""
    S3 = "S3"
    """Concern: the same day."""
    S4 = "S4"
    """Technical: maintenance."""
    S0 = "S0"
    """Information."""

    @property
    def priority(self) -> int:
        """0 overtakes everything: p0 emergencies, p1 urgent, p2 concern, p3 technical and notes."""
        return {"S1": 0, "S2": 1, "S3": 2}.get(self.value, 3)


class AlertType(StrEnum):
    """The catalogue (the whole of it is in docs/alerts.md, generated)."""

    SOS_PRESSED = "sos.pressed"
    HELP_REQUESTED = "help.requested"
    GAS_LEAK = "gas.leak"
    SMOKE_DETECTED = "smoke.detected"
    CO_DETECTED = "co.detected"
    WATER_LEAK = "water.leak"
    WATER_NO_USE = "water.no_use"
    WATER_CONTINUOUS = "water.continuous"
    WATER_HIGH_USE = "water.high_use"
    POWER_NO_USE = "power.no_use"
    ACTIVITY_INACTIVITY = "activity.inactivity"
    ACTIVITY_NOT_RETURNED = "activity.not_returned"
    ACTIVITY_NO_MORNING = "activity.no_morning"
    ACTIVITY_NO_EVENING = "activity.no_evening"
    BED_EXIT_NO_RETURN = "bed.exit_no_return"
    BED_LONG_STAY = "bed.long_stay"
    BATHROOM_OVERSTAY = "bathroom.overstay"
    DOOR_LEFT_OPEN = "door.left_open"
    DOOR_NIGHT_EXIT = "door.night_exit"
    DOOR_NO_USE = "door.no_use"
    VITALS_HEART = "vitals.heart"
    VITALS_BREATH = "vitals.breath"
    TEMP_COLD = "temp.cold"
    TEMP_HOT = "temp.hot"
    CHECKIN_MISSED = "checkin.missed"
    SENSOR_BATTERY_LOW = "sensor.battery_low"
    SENSOR_OFFLINE = "sensor.offline"
    SENSOR_TAMPER = "sensor.tamper"
    SENSOR_STUCK = "sensor.stuck"
    SENSOR_FAULT = "sensor.fault"
    HUB_MAINS_LOST = "hub.mains_lost"
    HUB_BATTERY_LOW = "hub.battery_low"
    HUB_LINK_DEGRADED = "hub.link_degraded"
    HUB_RADIO_BLIND = "hub.radio_blind"
    HUB_EVALUATOR_STALLED = "hub.evaluator_stalled"
    HUB_STORAGE_FAULT = "hub.storage_fault"
    HUB_CLOCK_UNSURE = "hub.clock_unsure"
    TEST_CALL = "test.call"
    TEST_PERIODIC = "test.periodic"


class Signal(StrEnum):
    """What is said about an incident: by a detector (first three) or by the world (the rest)."""

    HOLDS = "holds"
    ENDED = "ended"
    HAPPENED = "happened"
    CANCELLED = "cancelled"
    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    DISPATCHED = "dispatched"
    ON_SITE = "on_site"
    CLOSED = "closed"


class Finding(msgspec.Struct, frozen=True):
    """A detector's opinion about one cause. Making news of it is the alert table's job."""

    type: AlertType
    cause: str
    """What it is about: a device id, a radio's or detector's name, or "home"."""
    signal: Signal
    severity: Severity
    at: Instant
    evidence: Evidence


class State(StrEnum):
    RAISED = "raised"
    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"
    DISPATCHED = "dispatched"
    ON_SITE = "on_site"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def open(self) -> bool:
        return self not in (State.CLOSED, State.CANCELLED, State.EXPIRED)


class Condition(StrEnum):
    """Whether what was found is still so; apart from how far the help has come."""

    PRESENT = "present"
    ENDED = "ended"


class Outcome(StrEnum):
    """How an alert ended (办结)."""

    NONE = ""
    CLEARED = "cleared"
    HELPED = "helped"
    FALSE_ALARM = "false_alarm"
    TEST = "test"
    NOT_REACHED = "not_reached"
    OTHER = "other"


class WorkOrder(msgspec.Struct, frozen=True, omit_defaults=True):
    """The platform's answer. `eta_s`: seconds from `at` until somebody is there."""

    id: str = ""
    eta_s: float | None = None


class Alert(msgspec.Struct, frozen=True):
    """One revision of one incident: one home, one cause."""

    id: str
    """ULID; the same for the whole life of the incident."""
    rev: int
    """Rises by one with every change that the platform shall know."""
    type: AlertType
    cause: str
    severity: Severity
    state: State
    condition: Condition
    raised_at: Instant
    changed_at: Instant
    evidence: Evidence
    presses: int = 0
    work_order: WorkOrder | None = None
    outcome: Outcome = Outcome.NONE


class Answer(msgspec.Struct, frozen=True):
    """What came back from upstream about one alert; enters the alert table as one more signal."""

    alert_id: str
    signal: Signal
    at: Instant
    work_order: WorkOrder | None = None
    outcome: Outcome = Outcome.NONE
