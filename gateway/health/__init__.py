"""How home and hub are doing: one Status, which heartbeat, page and command show.

    readings, alerts -> HealthBook (health_book) --+
                                                   +-- status(now, book, parts) -> Status
    radios, routes, disk -> Parts -----------------+        (health_status)

Silence is never shown as health: whatever was not heard lately is late, lost or unknown, with the
reason beside it. A Status stays in the home, for it holds names and readings; only `tally`, which
is counts, may leave.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

import msgspec

from gateway.records import (
    Alert,
    Condition,
    DeviceKind,
    Instant,
    Quantity,
    RadioState,
    RoomKind,
    State,
    Value,
)


class Words(msgspec.Struct, frozen=True):
    """The same thing said in both languages of the home."""

    zh: str = ""
    en: str = ""

    def of(self, language: str) -> str:
        return self.zh if language == "zh" else self.en

    def __bool__(self) -> bool:
        return bool(self.zh or self.en)


class Level(StrEnum):
    """How the whole home is, worst first."""

    EMERGENCY = "emergency"
    """An S1 alert is open."""
    CONCERN = "concern"
    """An S2 or S3 alert is open."""
    IMPAIRED = "impaired"
    """Nobody is known to need help, but the hub cannot see, say or keep something."""
    WELL = "well"


class DeviceState(StrEnum):
    OK = "ok"
    LATE = "late"
    """Silent for longer than it usually is."""
    LOST = "lost"
    """Silent for so long that somebody should look."""
    UNKNOWN = "unknown"
    """Not heard yet, or not to be heard because its radio is blind."""


class PresenceState(StrEnum):
    HOME = "home"
    AWAY = "away"
    UNSURE = "unsure"


# ---------------------------------------------------------------- what a Status is made of


class Summary(msgspec.Struct, frozen=True):
    level: Level
    words: Words


class Latest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The newest value of one quantity; `words` is what a person reads ("Door open")."""

    quantity: Quantity
    value: Value
    unit: str | None
    at: Instant
    channel: str = ""
    words: Words = Words()


class RoomHealth(msgspec.Struct, frozen=True):
    id: str
    kind: RoomKind
    name: Words
    last_sign_of_life: Instant | None = None


class DeviceHealth(msgspec.Struct, frozen=True):
    id: str
    kind: DeviceKind
    room: str
    name: Words
    state: DeviceState
    why: Words = Words()
    """Why it is not ok."""
    safety: bool = False
    last_seen: Instant | None = None
    battery: float | None = None
    """Percent."""
    low: bool = False
    values: tuple[Latest, ...] = ()
    low_assurance: bool = False
    """Its radio may miss a message, and nobody would know."""


class RouteHealth(msgspec.Struct, frozen=True):
    """One way to the platform."""

    name: str
    up: bool
    since: Instant | None = None
    version: str = ""
    """The protocol that was agreed on: "5" or "3.1.1"."""
    why: str = ""
    """In a person's words, when it is down."""


class OutboxHealth(msgspec.Struct, frozen=True):
    """What the platform has not confirmed yet."""

    depth: dict[int, int] = {}
    """Messages by priority, 0 to 3."""
    oldest: Instant | None = None
    seq_last: int = 0
    seq_unreceived: int = 0

    @property
    def waiting(self) -> int:
        return sum(self.depth.values())


class StorageHealth(msgspec.Struct, frozen=True):
    ok: bool = True
    why: str = ""


class ClockHealth(msgspec.Struct, frozen=True):
    trusted: bool
    why: str = ""


class Presence(msgspec.Struct, frozen=True):
    state: PresenceState = PresenceState.UNSURE
    since: Instant | None = None
    certainty: float = 0.0
    """0 to 1."""
    words: Words = Words()
    """Filled in by `status`."""


class Revision(msgspec.Struct, frozen=True, omit_defaults=True):
    """One revision of an alert, and how far it has come on its way to the platform."""

    rev: int
    state: State
    condition: Condition
    at: Instant
    routes: tuple[str, ...] = ()
    """The ways by which it was sent."""
    sent_at: Instant | None = None
    received_at: Instant | None = None
    """When the platform's receipt came."""
    words: Words = Words()


class AlertHealth(msgspec.Struct, frozen=True):
    """An alert with everything a person wants to read about it."""

    alert: Alert
    title: Words
    sentence: Words
    help: Words
    """How far the help has come ("Somebody is on the way, there at 21:40")."""
    where: Words = Words()
    eta: Instant | None = None
    """When somebody is expected to be there, while somebody is on the way."""
    revisions: tuple[Revision, ...] = ()


class Status(msgspec.Struct, frozen=True, kw_only=True):
    at: Instant
    tenant: str
    hub: str
    timezone: str
    language: str
    version: str
    started_at: Instant
    interval_s: float
    """A Status older than this is stale, and whoever shows it says so."""
    summary: Summary
    problems: tuple[Words, ...] = ()
    """What the hub cannot see, say or keep now; one sentence each."""
    last_rule_pass: Instant | None = None
    clock: ClockHealth
    rooms: tuple[RoomHealth, ...] = ()
    devices: tuple[DeviceHealth, ...] = ()
    radios: tuple[RadioState, ...] = ()
    routes: tuple[RouteHealth, ...] = ()
    outbox: OutboxHealth = OutboxHealth()
    storage: StorageHealth = StorageHealth()
    presence: Presence = Presence()
    open: tuple[AlertHealth, ...] = ()
    """The most severe first, then the oldest."""
    recent: tuple[AlertHealth, ...] = ()
    """The last that ended, newest first."""
    rejected: dict[str, int] = {}
    restarts: dict[str, int] = {}

    def tally(self) -> dict[str, int]:
        """Counts alone, which may leave the home: devices ok, late, lost, unknown and low;
        radios alive and blind; alerts open."""
        states = Counter(device.state.value for device in self.devices)
        alive = sum(radio.alive for radio in self.radios)
        return {
            **{state.value: states[state.value] for state in DeviceState},
            "low": sum(device.low for device in self.devices),
            "alive": alive,
            "blind": len(self.radios) - alive,
            "open": len(self.open),
        }
