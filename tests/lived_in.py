"""A small lived-in home for the tests of the Status and of the page: five rooms, eleven devices."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec

from gateway.health import OutboxHealth, Presence, PresenceState, RouteHealth, Status
from gateway.health.book import HealthBook
from gateway.health.status import Parts, status
from gateway.records import (
    Alert,
    AlertType,
    Code,
    Condition,
    Device,
    DeviceKind,
    Evidence,
    Fact,
    Instant,
    Quantity,
    RadioState,
    Reading,
    Room,
    RoomKind,
    Severity,
    State,
    Value,
    WorkOrder,
)
from tests.fakes import at

ZONE = ZoneInfo("Asia/Shanghai")

ROOMS = (
    Room("bedroom", RoomKind.BEDROOM, "主卧"),
    Room("bathroom", RoomKind.BATHROOM, "卫生间"),
    Room("kitchen", RoomKind.KITCHEN, "厨房"),
    Room("living", RoomKind.LIVING_ROOM, "客厅"),
    Room("hall", RoomKind.HALL, "门厅"),
)


def _device(name: str, kind: DeviceKind, room: str, port: str) -> Device:
    return Device(name, "modbus_inputs", name, kind, room, port=port, poll_s=1.0)


DEVICES = (
    _device("bedside", DeviceKind.CALL_BUTTON, "bedroom", "inputs"),
    _device("bed", DeviceKind.BED, "bedroom", "inputs"),
    _device("cord", DeviceKind.CALL_BUTTON, "bathroom", "inputs"),
    _device("bath-motion", DeviceKind.MOTION, "bathroom", "inputs"),
    _device("water", DeviceKind.WATER_METER, "kitchen", "meters"),
    _device("gas", DeviceKind.GAS_ALARM, "kitchen", "inputs"),
    _device("leak", DeviceKind.LEAK_SENSOR, "kitchen", "inputs"),
    _device("motion", DeviceKind.MOTION, "living", "inputs"),
    _device("thermo", DeviceKind.THERMOMETER, "living", "inputs"),
    _device("door", DeviceKind.DOOR_CONTACT, "hall", "inputs"),
    _device("power", DeviceKind.ELECTRICITY_METER, "hall", "meters"),
)

HEARD: tuple[tuple[str, Quantity, Value, float], ...] = (
    # device, quantity, value, seconds after the test began
    ("bedside", Quantity.SEEN, True, 3590),
    ("bed", Quantity.BED_OCCUPIED, True, 10),
    ("bed", Quantity.BED_OCCUPIED, False, 3000),
    ("bed", Quantity.SEEN, True, 3595),
    ("cord", Quantity.SEEN, True, 3592),
    ("bath-motion", Quantity.MOTION, True, 3300),
    ("bath-motion", Quantity.MOTION, False, 3590),
    ("water", Quantity.WATER_TOTAL, 128.4, 20),
    ("water", Quantity.WATER_TOTAL, 128.413, 3320),
    ("water", Quantity.WATER_FLOW, 0.0, 3580),
    ("gas", Quantity.GAS_LEL, 0.2, 3598),
    ("gas", Quantity.GAS_ALARM, False, 3598),
    ("leak", Quantity.WATER_LEAK, False, 3580),
    ("leak", Quantity.BATTERY, 87.0, 3580),
    ("motion", Quantity.MOTION, True, 3560),
    ("thermo", Quantity.TEMPERATURE, 22.4, 3540),
    ("thermo", Quantity.HUMIDITY, 58.0, 3540),
    ("thermo", Quantity.BATTERY, 64.0, 3540),
    ("door", Quantity.CONTACT_OPEN, True, 600),
    ("door", Quantity.CONTACT_OPEN, False, 612),
    ("door", Quantity.SEEN, True, 3596),
    ("power", Quantity.POWER, 143.0, 3585),
    ("power", Quantity.ENERGY_TOTAL, 6021.37, 3585),
)

NOW = 3600.0


def heard_book() -> HealthBook:
    """A book that has followed an ordinary hour."""
    book = HealthBook(ROOMS, DEVICES, ZONE)
    for device, quantity, value, seconds in HEARD:
        book.on_reading(Reading(device, quantity, value, at(seconds)))
    return book


def well_parts() -> Parts:
    return Parts(
        tenant="street",
        hub="hub-1",
        version="0.1.0",
        started_at=at(-86400.0),
        last_rule_pass=at(NOW - 1),
        radios=(RadioState("inputs", alive=True), RadioState("meters", alive=True)),
        routes=(RouteHealth("platform", up=True, since=at(-7200), version="5"),),
        outbox=OutboxHealth(depth={0: 0, 1: 0, 2: 0, 3: 0}),
        presence=Presence(PresenceState.HOME, at(3300), 0.9),
        states={device.id: "ok" for device in DEVICES},
    )


def press(seconds: float = NOW - 20, device: str = "bedside") -> Alert:
    """The call button beside the bed, just pressed."""
    when = at(seconds)
    return Alert(
        id="01M3PRESS0000000000000BEDS",
        rev=1,
        type=AlertType.SOS_PRESSED,
        cause=device,
        severity=Severity.S1,
        state=State.RAISED,
        condition=Condition.PRESENT,
        raised_at=when,
        changed_at=when,
        evidence=Evidence((Fact(Code.PRESSED, since=when),)),
        presses=1,
    )


def answered(alert: Alert, state: State, seconds: float, eta_s: float | None = None) -> Alert:
    """The next revision, when the platform has said something."""
    order = WorkOrder("W-17", eta_s) if eta_s is not None else alert.work_order
    return msgspec.structs.replace(
        alert, rev=alert.rev + 1, state=state, changed_at=at(seconds), work_order=order
    )


class LivedIn:
    """The daemon's place in a test of the page: it has a Status, and things happen to it."""

    def __init__(self) -> None:
        self.book = heard_book()
        self.parts = well_parts()
        self.seconds = NOW

    def status(self) -> Status:
        return status(self.now, self.book, self.parts)

    @property
    def now(self) -> Instant:
        return at(self.seconds)

    def set(self, **parts: object) -> None:
        self.parts = msgspec.structs.replace(self.parts, **parts)

    def happen(self, alert: Alert) -> None:
        """A new revision of an alert, as the alert table and the outbox would tell it."""
        self.book.on_alert(alert)
        others = [known for known in self.parts.alerts if known.id != alert.id]
        self.set(alerts=(*others, alert))
