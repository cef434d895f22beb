"""What a platform may say to the hub: receipts, the steps of a work order, test, resend.

Closed like everything on the wire: an unknown field, name or step is refused with one short
reason, and the reason is counted. What would change the home (plan, diagnostics, certificate,
quiet) needs a signature, which this version cannot check; so it is refused.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from gateway.records import Answer, BadFrame, Instant, Outcome, Signal, WorkOrder

LARGEST = 64 * 1024
"""Bytes of a command; more is refused unread."""

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]
"""Ids of commands, orders and alerts: they end up in topics, so they stay plain."""
MessageId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{1,32}-[0-9]{1,18}\Z")]
Source = Annotated[str, Meta(min_length=1, max_length=128)]
Time = Annotated[datetime, Meta(tz=True)]
Seq = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A uint64 by contract; SQLite, which allocates it, counts to 2^63 - 1."""


class Step(StrEnum):
    """How far the platform's people have come with a work order (受理 派单 到场 办结)."""

    ACKNOWLEDGED = "acknowledged"
    DISPATCHED = "dispatched"
    ON_SITE = "on_site"
    CLOSED = "closed"


class Refusal(StrEnum):
    """Why a command was not obeyed. Closed, because refusals are counted and answered."""

    OVERSIZED = "oversized"
    UNKNOWN_COMMAND = "unknown_command"
    MALFORMED = "malformed"
    REPLAYED = "replayed"
    SIGNATURE_REQUIRED = "signature_required"


class Receipt(Struct, frozen=True, forbid_unknown_fields=True):
    """The platform has these messages on its own disk: they may leave the outbox."""

    message_ids: Annotated[tuple[MessageId, ...], Meta(min_length=1, max_length=1000)]


class OrderStep(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    alert_id: Id
    step: Step
    order_id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{0,64}\Z")] = ""
    eta_s: Annotated[float, Meta(ge=0, le=30 * 86400)] | None = None
    """Seconds from now until somebody is there."""
    outcome: Outcome = Outcome.NONE


class Test(Struct, frozen=True, forbid_unknown_fields=True):
    """Raise a test alert and let it make the whole way."""


class Resend(Struct, frozen=True, forbid_unknown_fields=True):
    """Send these sequence numbers again, both ends included."""

    seq_from: Seq
    seq_to: Seq


class Signed(Struct, frozen=True):
    """A command that needs a signature. Its content is not read."""


class ReceiptEvent(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
    tag_field="type", tag="lamplight.receipt.v1",
):  # fmt: skip
    id: Id
    specversion: Literal["1.0"]
    source: Source
    time: Time
    data: Receipt


class OrderEvent(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
    tag_field="type", tag="lamplight.order.v1",
):  # fmt: skip
    id: Id
    specversion: Literal["1.0"]
    source: Source
    time: Time
    data: OrderStep


class TestEvent(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
    tag_field="type", tag="lamplight.test.v1",
):  # fmt: skip
    id: Id
    specversion: Literal["1.0"]
    source: Source
    time: Time
    data: Test


class ResendEvent(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
    tag_field="type", tag="lamplight.resend.v1",
):  # fmt: skip
    id: Id
    specversion: Literal["1.0"]
    source: Source
    time: Time
    data: Resend


class SignedEvent(Struct, frozen=True):
    """Only the id is read, so that the refusal can be answered."""

    id: Id


CommandEvent = ReceiptEvent | OrderEvent | TestEvent | ResendEvent
CommandData = Receipt | OrderStep | Test | Resend | Signed

EVENTS: dict[str, type[CommandEvent]] = {
    "receipt": ReceiptEvent,
    "order": OrderEvent,
    "test": TestEvent,
    "resend": ResendEvent,
}
EVENT_OF: dict[type, Callable[..., CommandEvent]] = {
    Receipt: ReceiptEvent,
    OrderStep: OrderEvent,
    Test: TestEvent,
    Resend: ResendEvent,
}
T = TypeVar("T")

SIGNED = frozenset({"plan", "diagnostics", "certificate", "quiet"})

SIGNALS = {
    Step.ACKNOWLEDGED: Signal.ACKNOWLEDGED,
    Step.DISPATCHED: Signal.DISPATCHED,
    Step.ON_SITE: Signal.ON_SITE,
    Step.CLOSED: Signal.CLOSED,
}


class Command(Struct, frozen=True):
    """One sound command. `name` is the last level of its topic."""

    id: str
    name: str
    data: CommandData


class Refused(BadFrame):
    """A command that names itself but is not obeyed; `command_id` goes into the answer."""

    def __init__(self, reason: Refusal, command_id: str) -> None:
        super().__init__(reason.value)
        self.refusal = reason
        self.command_id = command_id


def parse_command(topic: str, payload: bytes) -> Command:
    """The command in one message on `v1/{tenant}/{hub}/cmd/{name}`.

    Raises BadFrame("oversized" | "unknown_command" | "malformed"), and Refused for what needs a
    signature. Does not know what it has seen before; see `Inbox`.
    """
    if len(payload) > LARGEST:
        raise BadFrame(Refusal.OVERSIZED.value)
    name = topic.rpartition("/cmd/")[2]
    if name in SIGNED:
        raise Refused(Refusal.SIGNATURE_REQUIRED, _decode(payload, SignedEvent).id)
    if name not in EVENTS:
        raise BadFrame(Refusal.UNKNOWN_COMMAND.value)
    event = _decode(payload, EVENTS[name])
    return Command(event.id, name, event.data)


def _decode(payload: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise BadFrame(Refusal.MALFORMED.value) from problem


class Inbox:
    """Parses commands and lets each id through once; remembers the newest `memory` ids."""

    def __init__(self, memory: int = 4096) -> None:
        self._memory = memory
        self._seen: OrderedDict[str, None] = OrderedDict()

    def accept(self, topic: str, payload: bytes) -> Command:
        """As `parse_command`, and BadFrame("replayed") for an id that came before."""
        command = parse_command(topic, payload)
        if command.id in self._seen:
            raise BadFrame(Refusal.REPLAYED.value)
        self._seen[command.id] = None
        if len(self._seen) > self._memory:
            self._seen.popitem(last=False)
        return command


def answer(command: Command, now: Instant) -> Answer | None:
    """What a step of a work order says to the alert table; None for the other commands."""
    step = command.data
    if not isinstance(step, OrderStep):
        return None
    order = (
        WorkOrder(step.order_id, step.eta_s) if step.order_id or step.eta_s is not None else None
    )
    return Answer(step.alert_id, SIGNALS[step.step], now, order, step.outcome)


def command_message(command_id: str, data: CommandData, now: datetime) -> bytes:
    """The platform's side: the bytes of one command."""
    kind = EVENT_OF[type(data)]
    event = kind(id=command_id, specversion="1.0", source="/platform", time=now, data=data)
    return msgspec.json.encode(event)


def sequence(message_id: str) -> tuple[str, int]:
    """Epoch and sequence number of a message id `<epoch>-<seq>`."""
    epoch, _, seq = message_id.rpartition("-")
    return epoch, int(seq)
