"""Puts together the Status of this moment: what was heard, what the other rooms say, and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from gateway import sentences
from gateway.health import (
    AlertHealth,
    ClockHealth,
    DeviceHealth,
    DeviceState,
    Latest,
    Level,
    OutboxHealth,
    Presence,
    RoomHealth,
    RouteHealth,
    Status,
    StorageHealth,
    Summary,
    Words,
    why,
    words,
)
from gateway.health.book import HealthBook
from gateway.records import (
    Alert,
    Device,
    DeviceKind,
    Instant,
    RadioState,
    Room,
    Severity,
)

RECENT = 20
"""Alerts that are over and still shown."""


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon's other rooms say of themselves at this moment; `app.py` collects it."""

    tenant: str
    hub: str
    timezone: str = "Asia/Shanghai"
    language: str = "zh"
    version: str
    started_at: Instant
    interval_s: float = 30.0
    last_rule_pass: Instant | None = None
    clock: ClockHealth | None = None
    """None: as `now.trusted` says."""
    radios: tuple[RadioState, ...] = ()
    routes: tuple[RouteHealth, ...] = ()
    outbox: OutboxHealth = OutboxHealth()
    storage: StorageHealth = StorageHealth()
    presence: Presence = Presence()
    states: Mapping[str, str] = {}
    """Device id -> ok, late, lost or unknown, as the supervision judges."""
    alerts: tuple[Alert, ...] = ()
    """All that the alert table remembers, over or not."""
    rejected: dict[str, int] = {}
    restarts: dict[str, int] = {}


_LEVELS = {
    Severity.S1: Level.EMERGENCY,
    Severity.S2: Level.CONCERN,
    Severity.S3: Level.CONCERN,
    Severity.S4: Level.IMPAIRED,
}
_URGENCY = (Severity.S1, Severity.S2, Severity.S3, Severity.S4, Severity.S0)


def status(now: Instant, book: HealthBook, parts: Parts) -> Status:
    """What the heartbeat, the page and `lamplight status` show. A pure function."""
    names = _device_names(book.devices)
    bare = Status(
        at=now,
        tenant=parts.tenant,
        hub=parts.hub,
        timezone=parts.timezone,
        language=parts.language,
        version=parts.version,
        started_at=parts.started_at,
        interval_s=parts.interval_s,
        summary=Summary(Level.WELL, Words()),
        last_rule_pass=parts.last_rule_pass,
        clock=parts.clock or ClockHealth(now.trusted),
        rooms=_rooms(book),
        devices=tuple(_device(device, names, now, book, parts) for device in book.devices),
        radios=parts.radios,
        routes=parts.routes,
        outbox=parts.outbox,
        storage=parts.storage,
        presence=why.presence(parts.presence),
        open=_open(now, book, parts.alerts),
        recent=_recent(now, book, parts.alerts),
        rejected=parts.rejected,
        restarts=parts.restarts,
    )
    return _summed_up(bare, book)


def _summed_up(bare: Status, book: HealthBook) -> Status:
    problems = why.problems(bare, book.zone)
    level = _level(bare, problems)
    grave = [_headline(v) for v in bare.open if _LEVELS.get(v.alert.severity) is level]
    words = why.summary_words(level, grave, why.deaf(bare.devices), why.waking(bare))
    return msgspec.structs.replace(bare, summary=Summary(level, words), problems=problems)


def _level(bare: Status, problems: tuple[Words, ...]) -> Level:
    levels = [_LEVELS.get(view.alert.severity, Level.WELL) for view in bare.open]
    if problems:
        levels.append(Level.IMPAIRED)
    return next((level for level in Level if level in levels), Level.WELL)


def _headline(view: AlertHealth) -> Words:
    title, where = view.title, view.where
    return Words(f"{where.zh}{title.zh}", f"{title.en}, {where.en}" if where else title.en)


# ---------------------------------------------------------------- rooms and devices


def _rooms(book: HealthBook) -> tuple[RoomHealth, ...]:
    names = _room_names(book.rooms)
    return tuple(
        RoomHealth(room.id, room.kind, names[room.id], book.sign_of_life(room.id))
        for room in book.rooms
    )


def _room_names(rooms: Iterable[Room]) -> dict[str, Words]:
    """A room's own name, where the plan gives one; in English its kind stands before a name that
    is not written in Latin letters."""
    names = {}
    for room in rooms:
        zh, en = (
            sentences.room_name(room.kind, "zh"),
            words.capital(sentences.room_name(room.kind, "en")),
        )
        if room.name and room.name.isascii():
            zh, en = room.name, room.name
        elif room.name:
            zh, en = room.name, en if room.name == zh else f"{en} ({room.name})"
        names[room.id] = Words(zh, en)
    return names


def _device_names(devices: Iterable[Device]) -> Mapping[str, Words]:
    """The kind's name; with the id where one room has several of a kind."""
    devices = tuple(devices)
    count = Counter((device.room, device.kind) for device in devices)
    names = {}
    for device in devices:
        which = f" {device.id}" if count[device.room, device.kind] > 1 else ""
        zh = sentences.device_name(device.kind, "zh")
        en = words.capital(sentences.device_name(device.kind, "en"))
        names[device.id] = Words(zh + which, en + which)
    return names


def _device(
    device: Device, names: Mapping[str, Words], now: Instant, book: HealthBook, parts: Parts
) -> DeviceHealth:
    notes = book.notes(device.id)
    blind = _blind_radio(device, parts.radios)
    state = DeviceState(parts.states.get(device.id, DeviceState.UNKNOWN))
    if blind and state is not DeviceState.LOST:
        state = DeviceState.UNKNOWN
    silent_s = now.since(notes.seen) if notes.seen else None
    return DeviceHealth(
        id=device.id,
        kind=device.kind,
        room=device.room,
        name=names[device.id],
        state=state,
        why=words.device_why(state, silent_s, blind),
        safety=device.kind.safety,
        last_seen=notes.seen,
        battery=notes.battery,
        low=notes.low,
        values=tuple(_said(notes.latest.values(), now)),
        low_assurance=device.low_assurance,
    )


def _said(values: Iterable[Latest], now: Instant) -> Iterable[Latest]:
    """The values that are worth saying, with their words."""
    for latest in values:
        age_s = now.since(latest.at)
        said = words.value(latest.quantity, latest.value, latest.channel, age_s)
        if said:
            yield msgspec.structs.replace(latest, words=said)


def _blind_radio(device: Device, radios: Iterable[RadioState]) -> RadioState | None:
    """The blind radio this device hangs on; for one that any radio may hear, if all are blind."""
    mine = [radio for radio in radios if device.port in ("", radio.name)]
    if mine and not any(radio.alive for radio in mine):
        return mine[0]
    return None


# ---------------------------------------------------------------- alerts


def _open(now: Instant, book: HealthBook, alerts: Iterable[Alert]) -> tuple[AlertHealth, ...]:
    found = [alert for alert in alerts if alert.state.open]
    found.sort(key=lambda alert: (_URGENCY.index(alert.severity), alert.raised_at.line))
    return tuple(_alert(alert, now, book) for alert in found)


def _recent(now: Instant, book: HealthBook, alerts: Iterable[Alert]) -> tuple[AlertHealth, ...]:
    found = [alert for alert in alerts if not alert.state.open]
    found.sort(key=lambda alert: -alert.changed_at.line)
    return tuple(_alert(alert, now, book) for alert in found[:RECENT])


def _alert(alert: Alert, now: Instant, book: HealthBook) -> AlertHealth:
    steps = book.steps(alert.id)
    device = next((d for d in book.devices if d.id == alert.cause), None)
    room = next((r for r in book.rooms if device and r.id == device.room), None)
    return AlertHealth(
        alert=alert,
        title=Words(sentences.title(alert.type, "zh"), sentences.title(alert.type, "en")),
        sentence=_sentence(alert, now, book, room, device),
        help=words.help_words(alert, steps.eta, now, book.zone),
        where=_room_names(book.rooms)[room.id] if room else Words(),
        eta=steps.eta,
        revisions=tuple(
            msgspec.structs.replace(revision, words=words.step_words(revision.state))
            for revision in steps.revisions
        ),
    )


def _sentence(
    alert: Alert, now: Instant, book: HealthBook, room: Room | None, device: Device | None
) -> Words:
    where = room.kind if room else None
    kind = device.kind if device else DeviceKind.HUB
    return Words(
        sentences.sentence(alert, "zh", book.zone, where, kind, now),
        sentences.sentence(alert, "en", book.zone, where, kind, now),
    )
