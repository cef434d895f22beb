"""How a paho client is made for one connection: identity, will, session and bounds."""

from __future__ import annotations

from pathlib import Path

import msgspec
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.home import UplinkSettings
from gateway.uplink.dial import LinkLost

LARGEST_IN = 256 * 1024
"""Bytes of a packet that the broker may send us (MQTT 5); commands end at 64 kB."""
INCOMING_WINDOW = 50
"""Commands that the broker may have under way to us (MQTT 5)."""
SESSION_S = 7 * 86400
"""How long the broker keeps commands for a hub that is away (MQTT 5)."""


class Will(msgspec.Struct, frozen=True):
    topic: str
    body: bytes


def new_client(
    settings: UplinkSettings, client_id: str, version: MQTTProtocolVersion, will: Will | None
) -> Client:
    five = version == MQTTProtocolVersion.MQTTv5
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if five else False,
        protocol=version,
        reconnect_on_failure=False,
        # A command is confirmed when it is durable here, not when it was read.
        manual_ack=True,
    )
    client.max_inflight_messages_set(65535)  # the window is ours, see `room`
    if will is not None:
        client.will_set(will.topic, will.body, qos=1, retain=True)
    if settings.username:
        client.username_pw_set(settings.username, _password(settings))
    return client


def _password(settings: UplinkSettings) -> str | None:
    if not settings.password_file:
        return None
    try:
        return Path(settings.password_file).read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise LinkLost(
            f"the password file {settings.password_file} cannot be read ({problem.strerror}): "
            "put it there and give it to the hub's user"
        ) from problem


def connect_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = SESSION_S
    properties.ReceiveMaximum = INCOMING_WINDOW
    properties.MaximumPacketSize = LARGEST_IN
    return properties
