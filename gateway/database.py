"""SQLite on an SD card: open it so that it lasts, say what ails it, set a damaged one aside.

The choices, and why:

- WAL: a commit appends to one file and syncs that one file; a torn tail is recognised by its
  checksums and ignored at the next start.
- `synchronous=FULL` where a promise hangs on it (the outbox): SQLite syncs the log at each commit.
  NORMAL elsewhere (the journal): a power cut may cost the last moments, never the file.
- `locking_mode=EXCLUSIVE` for the outbox: two daemons on one home would each send every alert. It
  also does away with the shared-memory file, so there is one thing less to be torn. The journal may
  be read while it is written.
- `auto_vacuum=INCREMENTAL` for the journal: it can give room back to a full disk.
- `wal_autocheckpoint` of the outbox far above what happens between two quiet moments: copying the
  log back costs two more syncs, which shall not fall on a press. The writer does it when nobody
  waits.
- `journal_size_limit`: up to 1 MB of the log stays on the disk and is used from its beginning
  again, so that on a full disk there is still a place to write deletions to.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

WAL_PAGES_AT_MOST = 4000
"""16 MB: the log never grows beyond it, even if there is never a quiet moment."""
MOST_PAGES = 1 << 30
LOCK_WAIT_S = 2.0
"""A daemon that was just killed still holds its lock for a moment."""
SET_ASIDE_AT_MOST = 3
HEADER_BYTES = 512
"""No sound database is shorter than the smallest page."""
COMPANIONS = ("", "-wal", "-shm", "-journal")


class FaultKind(StrEnum):
    FULL = "full"
    CORRUPT = "corrupt"
    READ_ONLY = "read_only"
    BUSY = "busy"
    FAILING = "failing"
    """The medium answers with input/output errors."""


WORDS = {
    FaultKind.FULL: (
        "the disk is full",
        "Free some space on it (`df -h`, `lamplight doctor`).",
    ),
    FaultKind.CORRUPT: (
        "the database is damaged",
        "It is set aside and a new one is begun; if it happens again, replace the SD card.",
    ),
    FaultKind.READ_ONLY: (
        "it cannot be written",
        "Look at owner and permissions; a file system that turned read-only means a dying SD card.",
    ),
    FaultKind.BUSY: (
        "another process has it open",
        "Stop the other lamplight first (`systemctl status lamplight`).",
    ),
    FaultKind.FAILING: (
        "reading or writing fails",
        "Look at `dmesg`; the SD card is probably dying: replace it.",
    ),
}


class StorageFault(Exception):
    """What was asked for is not on the disk. `remedy` says what a person can do about it."""

    def __init__(self, kind: FaultKind, path: Path | str, detail: str = "") -> None:
        what, self.remedy = WORDS[kind]
        super().__init__(f"{path}: {what}{f' ({detail})' if detail else ''}. {self.remedy}")
        self.kind = kind


BY_ERRNO = {
    errno.ENOSPC: FaultKind.FULL,
    errno.EDQUOT: FaultKind.FULL,
    errno.EFBIG: FaultKind.FULL,
    errno.EROFS: FaultKind.READ_ONLY,
    errno.EACCES: FaultKind.READ_ONLY,
    errno.EPERM: FaultKind.READ_ONLY,
}
# Primary result codes, https://www.sqlite.org/rescode.html
BY_RESULT = {
    sqlite3.SQLITE_FULL: FaultKind.FULL,
    sqlite3.SQLITE_CORRUPT: FaultKind.CORRUPT,
    sqlite3.SQLITE_NOTADB: FaultKind.CORRUPT,
    sqlite3.SQLITE_READONLY: FaultKind.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: FaultKind.READ_ONLY,
    sqlite3.SQLITE_PERM: FaultKind.READ_ONLY,
    sqlite3.SQLITE_BUSY: FaultKind.BUSY,
    sqlite3.SQLITE_LOCKED: FaultKind.BUSY,
    sqlite3.SQLITE_IOERR: FaultKind.FAILING,
    sqlite3.SQLITE_PROTOCOL: FaultKind.FAILING,
}


def diagnose(error: sqlite3.Error | OSError, path: Path) -> StorageFault | None:
    """What ails the storage, or None if the error is a mistake of ours."""
    if isinstance(error, OSError):
        return StorageFault(BY_ERRNO.get(error.errno or 0, FaultKind.FAILING), path, str(error))
    code = getattr(error, "sqlite_errorcode", None)
    kind = BY_RESULT.get(code & 0xFF) if code is not None else None
    return None if kind is None else StorageFault(kind, path, str(error))


def create_private(path: Path) -> None:
    """The file and its directory, readable by nobody else. Raises OSError, also if the file is
    there but may not be written."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = not path.exists()
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if new:
        sync_directory(path.parent)


class Reserve:
    """A file beside the database that is given up when the disk is full, because deleting needs
    room too: in SQLite's log, and to copy that log back."""

    def __init__(self, path: Path, size: int) -> None:
        self._file = path.with_name(f"{path.name}.reserve")
        self._size = size

    def take(self) -> None:
        """Whenever there is room for it."""
        with suppress(OSError):
            if self._file.exists() and self._file.stat().st_size == self._size:
                return
            create_private(self._file)
            file = os.open(self._file, os.O_RDWR)
            try:
                os.posix_fallocate(file, 0, self._size)
            finally:
                os.close(file)

    def release(self) -> None:
        with suppress(OSError):
            self._file.unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """A new or renamed file is only certain once its directory is on the disk too."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


OUTBOX = (
    "locking_mode=EXCLUSIVE",
    "journal_mode=WAL",
    "synchronous=FULL",
    f"wal_autocheckpoint={WAL_PAGES_AT_MOST}",
)
JOURNAL = (
    "auto_vacuum=INCREMENTAL",
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "wal_autocheckpoint=256",
)


def connect(
    path: Path, schema: Sequence[str], pragmas: Sequence[str], max_pages: int = 0
) -> sqlite3.Connection:
    """An open, sound database with its tables. Raises sqlite3.Error or OSError.

    `max_pages` bounds the file (0 = as large as the disk).
    """
    create_private(path)
    if 0 < path.stat().st_size < HEADER_BYTES:
        raise _damage("cut short")  # SQLite would take it for a new one
    connection = sqlite3.connect(
        path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection, schema, (*pragmas, f"max_page_count={max_pages or MOST_PAGES}"))
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, schema: Sequence[str], pragmas: Sequence[str]) -> None:
    for pragma in (
        *pragmas,
        "journal_size_limit=1048576",
        "cache_size=-1024",
        "temp_store=MEMORY",
        "cell_size_check=ON",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    check(connection)
    connection.execute("BEGIN IMMEDIATE")
    for statement in schema:
        connection.execute(statement)
    connection.execute("COMMIT")


def check(connection: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError if the pages do not hang together."""
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise _damage(verdict)


def _damage(words: str) -> sqlite3.DatabaseError:
    damage = sqlite3.DatabaseError(words)
    damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return damage


def roll_back(connection: sqlite3.Connection) -> None:
    """Nothing half-written stays, whatever state an error has left behind."""
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def set_aside(path: Path) -> Path:
    """Moves a damaged database and its log to `<name>.corrupt-<n>`; keeps the last few.

    Raises OSError.
    """
    earlier = sorted(_numbers(path))
    for number in earlier[: len(earlier) + 1 - SET_ASIDE_AT_MOST]:
        for companion in COMPANIONS:
            Path(f"{_aside(path, number)}{companion}").unlink(missing_ok=True)
    aside = _aside(path, earlier[-1] + 1 if earlier else 1)
    for companion in COMPANIONS:
        with suppress(FileNotFoundError):
            os.rename(f"{path}{companion}", f"{aside}{companion}")
    sync_directory(path.parent)
    return aside


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.corrupt-{number}")


def _numbers(path: Path) -> list[int]:
    endings = (
        entry.name.rpartition("-")[2] for entry in path.parent.glob(f"{path.name}.corrupt-*")
    )
    return [int(ending) for ending in endings if ending.isdigit()]
