"""The journal's database: one short line for each reading, in the order of arrival.

Device, quantity and channel are said once, in a table of series; a reading refers to them. A line
takes some 30 bytes. `Reading.implied` is not kept: it only matters to whoever looks at a decoding.
Nothing here commits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from gateway.database import LOCK_WAIT_S
from gateway.journal.thinning import Series
from gateway.records import Instant, Quantity, Reading, Value

DAY_S = 86_400.0
SCHEMA = (
    """CREATE TABLE IF NOT EXISTS series (
        id INTEGER PRIMARY KEY, device TEXT NOT NULL, quantity TEXT NOT NULL,
        channel TEXT NOT NULL, UNIQUE (device, quantity, channel))""",
    # `value` has no type, so that 1.0 stays a number and 1 the yes that it was.
    """CREATE TABLE IF NOT EXISTS reading (
        id INTEGER PRIMARY KEY, series INTEGER NOT NULL, line REAL NOT NULL, wall REAL NOT NULL,
        trusted INTEGER NOT NULL, value, event TEXT NOT NULL)""",
)
PUT = """INSERT INTO reading (series, line, wall, trusted, value, event)
    VALUES (?, ?, ?, ?, ?, ?)"""
READ = """SELECT device, quantity, channel, line, wall, trusted, value, event
    FROM reading JOIN series ON series.id = reading.series
    WHERE line >= ? AND line < ? ORDER BY reading.id"""
MADE = "SELECT 1 FROM sqlite_master WHERE name = 'reading'"
TRIM_AT_ONCE = 5000
PAGES_AT_ONCE = 64
EVER = float("inf")


class JournalFile:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._series: dict[Series, int] = {}
        self.recall()

    def recall(self) -> None:
        """The series that are there; again after a roll-back, which may have taken some."""
        lines = self.connection.execute("SELECT id, device, quantity, channel FROM series")
        self._series = {
            (device, Quantity(quantity), channel): number
            for number, device, quantity, channel in lines
        }

    def put(self, readings: Sequence[Reading]) -> None:
        lines = [
            (self._number(r), r.at.line, r.at.wall, r.at.trusted, _stored(r.value), r.event)
            for r in readings
        ]
        self.connection.executemany(PUT, lines)

    def _number(self, reading: Reading) -> int:
        series = (reading.device, reading.quantity, reading.channel)
        number = self._series.get(series)
        if number is None:
            cursor = self.connection.execute(
                "INSERT INTO series (device, quantity, channel) VALUES (?, ?, ?) RETURNING id",
                series,
            )
            number = self._series[series] = int(cursor.fetchone()[0])
        return number

    def size(self) -> int:
        """Bytes in use."""
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._pragma(
            "page_size"
        )

    def older_than(self, days: float) -> int:
        """The number of the first reading that is younger; 0 if all are."""
        newest = self._one("SELECT line FROM reading ORDER BY id DESC LIMIT 1")
        if newest is None:
            return 0
        first = self._one(
            "SELECT id FROM reading WHERE line >= ? ORDER BY id LIMIT 1", newest - days * DAY_S
        )
        return int(first or 0)

    def share(self, part: float) -> int:
        """The number of the reading before which this part of all readings lies."""
        first = self._one("SELECT min(id) FROM reading") or 0
        last = self._one("SELECT max(id) FROM reading") or 0
        return int(first + (last - first + 1) * part)

    def trim(self, before: int) -> int:
        """Drops a slice of the readings below this number. Returns how many."""
        dropped = self.connection.execute(
            "DELETE FROM reading WHERE id IN (SELECT id FROM reading WHERE id < ? LIMIT ?)",
            (before, TRIM_AT_ONCE),
        )
        return dropped.rowcount

    def give_back(self) -> None:
        """Unused pages go back to the disk, some at a time: even on a full disk the log has room
        for that many."""
        self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        while before := self._pragma("freelist_count"):
            # One step gives back one page; only executescript() goes on to the last.
            self.connection.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            if self._pragma("freelist_count") == before:
                return

    def _pragma(self, name: str) -> int:
        return int(self.connection.execute(f"PRAGMA {name}").fetchone()[0])

    def _one(self, sql: str, *values: float) -> float | None:
        line = self.connection.execute(sql, values).fetchone()
        return None if line is None else line[0]


def read_journal(path: Path, since: float = -EVER, until: float = EVER) -> Iterator[Reading]:
    """The readings with `since <= at.line < until`, one by one, in the order of arrival; also while
    the daemon goes on writing. Raises sqlite3.Error."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=LOCK_WAIT_S)) as connection:
        if not connection.execute(MADE).fetchone():
            return  # made a moment ago: its daemon has not written the first line yet
        for device, quantity, channel, line, wall, trusted, value, event in connection.execute(
            READ, (since, until)
        ):
            at = Instant(line, wall, bool(trusted))
            yield Reading(device, Quantity(quantity), _value(value), at, channel, event)


def _stored(value: Value) -> int | float | str:
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, str) else float(value)


def _value(stored: int | float | str) -> Value:
    return bool(stored) if isinstance(stored, int) else stored
