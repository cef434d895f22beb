"""What the daemon's rooms say of themselves, gathered for the Status and for the heartbeat."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gateway import __version__, wire
from gateway.health import (
    OutboxHealth,
    Presence,
    PresenceState,
    RouteHealth,
    Status,
    StorageHealth,
)
from gateway.health.status import Parts
from gateway.home import Home
from gateway.outbox import Figures, Outbox
from gateway.records import Instant, Radio
from gateway.uplink.sender import Sender
from gateway.watch import Watch
from gateway.wire.schema import Depth, DeviceCounts, RadioCounts, StorageState


class Rooms(msgspec.Struct, frozen=True):
    """The parts of the daemon that are asked how they are."""

    home: Home
    watch: Watch
    outbox: Outbox
    sender: Sender
    radios: tuple[Radio, ...]
    restarts: Mapping[str, int]
    started_at: Instant


def parts(rooms: Rooms, now: Instant) -> Parts:
    hub, pipeline = rooms.home.hub, rooms.watch.pipeline
    link, figures = rooms.sender.state(), rooms.outbox.figures
    presence = rooms.watch.presence
    return Parts(
        tenant=hub.tenant,
        hub=hub.id,
        timezone=hub.timezone,
        language=hub.language,
        version=__version__,
        started_at=rooms.started_at,
        last_rule_pass=pipeline.last_pass,
        radios=tuple(radio.state() for radio in rooms.radios),
        routes=tuple(
            RouteHealth(route.name, route.up, route.since, route.version, route.why)
            for route in link.routes
        ),
        outbox=OutboxHealth(
            depth=figures.depth,
            oldest=_moment(figures.oldest_line, now),
            seq_last=figures.seq_last,
            seq_unreceived=figures.seq_unreceived,
        ),
        storage=StorageHealth(figures.storage.ok, figures.storage.why),
        presence=Presence(PresenceState(presence.where), presence.since, presence.certainty),
        states=rooms.watch.supervision.device_states(now),
        alerts=tuple(pipeline.book.alerts()),
        rejected=dict(pipeline.rejected) | link.rejected,
        restarts=dict(rooms.restarts),
    )


def _moment(line: float | None, now: Instant) -> Instant | None:
    if line is None:
        return None
    return Instant(line, now.wall - (now.line - line), now.trusted)


def heartbeat(status: Status, figures: Figures, home: Home) -> wire.Heartbeat:
    """Counts and states only; nothing of the resident's life."""
    tally = status.tally()
    last = status.last_rule_pass
    rejected = dict(status.rejected)
    for radio in status.radios:
        for reason, count in radio.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + count
    return wire.Heartbeat(
        clock_quality=wire.clock_quality(status.at),
        version=status.version,
        plan_version=home.plan.version,
        epoch=figures.epoch,
        seq_last=figures.seq_last,
        seq_unreceived=figures.seq_unreceived,
        outbox=Depth(**{f"p{priority}": n for priority, n in figures.depth.items()}),
        devices=DeviceCounts(
            **{name: tally[name] for name in ("ok", "late", "lost", "unknown", "low")}
        ),
        radios=RadioCounts(alive=tally["alive"], blind=tally["blind"]),
        rule_pass_age_s=status.at.since(last) if last else None,
        storage=StorageState.OK if status.storage.ok else StorageState.FAULT,
        up_s=int(status.at.since(status.started_at)),
        restarts=sum(status.restarts.values()),
        rejected=wire.rejects(rejected),
    )
