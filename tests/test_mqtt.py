"""A route over MQTT against brokers that misbehave: mute, half mute, talking nonsense, refusing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from msgspec import structs

from gateway.home import UplinkSettings
from gateway.uplink.connection import Pace
from gateway.uplink.mqtt import MqttRoute
from gateway.uplink.route import Event, Heard, Passed, Up
from tests.brokers import free_port, until
from tests.uplink_rig import HOME, QUICK, MachineClock, running

CONNACK_5 = bytes([0x20, 3, 0, 0, 0])
CONNACK_3 = bytes([0x20, 2, 0, 0])
SUBACK_5 = bytes([0x90, 4, 0, 1, 0, 1])
SUBACK_3 = bytes([0x90, 3, 0, 1, 1])
Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class PuppetBroker:
    """Listens on a loopback port and does to each connection what the test says."""

    def __init__(self, speak: Speak) -> None:
        self.port = free_port()
        self.connections = 0
        self._speak = speak

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._speak(reader, writer)
        writer.close()


@contextlib.asynccontextmanager
async def puppet(speak: Speak) -> AsyncIterator[PuppetBroker]:
    broker = PuppetBroker(speak)
    server = await asyncio.start_server(broker.serve, "127.0.0.1", broker.port)
    try:
        yield broker
    finally:
        server.close()


class Bench:
    def __init__(self, port: int, version: str, pace: Pace) -> None:
        settings = UplinkSettings(name="way", host="127.0.0.1", port=port, tls=False)
        settings = structs.replace(settings, version=version)
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.route = MqttRoute(settings, HOME.hub, MachineClock(), self.events, "0.1", "e", pace)

    def why(self) -> str:
        return self.route.state().why

    def seen(self) -> list[Event]:
        return [self.events.get_nowait() for _ in range(self.events.qsize())]


@contextlib.asynccontextmanager
async def route_to(port: int, version: str = "auto", pace: Pace = QUICK) -> AsyncIterator[Bench]:
    bench = Bench(port, version, pace)
    async with running(bench.route.run()):
        yield bench


async def packet(reader: asyncio.StreamReader) -> bytes:
    """One MQTT packet of less than 16 kB."""
    head = await reader.readexactly(2)
    length = head[1]
    if length & 0x80:
        more = await reader.readexactly(1)
        head, length = head + more, (length & 0x7F) + 128 * more[0]
    return head + await reader.readexactly(length)


def is_version_5(connect: bytes) -> bool:
    return connect[connect.index(b"MQTT") + 4] == 5


async def greet(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connack: bytes = CONNACK_5
) -> bytes:
    """CONNECT, CONNACK, SUBSCRIBE, SUBACK. Returns the CONNECT."""
    connect = await packet(reader)
    writer.write(connack)
    subscribe = await packet(reader)
    suback = SUBACK_5 if is_version_5(connect) else SUBACK_3
    writer.write(suback[:2] + subscribe[2:4] + suback[4:])
    await writer.drain()
    return connect


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_a_broker_that_accepts_and_never_answers_is_noticed_and_tried_again() -> None:
    pace = structs.replace(QUICK, connect_s=0.3)
    async with puppet(mute) as broker, route_to(broker.port, pace=pace) as bench:
        await until(lambda: "sends no greeting (CONNACK)" in bench.why())
        await until(lambda: broker.connections >= 3)
        assert not bench.route.state().up
        assert bench.seen() == []


async def test_a_broker_that_greets_and_then_falls_silent_is_noticed() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await reader.read()

    async with puppet(speak) as broker, route_to(broker.port) as bench:
        await until(lambda: "not confirmed a message" in bench.why())
        await until(lambda: broker.connections >= 2)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x20\x00",
        b"\x20\x7f" + b"\xff" * 127,
        b"\x20\x05\x00\x00\x09\x21\x00",
        b"\x00" * 50,
        b"\xff" * 500,
    ],
)
async def test_a_broker_that_talks_nonsense_costs_one_connection_and_no_more(
    nonsense: bytes,
) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if broker.connections == 1:
            await packet(reader)
            writer.write(nonsense)
            await writer.drain()
            await reader.read()
        else:
            await greet(reader, writer)
            await reader.read()

    pace = structs.replace(QUICK, connect_s=0.5)
    async with puppet(speak) as broker, route_to(broker.port, pace=pace) as bench:
        await until(lambda: bench.route.state().up)
        assert broker.connections >= 2


async def test_nonsense_in_the_middle_of_a_connection_ends_it_and_the_next_one_works() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        if broker.connections == 1:
            writer.write(b"\x32\x05\x00\xffabc")
            await writer.drain()
        await reader.read()

    async with puppet(speak) as broker, route_to(broker.port) as bench:
        await until(lambda: bench.route.state().connects == 2)
        assert any(isinstance(event, Up) for event in bench.seen())


async def test_a_broker_that_knows_no_mqtt_5_is_spoken_to_in_3_1_1_openly() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connect = await packet(reader)
        if is_version_5(connect):
            writer.write(bytes([0x20, 2, 0, 1]))
            await writer.drain()
            return
        writer.write(CONNACK_3)
        subscribe = await packet(reader)
        writer.write(SUBACK_3[:2] + subscribe[2:4] + SUBACK_3[4:])
        births.append(await packet(reader))
        await reader.read()

    births: list[bytes] = []
    async with puppet(speak) as broker, route_to(broker.port) as bench:
        await until(lambda: bool(births))
        state = bench.route.state()
        assert (state.version, state.fallback) == ("3.1.1", "the broker does not speak MQTT 5")
        assert b'"mqtt":"3.1.1","fallback":"unsupported"' in births[0]


async def test_a_plan_that_insists_on_5_does_not_fall_back() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connects.append(await packet(reader))
        writer.write(bytes([0x20, 2, 0, 1]))
        await writer.drain()

    connects: list[bytes] = []
    async with puppet(speak) as broker, route_to(broker.port, version="5") as bench:
        await until(lambda: len(connects) >= 3)
        assert all(is_version_5(connect) for connect in connects)
        assert "does not speak this version" in bench.why()


async def test_a_refused_hub_is_told_to_ask_the_operator() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(bytes([0x20, 3, 0, 135, 0]))
        await writer.drain()
        await reader.read()

    async with puppet(speak) as broker, route_to(broker.port) as bench:
        await until(lambda: "ask the operator" in bench.why())
        assert "Not authorized" in bench.why()


async def test_the_window_is_the_brokers_receive_maximum() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer, bytes([0x20, 6, 0, 0, 3, 0x21, 0, 3]))
        await reader.read()

    async with puppet(speak) as broker, route_to(broker.port) as bench:
        await until(lambda: bench.route.state().up)
        assert bench.route.room() == 2  # three, and the birth message is under way
        assert bench.route.room(reserve=4) == 0  # the one place for everybody is taken


@pytest.mark.parametrize(("reason", "taken"), [(0, True), (16, False), (135, False)])
async def test_what_the_broker_thinks_of_a_message_is_reported(reason: int, taken: bool) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await packet(reader)  # the birth
        alert = await packet(reader)
        topic_length = int.from_bytes(alert[2:4], "big")
        mid = alert[4 + topic_length : 6 + topic_length]
        writer.write(bytes([0x40, 4, *mid, reason, 0]))
        await writer.drain()
        await reader.read()

    async with puppet(speak) as broker, route_to(broker.port) as bench:
        await until(lambda: bench.route.state().up)
        bench.route.publish("v1/a/b/alert/p0", b"{}", 42)
        await until(lambda: bench.events.qsize() >= 2)
        (passed,) = [event for event in bench.seen() if isinstance(event, Passed)]
        assert (passed.token, passed.reason, passed.taken) == (42, reason, taken)


async def test_a_flood_of_commands_is_bounded_in_memory() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        for _ in range(3000):
            writer.write(bytes([0x30, 6, 0, 2]) + b"ab" + b"\x00" + b"x")
        await writer.drain()
        await reader.read()

    async with puppet(speak) as broker, route_to(broker.port) as bench:
        await until(lambda: bench.route.dropped >= 1900)
        assert len([event for event in bench.seen() if isinstance(event, Heard)]) <= 1000


async def test_the_pauses_between_attempts_grow() -> None:
    pace = structs.replace(QUICK, first_pause_s=0.05, longest_pause_s=10.0)
    moments: list[float] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        moments.append(asyncio.get_running_loop().time())

    async with puppet(speak) as broker, route_to(broker.port, pace=pace):
        await until(lambda: len(moments) >= 6)
        assert broker.connections >= 6
    assert moments[5] - moments[4] > moments[1] - moments[0]


async def test_an_emergency_ends_a_long_pause() -> None:
    events: asyncio.Queue[Event] = asyncio.Queue()
    settings = UplinkSettings(name="way", host="127.0.0.1")
    route = MqttRoute(settings, HOME.hub, MachineClock(), events, "0.1", "e", QUICK)
    pause = asyncio.create_task(route._rest(3600.0))
    await asyncio.sleep(2 * QUICK.first_pause_s)
    assert not pause.done()
    route.hurry()
    await asyncio.wait_for(pause, 10)


async def test_nobody_at_home_is_said_with_the_remedy() -> None:
    async with route_to(free_port()) as bench:
        await until(lambda: "is the broker running" in bench.why())


async def test_a_missing_file_is_named_with_its_key() -> None:
    bench = Bench(free_port(), "auto", QUICK)
    settings = UplinkSettings(name="way", host="127.0.0.1", ca="/nowhere/ca.crt")
    route = MqttRoute(settings, HOME.hub, MachineClock(), bench.events, "0.1", "e", QUICK)
    async with running(route.run()):
        await until(lambda: "/nowhere/ca.crt is missing" in route.state().why)
        assert "[[uplink]] ca" in route.state().why
