"""What may leave the hub and what may come in: the only door between the home and the world.

    Alert, Heartbeat -> bytes of CloudEvents 1.0 -> platform -> bytes -> Command -> Answer

`wire.schema` holds the types of what leaves, `wire.incoming` those of what comes in. Here the
hub's own records become the former; what has no place there stays in the home.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from gateway.records import (
    Alert,
    BadFrame,
    Instant,
)
from gateway.records.messages import Draft
from gateway.wire.alert import alert_data, clock_quality, moment
from gateway.wire.incoming import (
    Command,
    CommandData,
    CommandEvent,
    Inbox,
    OrderStep,
    Receipt,
    Refusal,
    Refused,
    Resend,
    Signed,
    Step,
    Test,
    answer,
    command_message,
    parse_command,
    sequence,
)
from gateway.wire.schema import (
    AlertData,
    AlertEvent,
    ClockQuality,
    Fallback,
    Gone,
    Heartbeat,
    HeartbeatEvent,
    HubState,
    Outgoing,
    Reject,
    ReplyData,
    ReplyEvent,
    Result,
    StateData,
    StateEvent,
    Tombstone,
)

if TYPE_CHECKING:
    from gateway.home import Home, Hub

__all__ = [
    "AlertData", "AlertEvent", "ClockQuality", "Command", "CommandData", "CommandEvent",
    "Fallback", "Gone", "Heartbeat", "HeartbeatEvent", "HubState", "Inbox", "OrderStep",
    "Outgoing", "Receipt", "Refusal", "Refused", "Reject", "ReplyData", "ReplyEvent", "Resend",
    "Result", "Signed", "StateData", "StateEvent", "Step", "Test", "Tombstone", "alert_data",
    "answer", "clock_quality", "command_message", "moment", "parse_command", "sequence",
]  # fmt: skip

DAY = 86400.0
KEEP_S = 40 * DAY
"""How long a p2 or p3 row waits for its receipt; the hub must last 30 days offline."""
KEEP_REPLY_S = DAY


def topic(hub: Hub, suffix: str) -> str:
    """`suffix` is "alert/p0", "hb", "state", "reply/<id>" or "cmd/<name>"."""
    return f"v1/{hub.tenant}/{hub.id}/{suffix}"


def source(hub: Hub) -> str:
    return f"/v1/{hub.tenant}/{hub.id}"


def with_id(body: bytes, message_id: str) -> bytes:
    """The complete message: a draft's body plus the id that the outbox gave it."""
    return body.replace(b"{", b'{"id":"' + message_id.encode() + b'",', 1)


# ---------------------------------------------------------------- out


def alert_draft(alert: Alert, home: Home) -> Draft:
    """One revision of an alert, ready for the outbox."""
    priority = alert.severity.priority
    event = AlertEvent(
        id="",
        specversion="1.0",
        source=source(home.hub),
        time=moment(alert.changed_at),
        data=alert_data(alert, home),
    )
    return Draft(
        topic=topic(home.hub, f"alert/p{priority}"),
        priority=priority,
        kind="alert",
        body=_without_id(event),
        alert_id=alert.id,
        rev=alert.rev,
        # An emergency waits for ever: nothing but its receipt removes it.
        expires_line=None if priority <= 1 else alert.changed_at.line + KEEP_S,
    )


def reply_draft(reply: ReplyData, hub: Hub, now: Instant) -> Draft:
    """The answer to one command, on `reply/{id}`."""
    event = ReplyEvent(id="", specversion="1.0", source=source(hub), time=moment(now), data=reply)
    return Draft(
        topic=topic(hub, f"reply/{reply.command_id}"),
        priority=3,
        kind="reply",
        body=_without_id(event),
        expires_line=now.line + KEEP_REPLY_S,
    )


def refused(problem: Refused) -> ReplyData:
    return ReplyData(command_id=problem.command_id, result=Result.REFUSED, refusal=problem.refusal)


def heartbeat_message(beat: Heartbeat, hub: Hub, now: Instant) -> tuple[str, bytes]:
    """Topic and bytes. Heartbeats have no row: only the latest one matters."""
    event = HeartbeatEvent(
        id=f"hb-{_milliseconds(now)}",
        specversion="1.0",
        source=source(hub),
        time=moment(now),
        data=beat,
    )
    return topic(hub, "hb"), msgspec.json.encode(event)


def state_message(state: StateData, hub: Hub, now: Instant) -> tuple[str, bytes]:
    """Birth, will or farewell, to be retained on `state`."""
    event = StateEvent(
        id=f"{state.state.value}-{_milliseconds(now)}",
        specversion="1.0",
        source=source(hub),
        time=moment(now),
        data=state,
    )
    return topic(hub, "state"), msgspec.json.encode(event)


def rejects(counts: Mapping[str, int]) -> dict[Reject, int]:
    """Sums "driver: reason" counts into the closed set that may leave."""
    summed: Counter[Reject] = Counter()
    for reason, count in counts.items():
        summed[REASONS.get(reason.rpartition(":")[2].strip(), Reject.OTHER)] += count
    return {reject: min(count, 2**63 - 1) for reject, count in sorted(summed.items()) if count > 0}


REASONS: dict[str, Reject] = {reject.value: reject for reject in Reject} | {
    "crc": Reject.CHECKSUM,
    "parity": Reject.CHECKSUM,
    "cut_short": Reject.LENGTH,
    "truncated": Reject.LENGTH,
    "start": Reject.TYPE,
    "control": Reject.TYPE,
    "end": Reject.TYPE,
    "unasked": Reject.TYPE,
    "function": Reject.TYPE,
    "meter_type": Reject.TYPE,
    "profile": Reject.TYPE,
    "version": Reject.TYPE,
    "no such driver": Reject.TYPE,
    "bcd": Reject.VALUE,
    "nan": Reject.VALUE,
    "range": Reject.VALUE,
    "records": Reject.VALUE,
    "unit": Reject.VALUE,
    "silent": Reject.TIMEOUT,
    "no_reply": Reject.TIMEOUT,
    "foreign": Reject.STRANGER,
    "encrypted": Reject.DECRYPTION,
    "decrypt": Reject.DECRYPTION,
    "exception": Reject.REFUSED,
    "decoder failed": Reject.OWN_FAULT,
    "failed": Reject.OWN_FAULT,
}
"""What drivers and the pipeline call it; a reason that is new here leaves as `other`."""


def _without_id(event: AlertEvent | ReplyEvent) -> bytes:
    return msgspec.json.encode(event).replace(b'"id":"",', b"", 1)


def _milliseconds(now: Instant) -> int:
    """The timeline never steps back, so this never repeats for one hub."""
    return max(0, round(now.line * 1000))


# ---------------------------------------------------------------- the platform's side


def parse_message(payload: bytes) -> Outgoing:
    """What a platform makes of the hub's bytes. Raises BadFrame("malformed")."""
    try:
        message: Outgoing = msgspec.json.decode(payload, type=Outgoing)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise BadFrame(Refusal.MALFORMED.value) from problem
    return message
