"""Empties the outbox: which row goes next, on which way, and what comes back.

    app: commit -> notify(rows) --> Sender --> routes --> platform
    app: <-- arrivals (answers, tests) <-- receipts, work orders, commands

A row leaves the outbox only on the platform's receipt. After every reconnection all rows without a
receipt are offered again, most urgent first, with the ids they always had. Times are those of the
machine (the event loop's), not the home's timeline: a network does not run faster in a demo.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from gateway import wire
from gateway.home import Hub
from gateway.outbox import Outbox, Row, Tombstone, Unsaved
from gateway.records import Answer, BadFrame, Clock, Instant, Signal
from gateway.uplink.route import (
    NOBODY_LISTENS,
    Down,
    Event,
    Heard,
    Passed,
    Route,
    RouteState,
    Up,
    Woken,
)
from gateway.uplink.schedule import MANNERS, NEVER, Manner, Schedule, choose

IN_MEMORY = 256
"""Rows of the outbox that are looked at together."""
HURRY_S = 10.0
"""With an emergency waiting and no way up, the ways are told so often not to rest."""
UNWATCHED = -1
"""The token of a heartbeat: its PUBACK changes nothing."""


class Arrival(msgspec.Struct, frozen=True):
    """What came for the app. `done()` must be called when it is durable: until then the broker
    brings it again after a crash, and after some twenty of them it brings nothing more."""

    answers: tuple[Answer, ...] = ()
    """For the alert table."""
    command: wire.Command | None = None
    """A `test`; the other commands are dealt with here."""
    receipted: tuple[Row, ...] = ()
    """What the platform has now."""
    done: Callable[[], None] = lambda: None


class LinkState(msgspec.Struct, frozen=True):
    """How the way to the platform is, for the heartbeat, the page and `lamplight doctor`."""

    routes: tuple[RouteState, ...]
    last_receipt: Instant | None
    """The only proof that somebody is there."""
    nobody_listens: bool
    """The broker takes our messages and says that no platform is subscribed."""
    not_taken: dict[int, int]
    """Messages that a broker did not pass on, by PUBACK reason (16 nobody listens, 135 refused)."""
    unconfirmed: tuple[int, ...]
    """Rows sent and not receipted, by priority 0 to 3."""
    rejected: dict[str, int]
    """Commands that were not obeyed, by reason."""

    @property
    def up(self) -> bool:
        return any(route.up for route in self.routes)


class Sender:
    """`run` is its one task; `notify` and `heartbeat` may be called at any time between.

    `events` is the queue into which all `routes` report; `routes` are in the plan's order.
    """

    def __init__(
        self,
        outbox: Outbox,
        routes: Sequence[Route],
        events: asyncio.Queue[Event],
        hub: Hub,
        clock: Clock,
        manners: Sequence[Manner] = MANNERS,
        on_sent: Callable[[Row, str], None] = lambda row, route: None,
    ) -> None:
        """`on_sent` hears of every row that leaves, and by which route."""
        self._outbox = outbox
        self._routes = {route.name: route for route in routes}
        self._order = [route.name for route in routes]
        self._events = events
        self._hub = hub
        self._clock = clock
        self._schedule = Schedule(manners)
        self._on_sent = on_sent
        self._inbox = wire.Inbox()
        self._more = True
        self._receipts: list[tuple[Sequence[str], Callable[[], None]]] = []
        self._up: list[str] = []
        self._first_down_since = -NEVER
        self._beat: tuple[str, bytes] | None = None
        self._last_receipt: Instant | None = None
        self._nobody_listens = False
        self._not_taken: Counter[int] = Counter()
        self.rejected: Counter[str] = Counter()
        self.arrivals: asyncio.Queue[Arrival] = asyncio.Queue()

    # ------------------------------------------------------------ what the app calls

    def notify(self, rows: Sequence[Row] = ()) -> None:
        """The app has committed; with the rows at hand they go out in this very call."""
        room = IN_MEMORY - len(self._schedule)
        fresh = [row for row in rows if row.priority == 0 or room > 0]
        self._schedule.offer(fresh)
        self._more |= len(fresh) < len(rows) or not rows
        # Now, not in the next round of the event loop: it may be a press.
        self._send()
        self._events.put_nowait(Woken())

    def heartbeat(self, topic: str, body: bytes) -> None:
        """To be sent as soon as a route is up; a newer one takes the place of one that waits."""
        self._beat = topic, body
        self._events.put_nowait(Woken())

    def state(self) -> LinkState:
        return LinkState(
            routes=tuple(route.state() for route in self._routes.values()),
            last_receipt=self._last_receipt,
            nobody_listens=self._nobody_listens,
            not_taken=dict(self._not_taken),
            unconfirmed=tuple(self._schedule.waiting(priority) for priority in range(4)),
            rejected=dict(self.rejected),
        )

    async def run(self) -> None:
        """For ever. What it raises (the disk is gone) is for the supervisor; nothing is lost."""
        self._first_down_since = self._now()
        # A predecessor may have died between hearing of a route and acting on it.
        self._up = [name for name in self._order if self._routes[name].state().up]
        await self._refill()
        while True:
            for event in await self._next_events():
                await self._take(event)
            await self._settle()
            await self._refill()
            self._schedule.wake(self._now())
            await self._outbox.sent(self._send())
            self._hurry()

    def _hurry(self) -> None:
        if not self._up and self._schedule.urgent():
            for route in self._routes.values():
                route.hurry()

    # ------------------------------------------------------------ what comes

    async def _next_events(self) -> list[Event]:
        """Waits for the first, or until something is due; then everything that is there."""
        events = []
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._wake_at()):
                events.append(await self._events.get())
        while not self._events.empty():
            events.append(self._events.get_nowait())
        return events

    def _wake_at(self) -> float | None:
        due = self._schedule.next_due()
        if not self._up and self._schedule.urgent():
            due = min(due, self._now() + HURRY_S)
        if self._up and self._order[0] not in self._up:
            patience = self._first_down_since + self._schedule.manners[-1].patience_s
            due = min(due, patience) if patience > self._now() else due
        return None if due == NEVER else due

    async def _take(self, event: Event) -> None:
        match event:
            case Heard():
                await self._hear(event)
            case Passed():
                self._passed(event)
            case Up():
                self._came_up(event.route)
            case Down():
                self._went_down(event.route)

    def _came_up(self, name: str) -> None:
        self._up = [each for each in self._order if each == name or each in self._up]
        # Whatever was on its way when the last connection ended may not have arrived.
        self._schedule.again(self._schedule.sent_on(name))

    def _went_down(self, name: str) -> None:
        self._up = [each for each in self._up if each != name]
        if name == self._order[0]:
            self._first_down_since = self._now()
        self._schedule.again(self._schedule.sent_on(name))

    def _passed(self, event: Passed) -> None:
        somebody = event.reason != NOBODY_LISTENS
        if somebody and self._nobody_listens:
            for route in self._order:
                self._schedule.again(self._schedule.sent_on(route))
        self._nobody_listens = not somebody
        if not event.taken:
            self._not_taken[event.reason] += 1
            if len(self._up) > 1:
                self._schedule.turn_away(event.token)

    async def _hear(self, heard: Heard) -> None:
        try:
            command = self._inbox.accept(heard.topic, heard.payload)
        except wire.Refused as problem:
            self.rejected[problem.reason] += 1
            await self._reply(wire.refused(problem))
        except BadFrame as problem:
            self.rejected[problem.reason] += 1
        else:
            await self._obey(command, heard.done)
            return
        heard.done()

    async def _obey(self, command: wire.Command, done: Callable[[], None]) -> None:
        match command.data:
            case wire.Receipt(message_ids=message_ids):
                self._receipts.append((message_ids, done))
            case wire.Resend(seq_from=first, seq_to=last):
                await self._resend(command.id, first, last)
                done()
            case _:
                answer = wire.answer(command, self._clock.now())
                answers = () if answer is None else (answer,)
                self.arrivals.put_nowait(Arrival(answers, None if answer else command, done=done))

    async def _settle(self) -> None:
        """All receipts that have come by now leave the outbox in one write."""
        receipts, self._receipts = self._receipts, []
        if not receipts:
            return
        message_ids = [one for named, _ in receipts for one in named]
        await self._outbox.receipted_ids(message_ids)
        now = self._last_receipt = self._clock.now()
        rows = self._schedule.remove_ids(message_ids)
        told = tuple(row for row in rows if row.alert_id)
        if told:
            alerts = dict.fromkeys(row.alert_id for row in told)
            answers = tuple(Answer(alert, Signal.RECEIVED, now) for alert in alerts)
            self.arrivals.put_nowait(Arrival(answers, receipted=told))
        for _, done in receipts:
            done()

    async def _resend(self, command_id: str, first: int, last: int) -> None:
        resent = await self._outbox.resend(first, last)
        self._schedule.remove(row.seq for row in resent.rows)
        self._schedule.offer(resent.rows)
        stones = [_tombstone(stone, first, last) for stone in resent.tombstones]
        if last > self._outbox.seq_last:
            start = max(first, self._outbox.seq_last + 1)
            stones.append(wire.Tombstone(start, last, wire.Gone.UNKNOWN))
        await self._reply(
            wire.ReplyData(
                command_id=command_id,
                result=wire.Result.DONE,
                resent=len(resent.rows),
                tombstones=tuple(stones),
            )
        )

    async def _reply(self, reply: wire.ReplyData) -> None:
        draft = wire.reply_draft(reply, self._hub, self._clock.now())
        try:
            rows = await self._outbox.commit([draft])
        except Unsaved as unsaved:
            rows = unsaved.rows  # in memory; an answer is not worth more on a dying disk
        self._schedule.offer(rows)

    # ------------------------------------------------------------ what goes

    async def _refill(self) -> None:
        room = IN_MEMORY - len(self._schedule)
        if not self._more or room < IN_MEMORY // 2:
            return
        self._more = False  # before the wait: rows may be committed meanwhile
        rows = await self._outbox.pending(room, excluding=self._schedule.seqs())
        self._more |= len(rows) == room
        self._schedule.offer(rows)

    def _send(self) -> list[int]:
        """Everything that may go now. Returns the sequence numbers."""
        if not self._up:
            return []
        self._send_beat()
        return [seq for priority in range(4) for seq in self._send_priority(priority)]

    def _send_beat(self) -> None:
        route = self._routes[self._up[0]]
        if self._beat is not None and route.room() > 0:
            route.publish(*self._beat, UNWATCHED)
            self._beat = None

    def _send_priority(self, priority: int) -> list[int]:
        manner, now = self._schedule.manners[priority], self._now()
        up = self._ways(manner, now)
        sent: list[int] = []
        if not up:
            return sent
        for entry in self._schedule.ready(priority):
            name = choose(entry, manner, up, now)
            route = self._routes[name]
            if route.room(manner.reserve) == 0:
                break
            route.publish(entry.row.topic, entry.row.body, entry.row.seq)
            self._schedule.sent(entry, name, now)
            self._on_sent(entry.row, name)
            sent.append(entry.row.seq)
        return sent

    def _ways(self, manner: Manner, now: float) -> list[str]:
        """The second way may cost by the byte, so what is not urgent waits for the first."""
        first = self._order[0]
        if first in self._up or now - self._first_down_since >= manner.patience_s:
            return self._up
        return []

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _tombstone(stone: Tombstone, first: int, last: int) -> wire.Tombstone:
    reason = wire.Gone(stone.reason.value)
    return wire.Tombstone(max(stone.first, first), min(stone.last, last), reason)
