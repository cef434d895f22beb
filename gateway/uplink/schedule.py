"""What is under way to the platform, and what is due next: p0 overtakes, and silence means again.

Pure: times are seconds of any clock that never steps back. A row leaves only when the platform has
receipted it; that the broker took it (PUBACK) is not delivery.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from gateway.records.messages import Row
from gateway.wire.incoming import sequence

NEVER = float("inf")


class Manner(msgspec.Struct, frozen=True):
    """How the rows of one priority are sent."""

    window: int
    """The most rows without a receipt."""
    reserve: int
    """Places of a route's window that are left to more urgent rows."""
    gaps_s: tuple[float, ...]
    """Seconds from one sending to the next while no receipt comes; the last one repeats."""
    second_way_s: float
    """Without a receipt for so long since the first sending: the next way is tried."""
    patience_s: float
    """How long the first way must have been down before another way is used at all."""


MANNERS: tuple[Manner, ...] = (
    Manner(window=256, reserve=0, gaps_s=(10, 20, 30, 60), second_way_s=30, patience_s=0),
    Manner(window=64, reserve=1, gaps_s=(60, 60, 120, 300), second_way_s=60, patience_s=0),
    Manner(window=32, reserve=2, gaps_s=(120, 300, 900, 3600), second_way_s=NEVER, patience_s=60),
    Manner(window=32, reserve=4, gaps_s=(300, 900, 3600), second_way_s=NEVER, patience_s=60),
)


class Entry:
    """One row on its way."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.sends = 0
        self.first_sent = NEVER
        self.due = 0.0
        """When it is to be sent (again)."""
        self.route = ""
        """The way it went last."""
        self.ready = True


class Schedule:
    """Rows by sequence number, those that are ready by priority and age, the others by time."""

    def __init__(self, manners: Sequence[Manner] = MANNERS) -> None:
        self.manners = tuple(manners)
        self._entries: dict[int, Entry] = {}
        self._ready: tuple[list[int], ...] = tuple([] for _ in self.manners)
        self._timers: list[tuple[float, int]] = []
        self._waiting = [0 for _ in self.manners]

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, seq: object) -> bool:
        return seq in self._entries

    def waiting(self, priority: int) -> int:
        """How many rows of a priority were sent and have no receipt."""
        return self._waiting[priority]

    def offer(self, rows: Iterable[Row]) -> None:
        """New rows; those that are known already stay as they are."""
        for row in rows:
            if row.seq not in self._entries:
                self._entries[row.seq] = Entry(row)
                heapq.heappush(self._ready[row.priority], row.seq)

    def remove(self, seqs: Iterable[int]) -> list[Row]:
        """Receipted or expired. Returns the rows that were under way."""
        gone = [self._entries.pop(seq) for seq in set(seqs) if seq in self._entries]
        for entry in gone:
            if not entry.ready:
                self._waiting[entry.row.priority] -= 1
        return [entry.row for entry in gone]

    def remove_ids(self, message_ids: Iterable[str]) -> list[Row]:
        """As `remove`; an id with another database's epoch names none of our rows."""
        named = {sequence(message_id)[1]: message_id for message_id in message_ids}
        return self.remove(
            seq
            for seq, message_id in named.items()
            if seq in self._entries and self._entries[seq].row.message_id == message_id
        )

    def seqs(self) -> set[int]:
        return set(self._entries)

    def again(self, seqs: Iterable[int]) -> None:
        """Makes rows ready at once."""
        for seq in seqs:
            entry = self._entries.get(seq)
            if entry is not None and not entry.ready:
                entry.ready = True
                self._waiting[entry.row.priority] -= 1
                heapq.heappush(self._ready[entry.row.priority], seq)

    def turn_away(self, seq: int) -> None:
        """An urgent row was not taken: the next way at once, instead of after `second_way_s`."""
        entry = self._entries.get(seq)
        urgent = entry is not None and self.manners[entry.row.priority].second_way_s < NEVER
        if entry is not None and urgent and entry.sends == 1:
            entry.first_sent = -NEVER
            self.again([seq])

    def sent_on(self, route: str) -> list[int]:
        """Rows that went this way last and have no receipt."""
        return [seq for seq, one in self._entries.items() if not one.ready and one.route == route]

    def wake(self, now: float) -> None:
        """Makes ready what has waited long enough for its receipt."""
        due = []
        while self._timers and self._timers[0][0] <= now:
            at, seq = heapq.heappop(self._timers)
            entry = self._entries.get(seq)
            if entry is not None and not entry.ready and entry.due == at:
                due.append(seq)
        self.again(due)

    def next_due(self) -> float:
        return self._timers[0][0] if self._timers else NEVER

    def urgent(self) -> bool:
        """Whether an emergency waits to be sent."""
        return any(seq in self._entries for seq in self._ready[0])

    def ready(self, priority: int) -> Iterator[Entry]:
        """Ready rows of one priority, oldest first, as far as its window goes. Each must be
        answered by `sent`, or the iteration left."""
        queue, window = self._ready[priority], self.manners[priority].window
        while queue:
            entry = self._entries.get(queue[0])
            if entry is None or not entry.ready:
                heapq.heappop(queue)
            elif self._waiting[priority] >= window:
                return
            else:
                yield entry

    def sent(self, entry: Entry, route: str, now: float) -> None:
        """The row went out; it is due again when its next gap is over."""
        row = entry.row
        gaps = self.manners[row.priority].gaps_s
        entry.due = now + gaps[min(entry.sends, len(gaps) - 1)]
        entry.first_sent = min(entry.first_sent, now)
        entry.sends += 1
        entry.route = route
        entry.ready = False
        self._waiting[row.priority] += 1
        heapq.heappush(self._timers, (entry.due, row.seq))


def choose(entry: Entry, manner: Manner, up: Sequence[str], now: float) -> str:
    """Which of the ways that are up a row shall go, `up` in the plan's order and not empty."""
    late = now - entry.first_sent >= manner.second_way_s
    if not late or entry.route not in up:
        return up[0]
    return up[(up.index(entry.route) + 1) % len(up)]
