"""The daemon of the press bench: the real one, with a stamp where a press passes.

    python -m bench.press_hub PLAN STAMPS      writes the stamps when it is ended

It is composed as `gateway.app.open_app` composes it; only the outbox and the queue into which the
route reports are wrapped, to note the moment (monotonic nanoseconds) at which a commit returned, a
PUBACK came and a receipt came.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import msgspec

import drivers
from gateway import __version__
from gateway.alerts import ulid
from gateway.app import App, open_ports
from gateway.clock import SystemClock
from gateway.home import Home
from gateway.journal import Journal
from gateway.machine import power_readings
from gateway.outbox import Draft, Outbox, Row
from gateway.plan.file import load
from gateway.uplink.mqtt import MqttRoute
from gateway.uplink.route import Event, Heard, Passed, Route
from gateway.watch import Watch


class Stamps(msgspec.Struct):
    """By sequence number of the outbox."""

    presses: dict[str, list[int]] = {}
    """Device -> the rows with which its presses were first told, in order."""
    durable: dict[int, int] = {}
    puback: dict[int, int] = {}
    receipt: dict[int, int] = {}


class StampedOutbox:
    """An Outbox that notes when a commit returned."""

    def __init__(self, outbox: Outbox, stamps: Stamps) -> None:
        self._outbox = outbox
        self._stamps = stamps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)

    async def commit(
        self, drafts: Sequence[Draft], snapshot: Mapping[str, bytes] | None = None
    ) -> list[Row]:
        rows = await self._outbox.commit(drafts, snapshot)
        at = time.monotonic_ns()
        self._stamps.durable |= {row.seq: at for row in rows}
        return rows


class StampedEvents:
    """The queue of the route's reports, which notes PUBACKs and receipts."""

    def __init__(self, events: asyncio.Queue[Event], stamps: Stamps) -> None:
        self._events = events
        self._stamps = stamps
        self.qsize = events.qsize

    def put_nowait(self, event: Event) -> None:
        match event:
            case Passed(token=seq) if seq >= 0:
                self._stamps.puback.setdefault(seq, time.monotonic_ns())
            case Heard(topic=topic, payload=payload) if topic.endswith("/cmd/receipt"):
                at = time.monotonic_ns()
                for named in msgspec.json.decode(payload)["data"]["message_ids"]:
                    self._stamps.receipt.setdefault(int(named.rpartition("-")[2]), at)
        self._events.put_nowait(event)


def open_app(home: Home, stamps: Stamps) -> App:
    """As gateway.app.open_app does it."""
    data = Path(home.hub.data)
    data.mkdir(mode=0o700, parents=True)
    known = drivers.load({device.driver for device in home.devices})
    clock = SystemClock(None, home.clock.trust)
    journal = Journal.open(data / "journal.sqlite")
    outbox = Outbox.open(data / "outbox.sqlite", clock, make_room=journal.make_room)

    def routes(events: asyncio.Queue[Event]) -> list[Route]:
        reported = cast("asyncio.Queue[Event]", StampedEvents(events, stamps))
        return [
            MqttRoute(uplink, home.hub, clock, reported, __version__, outbox.epoch)
            for uplink in home.uplinks
        ]

    watch = Watch(home, known, lambda at: ulid(at.wall, os.urandom(10)))
    stamped = cast(Outbox, StampedOutbox(outbox, stamps))
    ports = open_ports(home, known, clock)
    app = App(home, clock, watch, stamped, journal, ports, routes, power_readings)
    return app


def presses(path: Path) -> dict[str, list[int]]:
    """Device -> the sequence numbers of the first revision of each of its calls."""
    import sqlite3

    found: dict[str, list[int]] = {}
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        for seq, body in database.execute(
            "SELECT seq, body FROM message WHERE kind = 'alert' AND rev = 1 ORDER BY seq"
        ):
            alert = msgspec.json.decode(body)["data"]
            if alert["type"] == "sos.pressed":
                found.setdefault(str(alert["device_no"]), []).append(seq)
    return found


async def run(home: Home, stamps: Stamps) -> None:
    app = open_app(home, stamps)
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    gc.collect()
    gc.freeze()  # as `lamplight run` does
    try:
        await app.run()
    finally:
        await app.close()


def main(plan: Path, file: Path) -> None:
    home = load(plan.read_text(), drivers.load())
    stamps = Stamps()
    with suppress(asyncio.CancelledError):
        asyncio.run(run(home, stamps))
    stamps.presses = presses(Path(home.hub.data) / "outbox.sqlite")
    file.write_bytes(msgspec.json.encode(stamps))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
