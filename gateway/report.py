"""What the daemon's rooms say of themselves, gathered for the Status and for the heartbeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from gateway.outbox import Figures
from gateway.records import Instant
from gateway.wire.schema import Depth, DeviceCounts, RadioCounts, StorageState

if TYPE_CHECKING:
    from gateway.app import App


def parts(app: App) -> Parts:
    hub, now = app.home.hub, app.clock.now()
    link, figures, presence = app.sender.state(), app.outbox.figures, app.watch.presence
    return Parts(
        tenant=hub.tenant,
        hub=hub.id,
        timezone=hub.timezone,
        language=hub.language,
        version=__version__,
        started_at=app.started_at,
        last_rule_pass=app.pipeline.last_pass,
        radios=tuple(radio.state() for radio in app.radios),
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
        states=app.watch.supervision.device_states(now),
        alerts=tuple(app.pipeline.book.alerts()),
        rejected=dict(app.pipeline.rejected) | link.rejected,
        restarts=dict(app.supervisor.restarts),
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
