"""From the wire to a reading: moments, quantities, rooms, devices, frames."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from enum import StrEnum

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


BELIEVED_S = 25 * 3600.0
"""A state that nobody said again for so long is unknown: the message that ended it may have been
lost, and some sensors (Xiaomi's doors) never repeat it. As long as the longest silence that
supervision allows."""
AGEING = frozenset(
    {Quantity.CONTACT_OPEN, Quantity.BED_OCCUPIED, Quantity.PRESENCE, Quantity.MOTION}
)
"""Such states. An alarm is no such state: it lasts until it is taken back."""


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
    low_assurance: bool = False
    """Its radio has no counter, no encryption and no supervision, and whoever wrote the plan knows
    it: it may help, but nobody's life may hang on it alone."""


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
    fresh: bool = True
    """False: the transport may be repeating what was said before it listened (BlueZ keeps the last
    advertisement of every device)."""


class Motion(msgspec.Struct, frozen=True):
    """Consecutive samples of one accelerometer. Too many for readings: they go to the fall model
    and are forgotten."""

    device: str
    at: Instant
    """When the last of them was heard."""
    rate_hz: float
    samples: tuple[tuple[float, float, float], ...]
    """x, y, z in g, oldest first."""
    sequence: int = -1
    """The sender's own running number or its clock in ms, where it has one: a gap shows a loss."""
    burst: bool = False
    """The samples around an impact, from a pendant that otherwise sleeps; not a piece of a
    stream. A long one comes in parts with rising `sequence` ..."""
    complete: bool = False
    """... of which this is the last."""


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
    repeat_s: float = 0.0
    """For events of a radio without a counter: heard again within so many seconds, it is the same
    event; later it is a new one."""
    unsure: bool = False
    """One message alone says so, and nothing checks it: it waits until a second one agrees."""
    rising: bool = False
    """`event` is a number that its sender, who proved to be itself, only ever raises: a lower one
    is a replay."""
