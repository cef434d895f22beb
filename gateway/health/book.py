"""Follows the readings and the alerts of a home, and makes a Status of them when asked.

Pure: no I/O and no clock. `app.py` tells it every reading and every revision; `status` puts that
together with what the other rooms say of themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

import msgspec

from gateway.health import Latest, Revision
from gateway.health.words import SHOWN
from gateway.records import (
    Alert,
    Device,
    Instant,
    Quantity,
    Reading,
    Room,
    WorkOrder,
)

REVISIONS = 12
"""Kept for each alert: the first, and the newest."""
ALERTS = 40
"""Alerts whose revisions are remembered, for the list of what was sent."""

_ALWAYS = frozenset({Quantity.BUTTON})
_WHILE_TRUE = frozenset(
    {Quantity.EMERGENCY, Quantity.FIRE_BUTTON, Quantity.MOTION, Quantity.PRESENCE}
)
_ON_CHANGE = frozenset(
    {
        Quantity.CONTACT_OPEN,
        Quantity.BED_OCCUPIED,
        Quantity.SWITCH_ON,
        Quantity.WATER_TOTAL,
    }
)


class DeviceNotes(msgspec.Struct):
    """What is remembered of one device."""

    seen: Instant | None = None
    battery: float | None = None
    low: bool = False
    latest: dict[str, Latest] = {}
    """By quantity and channel."""


class AlertNotes(msgspec.Struct):
    revisions: list[Revision] = []
    order: WorkOrder | None = None
    eta: Instant | None = None
    """When somebody is expected to be there: counted from when this order was given, so that a
    second press does not put it off."""


class _State(msgspec.Struct):
    devices: dict[str, DeviceNotes] = {}
    rooms: dict[str, Instant] = {}
    alerts: dict[str, AlertNotes] = {}


class HealthBook:
    """Last words of every device, last sign of life of every room, the steps of every alert."""

    def __init__(self, rooms: Iterable[Room], devices: Iterable[Device], zone: tzinfo) -> None:
        self.rooms = tuple(rooms)
        self.devices = tuple(devices)
        self.zone = zone
        self._by_id = {device.id: device for device in self.devices}
        self._notes = {device.id: DeviceNotes() for device in self.devices}
        self._signs: dict[str, Instant] = {}
        self._alerts: dict[str, AlertNotes] = {}

    # ------------------------------------------------------------ in

    def on_reading(self, reading: Reading) -> None:
        device = self._by_id.get(reading.device)
        if device is None:
            return
        notes = self._notes[device.id]
        notes.seen = reading.at
        _note_battery(notes, reading)
        if reading.quantity in SHOWN:
            self._note_value(device, notes, reading)

    def on_alert(self, alert: Alert) -> None:
        """A new revision. Unknown to nobody: it is in the outbox already."""
        notes = self._alerts.setdefault(alert.id, AlertNotes())
        self._note_eta(notes, alert)
        revision = Revision(alert.rev, alert.state, alert.condition, alert.changed_at)
        notes.revisions.append(revision)
        del notes.revisions[1 : 1 - REVISIONS]
        while len(self._alerts) > ALERTS:
            del self._alerts[next(iter(self._alerts))]

    def on_sent(self, alert_id: str, rev: int, route: str, at: Instant) -> None:
        """A revision left by one route (which does not mean that it arrived)."""
        for index, revision in self._find(alert_id, rev):
            routes = tuple(dict.fromkeys((*revision.routes, route)))
            sent = revision.sent_at or at
            self._alerts[alert_id].revisions[index] = msgspec.structs.replace(
                revision, routes=routes, sent_at=sent
            )

    def on_receipt(self, alert_id: str, rev: int, at: Instant) -> None:
        """The platform has it."""
        for index, revision in self._find(alert_id, rev):
            self._alerts[alert_id].revisions[index] = msgspec.structs.replace(
                revision, received_at=at
            )

    # ------------------------------------------------------------ out

    def notes(self, device_id: str) -> DeviceNotes:
        return self._notes[device_id]

    def sign_of_life(self, room_id: str) -> Instant | None:
        return self._signs.get(room_id)

    def steps(self, alert_id: str) -> AlertNotes:
        return self._alerts.get(alert_id) or AlertNotes()

    def state(self) -> object:
        return msgspec.to_builtins(_State(self._notes, self._signs, self._alerts))

    def restore(self, state: object) -> None:
        """What is no longer enrolled is let go."""
        restored = msgspec.convert(state, _State)
        self._notes |= {id: n for id, n in restored.devices.items() if id in self._by_id}
        self._signs = dict(restored.rooms)
        self._alerts = dict(restored.alerts)

    # ------------------------------------------------------------ inside

    def _note_value(self, device: Device, notes: DeviceNotes, reading: Reading) -> None:
        key = f"{reading.quantity}/{reading.channel}"
        before = notes.latest.get(key)
        if _is_sign_of_life(reading, before):
            self._signs[device.room] = reading.at
        notes.latest[key] = Latest(
            reading.quantity,
            reading.value,
            reading.quantity.unit,
            reading.at,
            reading.channel,
        )

    def _note_eta(self, notes: AlertNotes, alert: Alert) -> None:
        order = alert.work_order
        if order is None or order == notes.order:
            return
        notes.order, notes.eta = order, None
        if order.eta_s is not None:
            at = alert.changed_at
            notes.eta = Instant(at.line + order.eta_s, at.wall + order.eta_s, at.trusted)

    def _find(self, alert_id: str, rev: int) -> list[tuple[int, Revision]]:
        revisions = self.steps(alert_id).revisions
        return [(i, revision) for i, revision in enumerate(revisions) if revision.rev == rev]


def _note_battery(notes: DeviceNotes, reading: Reading) -> None:
    if reading.quantity is Quantity.BATTERY:
        notes.battery = float(reading.value)
    elif reading.quantity is Quantity.BATTERY_LOW:
        notes.low = bool(reading.value)


def _is_sign_of_life(reading: Reading, before: Latest | None) -> bool:
    if reading.quantity in _ALWAYS:
        return True
    if reading.quantity in _WHILE_TRUE:
        return bool(reading.value)
    if reading.quantity in _ON_CHANGE:
        return before is not None and before.value != reading.value
    return False
