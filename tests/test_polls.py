"""What is said to a meter, in what order, and what of the plan is refused beforehand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

import drivers
from gateway.records import Device, DeviceKind, Enrolled, Frame
from tests.vector_files import NOW

DRIVERS = drivers.load()
ACK = b"\xe5"


def device(
    driver: str,
    address: str,
    kind: DeviceKind = DeviceKind.WATER_METER,
    **options: str | float | bool,
) -> Device:
    return Device("d", driver, address, kind, options=options)


def asked(one: Device, replies: Sequence[bytes] = ()) -> list[str]:
    """The requests in a conversation in which these are the replies, and then nothing."""
    poll = DRIVERS[one.driver].poll
    assert poll is not None
    conversation = poll(one)
    requests = [next(conversation)]
    for reply in [*replies, b"", b"", b"", b""]:
        try:
            requests.append(conversation.send(reply))
        except StopIteration:
            break
    return [request.hex() for request in requests]


def telegram(*records: int) -> bytes:
    """An M-Bus answer with these bytes as its records."""
    head = bytes.fromhex("080172 42001126 2d2c 1b 07 2a 00 0000") + bytes(records)
    body = bytes([0x68, len(head), len(head), 0x68]) + head
    return body + bytes([sum(head) & 0xFF, 0x16])


def test_a_water_meter_is_asked_for_its_totals_as_the_standard_prints_it() -> None:
    # The request printed in "CJ/T-188 Water Meter Protocol analysis" (topic.alibabacloud.com).
    [request] = asked(device("cjt188", "78330011223344"))
    assert request == "fefefe" + "68104433221100337801031f90008016"


def test_a_water_meter_can_be_asked_in_the_other_byte_order_and_as_another_kind() -> None:
    [request] = asked(device("cjt188", "78330011223344", data_id="901f", meter_type=0x11))
    assert request.startswith("fefefe6811")
    assert "901f00" in request


def test_an_electricity_meter_is_asked_as_a_public_transcript_shows_it() -> None:
    [request] = asked(device("dlt645_2007", "000000000161", read="forward"))
    assert request == "fefefefe" + "68610100000000681104333334331416"


def test_an_electricity_meter_is_asked_for_energy_and_power_unless_the_plan_says_more() -> None:
    meter = "000000000161"
    assert len(asked(device("dlt645_2007", meter))) == 2
    assert len(asked(device("dlt645_2007", meter, read="energy, power, voltage, current"))) == 4


def test_an_mbus_meter_is_reset_and_then_asked_for_data() -> None:
    requests = asked(device("mbus", "11"), [ACK, telegram(0x01, 0x16, 0x2A)])
    assert requests == ["10400b4b16", "107b0b8616"]


def test_an_mbus_meter_with_more_to_tell_is_asked_on_with_the_frame_count_bit_toggled() -> None:
    more, last = telegram(0x01, 0x16, 0x2A, 0x1F), telegram(0x01, 0x16, 0x2A)
    requests = asked(device("mbus", "11"), [ACK, more, more, last])
    assert requests[1:] == ["107b0b8616", "105b0b6616", "107b0b8616"]


def test_an_mbus_meter_that_never_ends_is_left_after_eight_telegrams() -> None:
    more = telegram(0x01, 0x16, 0x2A, 0x1F)
    assert len(asked(device("mbus", "11"), [ACK] + [more] * 50)) == 1 + 8


def test_an_mbus_meter_is_selected_by_its_number() -> None:
    requests = asked(device("mbus", "12345678"), [ACK, telegram(0x01, 0x16, 0x2A)])
    assert requests == ["680b0b6853fd5278563412ffffffffb216", "107bfd7816"]


def test_one_question_reads_all_inputs_of_a_module() -> None:
    # MODBUS Application Protocol V1.1b3, 6.2: first address 0, eight inputs; CRC by pymodbus.
    [request] = asked(device("modbus_inputs", "3/8", DeviceKind.MOTION))
    assert request == "030200000008782e"
    [request] = asked(device("modbus_inputs", "3/9", DeviceKind.MOTION))
    assert request[8:12] == "0010"


def test_where_inputs_share_a_module_the_highest_one_asks_for_all() -> None:
    inputs = [device("modbus_inputs", f"3/{n}", DeviceKind.MOTION) for n in (2, 12, 7)]
    other = device("modbus_inputs", "4/1", DeviceKind.MOTION)
    meter = device("cjt188", "78330011223344")
    assert drivers.spokesmen([*inputs, other, meter]) == [inputs[1], other, meter]


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (device("cjt188", "1122"), "14 digits"),
        (device("cjt188", "7833001122334x"), "14 digits"),
        (device("cjt188", "78330011223344", data_id="1234"), "data_id"),
        (device("cjt188", "78330011223344", meter_type=0x20), "water meter"),
        (device("dlt645_2007", "161"), "leading zeros"),
        (device("dlt645_2007", "000000000161", read="energy, colour"), "colour"),
        (device("mbus", "251"), "0 to 250"),
        (device("mbus", "x"), "0 to 250"),
        (device("modbus_gas", "0"), "1 to 247"),
        (device("modbus_gas", "٣"), "1 to 247"),
        (device("modbus_gas", "1", profile="unheard_of"), "modbus_gas_generic"),
        (device("modbus_inputs", "3", DeviceKind.MOTION), "<input>"),
        (device("modbus_inputs", "3/65", DeviceKind.MOTION), "1 to 64"),
        (device("modbus_inputs", "3/1", DeviceKind.WATER_METER), "cannot be wired"),
        (device("modbus_inputs", "3/1", DeviceKind.MOTION, active="sometimes"), "closed"),
    ],
    ids=lambda value: f"{value.driver} {value.address}" if isinstance(value, Device) else value,
)
def test_what_cannot_be_asked_is_told_before_the_hub_starts(one: Device, told: str) -> None:
    check = DRIVERS[one.driver].check
    assert check is not None
    assert told in check(one)


POLLED = sorted(name for name, driver in DRIVERS.items() if driver.poll is not None)


@pytest.mark.parametrize("name", POLLED)
def test_what_the_check_lets_pass_can_be_asked(name: str) -> None:
    addresses = ["0", "7", "247", "250", "3/1", "12345678", "000000000161", "78330011223344"]
    passed = 0
    for address in addresses:
        one = device(name, address, DeviceKind.MOTION)
        check = DRIVERS[name].check
        if check is not None and check(one) == "":
            assert asked(one)
            passed += 1
    assert passed >= 1


def test_the_forward_energy_is_the_total_of_a_meter_that_is_asked_for_nothing_else() -> None:
    # The answer in the public transcript: 0.26 kWh forward.
    answer = bytes.fromhex("6861010000000068910833333433593333338a16")
    for read, channel in (("forward", ""), ("energy, forward", "forward")):
        meter = device("dlt645_2007", "000000000161", read=read)
        frame = Frame("dlt645_2007", "", answer, NOW)
        [reading] = DRIVERS["dlt645_2007"].decode(frame, Enrolled([meter]))
        assert (reading.value, reading.channel) == (0.26, channel)
