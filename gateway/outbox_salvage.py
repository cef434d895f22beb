"""What can still be read from a damaged or unwritable outbox: waiting messages and the snapshot.

The files themselves are never touched: copies of them are opened. A line is believed only if the
checksum that was stored beside it agrees.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec

from gateway.outbox_rows import COLUMNS, Record
from gateway.outbox_stones import ALL_STONES

MEMORY_DISK = Path("/dev/shm")
"""Where copies fit even if no disk can be written."""
COPIED = ("", "-wal")


class Remains(msgspec.Struct):
    messages: list[Record]
    """Without a receipt; received ones are not worth the risk of reading on."""
    parts: dict[str, bytes]
    stones: list[tuple[int, int, str, float, str, int]]


def salvage(path: Path) -> Remains:
    """Whatever is sound in the database at `path`; empty if nothing is."""
    remains = Remains([], {}, [])
    with suppress(OSError, sqlite3.Error), _copy(path) as connection:
        _read(connection, remains)
    return remains


def _copy(path: Path) -> closing[sqlite3.Connection]:
    """A connection to a copy that vanishes with it."""
    room = MEMORY_DISK if os.access(MEMORY_DISK, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="lamplight-", dir=room) as folder:
        for companion in COPIED:
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{path}{companion}", f"{folder}/copy{companion}")
        connection = sqlite3.connect(
            f"{folder}/copy", isolation_level=None, check_same_thread=False
        )
        with suppress(sqlite3.Error):
            connection.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
            # The first read opens the log too; the files may go once they are open.
            connection.execute("SELECT 1 FROM sqlite_master").fetchall()
    return closing(connection)


def _read(connection: sqlite3.Connection, remains: Remains) -> None:
    whole = f"SELECT {COLUMNS} FROM message NOT INDEXED WHERE receipted = 0 ORDER BY seq"
    found = {line[0]: line for line in _both_ends(connection, whole) if _sound_message(line)}
    remains.messages = sorted(found.values())
    parts = "SELECT name, crc, value FROM part NOT INDEXED ORDER BY rowid"
    remains.parts = {
        name: value
        for name, crc, value in _both_ends(connection, parts)
        if isinstance(value, bytes) and zlib.crc32(value) == crc
    }
    stones = f"{ALL_STONES} ORDER BY first"
    remains.stones = list(dict.fromkeys(_both_ends(connection, stones)))


def _both_ends(connection: sqlite3.Connection, select: str) -> Iterator[Any]:
    """Forwards until a page cannot be read, then backwards from the end until it is met again."""
    for direction in ("ASC", "DESC"):
        try:
            yield from connection.execute(f"{select} {direction}")
        except sqlite3.DatabaseError:
            continue
        return


def _sound_message(line: Record) -> bool:
    *_, crc, body = line
    return isinstance(body, bytes) and zlib.crc32(body) == crc
