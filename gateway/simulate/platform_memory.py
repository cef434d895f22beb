"""The reference platform's own disk: what it has received, and its work orders."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS message (
        message_id TEXT, hub TEXT, topic TEXT, body BLOB, PRIMARY KEY (hub, message_id)
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS work_order (
        alert_id TEXT PRIMARY KEY, hub TEXT, order_id TEXT, step TEXT) WITHOUT ROWID""",
)


class Received(msgspec.Struct, frozen=True):
    hub: str
    message_id: str
    topic: str
    body: bytes


class Order(msgspec.Struct, frozen=True):
    alert_id: str
    hub: str
    order_id: str
    step: str


class Memory:
    """Every call returns when a power cut can no longer undo it."""

    def __init__(self, path: Path | str) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        for statement in SCHEMA:
            self._database.execute(statement)

    def close(self) -> None:
        self._database.close()

    def keep(self, messages: Sequence[Received]) -> list[bool]:
        """Whether each message is new: the same id from the same hub is the same message."""
        with self._database:
            self._database.execute("BEGIN")
            return [self._keep(message) for message in messages]

    def _keep(self, message: Received) -> bool:
        cursor = self._database.execute(
            "INSERT OR IGNORE INTO message VALUES (?, ?, ?, ?)",
            (message.message_id, message.hub, message.topic, message.body),
        )
        return cursor.rowcount == 1

    def message_ids(self, hub: str) -> list[str]:
        rows = self._database.execute("SELECT message_id FROM message WHERE hub = ?", (hub,))
        return [message_id for (message_id,) in rows]

    def bodies(self, hub: str) -> list[bytes]:
        rows = self._database.execute("SELECT body FROM message WHERE hub = ?", (hub,))
        return [bytes(body) for (body,) in rows]

    def order(self, alert_id: str) -> Order | None:
        row = self._database.execute(
            "SELECT alert_id, hub, order_id, step FROM work_order WHERE alert_id = ?", (alert_id,)
        ).fetchone()
        return None if row is None else Order(*row)

    def note_order(self, order: Order) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO work_order VALUES (?, ?, ?, ?)",
            (order.alert_id, order.hub, order.order_id, order.step),
        )
