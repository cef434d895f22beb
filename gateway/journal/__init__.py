"""The journal: the home's own readings, for learning and replay. They never leave the hub.

A thread of its own writes them in batches, so that a reading costs no sync and an SD card lasts: a
power cut may cost the last half minute. Nothing that goes wrong here may hold up an alert: readings
that cannot be written wait in a bounded place, and then the oldest telemetry is lost and counted.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from heapq import merge
from pathlib import Path

import msgspec

from gateway.database import (
    JOURNAL,
    FaultKind,
    Reserve,
    StorageFault,
    connect,
    diagnose,
    roll_back,
    set_aside,
)
from gateway.journal.file import EVER, SCHEMA, JournalFile, read_journal
from gateway.journal.thinning import Thinning, is_event
from gateway.records import Reading

BATCH_S = 30.0
"""Telemetry waits for so long; what somebody did is written at once."""
BATCH_ROWS = 500
WAITING_AT_MOST = 10_000
TIDY_S = 3600.0
MAKE_ROOM_PART = 0.25
RESERVE_BYTES = 1280 << 10
StorageErrors = (sqlite3.Error, OSError)


class Retention(msgspec.Struct, frozen=True):
    """What comes first."""

    days: float = 90.0
    bytes: int = 256 << 20


class Waiting:
    """Readings on their way to the disk: events always, of telemetry the newest."""

    def __init__(self, at_most: int) -> None:
        self._events: list[tuple[int, Reading]] = []
        self._telemetry: deque[tuple[int, Reading]] = deque(maxlen=at_most)
        self._count = 0
        self.lost = 0

    def __len__(self) -> int:
        return len(self._events) + len(self._telemetry)

    def add(self, reading: Reading) -> None:
        self._count += 1
        if is_event(reading):
            self._events.append((self._count, reading))
            return
        self.lost += len(self._telemetry) == self._telemetry.maxlen
        self._telemetry.append((self._count, reading))

    @property
    def hurried(self) -> bool:
        return bool(self._events) or len(self._telemetry) >= BATCH_ROWS

    def take(self) -> list[Reading]:
        """All of them, in the order of arrival."""
        readings = [reading for _, reading in merge(self._events, self._telemetry, key=_number)]
        self._events.clear()
        self._telemetry.clear()
        return readings

    def put_back(self, readings: list[Reading]) -> None:
        """They could not be written; those that came since then are newer."""
        newer = self.take()
        for reading in (*readings, *newer):
            self.add(reading)


def _number(numbered: tuple[int, Reading]) -> int:
    return numbered[0]


class Journal:
    """Made by `Journal.open`. `fault` says why nothing can be written, `incidents` what was."""

    def __init__(self, path: Path, retention: Retention, waiting_at_most: int) -> None:
        self.path = path
        self.fault: StorageFault | None = None
        self.incidents: list[str] = []
        self._retention = retention
        self._thinning = Thinning()
        self._waiting = Waiting(waiting_at_most)
        self._wake = threading.Condition()
        self._flushes: list[threading.Event] = []
        self._room_wanted = False
        self._ending = False
        self._tidied = -TIDY_S
        self._file: JournalFile | None = None
        self._reserve = Reserve(path, RESERVE_BYTES)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    @classmethod
    def open(
        cls,
        path: Path | str,
        retention: Retention | None = None,
        waiting_at_most: int = WAITING_AT_MOST,
    ) -> Journal:
        """Raises nothing: the database is opened on the journal's own thread, see `fault`."""
        journal = cls(Path(path), retention or Retention(), waiting_at_most)
        journal._thread.start()
        return journal

    @property
    def lost(self) -> int:
        """Readings that were given up because the disk did not take them for too long."""
        return self._waiting.lost

    def add(self, reading: Reading) -> None:
        """Never blocks on the disk. What says nothing new is left out (`Thinning`)."""
        if not self._thinning.keeps(reading):
            return
        with self._wake:
            self._waiting.add(reading)
            if len(self._waiting) == 1 or self._waiting.hurried:
                self._wake.notify()

    def make_room(self) -> None:
        """The disk is full and the outbox needs it: the oldest part goes. Does not block."""
        with self._wake:
            self._room_wanted = True
            self._wake.notify()

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Blocks until what was added so far was written, or could not be (see `fault`)."""
        done = threading.Event()
        with self._wake:
            self._flushes.append(done)
            self._wake.notify()
        return done.wait(timeout_s)

    def readings(self, since: float = -EVER, until: float = EVER) -> Iterator[Reading]:
        """Those with `since <= at.line < until`, one by one, in the order of arrival."""
        self.flush()
        return read_journal(self.path, since, until)

    def close(self) -> None:
        with self._wake:
            self._ending = True
            self._wake.notify()
        self._thread.join()

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        while not self._ending:
            self._sleep()
            self._round()
        self._round()
        if self._file is not None:
            self._file.connection.close()

    def _sleep(self) -> None:
        with self._wake:
            if self.fault is None:
                self._wake.wait_for(lambda: self._called() or len(self._waiting))
                self._wake.wait_for(lambda: self._called() or self._waiting.hurried, BATCH_S)
            else:
                self._wake.wait_for(self._called, BATCH_S)

    def _called(self) -> bool:
        return self._ending or self._room_wanted or bool(self._flushes)

    def _round(self) -> None:
        with self._wake:
            readings = self._waiting.take()
            flushes, self._flushes = self._flushes, []
        if not self._done(lambda file: file.put(readings)):
            with self._wake:
                self._waiting.put_back(readings)
        self._tidy()
        for done in flushes:
            done.set()

    def _tidy(self) -> None:
        """By age, by size, and when the outbox asks for room."""
        now = time.monotonic()
        if self._room_wanted:
            self._room_wanted = False
            self._reserve.release()
            self._trim(lambda file: file.share(MAKE_ROOM_PART))
        elif now - self._tidied > TIDY_S:
            self._tidied = now
            self._trim(lambda file: file.older_than(self._retention.days))
            self._trim(self._too_much)
            self._reserve.take()

    def _too_much(self, file: JournalFile) -> int:
        size = file.size()
        return file.share(1 - self._retention.bytes / size) if size > self._retention.bytes else 0

    def _trim(self, before: Callable[[JournalFile], int]) -> None:
        if self._file is None:
            return
        with suppress(*StorageErrors):
            self._file.give_back()
            number = before(self._file)
            while number and self._file.trim(number):
                self._file.give_back()

    def _done(self, work: Callable[[JournalFile], None]) -> bool:
        """Whether it is in the database. Otherwise `fault` says why not."""
        try:
            self._file = self._file or self._opened()
            self._transaction(self._file, work)
        except StorageErrors as error:
            self._fail(error)
            return False
        self.fault = None
        return True

    def _opened(self) -> JournalFile:
        connection = connect(self.path, SCHEMA, JOURNAL)
        try:
            return JournalFile(connection)
        except BaseException:
            connection.close()
            raise

    def _transaction(self, file: JournalFile, work: Callable[[JournalFile], None]) -> None:
        try:
            file.connection.execute("BEGIN IMMEDIATE")
            work(file)
            file.connection.execute("COMMIT")
        except sqlite3.Error:
            roll_back(file.connection)
            with suppress(sqlite3.Error):
                file.recall()
            raise

    def _fail(self, error: sqlite3.Error | OSError) -> None:
        found = diagnose(error, self.path)
        self.fault = found or StorageFault(FaultKind.FAILING, self.path, str(error))
        if self.fault.kind is FaultKind.CORRUPT:
            self._begin_anew()

    def _begin_anew(self) -> None:
        if self._file is not None:
            self._file.connection.close()
            self._file = None
        with suppress(OSError):
            aside = set_aside(self.path)
            self.incidents.append(f"{self.path.name} was damaged and is set aside as {aside.name}")
