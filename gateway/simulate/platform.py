"""A small reference platform: receives, keeps, receipts, and answers alarms with a work order.

What it shows to whoever builds a real one: a receipt is given after the message is on one's own
disk and not before; the same message id is the same message; what is missing is asked for again.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path

import msgspec
from msgspec import structs

from gateway import wire
from gateway.home import UplinkSettings
from gateway.records import BadFrame, Outcome, Severity, State
from gateway.simulate.platform_memory import Memory, Order, Received
from gateway.simulate.platform_words import alert_words, order_words, state_words
from gateway.uplink.connection import Connection, Pace, Sinks, VersionRefused
from gateway.uplink.dial import LinkLost
from gateway.uplink.mqtt import VERSIONS

EVERY_HUB = "v1/+/+/#"
CLIENT_ID = "platform"
WINDOW = 20
TOGETHER = 500
"""Messages that share one transaction and one receipt."""
RESEND_AT_ONCE = 200
MOST_OUTGOING = 10_000
"""Commands that wait for the broker. A lost receipt costs one message sent twice, no more."""
ETA_S = 600.0
"""When somebody will be there, in seconds from the dispatch."""
UNANSWERED = (State.RAISED, State.DELIVERED)


class Conduct(msgspec.Struct, frozen=True):
    """How this platform behaves."""

    receipts: bool = True
    orders: bool = True
    """Answers S1 and S2 alerts with a work order."""
    acknowledge_s: float = 0.5
    dispatch_s: float = 2.0
    on_site_s: float | None = None
    """None: only when it is told to (`on_site`)."""
    resends: bool = True
    """Asks for what a heartbeat says is waiting and never came."""


class Letter(msgspec.Struct, frozen=True):
    """A message of a hub as it came."""

    topic: str
    payload: bytes
    done: Callable[[], None]


class Platform:
    """`run` is its one task. `tell` gets what happens, in Chinese and in English.

    What it knows may be looked at: `alerts` by alert id, `heartbeats` and `states` by
    `tenant/hub`, `replies` by command id, each the latest; `counts` of what came.
    """

    def __init__(
        self,
        settings: UplinkSettings,
        memory: Path | str,
        tell: Callable[[str, str], None] = lambda zh, en: None,
        conduct: Conduct | None = None,
        pace: Pace | None = None,
        zone: tzinfo = UTC,
    ) -> None:
        self._settings = settings
        self._memory = Memory(memory)
        self._tell = tell
        self._pace = pace or Pace()
        self._zone = zone
        self._letters: asyncio.Queue[Letter] = asyncio.Queue()
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._outgoing: deque[tuple[str, bytes]] = deque(maxlen=MOST_OUTGOING)
        self._number = 0
        self._start = time.time_ns() // 1_000_000
        self._connection: Connection | None = None
        self._version = VERSIONS["3.1.1" if settings.version == "3.1.1" else "5"]
        self._hub_of: dict[str, str] = {}
        self.conduct = conduct or Conduct()
        self.counts: Counter[str] = Counter()
        self.alerts: dict[str, wire.AlertData] = {}
        self.heartbeats: dict[str, wire.Heartbeat] = {}
        self.states: dict[str, wire.StateData] = {}
        self.replies: dict[str, wire.ReplyData] = {}
        self.why = "not connected yet"
        """Why it is not connected; empty while it is."""

    @property
    def memory(self) -> Memory:
        return self._memory

    def close(self) -> None:
        self._memory.close()

    async def run(self) -> None:
        """Connects, and connects again, until it is cancelled."""
        while True:
            try:
                await self._once()
            except VersionRefused:
                self._version = VERSIONS["3.1.1"]
                continue
            except LinkLost as problem:
                self.why = str(problem)
            await asyncio.sleep(self._pace.first_pause_s)

    async def _once(self) -> None:
        connection = Connection(self._settings, CLIENT_ID, self._version, None, self._pace)
        try:
            await connection.open(Sinks(self._flush, self._heard), EVERY_HUB, WINDOW)
            self._connection, self.why = connection, ""
            self._flush()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(connection.watch())
                tasks.create_task(self._work())
        except* LinkLost as problems:
            raise problems.exceptions[0] from None
        finally:
            self._connection = None
            connection.close()

    def _heard(self, topic: str, payload: bytes, done: Callable[[], None]) -> None:
        self._letters.put_nowait(Letter(topic, payload, done))

    async def _work(self) -> None:
        while True:
            letters = []
            with suppress(TimeoutError):
                async with asyncio.timeout(self._until_next()):
                    letters.append(await self._letters.get())
            while not self._letters.empty() and len(letters) < TOGETHER:
                letters.append(self._letters.get_nowait())
            self._receive(letters)
            self._do_what_is_due()

    # ------------------------------------------------------------ what comes

    def _receive(self, letters: list[Letter]) -> None:
        """Keeps them all in one transaction, then receipts, then acts."""
        sound = [(letter, event) for letter in letters if (event := self._parsed(letter))]
        kept = [(letter, event) for letter, event in sound if _is_kept(event)]
        messages = [
            Received(_hub(letter.topic), event.id, letter.topic, letter.payload)
            for letter, event in kept
        ]
        news = self._memory.keep(messages) if messages else []
        if self.conduct.receipts:
            self._receipt(messages)
        for letter in letters:
            letter.done()
        known = {event.id for (_, event), new in zip(kept, news, strict=True) if not new}
        for letter, event in sound:
            self._note(_hub(letter.topic), event, duplicate=event.id in known)

    def _parsed(self, letter: Letter) -> wire.Outgoing | None:
        if "/cmd/" in letter.topic:
            return None
        try:
            return wire.parse_message(letter.payload)
        except BadFrame:
            self.counts["malformed"] += 1
            return None

    def _receipt(self, messages: list[Received]) -> None:
        ids: dict[str, list[str]] = {}
        for message in messages:
            ids.setdefault(message.hub, []).append(message.message_id)
        for hub, message_ids in ids.items():
            self._command(hub, "receipt", wire.Receipt(tuple(message_ids)))

    def _note(self, hub: str, event: wire.Outgoing, *, duplicate: bool) -> None:
        if duplicate:
            self.counts["duplicate"] += 1
            return
        match event:
            case wire.AlertEvent(data=alert):
                self._note_alert(hub, alert)
            case wire.HeartbeatEvent(data=beat):
                self._note_heartbeat(hub, beat)
            case wire.StateEvent(data=state):
                self._note_state(hub, state)
            case wire.ReplyEvent(data=reply):
                self.counts["reply"] += 1
                self.replies[reply.command_id] = reply

    def _note_alert(self, hub: str, alert: wire.AlertData) -> None:
        self.counts["alert"] += 1
        latest = self.alerts.get(alert.alert_id)
        if latest is None or latest.rev < alert.rev:
            self.alerts[alert.alert_id] = alert
        self._hub_of[alert.alert_id] = hub
        self._tell(*alert_words(hub, alert, self._zone))
        urgent = alert.severity in (Severity.S1, Severity.S2) and alert.state in UNANSWERED
        if self.conduct.orders and urgent and self._memory.order(alert.alert_id) is None:
            self._take_on(hub, alert.alert_id)

    def _note_heartbeat(self, hub: str, beat: wire.Heartbeat) -> None:
        self.counts["heartbeat"] += 1
        before = self.heartbeats.get(hub)
        self.heartbeats[hub] = beat
        waiting = beat.seq_unreceived
        # What waited a heartbeat ago and waits still did not come, or its receipt did not arrive.
        stuck = before is not None and before.seq_unreceived == waiting
        if self.conduct.resends and waiting and stuck:
            last = min(beat.seq_last, waiting + RESEND_AT_ONCE - 1)
            self._command(hub, "resend", wire.Resend(waiting, last))

    def _note_state(self, hub: str, state: wire.StateData) -> None:
        self.counts["state"] += 1
        if self.states.get(hub) != state:
            self._tell(*state_words(hub, state))
        self.states[hub] = state

    # ------------------------------------------------------------ work orders

    def _take_on(self, hub: str, alert_id: str) -> None:
        order = Order(alert_id, hub, f"WO-{alert_id[-8:]}", "")
        self._memory.note_order(order)
        acknowledge = partial(self._step, order, wire.Step.ACKNOWLEDGED)
        self._in(self.conduct.acknowledge_s, acknowledge)
        dispatch = partial(self._step, order, wire.Step.DISPATCHED, ETA_S)
        self._in(self.conduct.dispatch_s, dispatch)
        if self.conduct.on_site_s is not None:
            self._in(self.conduct.on_site_s, partial(self._step, order, wire.Step.ON_SITE))

    def on_site(self, alert_id: str) -> None:
        """Somebody has arrived."""
        self._step(self._order(alert_id), wire.Step.ON_SITE)

    def finish(self, alert_id: str, outcome: Outcome = Outcome.HELPED) -> None:
        """The order is closed, with how it ended."""
        self._step(self._order(alert_id), wire.Step.CLOSED, outcome=outcome)

    def _order(self, alert_id: str) -> Order:
        known = self._memory.order(alert_id)
        hub = self._hub_of.get(alert_id, "")
        return known or Order(alert_id, hub, f"WO-{alert_id[-8:]}", "")

    def _step(
        self,
        order: Order,
        step: wire.Step,
        eta_s: float | None = None,
        outcome: Outcome = Outcome.NONE,
    ) -> None:
        self._memory.note_order(structs.replace(order, step=step.value))
        body = wire.OrderStep(order.alert_id, step, order.order_id, eta_s, outcome)
        self._command(order.hub, "order", body)
        self._tell(*order_words(order.hub, order.order_id, step, eta_s))

    # ------------------------------------------------------------ commands

    def test(self, hub: str) -> str:
        """Asks a hub (`tenant/hub`) for a test alert. Returns the command's id."""
        return self._command(hub, "test", wire.Test())

    def resend(self, hub: str, first: int, last: int) -> str:
        return self._command(hub, "resend", wire.Resend(first, last))

    def _command(self, hub: str, name: str, data: wire.CommandData) -> str:
        self._number += 1
        command_id = f"c{self._start}-{self._number}"
        body = wire.command_message(command_id, data, datetime.now(UTC))
        self._outgoing.append((f"v1/{hub}/cmd/{name}", body))
        self._flush()
        return command_id

    def _flush(self, *_: int) -> None:
        """As far as the broker's window goes; the rest when it has confirmed some."""
        connection = self._connection
        while connection is not None and self._outgoing and connection.room() > 0:
            connection.publish(*self._outgoing.popleft(), 0)

    def _in(self, seconds: float, action: Callable[[], None]) -> None:
        self._number += 1
        due = asyncio.get_running_loop().time() + seconds
        heapq.heappush(self._later, (due, self._number, action))

    def _until_next(self) -> float | None:
        if not self._later:
            return None
        return max(0.0, self._later[0][0] - asyncio.get_running_loop().time())

    def _do_what_is_due(self) -> None:
        while self._later and self._until_next() == 0.0:
            heapq.heappop(self._later)[2]()


def _hub(topic: str) -> str:
    """`tenant/hub` of a topic `v1/tenant/hub/...`."""
    return "/".join(topic.split("/")[1:3])


def _is_kept(event: wire.Outgoing) -> bool:
    return isinstance(event, wire.AlertEvent | wire.ReplyEvent)
