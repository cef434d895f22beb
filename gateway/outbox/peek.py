"""One look into an outbox that is not open yet: the clock must go on before anything else does."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def saved_part(path: Path, name: str) -> bytes | None:
    """A part of the snapshot; None if there is none, or no database that could be read."""
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(path, timeout=1.0)) as connection:
            row = connection.execute("SELECT value FROM part WHERE name = ?", (name,)).fetchone()
    except sqlite3.Error:
        return None  # opening it for real sets a damaged one aside and says so
    return bytes(row[0]) if row else None
