"""The outbox is the promise: when `commit` returns, a power cut cannot lose the alert.

One thread owns the database (`outbox.writer`); all commits that wait at the same moment share one
transaction and one sync of the disk. A row leaves when the platform has confirmed it (a broker's
PUBACK is not that). p2 and p3 may also expire, or be given up for the storage cap, and then leave a
tombstone. p0 and p1 leave on the platform's receipt alone.

How much can pile up: offline for 30 days, a busy home makes some 20 alerts a day of five revisions
each, and a note every five minutes: 3,000 rows of 1 kB and 8,640 rows of 0.5 kB, 8 MB in all.
`Limits` allows 20,000 p2 rows and 16 MB, 10,000 p3 rows and 8 MB; with a thousand received rows and
all the p0 and p1 there were, the file stays below 40 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from gateway.database import FaultKind, StorageFault
from gateway.outbox.rows import Rows
from gateway.outbox.store import Store, Work
from gateway.outbox.writer import Figures, StorageState, Unsaved, Writer
from gateway.records import Clock
from gateway.records.messages import Draft, Gone, Limits, Row, Tombstone

__all__ = [
    "Draft", "FaultKind", "Figures", "Gone", "Limits", "Outbox", "Resent", "Row", "StorageFault",
    "StorageState", "Tombstone", "Unsaved",
]  # fmt: skip

RESEND_AT_MOST = 1000


class Resent(msgspec.Struct, frozen=True):
    """`rows` wait (again) and come back through `pending`; `tombstones` answer for the rest."""

    rows: list[Row]
    tombstones: list[Tombstone]


class Sent(msgspec.Struct, frozen=True):
    attempts: int
    line: float | None


class Outbox:
    """Made by `Outbox.open`; close it to be sure that nothing is on its way."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._clock = clock
        self._sent: dict[int, Sent] = {}
        self._snapshot = store.rows.parts()
        self._writer = Writer(store)

    @classmethod
    def open(
        cls,
        path: Path | str,
        clock: Clock,
        limits: Limits | None = None,
        make_room: Callable[[], None] = lambda: None,
        max_pages: int = 0,
    ) -> Outbox:
        """Opens or creates the database; a damaged one is set aside, an unwritable one is replaced
        by memory (see `state`).

        `make_room` is called on the writer's thread when the disk is full; it neither blocks nor
        raises. `max_pages` bounds the file. Raises StorageFault if another process has it open.
        """
        return cls(Store(Path(path), limits or Limits(), make_room, clock, max_pages), clock)

    def close(self) -> None:
        """Everything accepted so far is written, then the thread ends. Blocks for that long."""
        self._writer.close()

    # ------------------------------------------------------------ in

    async def commit(
        self, drafts: Sequence[Draft], snapshot: Mapping[str, bytes] | None = None
    ) -> list[Row]:
        """The rows, once a power cut can no longer lose them or the snapshot's parts.

        A revision (`alert_id`, `rev`) that is there already is not queued again: its row is
        returned. Raises Unsaved if they are only in memory (they are offered for sending all the
        same), ValueError for a draft that is none.
        """
        for draft in drafts:
            _check(draft)
        parts = dict(snapshot or {})
        line = self._clock.now().line
        urgent = min((draft.priority for draft in drafts), default=1)
        work = Work(lambda rows: rows.commit(drafts, parts, line), durable=True, priority=urgent)
        self._snapshot |= parts
        committed: list[Row] = await self._writer.do(work)
        return committed

    def snapshot(self) -> dict[str, bytes]:
        """The parts as they were handed in last; after a start, as they were committed."""
        return dict(self._snapshot)

    # ------------------------------------------------------------ out

    async def pending(
        self, limit: int = 100, max_priority: int = 3, excluding: Collection[int] = ()
    ) -> list[Row]:
        """Rows without a receipt, p0 first, the oldest first within a priority; without the
        sequence numbers in `excluding` (those that are on their way)."""
        without = frozenset(excluding)
        rows: list[Row] = await self._writer.do(
            Work(lambda rows: rows.pending(limit, max_priority, without))
        )
        return [self._annotated(row) for row in rows]

    async def sent(self, seqs: Iterable[int]) -> None:
        """They went out once more. Not written to the disk: after a restart all of them go again,
        with the same ids."""
        line = self._clock.now().line
        for seq in seqs:
            earlier = self._sent.get(seq)
            self._sent[seq] = Sent(earlier.attempts + 1 if earlier else 1, line)

    async def receipted(self, seqs: Iterable[int]) -> int:
        """The platform has them. Returns how many of them had been waiting.

        Survives a crash of the daemon; a power cut within seconds may undo it, and then they go
        out again with the same ids. So it costs no sync, which would delay the next press.
        """
        return await self._receipt([(seq, None) for seq in seqs])

    async def receipted_ids(self, message_ids: Iterable[str]) -> int:
        """As `receipted`; an id of another epoch, or that is none, changes nothing."""
        return await self._receipt([named for each in message_ids if (named := _named(each))])

    async def _receipt(self, named: Sequence[tuple[int, str | None]]) -> int:
        line = self._clock.now().line
        left: int = await self._writer.do(Work(lambda rows: rows.receipt(named, line), priority=3))
        for seq, _ in named:
            self._sent.pop(seq, None)
        return left

    async def expire(self) -> int:
        """p2 and p3 whose time is over become tombstones. Returns how many."""
        line = self._clock.now().line
        expired: int = await self._writer.do(Work(lambda rows: rows.expire(line), priority=3))
        return expired

    async def resend(self, first: int, last: int) -> Resent:
        """The platform asks for a range, both ends included. At most RESEND_AT_MOST at a time."""

        def ask(rows: Rows) -> Resent:
            again = rows.wait_again(first, last, RESEND_AT_MOST)
            return Resent(again, rows.stones.find(first, last, RESEND_AT_MOST))

        resent: Resent = await self._writer.do(Work(ask, priority=3))
        return resent

    def _annotated(self, row: Row) -> Row:
        sent = self._sent.get(row.seq)
        durable = self.state.ok or not row.message_id.startswith(self.epoch)
        if sent is None and durable:
            return row
        sent = sent or Sent(0, None)
        return msgspec.structs.replace(
            row, attempts=sent.attempts, sent_line=sent.line, durable=durable
        )

    # ------------------------------------------------------------ figures

    @property
    def figures(self) -> Figures:
        """As of the last transaction. Costs nothing."""
        return self._writer.figures

    @property
    def epoch(self) -> str:
        """Names the database; another one means another SD card, or memory instead of a disk."""
        return self.figures.epoch

    @property
    def seq_last(self) -> int:
        return self.figures.seq_last

    @property
    def seq_unreceived(self) -> int:
        return self.figures.seq_unreceived

    @property
    def state(self) -> StorageState:
        return self.figures.storage

    def depth(self) -> dict[int, int]:
        """Waiting messages by priority, 0 to 3."""
        return self.figures.depth


def _check(draft: Draft) -> None:
    if draft.priority not in (0, 1, 2, 3):
        raise ValueError(f"priority {draft.priority} is none of 0 to 3")
    if not (draft.body.startswith(b"{") and draft.body.endswith(b"}")):
        raise ValueError("the body is no JSON object")


def _named(message_id: str) -> tuple[int, str] | None:
    epoch, _, seq = message_id.rpartition("-")
    return (int(seq), epoch) if seq.isascii() and seq.isdigit() and len(seq) < 19 else None
