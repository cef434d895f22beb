"""What can still be read from a damaged or unwritable outbox: waiting messages and the snapshot.

The files themselves are never touched: copies of them are opened. A line is believed only if the
checksum that was stored beside it agrees.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec

from gateway.outbox.rows import COLUMNS, SCHEMA, Record
from gateway.outbox.stones import ALL_STONES

MEMORY_DISK = Path("/dev/shm")
"""Where copies fit even if no disk can be written."""
COPIED = ("", "-wal")
PAGE = 4096


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
        connection = _opened(Path(folder, "copy"))
        if connection is None:
            _give_new_head(Path(folder, "copy"), Path(folder, "model"))
            connection = _opened(Path(folder, "copy"))
    return closing(connection or sqlite3.connect(":memory:"))


def _opened(path: Path) -> sqlite3.Connection | None:
    """None if even its first page cannot be read."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
        # The first read opens the log too; the files may go once they are open.
        connection.execute("SELECT 1 FROM message LIMIT 0").fetchall()
    except sqlite3.Error:
        connection.close()
        return None
    return connection


def _give_new_head(path: Path, model: Path) -> None:
    """The first page only says where the tables are, and that is the same in every outbox: the
    tables are always made in the same order. https://www.sqlite.org/fileformat.html"""
    with closing(sqlite3.connect(model, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        for statement in SCHEMA:
            connection.execute(statement)
    size = path.stat().st_size
    head = bytearray(model.read_bytes()[:PAGE])
    head[28:40] = struct.pack(">III", size // PAGE, 0, 0)  # pages; no free pages are known
    head[92:96] = head[24:28]  # ... and that number of pages is to be believed
    with path.open("r+b") as file:
        file.write(head)
        file.truncate(size // PAGE * PAGE)


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
