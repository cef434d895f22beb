"""BLE advertisements: what a wrong bit, a cut, a replay or a wrong key may never lead to."""

from __future__ import annotations

import random

import msgspec
import pytest

import drivers
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
from tests.vector_files import NOW, Example, examples

BLE = [d for d in drivers.load().values() if d.transport == "ble" and d.motion is None]
"""Those that advertise; what comes over a connection is in test_motion.py."""
EXAMPLES = [example for driver in BLE for example in examples(driver)]
EVENTS = {Quantity.BUTTON, Quantity.EMERGENCY}


def sealed(example: Example) -> bool:
    """Whether an integrity code covers it."""
    return any(reading.rising for reading in example.readings)


def said(readings: list[Reading]) -> set[tuple[str, object, str]]:
    return {(r.quantity.value, r.value, r.channel) for r in readings}


def heard(example: Example, payload: bytes) -> set[tuple[str, object, str]]:
    return said(example.readings_of([payload]))


def flips(payload: bytes) -> list[bytes]:
    return [
        payload[:at] + bytes([payload[at] ^ 1 << bit]) + payload[at + 1 :]
        for at in range(len(payload))
        for bit in range(8)
    ]


def test_sealed_messages_and_open_ones_are_among_the_vectors() -> None:
    assert sum(map(sealed, EXAMPLES)) > 20
    assert sum(not sealed(example) for example in EXAMPLES) > 20


def test_a_wrong_bit_in_a_sealed_message_never_changes_what_it_says() -> None:
    """Bits outside the seal (the version, "bound") may be wrong; what is said stays the same."""
    for example in filter(sealed, EXAMPLES):
        for damaged in flips(example.payload):
            told = heard(example, damaged)
            # Without the bit that says objects follow, it could be taken for a beacon.
            assert told in (set(), {("seen", True, "")}, said(example.readings)), damaged.hex()


def test_a_wrong_bit_raises_nothing_but_a_rejection() -> None:
    for example in EXAMPLES:
        for damaged in flips(example.payload):
            example.readings_of([damaged])


def test_an_advertisement_cut_short_never_says_more() -> None:
    for example in EXAMPLES:
        for size in range(len(example.payload)):
            told = heard(example, example.payload[:size])
            whole = said(example.readings)
            # One key of several is numbered, one alone is not.
            pressed = {(q, v) for q, v, _ in told if q == "button"}
            assert pressed <= {(q, v) for q, v, _ in whole}
            assert {each for each in told if each[0] != "button"} <= whole
            assert not sealed(example) or told == set()


def test_random_bytes_raise_nothing_but_a_rejection() -> None:
    dice = random.Random(4)
    for example in EXAMPLES[::5]:
        for _ in range(500):
            head = example.payload[: dice.randrange(6)]
            example.readings_of([head + dice.randbytes(dice.randrange(25))])


def test_with_another_key_nothing_is_heard() -> None:
    for example in filter(sealed, EXAMPLES):
        [device] = example.devices
        options = device.options | {"key": "00" * 16}
        other = msgspec.structs.replace(device, options=options)
        with pytest.raises(BadFrame, match="integrity"):
            msgspec.structs.replace(example, devices=[other]).decode(example.payload)


def test_a_plain_message_of_a_device_that_has_a_key_is_refused() -> None:
    for example in EXAMPLES:
        [device] = example.devices
        if "key" not in device.options and example.driver.name == "bthome":
            keyed = msgspec.structs.replace(device, options={"key": "00" * 16})
            with pytest.raises(BadFrame, match="plain"):
                msgspec.structs.replace(example, devices=[keyed]).decode(example.payload)


def test_every_sound_advertisement_says_that_its_sender_is_alive() -> None:
    for example in EXAMPLES:
        assert ("seen", True, "") in said(example.readings)


def test_every_event_can_be_told_from_its_repetition() -> None:
    events = [r for example in EXAMPLES for r in example.readings if r.quantity in EVENTS]
    assert len(events) > 20
    assert all(reading.event or reading.repeat_s for reading in events)


def test_the_address_is_found_however_it_is_written() -> None:
    [bthome] = [driver for driver in BLE if driver.name == "bthome"]
    device = Device("d", "bthome", "A4:C1:38:8D:18:B2", DeviceKind.DOOR_CONTACT)
    frame = Frame("bthome", "hci0", bytes.fromhex("402d01"), NOW, "a4:c1:38:8d:18:b2")
    assert ("contact_open", True, "") in said(bthome.decode(frame, Enrolled([device])))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"address": "A4C1388D18B2"}, "address"),
        ({"options": {"key": "abc"}}, "32"),
        ({"options": {"key": "x" * 32}}, "key"),
        ({"options": {"key": True}}, "key"),
        ({"options": {"battery_changes": "one"}}, "battery_changes"),
        ({"options": {"battery_changes": -1}}, "battery_changes"),
        ({"options": {"battery_changes": 1.5}}, "battery_changes"),
    ],
)
@pytest.mark.parametrize("driver", BLE, ids=lambda driver: driver.name)
def test_a_plan_learns_what_is_wrong_with_a_ble_device(
    driver: Driver, wrong: dict[str, object], told: str
) -> None:
    assert driver.check is not None
    device = Device("d", driver.name, "A4:C1:38:8D:18:B2", DeviceKind.CALL_BUTTON)
    assert driver.check(device) == ""
    keyed = msgspec.structs.replace(device, options={"key": "0f" * 16, "battery_changes": 2})
    assert driver.check(keyed) == ""
    assert told in driver.check(msgspec.structs.replace(device, **wrong))
