"""What leaves the hub, byte for byte, and that nothing else can; what may come in, and what not."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import __version__, wire
from gateway.home import Contact, Home, Hub
from gateway.records import (
    UNITS,
    Alert,
    AlertType,
    BadFrame,
    Code,
    Condition,
    Device,
    DeviceKind,
    Evidence,
    Fact,
    Instant,
    Outcome,
    Room,
    RoomKind,
    Severity,
    Signal,
    State,
    WorkOrder,
)
from gateway.records.messages import Draft
from gateway.wire.api import asyncapi, asyncapi_json
from gateway.wire.schema import Depth, DeviceCounts, RadioCounts, StorageState, Unit

GOLDEN = Path(__file__).parent / "wire"
HUB = Hub(tenant="street-7", id="hub-1")
HOME = Home(
    hub=HUB,
    rooms=(
        Room("bed", RoomKind.BEDROOM, "奶奶的卧室"),
        Room("kitchen", RoomKind.KITCHEN),
    ),
    devices=(
        Device("zhang-ayi-button", "modbus_inputs", "3/1", DeviceKind.CALL_BUTTON, "bed"),
        Device("meter", "cjt188", "12345678901234", DeviceKind.WATER_METER, "kitchen"),
    ),
)


def at(seconds: float, trusted: bool = True) -> Instant:
    """The moment `seconds` after 2026-01-05 13:10 UTC."""
    return Instant(5000.0 + seconds, 1767618600.0 + seconds, trusted)


def pressed() -> Alert:
    return Alert(
        id="01KE7Q4T4YB5M2Z3N8R6W1X0VH",
        rev=1,
        type=AlertType.SOS_PRESSED,
        cause="zhang-ayi-button",
        severity=Severity.S1,
        state=State.RAISED,
        condition=Condition.PRESENT,
        raised_at=at(0.25),
        changed_at=at(0.25),
        evidence=Evidence((Fact(Code.PRESSED, since=at(0.25)),)),
        presses=1,
    )


def no_water() -> Alert:
    return Alert(
        id="01KE7Q4T4YB5M2Z3N8R6W1X0VJ",
        rev=4,
        type=AlertType.WATER_NO_USE,
        cause="meter",
        severity=Severity.S2,
        state=State.DISPATCHED,
        condition=Condition.PRESENT,
        raised_at=at(0, trusted=False),
        changed_at=at(600),
        evidence=Evidence(
            observed=(Fact(Code.NO_WATER, since=at(-43200, trusted=False)),),
            usual=(Fact(Code.USUAL_LONGEST_GAP_NIGHT, 22800.0, "s"),),
            rule=(Fact(Code.LIMIT, 43200.0, "s"), Fact(Code.RULE, 1.0)),
            against=(Fact(Code.PERHAPS_AWAY, since=at(-40000)),),
        ),
        work_order=WorkOrder("WO-17", 600.0),
    )


def closed() -> Alert:
    return msgspec.structs.replace(
        pressed(),
        rev=5,
        state=State.CLOSED,
        condition=Condition.ENDED,
        changed_at=at(1800),
        work_order=WorkOrder("WO-18"),
        outcome=Outcome.HELPED,
        presses=2,
    )


def hub_alert() -> Alert:
    return msgspec.structs.replace(
        pressed(),
        id="01KE7Q4T4YB5M2Z3N8R6W1X0VK",
        type=AlertType.HUB_RADIO_BLIND,
        cause="grandmas-bus",
        severity=Severity.S4,
        evidence=Evidence((Fact(Code.RADIO_SILENT, since=at(-600)),)),
        presses=0,
    )


def complete(draft: Draft) -> bytes:
    return wire.with_id(draft.body, "a1b2c3d4-17")


def heartbeat() -> bytes:
    beat = wire.Heartbeat(
        clock_quality=wire.ClockQuality.TRUSTED,
        version="0.1.0",
        plan_version=3,
        epoch="a1b2c3d4",
        seq_last=120,
        seq_unreceived=118,
        outbox=Depth(p0=1, p3=2),
        devices=DeviceCounts(ok=11, late=1, lost=1, unknown=2, low=1),
        radios=RadioCounts(alive=2, blind=1),
        rule_pass_age_s=0.4,
        storage=StorageState.OK,
        up_s=86400,
        restarts=1,
        rejected=wire.rejects({"cjt188: checksum": 3, "mbus: stranger": 1, "replayed": 2}),
    )
    return wire.heartbeat_message(beat, HUB, at(1))[1]


def birth() -> bytes:
    data = wire.StateData(
        state=wire.HubState.ONLINE,
        version="0.1.0",
        epoch="a1b2c3d4",
        mqtt="3.1.1",
        fallback=wire.Fallback.UNSUPPORTED,
    )
    return wire.state_message(data, HUB, at(2))[1]


def will() -> bytes:
    data = wire.StateData(state=wire.HubState.LOST, version="0.1.0", epoch="a1b2c3d4")
    return wire.state_message(data, HUB, at(2, trusted=False))[1]


def tombstones() -> bytes:
    stones = (
        wire.Tombstone(4, 9, wire.Gone.EXPIRED),
        wire.Tombstone(121, 130, wire.Gone.UNKNOWN),
    )
    reply = wire.ReplyData(command_id="c1-7", result=wire.Result.DONE, resent=3, tombstones=stones)
    return complete(wire.reply_draft(reply, HUB, at(3)))


def refusal() -> bytes:
    problem = wire.Refused(wire.Refusal.SIGNATURE_REQUIRED, "c1-8")
    return complete(wire.reply_draft(wire.refused(problem), HUB, at(4)))


OUT = {
    "alert_sos_raised": lambda: complete(wire.alert_draft(pressed(), HOME)),
    "alert_water_dispatched": lambda: complete(wire.alert_draft(no_water(), HOME)),
    "alert_sos_closed": lambda: complete(wire.alert_draft(closed(), HOME)),
    "alert_radio_blind": lambda: complete(wire.alert_draft(hub_alert(), HOME)),
    "heartbeat": heartbeat,
    "state_online": birth,
    "state_lost": will,
    "reply_tombstones": tombstones,
    "reply_refused": refusal,
}


@pytest.mark.parametrize("name", OUT)
def test_what_leaves_is_byte_for_byte_the_golden_payload(name: str) -> None:
    assert OUT[name]() == (GOLDEN / f"{name}.json").read_bytes().rstrip(b"\n")


@pytest.mark.parametrize("name", OUT)
def test_a_platform_can_read_what_leaves(name: str) -> None:
    message = wire.parse_message(OUT[name]())
    assert message.source == "/v1/street-7/hub-1"
    assert message.specversion == "1.0"


def test_every_golden_payload_is_of_something() -> None:
    names = {path.stem for path in GOLDEN.glob("*.json")}
    assert names == set(OUT) | set(IN)


def test_an_alert_goes_to_the_topic_of_its_priority() -> None:
    draft = wire.alert_draft(pressed(), HOME)
    assert (draft.topic, draft.priority) == ("v1/street-7/hub-1/alert/p0", 0)
    assert (draft.alert_id, draft.rev, draft.kind) == (pressed().id, 1, "alert")


def test_an_emergency_never_expires_and_a_note_does() -> None:
    assert wire.alert_draft(pressed(), HOME).expires_line is None
    assert wire.alert_draft(no_water(), HOME).expires_line is None
    month_later = at(30 * 86400).line
    expires = wire.alert_draft(hub_alert(), HOME).expires_line
    assert expires is not None
    assert expires > month_later


def test_the_id_that_the_outbox_gives_makes_the_message_whole() -> None:
    from gateway.outbox.rows import complete as by_the_outbox

    draft = wire.alert_draft(pressed(), HOME)
    assert by_the_outbox(draft.body, "a1b2c3d4-17") == complete(draft)
    assert msgspec.json.decode(complete(draft))["id"] == "a1b2c3d4-17"


def test_an_unsure_clock_is_said_even_if_it_became_sure_since() -> None:
    assert wire.alert_data(no_water(), HOME).clock_quality is wire.ClockQuality.UNSURE


@pytest.mark.parametrize("wall", [float("nan"), float("inf"), -5.0, 1e300])
def test_an_impossible_wall_clock_does_not_stop_an_emergency(wall: float) -> None:
    alert = msgspec.structs.replace(pressed(), raised_at=Instant(1.0, wall, trusted=False))
    wire.parse_message(complete(wire.alert_draft(alert, HOME)))


def test_every_unit_of_a_quantity_may_leave() -> None:
    assert set(UNITS.values()) <= {unit.value for unit in Unit}


def test_rejected_frames_leave_as_sums_of_a_closed_set() -> None:
    counts = {"cjt188: checksum": 2, "mbus: crc": 3, "x: 张阿姨": 1, "cjt188: none": 0}
    assert wire.rejects(counts) == {wire.Reject.CHECKSUM: 5, wire.Reject.OTHER: 1}


DOCUMENT = Path(__file__).parent.parent / "docs" / "asyncapi.json"


def test_the_document_for_platforms_is_what_the_types_say() -> None:
    again = "python -m gateway.wire.api > docs/asyncapi.json"
    assert DOCUMENT.read_bytes() == asyncapi_json(__version__), again


def test_the_schemas_of_all_messages_are_closed() -> None:
    schemas = asyncapi(__version__)["components"]["schemas"]
    objects = {name: one for name, one in schemas.items() if one.get("type") == "object"}
    assert len(objects) > 20
    assert [name for name, one in objects.items() if one["additionalProperties"] is not False] == []


def test_every_reference_of_the_document_leads_somewhere() -> None:
    document = asyncapi(__version__)
    for reference in re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(document)):
        place: Any = document
        for level in reference.split("/"):
            place = place[level]
        assert place


# ---------------------------------------------------------------- privacy

FREE = st.text(
    st.characters(codec="utf-8", exclude_characters='"\\/', exclude_categories=("Cc", "Cs")),
    min_size=4,
    max_size=20,
)
PLAIN = st.from_regex(r"zz[a-z0-9]{6,12}", fullmatch=True)
"""What a home calls its things; it begins like no word of ours, so that finding it is a leak."""


@st.composite
def homes(draw: st.DrawFn) -> Home:
    room_ids = draw(st.lists(PLAIN, min_size=1, max_size=4, unique=True))
    rooms = tuple(Room(room, draw(st.sampled_from(RoomKind)), draw(FREE)) for room in room_ids)
    device_ids = draw(st.lists(PLAIN, min_size=1, max_size=6, unique=True))
    devices = tuple(
        Device(
            device,
            driver="modbus_inputs",
            address=f"zz{draw(FREE)}",
            kind=draw(st.sampled_from(DeviceKind)),
            room=draw(st.sampled_from(room_ids)),
            port=draw(PLAIN),
            options={"note": draw(FREE)},
        )
        for device in device_ids
    )
    contact = Contact(name=draw(FREE), role="first_carer", phone=draw(PLAIN), note=draw(FREE))
    return Home(hub=HUB, rooms=rooms, devices=devices, contacts=(contact,))


INSTANTS = st.builds(Instant, st.floats(0, 1e9), st.floats(0, 4e9), st.booleans())
FACTS = st.builds(
    Fact,
    st.sampled_from(Code),
    st.none() | st.floats(),
    st.none() | st.sampled_from([unit.value for unit in Unit]) | FREE,
    st.none() | INSTANTS,
)
EVIDENCE = st.builds(Evidence, *[st.lists(FACTS, max_size=4).map(tuple)] * 4)


@st.composite
def alerts(draw: st.DrawFn, home: Home) -> Alert:
    causes = [device.id for device in home.devices] + [draw(FREE), "home", "hub"]
    return Alert(
        id=draw(st.from_regex(r"[0-9A-HJKMNP-TV-Z]{26}", fullmatch=True)),
        rev=draw(st.integers(1, 1000)),
        type=draw(st.sampled_from(AlertType)),
        cause=draw(st.sampled_from(causes)),
        severity=draw(st.sampled_from(Severity)),
        state=draw(st.sampled_from(State)),
        condition=draw(st.sampled_from(Condition)),
        raised_at=draw(INSTANTS),
        changed_at=draw(INSTANTS),
        evidence=draw(EVIDENCE),
        presses=draw(st.integers(0, 99)),
        work_order=draw(st.none() | st.builds(WorkOrder, st.just("WO-1"), st.floats(0, 9e5))),
        outcome=draw(st.sampled_from(Outcome)),
    )


ENUMS: tuple[Any, ...] = (
    AlertType, Severity, State, Condition, RoomKind, DeviceKind, Code, Outcome, Unit,
    wire.ClockQuality, wire.Reject,
)  # fmt: skip
OURS = {member.value for enum in ENUMS for member in enum}


def strings(value: Any, key: str = "") -> list[tuple[str, str]]:
    """Every string in a JSON value with the field it stands in."""
    if isinstance(value, dict):
        return [pair for name, part in value.items() for pair in strings(part, name)]
    if isinstance(value, list):
        return [pair for part in value for pair in strings(part, key)]
    return [(key, value)] if isinstance(value, str) else []


def is_moment(text: str) -> bool:
    return datetime.fromisoformat(text).tzinfo == UTC


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_whatever_the_home_only_our_words_and_numbers_leave_it(data: st.DataObject) -> None:
    home = data.draw(homes())
    alert = data.draw(alerts(home))
    body = complete(wire.alert_draft(alert, home))
    event = json.loads(body)
    for field, text in strings(event["data"]):
        known = text in OURS or field in ("alert_id", "id") or is_moment(text)
        assert known, f"{field} says {text}"
    wire.parse_message(body)  # every field is one of the closed schema
    assert b"zz" not in body  # and no id, address or number of the home is anywhere in it


@given(st.dictionaries(FREE, st.integers(0, 10**6), max_size=8))
def test_whatever_was_rejected_only_our_words_leave(counts: dict[str, int]) -> None:
    beat = wire.Heartbeat(
        clock_quality=wire.ClockQuality.TRUSTED, version="0.1.0", rejected=wire.rejects(counts)
    )
    body = wire.heartbeat_message(beat, HUB, at(0))[1]
    assert set(json.loads(body)["data"].get("rejected", {})) <= OURS


# ---------------------------------------------------------------- in

NOW = datetime(2026, 1, 5, 13, 20, tzinfo=UTC)
IN = {
    "cmd_receipt": (
        "receipt",
        wire.command_message("c1-1", wire.Receipt(("a1b2c3d4-17", "a1b2c3d4-18")), NOW),
    ),
    "cmd_order_dispatched": (
        "order",
        wire.command_message(
            "c1-2", wire.OrderStep(pressed().id, wire.Step.DISPATCHED, "WO-17", 600.0), NOW
        ),
    ),
    "cmd_order_closed": (
        "order",
        wire.command_message(
            "c1-3",
            wire.OrderStep(pressed().id, wire.Step.CLOSED, "WO-17", outcome=Outcome.HELPED),
            NOW,
        ),
    ),
    "cmd_test": ("test", wire.command_message("c1-4", wire.Test(), NOW)),
    "cmd_resend": ("resend", wire.command_message("c1-5", wire.Resend(4, 17), NOW)),
}


def command_topic(name: str) -> str:
    return wire.topic(HUB, f"cmd/{name}")


@pytest.mark.parametrize("name", IN)
def test_a_command_is_read_as_the_golden_payload_says(name: str) -> None:
    command_name, written = IN[name]
    golden = (GOLDEN / f"{name}.json").read_bytes().rstrip(b"\n")
    assert golden == written
    command = wire.parse_command(command_topic(command_name), golden)
    assert command.name == command_name
    assert command.id.startswith("c1-")


def test_a_step_of_a_work_order_becomes_an_answer_for_the_alert_table() -> None:
    command = wire.parse_command(command_topic("order"), IN["cmd_order_dispatched"][1])
    answer = wire.answer(command, at(9))
    assert answer is not None
    assert answer.signal is Signal.DISPATCHED
    assert answer.work_order == WorkOrder("WO-17", 600.0)
    assert answer.at == at(9)


@pytest.mark.parametrize("name", ["plan", "diagnostics", "certificate", "quiet"])
def test_what_would_change_the_home_is_refused_without_a_signature(name: str) -> None:
    with pytest.raises(wire.Refused) as refused:
        wire.parse_command(command_topic(name), b'{"id": "c9", "data": {"anything": 1}}')
    assert refused.value.reason == "signature_required"
    assert refused.value.command_id == "c9"


@pytest.mark.parametrize(
    ("name", "payload", "reason"),
    [
        ("receipt", b"{" + b" " * 65536, "oversized"),
        ("open_door", b"{}", "unknown_command"),
        ("receipt", b"not json", "malformed"),
        ("receipt", b"\xff\xfe", "malformed"),
        ("receipt", b"[" * 60000, "malformed"),
        ("plan", b"[]", "malformed"),
        ("receipt", IN["cmd_test"][1], "malformed"),
        ("test", IN["cmd_test"][1].replace(b'"data":{}', b'"data":{"x":1}'), "malformed"),
        ("test", IN["cmd_test"][1].replace(b"c1-4", b"../../x"), "malformed"),
        ("resend", IN["cmd_resend"][1].replace(b'"seq_from":4', b'"seq_from":-1'), "malformed"),
        ("order", IN["cmd_order_closed"][1].replace(b"closed", b"forgotten"), "malformed"),
        ("receipt", IN["cmd_receipt"][1].replace(b"a1b2c3d4-17", b"17"), "malformed"),
    ],
)
def test_a_command_that_is_not_ours_is_refused_with_its_reason(
    name: str, payload: bytes, reason: str
) -> None:
    with pytest.raises(BadFrame) as refused:
        wire.parse_command(command_topic(name), payload)
    assert refused.value.reason == reason


@given(st.binary(max_size=300), st.sampled_from(["receipt", "order", "test", "resend", "plan"]))
def test_whatever_bytes_come_in_they_are_a_command_or_refused(body: bytes, name: str) -> None:
    with pytest.raises(BadFrame):
        wire.parse_command(command_topic(name), body)


@given(st.integers(0, 400), st.integers(0, 7), st.sampled_from(sorted(IN)))
def test_one_flipped_bit_never_breaks_the_reader(place: int, bit: int, name: str) -> None:
    command_name, golden = IN[name]
    damaged = bytearray(golden)
    damaged[place % len(damaged)] ^= 1 << bit
    with contextlib.suppress(BadFrame):
        command = wire.parse_command(command_topic(command_name), bytes(damaged))
        assert command.name == command_name


def test_a_replayed_command_is_ignored() -> None:
    inbox = wire.Inbox()
    topic, body = command_topic("test"), IN["cmd_test"][1]
    assert inbox.accept(topic, body).id == "c1-4"
    with pytest.raises(BadFrame, match="replayed"):
        inbox.accept(topic, body)


def test_the_memory_of_commands_is_bounded() -> None:
    inbox = wire.Inbox(memory=3)
    for number in [1, 2, 3, 4, 5]:
        inbox.accept(command_topic("test"), wire.command_message(f"c{number}", wire.Test(), NOW))
    with pytest.raises(BadFrame, match="replayed"):
        inbox.accept(command_topic("test"), wire.command_message("c3", wire.Test(), NOW))
    inbox.accept(command_topic("test"), wire.command_message("c1", wire.Test(), NOW))
