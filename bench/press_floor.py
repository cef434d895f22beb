"""The floor under a press: one durable commit, and one message to the broker and back.

    python -m bench.press_floor FOLDER UPLINK      UPLINK: the way to the broker, as JSON

Each line on the standard input asks for one of each; the answer is a line with both durations. The
commit is bare SQLite with the outbox's pragmas; the message is bare paho (its own network thread)
with QoS 1 over the same TLS, from publish() to the PUBACK.
"""

from __future__ import annotations

import ssl
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from bench.floor import BODY_BYTES, TABLE
from gateway.database import OUTBOX, connect
from gateway.home import UplinkSettings

TOPIC = "v1/bench/floor/alert/p0"


class Floor(msgspec.Struct, frozen=True):
    """In nanoseconds."""

    commit: int
    publish: int


class BarePaho:
    def __init__(self, way: UplinkSettings) -> None:
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id="bench/floor",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        context = ssl.create_default_context(cafile=way.ca)
        context.load_cert_chain(way.certificate, way.key)
        self._client.tls_set_context(context)
        self._here = threading.Event()
        self._client.on_connect = self._note
        self._client.connect(way.host, way.port)
        self._client.loop_start()
        self._here.wait(10)

    def _note(self, *_: Any) -> None:
        self._here.set()

    def on_puback(self, call: Callable[[], object]) -> None:
        """On paho's thread."""

        def heard(*_: Any) -> None:
            call()

        self._client.on_publish = heard

    def send(self, topic: str, body: bytes) -> None:
        self._client.publish(topic, body, qos=1)

    def publish(self, body: bytes) -> int:
        """Nanoseconds to the PUBACK."""
        self.on_puback(self._here.set)
        self._here.clear()
        began = time.monotonic_ns()
        self.send(TOPIC, body)
        if not self._here.wait(10):
            raise TimeoutError("no PUBACK")
        return time.monotonic_ns() - began


def main(folder: Path, way: UplinkSettings) -> None:
    body = b"x" * BODY_BYTES
    paho = BarePaho(way)
    with closing(connect(folder / "floor.sqlite", TABLE, OUTBOX)) as connection:
        print("ready", flush=True)
        for _ in sys.stdin:
            began = time.monotonic_ns()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO alert (body) VALUES (?)", (body,))
            connection.execute("COMMIT")
            commit = time.monotonic_ns() - began
            print(msgspec.json.encode(Floor(commit, paho.publish(body))).decode(), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=UplinkSettings))
