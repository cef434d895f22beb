"""A route over MQTT: keeps one connection to one broker up for ever, and says how it is.

It speaks MQTT 5; in the plan's "auto" it falls back to 3.1.1 where the broker knows no better, and
says so in its state and in the birth message.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

from paho.mqtt.enums import MQTTProtocolVersion

from gateway import wire
from gateway.home import Hub, UplinkSettings
from gateway.records import Clock
from gateway.uplink.client import Will
from gateway.uplink.connection import Connection, Pace, Sinks, VersionRefused
from gateway.uplink.dial import LinkLost
from gateway.uplink.route import FIRST_REFUSAL, Down, Event, Heard, Passed, RouteState, Up

WINDOW = 20
"""The most messages without PUBACK. Brokers promise more (65535) than they keep: mosquitto holds
20 in flight by default."""
MOST_WAITING = 1000
"""Messages for the hub that may wait in its memory; a broker without MQTT 5's Receive Maximum
could send any number."""
BIRTH = -1
"""The token of messages whose PUBACK interests nobody."""

VERSIONS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
FALLBACK_WORDS = {
    wire.Fallback.NONE: "",
    wire.Fallback.CONFIGURED: "the plan asks for 3.1.1",
    wire.Fallback.UNSUPPORTED: "the broker does not speak MQTT 5",
}


class MqttRoute:
    """A Route. `events` takes what it reports; one queue may serve several routes."""

    def __init__(
        self,
        settings: UplinkSettings,
        hub: Hub,
        clock: Clock,
        events: asyncio.Queue[Event],
        version: str,
        epoch: str,
        pace: Pace | None = None,
        window: int = WINDOW,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._hub = hub
        self._clock = clock
        self._events = events
        self._software = version
        self._epoch = epoch
        self._pace = pace or Pace()
        self._window = window
        self._connection: Connection | None = None
        self._speaks = "3.1.1" if settings.version == "3.1.1" else "5"
        self._fallback = wire.Fallback.CONFIGURED if self._speaks == "3.1.1" else wire.Fallback.NONE
        self._state = RouteState(self.name, up=False, why="not connected yet")
        self._connects = 0
        self._hurried = asyncio.Event()
        self.dropped = 0
        """Messages for the hub that came faster than it could read them."""

    def room(self, reserve: int = 0) -> int:
        return 0 if self._connection is None else self._connection.room(reserve)

    def publish(self, topic: str, body: bytes, token: int) -> None:
        assert self._connection is not None, "ask room() first"
        self._connection.publish(topic, body, token)

    def state(self) -> RouteState:
        return self._state

    async def run(self) -> None:
        """Connects, and connects again with growing pauses, until it is cancelled."""
        pause = self._pace.first_pause_s
        while True:
            began = asyncio.get_running_loop().time()
            retry_at_once = await self._once()
            lasted = asyncio.get_running_loop().time() - began
            if lasted > self._pace.proven_s:
                pause = self._pace.first_pause_s
            if not retry_at_once:
                # A street of hubs must not come back in the same second.
                await self._rest(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, self._pace.longest_pause_s)

    def hurry(self) -> None:
        self._hurried.set()

    async def _rest(self, seconds: float) -> None:
        """A pause that an emergency cuts short, but not below the shortest one."""
        shortest = min(seconds, self._pace.first_pause_s)
        await asyncio.sleep(shortest)
        self._hurried.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds - shortest):
                await self._hurried.wait()

    async def _once(self) -> bool:
        """One connection, from beginning to end. True if the next should be tried at once."""
        connection: Connection | None = None
        try:
            connection = self._new_connection()
            await connection.open(self._sinks(), wire.topic(self._hub, "cmd/#"), self._window)
            self._came_up(connection)
            await connection.watch()
        except VersionRefused as problem:
            self._went_down(str(problem))
            return self._fall_back()
        except LinkLost as problem:
            self._went_down(str(problem))
        finally:
            self._part(connection)
        return False

    def _new_connection(self) -> Connection:
        will = self._state_message(wire.HubState.LOST)
        # The same as the certificate's CN, so that a broker may insist on it.
        client_id = f"{self._hub.tenant}/{self._hub.id}"
        return Connection(self._settings, client_id, VERSIONS[self._speaks], will, self._pace)

    def _fall_back(self) -> bool:
        if self._settings.version != "auto" or self._speaks == "3.1.1":
            return False
        self._speaks, self._fallback = "3.1.1", wire.Fallback.UNSUPPORTED
        return True

    def _came_up(self, connection: Connection) -> None:
        self._connection = connection
        self._connects += 1
        birth = self._state_message(wire.HubState.ONLINE)
        connection.publish(birth.topic, birth.body, BIRTH, retain=True)
        self._state = RouteState(
            self.name,
            up=True,
            since=self._clock.now(),
            version=self._speaks,
            fallback=FALLBACK_WORDS[self._fallback],
            connects=self._connects,
        )
        self._events.put_nowait(Up(self.name))

    def _went_down(self, why: str) -> None:
        since = self._clock.now() if self._state.up or self._state.since is None else None
        self._state = RouteState(
            self.name,
            up=False,
            since=since or self._state.since,
            why=why,
            connects=self._connects,
        )

    def _part(self, connection: Connection | None) -> None:
        """Whoever stops on purpose says goodbye, and the broker does not send the will."""
        if connection is not None:
            stopping = self._state.up
            connection.close(self._state_message(wire.HubState.STOPPED) if stopping else None)
        if self._state.up:
            self._went_down("stopped")
        if self._connection is not None:
            self._connection = None
            self._events.put_nowait(Down(self.name))

    def _state_message(self, state: wire.HubState) -> Will:
        now = self._clock.now()
        data = wire.StateData(
            state=state,
            version=self._software,
            epoch=self._epoch,
            mqtt="3.1.1" if self._speaks == "3.1.1" else "5",
            fallback=self._fallback,
            clock_quality=wire.clock_quality(now),
        )
        return Will(*wire.state_message(data, self._hub, now))

    def _sinks(self) -> Sinks:
        return Sinks(self._passed, self._heard)

    def _passed(self, token: int, reason: int) -> None:
        if token == BIRTH and reason >= FIRST_REFUSAL and self._connection is not None:
            hub = f"{self._hub.tenant}/{self._hub.id}"
            self._connection.give_up(
                f"the broker does not let this hub write its own topics: the CN of its "
                f"certificate (or its user name) must be {hub}, and the broker's ACL must know it"
            )
        self._events.put_nowait(Passed(self.name, token, reason))

    def _heard(self, topic: str, payload: bytes, done: Callable[[], None]) -> None:
        if self._events.qsize() >= MOST_WAITING:
            self.dropped += 1
            return
        self._events.put_nowait(Heard(self.name, topic, payload, done))
