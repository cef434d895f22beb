"""The wire for whoever builds a platform: an AsyncAPI 3 document, made from the message types."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.wire import CommandEvent, Outgoing

SCHEMAS = "#/components/schemas/"
HUB_ADDRESS = "v1/{tenant}/{hub}/"

# name: (address below the hub's, who sends, types of message, what it is)
CHANNELS: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "alert": (
        "alert/{priority}",
        "hub",
        ("AlertEvent",),
        "One revision of one incident. Receipt it by its message id when it is on your own disk: "
        "until then the hub sends it again with the same id. p0 emergencies to p3 notes.",
    ),
    "heartbeat": ("hb", "hub", ("HeartbeatEvent",), "How the hub is; never sent again."),
    "state": ("state", "hub", ("StateEvent",), "Retained: birth, farewell, or the will."),
    "reply": ("reply/{command}", "hub", ("ReplyEvent",), "The answer to one command, by its id."),
    "receipt": ("cmd/receipt", "platform", ("ReceiptEvent",), "These messages are safe with us."),
    "order": ("cmd/order", "platform", ("OrderEvent",), "A step of the work order of an alert."),
    "test": ("cmd/test", "platform", ("TestEvent",), "Raise a test alert."),
    "resend": ("cmd/resend", "platform", ("ResendEvent",), "Send these sequence numbers again."),
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "tenant": {"description": "The street or operator."},
    "hub": {"description": "One home, one hub. The hub's certificate has the CN `tenant/hub`."},
    "priority": {"enum": ["p0", "p1", "p2", "p3"]},
    "command": {"description": "The id of the command."},
}


def asyncapi(version: str) -> dict[str, Any]:
    """The whole document. `version` is that of the software."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Lamplight hub",
            "version": version,
            "description": "MQTT 5 or 3.1.1, QoS 1. Payloads are CloudEvents 1.0 in structured "
            "JSON; all schemas are closed. A PUBACK is not delivery, a receipt is.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {name: _channel(name) for name in CHANNELS},
        "operations": {name: _operation(name) for name in CHANNELS},
        "components": {
            "messages": {
                kind: {"payload": {"$ref": SCHEMAS + kind}}
                for _, _, kinds, _ in CHANNELS.values()
                for kind in kinds
            },
            "schemas": _schemas(),
        },
    }


def _channel(name: str) -> dict[str, Any]:
    below, _, kinds, words = CHANNELS[name]
    address = HUB_ADDRESS + below
    return {
        "address": address,
        "description": words,
        "parameters": {one: PARAMETERS[one] for one in PARAMETERS if f"{{{one}}}" in address},
        "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in kinds},
    }


def _operation(name: str) -> dict[str, Any]:
    """Seen from the hub, whose document this is."""
    sender = CHANNELS[name][1]
    return {
        "action": "send" if sender == "hub" else "receive",
        "channel": {"$ref": f"#/channels/{name}"},
    }


def _schemas() -> dict[str, Any]:
    kinds: list[Any] = [Outgoing, CommandEvent]
    _, components = msgspec.json.schema_components(kinds, ref_template=SCHEMAS + "{name}")
    return components


def asyncapi_json(version: str) -> bytes:
    """As it stands in docs/asyncapi.json (`python -m gateway.wire.api > docs/asyncapi.json`)."""
    return msgspec.json.format(msgspec.json.encode(asyncapi(version)), indent=2) + b"\n"


if __name__ == "__main__":
    from gateway import __version__

    print(asyncapi_json(__version__).decode(), end="")
