"""Small classes with real behaviour that stand at the edges in tests; nothing cleverer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from gateway.records import (
    Alert,
    BadFrame,
    Device,
    DeviceKind,
    Driver,
    Enrolled,
    Finding,
    Frame,
    Instant,
    Quantity,
    RadioState,
    Reading,
)
from gateway.uplink.route import Event, Heard, Passed, RouteState, Up

MORNING = 1_790_000_000.0
"""A Tuesday in September 2026, in the morning in Shanghai."""


def at(seconds: float, trusted: bool = True) -> Instant:
    """The moment `seconds` after the test began."""
    return Instant(1000.0 + seconds, MORNING + seconds, trusted)


class FakeClock:
    """A hand-wound clock: sleeping moves it, and lets the others run."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> Instant:
        return at(self.seconds)

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


class ScriptedRadio:
    """Yields what the script says; an exception in it is raised, and the script goes on."""

    def __init__(self, script: Iterable[Frame | Exception], name: str = "scripted") -> None:
        self.name = name
        self._script = iter(script)

    async def frames(self) -> AsyncIterator[Frame]:
        for entry in self._script:
            await asyncio.sleep(0)
            if isinstance(entry, Exception):
                raise entry
            yield entry
        await asyncio.Event().wait()

    def state(self) -> RadioState:
        return RadioState(self.name, alive=True)


def decode_plain(frame: Frame, enrolled: Enrolled) -> list[Reading]:
    """Payload `device quantity value`: the simplest protocol there can be."""
    try:
        address, quantity, value = frame.payload.decode().split()
        reading = (Quantity(quantity), {"on": True, "off": False}[value])
    except (ValueError, KeyError):
        raise BadFrame("plain") from None
    return [Reading(enrolled.find(frame, address).id, *reading, frame.at)]


PLAIN = Driver(name="plain", transport="serial", title="test protocol", decode=decode_plain)


def button(name: str = "bedside") -> Device:
    return Device(name, "plain", name, DeviceKind.CALL_BUTTON)


def plain(text: str, when: Instant) -> Frame:
    return Frame("plain", "port", text.encode(), when)


class Opinions:
    """A detector that says what it is told to say; an exception in the list is raised."""

    def __init__(self, name: str, *opinions: Finding | Exception) -> None:
        self.name = name
        self.heard: list[Reading] = []
        self._opinions = list(opinions)

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        self.heard.append(reading)
        return self._say()

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        return self._say()

    def _say(self) -> Iterable[Finding]:
        if self._opinions:
            opinion = self._opinions.pop(0)
            if isinstance(opinion, Exception):
                raise opinion
            yield opinion

    def state(self) -> object:
        return [len(self.heard)]

    def restore(self, state: object) -> None:
        if not isinstance(state, list):
            raise TypeError


def numbered() -> Callable[[Instant], str]:
    """Ids in the order of asking, instead of ULIDs."""
    count = iter(range(1, 10_000))
    return lambda _at: f"ALERT{next(count):04d}"


def revisions(alerts: Iterable[Alert]) -> list[tuple[str, int, str]]:
    return [(alert.id, alert.rev, alert.state.value) for alert in alerts]


class Line:
    """A way to a platform that is only pretended: it fails as often as it is told, and then the
    platform receipts everything at once."""

    name = "line"

    def __init__(self, fails: int = 0, receipts: bool = True) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.published: list[tuple[str, dict[str, Any]]] = []
        self._fails = fails
        self._receipts = receipts
        self._up = False
        self._commands = 0
        self.hurries = 0

    def room(self, reserve: int = 0) -> int:
        return 10

    def publish(self, topic: str, body: bytes, token: int) -> None:
        message = json.loads(body)
        self.published.append((topic, message))
        self.events.put_nowait(Passed(self.name, token, 0))
        if self._receipts and "/hb" not in topic:
            self.command("receipt", {"message_ids": [message["id"]]})

    def command(self, name: str, data: dict[str, Any]) -> None:
        """The platform says something."""
        self._commands += 1
        event = {
            "specversion": "1.0",
            "type": f"lamplight.{name}.v1",
            "id": f"c-{self._commands}",
            "source": "/platform",
            "time": "2026-09-22T02:00:00Z",
            "data": data,
        }
        payload = json.dumps(event).encode()
        self.events.put_nowait(
            Heard(self.name, f"v1/street-7/hub-1/cmd/{name}", payload, lambda: None)
        )

    def hurry(self) -> None:
        self.hurries += 1

    def state(self) -> RouteState:
        return RouteState(self.name, self._up)

    async def run(self) -> None:
        if self._fails:
            self._fails -= 1
            raise ConnectionRefusedError("no network")
        self._up = True
        self.events.put_nowait(Up(self.name))
        await asyncio.Event().wait()

    def sent(self, part: str) -> list[dict[str, Any]]:
        """The messages on topics with this part, in order."""
        return [message for topic, message in self.published if part in topic]

    def alerts(self) -> list[dict[str, Any]]:
        return self.sent("/alert/")
