"""The rows of the outbox in one SQLite database: what waits, what was received, what is gone.

Every sequence number that was ever given out is either a row or lies under a tombstone, so the
highest of both is where the numbering goes on. Nothing here commits; `outbox.store` does, for many
at once. Only the writer's thread comes here.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from gateway.outbox.stones import STONES, Stones
from gateway.records.messages import PRIORITIES, Draft, Gone, Limits, Row, Tombstone

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS message (
        seq INTEGER PRIMARY KEY, epoch TEXT NOT NULL, priority INTEGER NOT NULL,
        receipted INTEGER NOT NULL, kind TEXT NOT NULL, topic TEXT NOT NULL,
        alert_id TEXT NOT NULL, rev INTEGER NOT NULL, created REAL NOT NULL, expires REAL,
        crc INTEGER NOT NULL, body BLOB NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS waiting ON message (priority, seq) WHERE receipted = 0",
    "CREATE INDEX IF NOT EXISTS received ON message (seq) WHERE receipted = 1",
    "CREATE INDEX IF NOT EXISTS expiring ON message (expires) WHERE expires IS NOT NULL",
    "CREATE UNIQUE INDEX IF NOT EXISTS incident ON message (alert_id, rev) WHERE alert_id <> ''",
    STONES,
    """CREATE TABLE IF NOT EXISTS part (
        name TEXT PRIMARY KEY, crc INTEGER NOT NULL, value BLOB NOT NULL)""",
)
COLUMNS = "seq, epoch, priority, receipted, kind, topic, alert_id, rev, created, expires, crc, body"
PUT = f"INSERT OR REPLACE INTO message ({COLUMNS}) VALUES ({', '.join('?' * 12)})"
PUT_PART = """INSERT INTO part VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE
    SET crc = excluded.crc, value = excluded.value WHERE value IS NOT excluded.value"""

Record = tuple[int, str, int, int, str, str, str, int, float, float | None, int, bytes]
"""One line of the table, in the order of COLUMNS."""


def complete(body: bytes, message_id: str) -> bytes:
    """The message with its id in front."""
    rest = body[1:].lstrip()
    return b'{"id":"%s"%s%s' % (message_id.encode(), b"" if rest == b"}" else b",", rest)


class Rows:
    """`epoch` is what new rows are named after."""

    def __init__(self, connection: sqlite3.Connection, epoch: str, limits: Limits) -> None:
        self.connection = connection
        self.epoch = epoch
        self.stones = Stones(connection, limits.tombstones)
        self._limits = limits
        self.seq_last = 0
        self.depth: dict[int, int] = {}
        self.size: dict[int, int] = {}
        self._received = 0
        self.recount()

    def recount(self) -> None:
        """Numbers from the tables: at the start, and after a roll-back."""
        self.seq_last = self._number(
            "SELECT max(ifnull((SELECT max(seq) FROM message), 0),"
            " ifnull((SELECT max(last) FROM tombstone), 0))"
        )
        self.depth = dict.fromkeys(PRIORITIES, 0)
        self.size = dict.fromkeys(PRIORITIES, 0)
        for priority, count, size in self.connection.execute(
            "SELECT priority, count(*), sum(length(body)) FROM message"
            " WHERE receipted = 0 GROUP BY priority"
        ):
            self.depth[priority], self.size[priority] = count, size
        self._received = self._number("SELECT count(*) FROM message WHERE receipted = 1")

    # ------------------------------------------------------------ in

    def commit(
        self, drafts: Sequence[Draft], snapshot: Mapping[str, bytes], line: float
    ) -> list[Row]:
        """Gives each draft its number; a revision that is there already keeps the one it has."""
        rows = [self._twin(draft) or self._add(draft, line) for draft in drafts]
        for priority in {draft.priority for draft in drafts} & {2, 3}:
            self._cap(priority, line)
        self.put_parts(snapshot)
        return rows

    def put_parts(self, parts: Mapping[str, bytes]) -> None:
        """Only the parts whose bytes changed are written."""
        self.connection.executemany(
            PUT_PART, [(name, zlib.crc32(value), value) for name, value in parts.items()]
        )

    def _twin(self, draft: Draft) -> Row | None:
        if not draft.alert_id:
            return None
        # The first term is what lets SQLite use the index, which holds only such rows.
        found = self._select(
            "alert_id <> '' AND alert_id = ? AND rev = ?", draft.alert_id, draft.rev
        )
        return found[0] if found else None

    def _add(self, draft: Draft, line: float) -> Row:
        self.seq_last += 1
        body = complete(draft.body, f"{self.epoch}-{self.seq_last}")
        expires = draft.expires_line if draft.priority >= 2 else None
        record: Record = (
            self.seq_last, self.epoch, draft.priority, 0, draft.kind, draft.topic,
            draft.alert_id, draft.rev, line, expires, zlib.crc32(body), body,
        )  # fmt: skip
        self.connection.execute(PUT, record)
        self._counted(draft.priority, 1, len(body))
        return _row(record)

    def _counted(self, priority: int, rows: int, size: int) -> None:
        self.depth[priority] += rows
        self.size[priority] += size

    # ------------------------------------------------------------ out

    def pending(self, limit: int, max_priority: int, excluding: frozenset[int]) -> list[Row]:
        """p0 first, the oldest first within a priority."""
        found: list[Row] = []
        for priority in range(max_priority + 1):
            rows = (_row(record) for record in self._waiting(priority))
            wanted = (row for row in rows if row.seq not in excluding)
            found += islice(wanted, limit - len(found))
        return found

    def _waiting(self, priority: int) -> Iterable[Record]:
        return self.connection.execute(
            f"SELECT {COLUMNS} FROM message WHERE receipted = 0 AND priority = ? ORDER BY seq",
            (priority,),
        )

    def oldest(self) -> list[tuple[int, float]]:
        """Sequence number and moment of the oldest waiting row of each priority that has one."""
        found = (
            self.connection.execute(
                "SELECT seq, created FROM message WHERE receipted = 0 AND priority = ?"
                " ORDER BY seq LIMIT 1",
                (priority,),
            ).fetchone()
            for priority in PRIORITIES
        )
        return [line for line in found if line]

    def find(self, first: int, last: int, limit: int) -> list[Row]:
        return self._select("seq BETWEEN ? AND ? ORDER BY seq LIMIT ?", first, last, limit)

    def parts(self) -> dict[str, bytes]:
        return dict(self.connection.execute("SELECT name, value FROM part"))

    # ------------------------------------------------------------ leaving

    def receipt(self, named: Iterable[tuple[int, str | None]], line: float) -> int:
        """Takes the platform's receipts: sequence number, and epoch if it was named.

        Returns how many rows left. A number that nobody waits for changes nothing.
        """
        left = 0
        for seq, epoch in named:
            left += self._mark(seq, epoch, received=True)
        if self._received > self._limits.receipted * 9 // 8:
            self._forget_received(line)
        return left

    def wait_again(self, first: int, last: int, limit: int) -> list[Row]:
        """Rows of this range, each of them waiting (again) for its receipt."""
        rows = self.find(first, last, limit)
        for row in rows:
            self._mark(row.seq, None, received=False)
        return rows

    def _mark(self, seq: int, epoch: str | None, *, received: bool) -> int:
        found = self.connection.execute(
            "UPDATE message SET receipted = ? WHERE seq = ? AND receipted = ?"
            " AND epoch = ifnull(?, epoch) RETURNING priority, length(body)",
            (received, seq, not received, epoch),
        ).fetchall()
        for priority, size in found:
            sign = -1 if received else 1
            self._counted(priority, sign, sign * size)
            self._received -= sign
        return len(found)

    def _forget_received(self, line: float) -> None:
        """Keeps the newest for a resend, and bodies of the rest no longer."""
        seqs = self._column(
            "SELECT seq FROM message WHERE receipted = 1 ORDER BY seq LIMIT ?",
            self._received - self._limits.receipted,
        )
        self.connection.executemany("DELETE FROM message WHERE seq = ?", [(s,) for s in seqs])
        self._received -= len(seqs)
        self.stones.bury_received(seqs, line)

    def expire(self, line: float) -> int:
        """p2 and p3 whose time is over. Returns how many."""
        seqs = self._column(
            "SELECT seq FROM message WHERE expires <= ? AND receipted = 0 AND priority >= 2", line
        )
        self.drop(seqs, Gone.EXPIRED, line)
        return len(seqs)

    def shed(self, priority: int, line: float) -> int:
        """Gives up the older half of p2 or p3, because the disk is full. Returns how many."""
        share = -(-self.depth[priority] // 2)
        seqs = [record[0] for record in islice(self._waiting(priority), share)]
        self.drop(seqs, Gone.DROPPED, line)
        return len(seqs)

    def _cap(self, priority: int, line: float) -> None:
        rows, size = self._limits.cap(priority)
        surplus: list[int] = []
        count, total = self.depth[priority], self.size[priority]
        if count <= rows and total <= size:
            return
        for record in self._waiting(priority):
            if count <= rows and total <= size:
                break
            surplus.append(record[0])
            count, total = count - 1, total - len(record[-1])
        self.drop(surplus, Gone.DROPPED, line)

    def drop(self, seqs: Sequence[int], reason: Gone, line: float) -> None:
        """Waiting rows become tombstones."""
        for seq in seqs:
            priority, size, alert, rev = self.connection.execute(
                "DELETE FROM message WHERE seq = ? RETURNING priority, length(body), alert_id, rev",
                (seq,),
            ).fetchall()[0]
            self._counted(priority, -1, -size)
            self.stones.bury(Tombstone(seq, seq, reason, line, alert, rev))
        self.stones.merge()

    # ------------------------------------------------------------ another database's rows

    def take_over(self, other: sqlite3.Connection) -> None:
        """Makes this database hold what the other one holds, writing only what differs."""
        here = self._known(self.connection)
        there = self._known(other)
        self.connection.executemany(
            "DELETE FROM message WHERE seq = ?", [(seq,) for seq in here.keys() - there.keys()]
        )
        changed = [seq for seq, what in there.items() if here.get(seq) != what]
        for seq in changed:
            record = other.execute(f"SELECT {COLUMNS} FROM message WHERE seq = ?", (seq,))
            self.connection.execute(PUT, record.fetchone())
        self.stones.take_over(other)
        self.put_parts(dict(other.execute("SELECT name, value FROM part")))
        self.recount()

    @staticmethod
    def _known(connection: sqlite3.Connection) -> dict[int, tuple[str, int]]:
        lines = connection.execute("SELECT seq, epoch, receipted FROM message")
        return {seq: (epoch, receipted) for seq, epoch, receipted in lines}

    # ------------------------------------------------------------ SQL

    def _select(self, where: str, *values: object) -> list[Row]:
        lines = self.connection.execute(f"SELECT {COLUMNS} FROM message WHERE {where}", values)
        return [_row(record) for record in lines]

    def _number(self, sql: str) -> int:
        return int(self.connection.execute(sql).fetchone()[0])

    def _column(self, sql: str, *values: object) -> list[int]:
        return [line[0] for line in self.connection.execute(sql, values)]


def _row(record: Record) -> Row:
    seq, epoch, priority, _, kind, topic, alert_id, rev, created, _, _, body = record
    return Row(
        seq, f"{epoch}-{seq}", topic, priority, kind, body, alert_id, rev, created_line=created
    )
