"""One way to a platform, as the sender sees it: what it offers, what it reports, how it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from gateway.records import Instant

NOBODY_LISTENS = 16
"""PUBACK reason "no matching subscribers": the broker took the message and dropped it."""
FIRST_REFUSAL = 128
"""PUBACK reasons from here on are refusals (MQTT 5.0, 2.4); 135 is "not authorized"."""


class RouteState(msgspec.Struct, frozen=True):
    """How one route is, for the heartbeat, the page and `lamplight doctor`."""

    name: str
    up: bool
    since: Instant | None = None
    """When it came up or went down."""
    version: str = ""
    """The protocol that was agreed on."""
    fallback: str = ""
    """In words: why an older protocol is spoken than the newest we know."""
    why: str = ""
    """In a person's words, when it is down; with what to do about it."""
    connects: int = 0
    """Connections made since the hub started."""


class Up(msgspec.Struct, frozen=True):
    """The route can carry messages. Whatever was under way on it before may be lost."""

    route: str


class Down(msgspec.Struct, frozen=True):
    route: str


class Passed(msgspec.Struct, frozen=True):
    """The next machine has taken (or refused) a message. That is not delivery."""

    route: str
    token: int
    reason: int

    @property
    def taken(self) -> bool:
        return self.reason < FIRST_REFUSAL and self.reason != NOBODY_LISTENS


class Heard(msgspec.Struct, frozen=True):
    """A message for the hub. `done()` tells the broker not to bring it again."""

    route: str
    topic: str
    payload: bytes
    done: Callable[[], None]


class Woken(msgspec.Struct, frozen=True):
    """There is something new to send."""


Event = Up | Down | Passed | Heard | Woken


class Route(Protocol):
    """Carries messages while it is up; what it reports goes into the queue it was given."""

    name: str

    def room(self, reserve: int = 0) -> int:
        """How many messages it takes right now, if `reserve` places of its window shall stay free
        for more urgent ones (one place is never reserved); 0 while it is down."""

    def publish(self, topic: str, body: bytes, token: int) -> None:
        """Hands over one message, to be answered by Passed(token). Only while there is room."""

    def hurry(self) -> None:
        """An emergency waits: if the route is down, it tries again now and not after its pause."""

    def state(self) -> RouteState: ...

    async def run(self) -> None:
        """Keeps the route up, for ever."""
