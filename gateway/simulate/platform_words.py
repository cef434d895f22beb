"""What the reference platform says about what it receives, in Chinese and in English."""

from __future__ import annotations

from datetime import datetime, tzinfo

from gateway import sentences, wire
from gateway.records import Alert, Evidence, Fact, Instant, Outcome
from gateway.wire.schema import EvidenceData, FactData

Words = tuple[str, str]
"""Chinese, English."""

STEPS: dict[wire.Step, Words] = {
    wire.Step.ACKNOWLEDGED: ("已受理", "acknowledged"),
    wire.Step.DISPATCHED: ("已派单", "help is dispatched"),
    wire.Step.ON_SITE: ("已到场", "help is on site"),
    wire.Step.CLOSED: ("已办结", "closed"),
}
HUB_STATES: dict[wire.HubState, Words] = {
    wire.HubState.ONLINE: ("上线", "is online"),
    wire.HubState.STOPPED: ("已正常停机", "was stopped on purpose"),
    wire.HubState.LOST: ("失去连接", "is lost: the connection broke"),
}


def alert_words(hub: str, alert: wire.AlertData, zone: tzinfo) -> Words:
    """街道 h1：紧急 紧急呼叫（已触发）…"""
    known = as_alert(alert)
    said = []
    for language in ("zh", "en"):
        why = sentences.sentence(known, language, zone, alert.room, alert.device)
        said.append(
            (
                sentences.severity_name(alert.severity, language),
                sentences.title(alert.type, language),
                _stage(alert, language),
                why,
            )
        )
    chinese, english = said
    return (
        f"{hub} 第{alert.rev}版 [{chinese[0]}] {chinese[1]}，{chinese[2]}：{chinese[3]}",
        f"{hub} rev {alert.rev} [{english[0]}] {english[1]}, {english[2]}: {english[3]}",
    )


def _stage(alert: wire.AlertData, language: sentences.Language) -> str:
    if alert.outcome is not Outcome.NONE:
        return sentences.outcome_name(alert.outcome, language)
    return sentences.state_name(alert.state, language)


def as_alert(data: wire.AlertData) -> Alert:
    """The record again, as far as it left the home."""
    return Alert(
        id=data.alert_id,
        rev=data.rev,
        type=data.type,
        cause="",
        severity=data.severity,
        state=data.state,
        condition=data.condition,
        raised_at=_instant(data.raised_at, data.clock_quality),
        changed_at=_instant(data.changed_at, data.clock_quality),
        evidence=_evidence(data.evidence),
        presses=data.presses,
        outcome=data.outcome,
    )


def _instant(moment: datetime, quality: wire.ClockQuality) -> Instant:
    seconds = moment.timestamp()
    return Instant(seconds, seconds, quality is wire.ClockQuality.TRUSTED)


def _evidence(data: EvidenceData) -> Evidence:
    groups = (data.observed, data.usual, data.rule, data.against)
    observed, usual, rule, against = (tuple(_fact(fact) for fact in group) for group in groups)
    return Evidence(observed, usual, rule, against)


def _fact(data: FactData) -> Fact:
    since = None if data.since is None else _instant(data.since, data.clock_quality)
    return Fact(data.code, data.value, None if data.unit is None else data.unit.value, since)


def order_words(hub: str, order_id: str, step: wire.Step, eta_s: float | None) -> Words:
    chinese, english = STEPS[step]
    if eta_s is None:
        return f"{hub} 工单{order_id}：{chinese}", f"{hub} work order {order_id}: {english}"
    minutes = round(eta_s / 60)
    return (
        f"{hub} 工单{order_id}：{chinese}，预计{minutes}分钟到达",
        f"{hub} work order {order_id}: {english}, there in about {minutes} min",
    )


def state_words(hub: str, state: wire.StateData) -> Words:
    chinese, english = HUB_STATES[state.state]
    return f"{hub} {chinese}", f"{hub} {english}"
