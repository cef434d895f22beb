"""Drafts, and an outbox that closes itself, for the tests of what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.outbox import Draft, Limits, Outbox
from tests.fakes import FakeClock

PRIORITIES = (0, 1, 2, 3)


def draft(
    alert_id: str, rev: int = 1, priority: int = 0, expires_line: float | None = None, pad: int = 0
) -> Draft:
    """An alert's revision as `wire` makes it: JSON without an id."""
    body = b'{"alert":"%s","rev":%d,"pad":"%s"}' % (alert_id.encode(), rev, b"x" * pad)
    return Draft(f"v1/t/h/alert/p{priority}", priority, "alert", body, alert_id, rev, expires_line)


@contextmanager
def outbox_at(
    path: Path,
    clock: FakeClock | None = None,
    limits: Limits | None = None,
    make_room: Callable[[], None] = lambda: None,
    max_pages: int = 0,
) -> Iterator[Outbox]:
    outbox = Outbox.open(path, clock or FakeClock(), limits, make_room, max_pages)
    try:
        yield outbox
    finally:
        outbox.close()


async def unexplained(outbox: Outbox) -> set[int]:
    """Numbers that were given out and are neither a message nor under a tombstone."""
    missing = set(range(1, outbox.seq_last + 1))
    for first in range(1, outbox.seq_last + 1, 1000):
        answer = await outbox.resend(first, first + 999)
        missing -= {row.seq for row in answer.rows}
        for stone in answer.tombstones:
            missing -= set(range(stone.first, stone.last + 1))
    return missing
