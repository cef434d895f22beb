"""From the hub's own alert to what of it may leave: kinds instead of names, moments as UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import TYPE_CHECKING

from gateway.records import Alert, AlertType, DeviceKind, Evidence, Fact, Instant, WorkOrder
from gateway.wire.schema import (
    AlertData,
    ClockQuality,
    EvidenceData,
    FactData,
    Unit,
    WorkOrderData,
)

if TYPE_CHECKING:
    from gateway.home import Home


def alert_data(alert: Alert, home: Home) -> AlertData:
    number = _place(alert.cause, home)
    return AlertData(
        alert_id=alert.id,
        rev=alert.rev,
        type=alert.type,
        severity=alert.severity,
        state=alert.state,
        condition=alert.condition,
        room=home.room_kind(alert.cause) if number else None,
        device=_kind(alert.type, number, home),
        device_no=number,
        raised_at=moment(alert.raised_at),
        changed_at=moment(alert.changed_at),
        clock_quality=clock_quality(alert.raised_at, alert.changed_at),
        evidence=_evidence(alert.evidence),
        presses=alert.presses,
        work_order=_work_order(alert.work_order),
        outcome=alert.outcome,
    )


def moment(instant: Instant) -> datetime:
    """UTC to the millisecond; a wall clock that is out of its mind still gives a date."""
    seconds = instant.wall if isfinite(instant.wall) else 0.0
    milliseconds = round(min(max(seconds, 0.0), 253402300799.0) * 1000)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def clock_quality(*instants: Instant) -> ClockQuality:
    """As good as the worst of them."""
    trusted = all(instant.trusted for instant in instants)
    return ClockQuality.TRUSTED if trusted else ClockQuality.UNSURE


def _place(device_id: str, home: Home) -> int:
    if home.device(device_id) is None:
        return 0
    return 1 + [device.id for device in home.devices].index(device_id)


def _kind(type_: AlertType, number: int, home: Home) -> DeviceKind | None:
    if number:
        return home.devices[number - 1].kind
    return DeviceKind.HUB if type_.value.startswith("hub.") else None


def _evidence(evidence: Evidence) -> EvidenceData:
    return EvidenceData(
        observed=_facts(evidence.observed),
        usual=_facts(evidence.usual),
        rule=_facts(evidence.rule),
        against=_facts(evidence.against),
    )


def _facts(facts: Sequence[Fact]) -> tuple[FactData, ...]:
    return tuple(_fact(fact) for fact in facts[:32])


def _fact(fact: Fact) -> FactData:
    since = fact.since
    return FactData(
        code=fact.code,
        value=fact.value if fact.value is not None and isfinite(fact.value) else None,
        unit=UNITS.get(fact.unit or ""),
        since=None if since is None else moment(since),
        clock_quality=ClockQuality.TRUSTED if since is None else clock_quality(since),
    )


UNITS = {unit.value: unit for unit in Unit}


def _work_order(order: WorkOrder | None) -> WorkOrderData | None:
    return None if order is None else WorkOrderData(order.id, order.eta_s)
