"""What goes into the outbox, what comes out of it, and what is left of what is gone."""

from __future__ import annotations

from enum import StrEnum

import msgspec

PRIORITIES = (0, 1, 2, 3)


class Draft(msgspec.Struct, frozen=True):
    """A message that has no number yet. `body` is a JSON object without `id`."""

    topic: str
    priority: int
    """0 emergencies, 1 urgent, 2 concern, 3 technical and notes."""
    kind: str
    """alert, reply, state"""
    body: bytes
    alert_id: str = ""
    rev: int = 0
    """With `alert_id`: this revision of this incident is never queued twice."""
    expires_line: float | None = None
    """Moment on the timeline after which a p2 or p3 need not go any more. p0 and p1 ignore it."""


class Row(msgspec.Struct, frozen=True):
    """A message with its number. `body` is complete."""

    seq: int
    message_id: str
    topic: str
    priority: int
    kind: str
    body: bytes
    alert_id: str = ""
    rev: int = 0
    created_line: float = 0.0
    attempts: int = 0
    """How often it was sent since this start, and when last (timeline)."""
    sent_line: float | None = None
    durable: bool = True
    """False: the disk could not take it; it is in memory and will be written when it can be."""


class Gone(StrEnum):
    RECEIPTED = "receipted"
    """The platform had confirmed it, long ago."""
    EXPIRED = "expired"
    DROPPED = "dropped"
    """The oldest p3 or p2, given up for the sake of the storage cap or of a full disk."""
    SEVERAL = "several"
    """Old tombstones of different reasons, laid together."""


class Tombstone(msgspec.Struct, frozen=True):
    """Sequence numbers, both ends included, that hold nothing any more unless a row says so."""

    first: int
    last: int
    reason: Gone
    at_line: float
    alert_id: str = ""
    rev: int = 0


class Limits(msgspec.Struct, frozen=True):
    """The storage cap. p0 and p1 have none: an emergency is never given up."""

    rows: tuple[int, int] = (20_000, 10_000)
    """Waiting rows of p2 and p3."""
    bytes: tuple[int, int] = (16 << 20, 8 << 20)
    """Of their bodies."""
    receipted: int = 1000
    """Received rows that are kept for a resend."""
    tombstones: int = 2000

    def cap(self, priority: int) -> tuple[int, int]:
        return self.rows[priority - 2], self.bytes[priority - 2]
