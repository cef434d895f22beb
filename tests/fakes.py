"""Small classes with real behaviour that stand at the edges in tests; nothing cleverer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

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
