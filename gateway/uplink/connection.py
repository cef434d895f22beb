"""One MQTT connection: a fresh paho client on one socket, driven by the event loop.

paho's own thread is not used: a callback that raises would kill it while `is_connected()` stays
true. Here an exception while reading ends the connection and nothing else. A connection is never
reused, because paho re-sends by itself what was in flight, and the sender is the one who does that.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import LogLevel, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.home import UplinkSettings
from gateway.uplink.client import Will, connect_properties, new_client
from gateway.uplink.dial import LinkLost, dial, tls_words

UNSUPPORTED_VERSION = 132


T = TypeVar("T")


class Pace(msgspec.Struct, frozen=True):
    """How patient a connection is, in seconds of the machine's own clock."""

    connect_s: float = 10.0
    """For the TCP connection, for the handshake, for each first answer of the broker."""
    confirm_s: float = 15.0
    """A message that is not confirmed by then: the broker only seems to be there."""
    look_s: float = 1.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 60.0
    proven_s: float = 30.0
    """A connection that lasted this long was a good one: the next pause is short again."""


class VersionRefused(LinkLost):
    """The broker does not speak this version of MQTT."""


class Sinks(msgspec.Struct, frozen=True):
    """Where a connection's news go. They only put into a queue, so they cannot fail."""

    passed: Callable[[int, int], None]
    """(token, PUBACK reason)"""
    heard: Callable[[str, bytes, Callable[[], None]], None]
    """(topic, payload, done)"""


class Connection:
    """`open`, then `publish` while there is `room`, and `watch` until it raises LinkLost."""

    def __init__(
        self,
        settings: UplinkSettings,
        client_id: str,
        version: MQTTProtocolVersion,
        will: Will | None,
        pace: Pace,
    ) -> None:
        self._settings = settings
        self._version = version
        self._pace = pace
        self._client = new_client(settings, client_id, version, will)
        self._in_flight: dict[int, tuple[int, float]] = {}
        self._problem = ""
        self._greeted = False
        self._window = 1

    async def open(self, sinks: Sinks, filter_: str, window: int) -> None:
        """Returns when the broker has confirmed the connection and the subscription to `filter_`.

        `window`: the most messages to have unconfirmed; less if the broker says less.
        Raises LinkLost, or VersionRefused if another version of MQTT may help.
        """
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[str] = self._loop.create_future()
        sock = await dial(self._settings, self._pace.connect_s)
        self._wire(sinks)
        reason, properties = await self._connect(sock)
        self._check_welcome(reason)
        promised = getattr(properties, "ReceiveMaximum", 65535) if properties else 65535
        self._window = max(1, min(window, promised))
        await self._subscribe(filter_)

    def room(self, reserve: int = 0) -> int:
        """Places left in the window, without `reserve` (but one place is for everybody)."""
        window = self._window - min(reserve, self._window - 1)
        return 0 if self._lost.done() else max(0, window - len(self._in_flight))

    def publish(self, topic: str, body: bytes, token: int, retain: bool = False) -> None:
        """QoS 1. Its confirmation comes through `Sinks.passed`."""
        info = self._client.publish(topic, body, qos=1, retain=retain)
        self._in_flight[info.mid] = (token, self._loop.time())
        self._flush()

    async def watch(self) -> None:
        """Looks after the connection until it is lost. Raises LinkLost, never returns."""
        while True:
            done, _ = await asyncio.wait({self._lost}, timeout=self._pace.look_s)
            if done:
                raise LinkLost(self._lost.result())
            self._client.loop_misc()
            self._check_confirmations()

    def give_up(self, why: str) -> None:
        """Ends the connection for a reason that MQTT does not know; `watch` raises it."""
        self._lose(why)

    def close(self, farewell: Will | None = None) -> None:
        """At once; with a farewell it says goodbye, so that the broker does not send the will."""
        if farewell is not None and self._client.is_connected():
            self._client.publish(farewell.topic, farewell.body, qos=1, retain=True)
            self._client.disconnect()
            self._flush()
        self._lose("closed")
        self._close_socket()

    # ------------------------------------------------------------ opening

    def _wire(self, sinks: Sinks) -> None:
        client = self._client
        self._welcome: asyncio.Future[tuple[ReasonCode, Properties | None]]
        self._welcome = self._loop.create_future()
        self._granted: asyncio.Future[list[ReasonCode]] = self._loop.create_future()
        self._sinks = sinks
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.on_log = self._on_log
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write

    async def _connect(self, sock: socket.socket) -> tuple[ReasonCode, Properties | None]:
        # paho has no public way to take a socket, and its own handshake leaks one when it fails.
        self._client._create_socket = lambda: sock  # type: ignore[method-assign]
        where = (self._settings.host, self._settings.port, self._settings.keepalive_s)
        if self._version == MQTTProtocolVersion.MQTTv5:
            self._client.connect(*where, clean_start=False, properties=connect_properties())
        else:
            self._client.connect(*where)
        self._loop.add_reader(sock, self._readable)
        self._flush()
        return await self._answer(self._welcome, "greeting (CONNACK)")

    def _check_welcome(self, reason: ReasonCode) -> None:
        if not reason.is_failure:
            return
        if reason.value == UNSUPPORTED_VERSION:
            raise VersionRefused("the broker does not speak this version of MQTT")
        raise LinkLost(
            f'the broker refuses this hub ("{reason}"): ask the operator whether it is known '
            "there, and check [[uplink]] certificate, username and password_file"
        )

    async def _subscribe(self, filter_: str) -> None:
        self._client.subscribe(filter_, qos=1)
        self._flush()
        granted = await self._answer(self._granted, "answer to the subscription (SUBACK)")
        if any(code.is_failure for code in granted):
            raise LinkLost(
                f"the broker does not let this hub read {filter_}: the broker's ACL must allow "
                "it for the hub's certificate"
            )

    async def _answer(self, wanted: asyncio.Future[T], what: str) -> T:
        both: set[asyncio.Future[Any]] = {wanted, self._lost}
        done, _ = await asyncio.wait(
            both, timeout=self._pace.connect_s, return_when=asyncio.FIRST_COMPLETED
        )
        if wanted in done:
            return wanted.result()
        if done:
            raise LinkLost(self._lost.result())
        raise LinkLost(
            f"{self._settings.host} takes the connection but sends no {what} within "
            f"{self._pace.connect_s:g} s: is that an MQTT broker, and is it well?"
        )

    # ------------------------------------------------------------ reading and writing

    def _readable(self) -> None:
        whole = False
        try:
            result = self._client.loop_read()
            while result == MQTTErrorCode.MQTT_ERR_SUCCESS and self._buffered():
                result = self._client.loop_read()
            whole = result == MQTTErrorCode.MQTT_ERR_SUCCESS
        finally:
            # Also when paho raises over what it read: the event loop reports the exception, and
            # the connection is over instead of half alive.
            if not whole:
                self._lose("the broker said something that is not MQTT")
                self._close_socket()

    def _buffered(self) -> bool:
        """Bytes that TLS has decrypted already do not wake the event loop."""
        sock = self._client.socket()
        return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0

    def _flush(self) -> None:
        """Writes now rather than in the next round of the event loop."""
        if self._client.want_write():
            self._client.loop_write()

    def _check_confirmations(self) -> None:
        if not self._in_flight:
            return
        _, oldest = next(iter(self._in_flight.values()))
        if self._loop.time() - oldest > self._pace.confirm_s:
            raise LinkLost(
                f"the broker has not confirmed a message for {self._pace.confirm_s:g} s: "
                "connecting anew"
            )

    def _lose(self, why: str) -> None:
        if not self._lost.done():
            self._lost.set_result(self._explain(why))

    def _explain(self, why: str) -> str:
        # Before the greeting a TLS problem is one of certificates, later one of the network.
        if not self._greeted and "ssl" in self._problem.lower():
            return tls_words(self._problem, self._settings)
        return f"{why} ({self._problem})" if self._problem else why

    def _close_socket(self) -> None:
        sock = self._client.socket()
        if sock is not None:
            self._on_socket_close(self._client, None, sock)
            # paho closes it once more when it is collected; by then the number is another file's.
            self._client.on_socket_close = None
            self._client.on_socket_unregister_write = None
            sock.close()

    # ------------------------------------------------------------ paho's callbacks

    def _on_connect(
        self,
        client: Client,
        userdata: Any,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._greeted = True
        if not self._welcome.done():
            self._welcome.set_result((reason, properties))

    def _on_subscribe(
        self, client: Client, userdata: Any, mid: int, codes: list[ReasonCode], properties: Any
    ) -> None:
        if not self._granted.done():
            self._granted.set_result(codes)

    def _on_publish(
        self, client: Client, userdata: Any, mid: int, reason: ReasonCode, properties: Any
    ) -> None:
        token, _ = self._in_flight.pop(mid, (-1, 0.0))
        self._sinks.passed(token, reason.value)

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        def done() -> None:
            if not self._lost.done():
                client.ack(message.mid, message.qos)
                self._flush()

        self._sinks.heard(_topic(message), bytes(message.payload), done)

    def _on_disconnect(
        self,
        client: Client,
        userdata: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Any,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._lose(f'the broker ended the connection: "{reason}"')
        else:
            self._lose(f"the connection to {self._settings.host} broke: the hub connects anew")

    def _on_log(self, client: Client, userdata: Any, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._problem = text

    def _on_socket_close(self, client: Client, userdata: Any, sock: Any) -> None:
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)

    def _on_register_write(self, client: Client, userdata: Any, sock: Any) -> None:
        self._loop.add_writer(sock, client.loop_write)

    def _on_unregister_write(self, client: Client, userdata: Any, sock: Any) -> None:
        self._loop.remove_writer(sock)


def _topic(message: MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return ""
