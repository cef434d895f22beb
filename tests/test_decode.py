"""Captures brought by anybody: what they say, and what is told when the file is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

import drivers
from gateway.decode import BadFile, StepResult, decode_file
from gateway.records import (
    BadFrame,
    Device,
    DeviceKind,
    Driver,
    Enrolled,
    Frame,
    Quantity,
    Reading,
)
from tests.vector_files import NOW

METER = "202611230042"
# 12345.67 kWh, built from DL/T 645-2007 annex A.
ENERGY = "68420023112620689108333333339a785634"


def message(body: str) -> str:
    """With its checksum and stop byte."""
    return f"{body}{sum(bytes.fromhex(body)) & 0xFF:02x}16"


GOOD = message(ENERGY)


def file(*steps: dict[str, Any], **vector: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {"id": "v", "protocol": "dlt645_2007", "transport": "serial"}
    whole |= {"context": {"meter": METER}, "steps": list(steps)}
    return {"schema": 2, "vectors": [whole | vector]}


def decoded(document: object, known: Mapping[str, Driver] | None = None) -> list[StepResult]:
    return list(decode_file(document, known or drivers.load()))


def errors(document: object) -> list[int]:
    return [result.errors for result in decoded(document)]


def test_a_step_is_printed_as_one_json_object() -> None:
    [result] = decoded(file({"dt_s": 0, "hex": GOOD}))
    assert msgspec.json.encode(result) == (
        b'{"id":"v","step":0,"readings":'
        b'[{"kind":"energy_total","value":12345.67,"unit":"kWh"}],"errors":0}'
    )


def test_hexadecimal_may_be_spaced_and_in_capitals() -> None:
    spaced = " ".join(GOOD[at : at + 2] for at in range(0, len(GOOD), 2)).upper()
    [result] = decoded(file({"hex": spaced}))
    assert [said.value for said in result.readings] == [12345.67]


def test_a_message_in_pieces_is_whole_at_its_last_step() -> None:
    results = decoded(
        file({"hex": GOOD[:10]}, {"dt_s": 0.1, "hex": GOOD[10:20]}, {"dt_s": 0.1, "hex": GOOD[20:]})
    )
    assert [len(result.readings) for result in results] == [0, 0, 1]
    assert [result.errors for result in results] == [0, 0, 0]


def test_a_pause_longer_than_the_idle_gap_drops_what_is_unfinished_in_the_step_after_it() -> None:
    steps: list[dict[str, Any]] = [{"hex": GOOD[:20]}, {"dt_s": 0.6, "hex": GOOD}]
    assert errors(file(*steps)) == [0, 1]
    assert errors(file(*steps, context={"meter": METER, "idle_gap_s": 5})) == [0, 1]


def test_the_idle_gap_comes_from_the_context_where_it_is_given() -> None:
    steps: list[dict[str, Any]] = [{"hex": GOOD[:20]}, {"dt_s": 0.6, "hex": GOOD[20:]}]
    patient = decoded(file(*steps, context={"meter": METER, "idle_gap_s": 5}))
    assert [len(result.readings) for result in patient] == [0, 1]
    assert [len(result.readings) for result in decoded(file(*steps))] == [0, 0]


def test_a_neighbours_meter_moves_the_error_counter() -> None:
    assert errors(file({"hex": GOOD}, context={"meter": "1"})) == [1]


def test_one_event_heard_several_times_is_printed_once() -> None:
    def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
        if frame.payload == b"seen":
            return [Reading(frame.address, Quantity.SEEN, True, frame.at)]
        text = frame.payload.decode()
        return [Reading(frame.address, Quantity.BUTTON, "press", frame.at, event=text)]

    button = Driver(
        "button",
        "pipe",
        "Button",
        decode,
        context=lambda _: [Device("b", "button", "b", DeviceKind.CALL_BUTTON)],
    )
    lines = [{"line": line} for line in ("1", "1", "seen", "1", "2")]
    results = decoded(file(*lines, protocol="button", transport="pipe"), {"button": button})
    assert [len(result.readings) for result in results] == [1, 0, 0, 0, 1]


def test_a_line_that_a_decoder_refuses_is_one_error() -> None:
    def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
        raise BadFrame("json")

    lines = Driver("lines", "pipe", "Lines", decode)
    [result] = decoded(file({"line": "{"}, protocol="lines"), {"lines": lines})
    assert (result.errors, result.readings) == (1, [])


def test_a_protocol_nobody_speaks_is_told_for_each_step_and_the_rest_is_decoded() -> None:
    document = file({"hex": "00"}, {"hex": "01"}, protocol="morse")
    document["vectors"] += file({"hex": GOOD})["vectors"]
    first, second, third = decoded(document)
    assert "no driver speaks 'morse'" in first.problem
    assert "dlt645_2007" in second.problem
    assert third.problem == ""
    assert len(third.readings) == 1


def test_a_context_that_cannot_be_enrolled_is_told() -> None:
    wrong = {"slave": 1, "inputs": {"1": "teapot"}}
    [result] = decoded(file({"hex": "00"}, protocol="modbus_inputs", context=wrong))
    assert "teapot" in result.problem
    [result] = decoded(file({"hex": "00"}, context={"meter": METER, "idle_gap_s": "long"}))
    assert "idle_gap_s" in result.problem


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([], "not a vector file"),
        ({"schema": 2}, "vectors"),
        ({"schema": 1, "vectors": []}, "this program reads schema 2"),
        ({"schema": 2, "vectors": [{"id": "a"}]}, r"vector 0 \(a\).*steps"),
        ({"schema": 2, "vectors": [7]}, "vector 0: "),
        (file({"hex": GOOD}, {"hex": "686"}), r"vector 0 \(v\), step 1: .*Odd-length"),
        (file({"hex": "6x"}), "not hexadecimal"),
        (file({"dt_s": 1}), 'give the bytes as "hex"'),
        (file({"hex": GOOD, "dt_s": "soon"}), r"steps\[0\].dt_s"),
        (file({"hex": GOOD}, context=[]), "context"),
    ],
)
def test_a_wrong_file_is_one_clear_complaint_before_anything_is_decoded(
    document: object, told: str
) -> None:
    with pytest.raises(BadFile, match=told):
        next(decode_file(document, drivers.load()))


@pytest.mark.parametrize("name", sorted(drivers.load()))
def test_whatever_a_context_holds_nothing_is_raised(name: str) -> None:
    driver = drivers.load([name])[name]
    contexts: list[dict[str, Any]] = [{}, {"meter": 5}, {"slave": None}, {"profile": "unheard_of"}]
    for context in contexts:
        document = file({"hex": GOOD}, protocol=name, transport=driver.transport, context=context)
        [result] = decoded(document)
        assert result.readings == []


def test_a_warning_that_is_no_longer_set_ends_without_being_printed() -> None:
    driver = drivers.load(["modbus_gas"])["modbus_gas"]
    broken, well = "050304ffff0004be14", "050304000300004ff3"
    results = decoded(
        file({"hex": broken}, {"hex": well}, protocol="modbus_rtu", context={"slave": 5})
    )
    assert [[said.kind for said in result.readings] for result in results] == [
        ["fault"],
        ["gas_lel", "gas_alarm"],
    ]
    assert driver.context is not None
    home = Enrolled(driver.context({"slave": 5}))
    faults = [
        reading.value
        for message_ in (broken, well)
        for reading in driver.decode(Frame("modbus_gas", "", bytes.fromhex(message_), NOW), home)
        if reading.quantity is Quantity.FAULT
    ]
    assert faults == [True, False]
