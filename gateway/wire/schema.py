"""The closed set of messages that may leave the hub, as types.

CloudEvents 1.0, structured JSON, closed schemas. Every field is a number, a moment or a member of
an enumeration; no field could hold a name, an address or a raw reading. A device is told by its
kind, its room's kind and its place in the plan's list, never by its id, because people call a
sensor after its owner.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.records import (
    AlertType,
    Code,
    Condition,
    DeviceKind,
    Outcome,
    RoomKind,
    Severity,
    State,
)
from gateway.wire.incoming import Id, MessageId, Refusal, Seq, Source, Time

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class ClockQuality(StrEnum):
    TRUSTED = "trusted"
    UNSURE = "unsure"
    """The hub believes this time, but no time server has confirmed it since the last start."""


class Unit(StrEnum):
    """Every unit that evidence may be in."""

    SECOND = "s"
    MINUTE = "min"
    HOUR = "h"
    DAY = "d"
    CUBIC_METRE = "m3"
    CUBIC_METRE_PER_HOUR = "m3/h"
    LITRE = "L"
    KILOWATT_HOUR = "kWh"
    WATT = "W"
    VOLT = "V"
    AMPERE = "A"
    LOWER_EXPLOSIVE_LIMIT = "%LEL"
    PER_MILLION = "ppm"
    CELSIUS = "C"
    PERCENT = "%"
    PER_MINUTE = "1/min"
    PER_HOUR = "1/h"
    DECIBEL_MILLIWATT = "dBm"
    CLOCK = "clock"
    """Seconds after local midnight: a time of day."""


class FactData(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One coded statement. `since` is UTC as the hub believed it then; see `clock_quality`."""

    code: Code
    value: float | None = None
    unit: Unit | None = None
    since: Time | None = None
    clock_quality: ClockQuality = ClockQuality.TRUSTED


Facts = Annotated[tuple[FactData, ...], Meta(max_length=32)]


class EvidenceData(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    observed: Facts
    usual: Facts = ()
    rule: Facts = ()
    against: Facts = ()


class WorkOrderData(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The platform's own work order, said back to it."""

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{0,64}\Z")] = ""
    eta_s: float | None = None


class AlertData(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):  # fmt: skip
    """One revision of one incident."""

    alert_id: Id
    rev: Count
    type: AlertType
    severity: Severity
    state: State
    condition: Condition
    room: RoomKind | None = None
    device: DeviceKind | None = None
    device_no: Count = 0
    """The place of the device in the plan's list, from 1; 0 = not about one device. Tells two
    leak sensors of one kitchen apart, and a person nothing."""
    raised_at: Time
    changed_at: Time
    clock_quality: ClockQuality
    evidence: EvidenceData
    presses: Count = 0
    work_order: WorkOrderData | None = None
    outcome: Outcome = Outcome.NONE


class Depth(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rows without a receipt, by priority."""

    p0: Count = 0
    p1: Count = 0
    p2: Count = 0
    p3: Count = 0


class DeviceCounts(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    ok: Count = 0
    late: Count = 0
    lost: Count = 0
    unknown: Count = 0
    """Behind a blind radio, or not heard since the hub started."""
    low: Count = 0
    """Low batteries, among all of the above."""


class RadioCounts(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    alive: Count = 0
    blind: Count = 0


class StorageState(StrEnum):
    OK = "ok"
    FAULT = "fault"


class Reject(StrEnum):
    """Why frames and commands were rejected; drivers' finer reasons are summed into these."""

    CHECKSUM = "checksum"
    LENGTH = "length"
    TYPE = "type"
    VALUE = "value"
    STRANGER = "stranger"
    TIMEOUT = "timeout"
    DECRYPTION = "decryption"
    REFUSED = "refused"
    """The device answered that it will not."""
    OWN_FAULT = "own_fault"
    """A decoder or a detector of ours failed; never an ordinary thing."""
    OVERSIZED = "oversized"
    MALFORMED = "malformed"
    UNKNOWN_COMMAND = "unknown_command"
    REPLAYED = "replayed"
    SIGNATURE_REQUIRED = "signature_required"
    OTHER = "other"


class Heartbeat(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):  # fmt: skip
    """How the hub is: counts and states. What is 0 is left out, because it is sent all day."""

    clock_quality: ClockQuality
    version: Annotated[str, Meta(pattern=r"^[0-9A-Za-z.+-]{1,32}\Z")]
    """Of the software."""
    plan_version: Count = 0
    epoch: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{0,32}\Z")] = ""
    seq_last: Seq = 0
    seq_unreceived: Seq = 0
    """The lowest sequence number without a receipt; 0 = none waits."""
    outbox: Depth = Depth()
    devices: DeviceCounts = DeviceCounts()
    radios: RadioCounts = RadioCounts()
    rule_pass_age_s: float | None = None
    """Seconds since the rules last looked at the home; absent = they have not yet."""
    storage: StorageState = StorageState.OK
    up_s: Count = 0
    restarts: Count = 0
    """Of jobs inside the hub, since it started."""
    rejected: dict[Reject, Count] = {}


class HubState(StrEnum):
    ONLINE = "online"
    STOPPED = "stopped"
    """Stopped on purpose."""
    LOST = "lost"
    """The will: the broker says it in the hub's place."""


class Fallback(StrEnum):
    """Why a connection speaks 3.1.1 and not 5."""

    NONE = ""
    CONFIGURED = "configured"
    UNSUPPORTED = "unsupported"


class StateData(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):  # fmt: skip
    state: HubState
    version: Annotated[str, Meta(pattern=r"^[0-9A-Za-z.+-]{1,32}\Z")]
    epoch: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{0,32}\Z")] = ""
    mqtt: Literal["5", "3.1.1"] = "5"
    fallback: Fallback = Fallback.NONE
    clock_quality: ClockQuality = ClockQuality.TRUSTED


class Result(StrEnum):
    DONE = "done"
    REFUSED = "refused"


class Gone(StrEnum):
    """Why a sequence number cannot be sent again."""

    RECEIPTED = "receipted"
    """The platform confirmed it, too long ago for the hub to have kept it."""
    EXPIRED = "expired"
    DROPPED = "dropped"
    """The oldest of p2 or p3, given up because the disk was full."""
    SEVERAL = "several"
    """Of different reasons, long ago."""
    UNKNOWN = "unknown"
    """Never given out by this database."""


class Tombstone(Struct, frozen=True, forbid_unknown_fields=True):
    """These sequence numbers, both ends included, hold nothing any more."""

    seq_from: Seq
    seq_to: Seq
    reason: Gone


class ReplyData(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):  # fmt: skip
    command_id: Id
    result: Result
    refusal: Refusal | None = None
    resent: Count = 0
    """How many rows go out again."""
    tombstones: Annotated[tuple[Tombstone, ...], Meta(max_length=1000)] = ()
    alert_id: Id | None = None
    """The test alert that a `test` raised."""


class AlertEvent(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
    tag_field="type", tag="lamplight.alert.v1",
):  # fmt: skip
    id: MessageId
    specversion: Literal["1.0"]
    source: Source
    time: Time
    data: AlertData


class ReplyEvent(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
    tag_field="type", tag="lamplight.reply.v1",
):  # fmt: skip
    id: MessageId
    specversion: Literal["1.0"]
    source: Source
    time: Time
    data: ReplyData


class HeartbeatEvent(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
    tag_field="type", tag="lamplight.heartbeat.v1",
):  # fmt: skip
    id: MessageId
    specversion: Literal["1.0"]
    source: Source
    time: Time
    data: Heartbeat


class StateEvent(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
    tag_field="type", tag="lamplight.state.v1",
):  # fmt: skip
    id: MessageId
    specversion: Literal["1.0"]
    source: Source
    time: Time
    data: StateData


Outgoing = AlertEvent | ReplyEvent | HeartbeatEvent | StateEvent
