"""The vocabulary: whoever reads this page knows the program.

    bytes -> Frame -> Reading -> Finding -> Alert -> outbox -> platform

Every record is frozen and goes one way. This module imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Protocol

import msgspec

Value = bool | float | str

HUB = "hub"
"""The device id under which the hub reports on itself (mains, storage, radios)."""


class Instant(msgspec.Struct, frozen=True):
    """One moment, told twice, because a hub has no clock battery.

    `line` is seconds on the hub's own timeline: it never steps back, goes on across restarts and
    is the only thing durations are made of. `wall` is seconds since 1970 UTC as the hub believes
    them; `trusted` says whether a time-of-day rule may look at `wall`.
    """

    line: float
    wall: float
    trusted: bool = True

    def since(self, earlier: Instant) -> float:
        """Seconds from `earlier` to now, on the timeline."""
        return self.line - earlier.line

    def local(self, zone: tzinfo) -> datetime:
        """The wall clock in the home; ask `trusted` before you rely on it."""
        return datetime.fromtimestamp(self.wall, zone)

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.wall, UTC)


class Quantity(StrEnum):
    """What a reading is about. The unit belongs to the quantity, so the two cannot disagree."""

    # Somebody acted. Button values: press, double_press, long_press, cancel.
    BUTTON = "button"
    EMERGENCY = "emergency"
    FIRE_BUTTON = "fire_button"
    FALL = "fall"
    # Signs of life and states of the home.
    CONTACT_OPEN = "contact_open"
    BED_OCCUPIED = "bed_occupied"
    PRESENCE = "presence"
    MOTION = "motion"
    SWITCH_ON = "switch_on"
    VALVE_OPEN = "valve_open"
    # Alarms of a detector that decides by itself.
    GAS_ALARM = "gas_alarm"
    SMOKE_ALARM = "smoke_alarm"
    CO_ALARM = "co_alarm"
    WATER_LEAK = "water_leak"
    # Meters.
    WATER_TOTAL = "water_total"
    WATER_FLOW = "water_flow"
    WATER_SHORTAGE = "water_shortage"
    WATER_FAULT = "water_fault"
    ENERGY_TOTAL = "energy_total"
    POWER = "power"
    VOLTAGE = "voltage"
    CURRENT = "current"
    # Measurements.
    GAS_LEL = "gas_lel"
    TEMPERATURE = "temperature"
    HUMIDITY = "humidity"
    HEART_RATE = "heart_rate"
    BREATH_RATE = "breath_rate"
    # How the device itself is doing.
    BATTERY = "battery"
    BATTERY_VOLTAGE = "battery_voltage"
    BATTERY_LOW = "battery_low"
    BATTERY_DEFECT = "battery_defect"
    TAMPER = "tamper"
    FAULT = "fault"
    TEST = "test"
    MAINS_OK = "mains_ok"
    LINK_QUALITY = "link_quality"
    # The device was heard, and said nothing else. Drivers send it for a beacon or a check-in.
    SEEN = "seen"
    # What the hub says about itself (device `HUB`); `channel` names the radio, route or detector.
    RADIO_ALIVE = "radio_alive"
    LINK_UP = "link_up"
    STORAGE_OK = "storage_ok"
    CLOCK_TRUSTED = "clock_trusted"
    EVALUATOR_OK = "evaluator_ok"

    @property
    def unit(self) -> str | None:
        """The unit as it is printed, or None for states and events."""
        return UNITS.get(self)


UNITS: dict[Quantity, str] = {
    Quantity.WATER_TOTAL: "m3",
    Quantity.WATER_FLOW: "m3/h",
    Quantity.ENERGY_TOTAL: "kWh",
    Quantity.POWER: "W",
    Quantity.VOLTAGE: "V",
    Quantity.CURRENT: "A",
    Quantity.GAS_LEL: "%LEL",
    Quantity.TEMPERATURE: "C",
    Quantity.HUMIDITY: "%",
    Quantity.HEART_RATE: "1/min",
    Quantity.BREATH_RATE: "1/min",
    Quantity.BATTERY: "%",
    Quantity.BATTERY_VOLTAGE: "V",
    Quantity.LINK_QUALITY: "dBm",
}


class RoomKind(StrEnum):
    """The closed set of rooms that may be named outside the home."""

    BEDROOM = "bedroom"
    BATHROOM = "bathroom"
    KITCHEN = "kitchen"
    LIVING_ROOM = "living_room"
    HALL = "hall"
    BALCONY = "balcony"
    OTHER = "other"


class DeviceKind(StrEnum):
    """The closed set of device kinds that may be named outside the home."""

    CALL_BUTTON = "call_button"
    HELP_BUTTON = "help_button"
    CANCEL_BUTTON = "cancel_button"
    DOOR_CONTACT = "door_contact"
    MOTION = "motion"
    PRESENCE = "presence"
    BED = "bed"
    WATER_METER = "water_meter"
    ELECTRICITY_METER = "electricity_meter"
    GAS_ALARM = "gas_alarm"
    SMOKE_ALARM = "smoke_alarm"
    CO_ALARM = "co_alarm"
    LEAK_SENSOR = "leak_sensor"
    THERMOMETER = "thermometer"
    PLUG = "plug"
    PENDANT = "pendant"
    RADAR = "radar"
    HUB = "hub"

    @property
    def safety(self) -> bool:
        """Whether an emergency depends on this device, so that its silence is urgent."""
        return self in SAFETY_KINDS


SAFETY_KINDS = frozenset(
    {
        DeviceKind.CALL_BUTTON,
        DeviceKind.GAS_ALARM,
        DeviceKind.SMOKE_ALARM,
        DeviceKind.CO_ALARM,
        DeviceKind.PENDANT,
    }
)


class Role(StrEnum):
    """What a device means to the home, where its kind and room do not say it."""

    NONE = ""
    FRONT_DOOR = "front_door"
    MAIN_METER = "main_meter"


class Room(msgspec.Struct, frozen=True):
    """`id` and `name` stay in the home; only `kind` may leave."""

    id: str
    kind: RoomKind
    name: str = ""


class Device(msgspec.Struct, frozen=True):
    """An enrolled sensor. `address` is its identity on the air or the bus, never a port's name."""

    id: str
    driver: str
    address: str
    kind: DeviceKind
    room: str = ""
    role: Role = Role.NONE
    port: str = ""
    """The `[[port]]` it hangs on; empty for a radio that hears everything."""
    poll_s: float = 0.0
    """Seconds between polls; 0 = the device speaks by itself."""
    silent_s: float = 0.0
    """Expected longest silence in seconds; 0 = learnt from its own rhythm."""
    options: dict[str, str | float | bool] = {}
    """What only its driver understands: input number, profile, key."""


class Frame(msgspec.Struct, frozen=True):
    """One complete message off a transport, before anyone knows what it means."""

    driver: str
    """Which driver shall read it."""
    port: str
    """Where it came in: the `[[port]]` or the adapter."""
    payload: bytes
    at: Instant
    address: str = ""
    """Who spoke, where the transport knows it (BLE, Zigbee); else the driver reads it."""
    rssi: float | None = None


class Reading(msgspec.Struct, frozen=True):
    """One fact about one enrolled device."""

    device: str
    quantity: Quantity
    value: Value
    at: Instant
    channel: str = ""
    """Phase or input, where one device has several of the same quantity."""
    event: str = ""
    """For events: the radio's own counter or the bytes. Same device and event is the same event,
    however late and however often it is heard."""
    implied: bool = False
    """Said by silence: a warning flag that was not set. It ends what the flag began."""


# ---------------------------------------------------------------- findings and their evidence


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


# ---------------------------------------------------------------- the contracts between rooms


class BadFrame(Exception):
    """A frame that yields no reading. `reason` is short and fixed, because reasons are counted.

    `span`: how many bytes the rejected message claimed, where its header could be read, so that
    one damaged message counts once however many false starts lie inside it.
    """

    def __init__(self, reason: str, span: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.span = span


class Stranger(BadFrame):
    """A sound frame from somebody who is not enrolled here."""

    def __init__(self) -> None:
        super().__init__("stranger")


class Echo(Exception):
    """Our own request heard back on a half-duplex bus: no fault, and no sign of the device."""


class Enrolled:
    """The devices of one driver, by address. A driver asks `find`, or raises Stranger."""

    def __init__(self, devices: Iterable[Device] = ()) -> None:
        self._by_address: dict[tuple[str, str], Device] = {}
        for device in devices:
            self._by_address[device.port, device.address] = device

    def find(self, frame: Frame, address: str) -> Device:
        """The device with this address on the frame's port (or on any). Raises Stranger."""
        found = self._by_address.get((frame.port, address)) or self._by_address.get(("", address))
        if found is None:
            raise Stranger
        return found

    def __iter__(self) -> Iterator[Device]:
        return iter(self._by_address.values())


Decode = Callable[[Frame, Enrolled], list[Reading]]
"""A pure function. Returns at least one reading for a sound frame (SEEN if there is nothing else)
and raises BadFrame, Stranger or Echo otherwise; nothing else may leave it."""

Measure = Callable[[bytes | bytearray, int], int | None]
"""`measure(pending, start)`: the whole length of the message that begins at `start`, None if more
bytes are needed to know or to finish it. Raises BadFrame if no message begins there. Bounded:
never asks for more than the protocol's longest message."""

Poll = Callable[[Device], Generator[bytes, bytes, None]]
"""One conversation without I/O: yields a request, is sent the reply's payload, ends when done.
A time-out is the bus's affair: the generator is closed."""


class SerialLine(msgspec.Struct, frozen=True):
    """How a protocol speaks on a wire by default; a `[[port]]` may say otherwise."""

    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1
    timeout_s: float = 1.0
    idle_gap_s: float = 0.5
    """Silence after which an unfinished message is dropped."""


class Driver(msgspec.Struct, frozen=True):
    """All there is to one protocol or device family. Its name is a contract: what a named driver
    emits never changes meaning."""

    name: str
    transport: str
    """serial, ble, zigbee, pipe"""
    title: str
    """One line for the table of devices in the README."""
    decode: Decode
    starts: bytes = b""
    """The bytes a message may begin with (serial)."""
    measure: Measure | None = None
    longest: int = 0
    """The longest message in bytes; bounds the memory of the splitter."""
    poll: Poll | None = None
    line: SerialLine = SerialLine()
    protocol: str = ""
    """The name in vector files, where it differs from `name`."""
    context: Callable[[Mapping[str, object]], list[Device]] | None = None
    """Enrols the devices that a vector's `context` describes."""
    check: Callable[[Device], str] | None = None
    """What is wrong with a device of the plan, its address or its options, in a person's words;
    empty if nothing is. Whoever passes it can be polled and decoded."""


class Detector(Protocol):
    """A small pure object. Gives its opinion each time; never asks the clock; explains itself."""

    name: str

    def on_reading(self, reading: Reading) -> Iterable[Finding]: ...

    def on_tick(self, now: Instant) -> Iterable[Finding]: ...

    def state(self) -> object:
        """Plain data (dict, list, str, numbers) that `restore` takes back; JSON can hold it."""

    def restore(self, state: object) -> None:
        """Raises nothing on an older state: what it does not know it starts afresh."""


class Clock(Protocol):
    def now(self) -> Instant: ...

    async def sleep(self, seconds: float) -> None:
        """Wait for that long on the timeline (a simulated night passes faster)."""


class RadioState(msgspec.Struct, frozen=True):
    """What a transport says of itself."""

    name: str
    alive: bool
    why: str = ""
    """In a person's words, when it is not alive; with what to do about it."""
    rejected: dict[str, int] = {}
    """Counted noise, by reason."""


class Radio(Protocol):
    """The only kind of code that touches hardware."""

    name: str

    def frames(self) -> AsyncIterator[Frame]: ...

    def state(self) -> RadioState: ...
