"""Where the outbox keeps its rows: on the disk as long as it can be written, else in memory.

    on disk --- full ---> make room, try again --+
       |  +--- damaged ---> set aside, begin anew --+--- still no ---> in memory
       ^                                                                 |
       +------------------- tried again every few seconds --------------+

An emergency must go out even from a hub whose disk is dying, so a row that cannot be made durable
is kept in memory and offered for sending all the same. It is named after an epoch of its own: if
the power fails before the disk recovers, its number will be given out again under the disk's epoch,
and no two messages ever share an id.

Only the writer's thread comes here; `Rows` says what a row is.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from gateway.database import (
    OUTBOX,
    FaultKind,
    Reserve,
    StorageFault,
    connect,
    diagnose,
    roll_back,
    set_aside,
)
from gateway.outbox.rows import PUT, SCHEMA, Rows
from gateway.outbox.salvage import salvage
from gateway.outbox.stones import PUT_STONE
from gateway.records import Clock
from gateway.records.messages import Limits

RESERVE_BYTES = 512 << 10
CHECKPOINT_AFTER = 64
"""Written transactions after which a quiet moment is used to copy the log back."""

StorageErrors = (sqlite3.Error, OSError)
Cure = Callable[[StorageFault], None]


class Work(msgspec.Struct, frozen=True):
    """Something to be done on the rows. It may be done twice: only the last time counts."""

    do: Callable[[Rows], Any]
    durable: bool = False
    """Whether a power cut must not undo it. A receipt need not be: it would only come again."""
    priority: int = 0


class Store:
    """`rows` is what holds now; `fault` why it is not on the disk; `incidents` what happened."""

    def __init__(
        self,
        path: Path,
        limits: Limits,
        make_room: Callable[[], None],
        clock: Clock,
        max_pages: int = 0,
    ) -> None:
        self.path = path
        self.fault: StorageFault | None = None
        self.incidents: list[str] = []
        self._limits = limits
        self._make_room = make_room
        self._clock = clock
        self._max_pages = max_pages
        self._unsettled = 0
        self._reserve = Reserve(path, RESERVE_BYTES)
        self.rows: Rows
        self.open()

    @property
    def on_disk(self) -> bool:
        return self.fault is None

    @property
    def unsettled(self) -> bool:
        """A quiet moment would be of use."""
        return self._unsettled >= CHECKPOINT_AFTER or not self.on_disk

    # ------------------------------------------------------------ work

    def run(self, works: Sequence[Work]) -> list[Any]:
        """Does them all in one transaction, or none of them, and returns their results.

        Afterwards `on_disk` says whether that transaction is durable. Raises only on a mistake of
        ours, with nothing done.
        """
        cures: Iterator[Cure] | None = None
        while self.on_disk:
            try:
                return self._transaction(self.rows, works)
            except StorageErrors as error:
                fault = self._diagnosed(error)
            cures = cures or self._cures(fault.kind, min(work.priority for work in works))
            next(cures, self._leave_disk)(fault)
        return self._transaction(self.rows, works)

    def _transaction(self, rows: Rows, works: Sequence[Work]) -> list[Any]:
        connection = rows.connection
        before = connection.total_changes
        # In WAL mode NORMAL does not sync at a commit; the next FULL one covers it.
        mode = "FULL" if any(work.durable for work in works) else "NORMAL"
        try:
            connection.execute(f"PRAGMA synchronous={mode}")
            connection.execute("BEGIN IMMEDIATE")
            results = [work.do(rows) for work in works]
            connection.execute("COMMIT")
        except BaseException:
            roll_back(connection)
            with suppress(sqlite3.Error):
                rows.recount()
            raise
        self._unsettled += connection.total_changes != before
        return results

    def _diagnosed(self, error: sqlite3.Error | OSError) -> StorageFault:
        fault = diagnose(error, self.path)
        if fault is None:
            raise error
        return fault

    # ------------------------------------------------------------ cures

    def _cures(self, kind: FaultKind, priority: int) -> Iterator[Cure]:
        """What to try, one after the other. Only for the sake of something more important is a
        waiting p3, and then a p2, given up; new notes take the place of old ones."""
        if kind is FaultKind.FULL:
            yield partial(self._first_aid, priority)
            yield from (
                partial(self._shed, p) for p in (3, 2) if priority < p or priority == 3 == p
            )
        elif kind is FaultKind.CORRUPT:
            yield self._replace

    def _first_aid(self, priority: int, fault: StorageFault) -> None:
        """The reserve is just enough to copy the log back and to shed: then the log can be used
        from its beginning again, and rows take the place of those that went."""
        self._reserve.release()
        self._make_room()
        self._settle()
        if priority < 3:
            self._shed(3, fault)

    def _shed(self, priority: int, _: StorageFault) -> None:
        shed = Work(lambda rows: rows.shed(priority, self._clock.now().line))
        with suppress(*StorageErrors):
            count = self._transaction(self.rows, [shed])[0]
            self._settle()
            if count:
                self.incidents.append(f"disk full: {count} waiting p{priority} messages given up")

    def _replace(self, _: StorageFault) -> None:
        """The file is damaged: it is set aside, the new one starts with what could be saved."""
        self.rows.connection.close()
        self._begin_anew_or_in_memory()

    def _leave_disk(self, fault: StorageFault) -> None:
        """From here on in memory, with everything that can be read from the disk."""
        memory = self._copied() if fault.kind in (FaultKind.FULL, FaultKind.READ_ONLY) else None
        self.rows.connection.close()
        self._now_in_memory(memory or self._salvaged(), fault)

    def _copied(self) -> sqlite3.Connection | None:
        memory = _in_memory()
        try:
            self.rows.connection.backup(memory)
        except sqlite3.Error:
            memory.close()
            return None
        return memory

    def _salvaged(self) -> sqlite3.Connection:
        memory = _in_memory()
        for statement in SCHEMA:
            memory.execute(statement)
        remains = salvage(self.path)
        memory.executemany(PUT, remains.messages)
        memory.executemany(PUT_STONE, remains.stones)
        Rows(memory, "", self._limits).put_parts(remains.parts)
        return memory

    def _now_in_memory(self, memory: sqlite3.Connection, fault: StorageFault) -> None:
        self.fault = fault
        self.incidents.append(str(fault))
        self.rows = Rows(memory, _new_epoch(), self._limits)

    # ------------------------------------------------------------ open, return, close

    def open(self) -> None:
        """Raises StorageFault if another process has the database open; anything else that ails
        the disk is dealt with."""
        try:
            self.rows = self._open_disk()
        except StorageErrors as error:
            fault = self._diagnosed(error)
            if fault.kind is FaultKind.BUSY:
                raise fault from error
            if fault.kind is FaultKind.CORRUPT:
                self._begin_anew_or_in_memory()
            else:
                self._now_in_memory(self._salvaged(), fault)

    def _open_disk(self) -> Rows:
        connection = connect(self.path, SCHEMA, OUTBOX, self._max_pages)
        try:
            rows = Rows(connection, _epoch(connection), self._limits)
        except BaseException:
            connection.close()
            raise
        self._reserve.take()
        return rows

    def _begin_anew_or_in_memory(self) -> None:
        saved = self._salvaged()
        try:
            self.rows = self._begin_anew(saved)
        except StorageErrors as error:
            self._now_in_memory(saved, self._diagnosed(error))
            return
        saved.close()

    def _begin_anew(self, saved: sqlite3.Connection) -> Rows:
        """Sets the damaged file aside. Raises sqlite3.Error or OSError."""
        aside = set_aside(self.path)
        rows = self._open_disk()
        self._take_over(rows, saved)
        self.incidents.append(
            f"{self.path.name} was damaged and is set aside as {aside.name}; "
            f"{sum(rows.depth.values())} waiting messages were saved"
        )
        return rows

    def _take_over(self, rows: Rows, other: sqlite3.Connection) -> None:
        try:
            self._transaction(rows, [Work(lambda rows: rows.take_over(other), durable=True)])
        except BaseException:
            rows.connection.close()
            raise

    def quiet(self) -> None:
        """Nobody waits: copy the log back, or see whether the disk can be written again."""
        if self.on_disk:
            self._settle()
            self._reserve.take()
        else:
            self.return_to_disk()

    def _settle(self) -> None:
        with suppress(sqlite3.Error):
            self.rows.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        self._unsettled = 0

    def return_to_disk(self) -> None:
        """If it can be written again, everything that memory holds goes there."""
        memory = self.rows
        try:
            self.rows = self._reopened(memory.connection)
        except StorageErrors as error:
            self.fault = self._diagnosed(error)
            return
        memory.connection.close()
        self.fault = None
        self.incidents.append("the disk can be written again; nothing in memory was lost")

    def _reopened(self, memory: sqlite3.Connection) -> Rows:
        try:
            rows = self._open_disk()
        except sqlite3.DatabaseError as error:
            if self._diagnosed(error).kind is FaultKind.CORRUPT:
                return self._begin_anew(memory)
            raise
        self._take_over(rows, memory)
        return rows

    def close(self) -> None:
        """A last try to write what is only in memory. SQLite copies its log back."""
        if not self.on_disk:
            self.return_to_disk()
        self.rows.connection.close()


def _in_memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


def _epoch(connection: sqlite3.Connection) -> str:
    """The database's own; given to it when it is new."""
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", (_new_epoch(),))
    (epoch,) = connection.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
    return str(epoch)


def _new_epoch() -> str:
    return secrets.token_hex(6)
