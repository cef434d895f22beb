"""Tombstones: which numbers of the outbox are gone, and why, in a bounded number of lines."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from gateway.records.messages import Gone, Tombstone

STONES = """CREATE TABLE IF NOT EXISTS tombstone (
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, reason TEXT NOT NULL,
    at REAL NOT NULL, alert_id TEXT NOT NULL, rev INTEGER NOT NULL)"""
PUT_STONE = "INSERT OR REPLACE INTO tombstone VALUES (?, ?, ?, ?, ?, ?)"
ALL_STONES = "SELECT first, last, reason, at, alert_id, rev FROM tombstone"


class Stones:
    """A stone may cover rows that still live: a row always goes before a stone."""

    def __init__(self, connection: sqlite3.Connection, limit: int) -> None:
        self._connection = connection
        self._limit = limit

    def find(self, first: int, last: int, limit: int) -> list[Tombstone]:
        """Those that touch this range, both ends included."""
        lines = self._connection.execute(
            f"{ALL_STONES} WHERE first <= ? AND last >= ? ORDER BY first LIMIT ?",
            (last, first, limit),
        )
        return [Tombstone(a, b, Gone(why), at, alert, rev) for a, b, why, at, alert, rev in lines]

    def bury(self, stone: Tombstone) -> None:
        self._connection.execute(PUT_STONE, msgspec.structs.astuple(stone))

    def bury_received(self, seqs: Sequence[int], line: float) -> None:
        """Rising numbers; runs of them lie under one stone."""
        for seq in seqs:
            grown = self._connection.execute(
                "UPDATE tombstone SET last = ?, at = ? WHERE first ="
                " (SELECT max(first) FROM tombstone WHERE first < ?) AND last = ? AND reason = ?",
                (seq, line, seq, seq - 1, Gone.RECEIPTED),
            )
            if not grown.rowcount:
                self.bury(Tombstone(seq, seq, Gone.RECEIPTED, line))
        self.merge()

    def merge(self) -> None:
        """Too many: the older half is laid together in pairs."""
        (count,) = self._connection.execute("SELECT count(*) FROM tombstone").fetchone()
        if count <= self._limit:
            return
        old = self.find(0, 1 << 62, count // 2)
        for one, other in zip(old[::2], old[1::2], strict=False):
            reason = one.reason if one.reason == other.reason else Gone.SEVERAL
            self._connection.execute("DELETE FROM tombstone WHERE first = ?", (other.first,))
            last = max(one.last, other.last)
            self.bury(Tombstone(one.first, last, reason, other.at_line))

    def take_over(self, other: sqlite3.Connection) -> None:
        """The stones of another database in place of these."""
        stones = other.execute(ALL_STONES).fetchall()
        if stones != self._connection.execute(ALL_STONES).fetchall():
            self._connection.execute("DELETE FROM tombstone")
            self._connection.executemany(PUT_STONE, stones)
