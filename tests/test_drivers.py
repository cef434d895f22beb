"""Every driver, by its vectors alone. A new driver gets all of this without a line here."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

import drivers
from gateway.radio.framing import Splitter
from gateway.records import BadFrame, Driver, Echo, Quantity
from tests.vector_files import VECTORS, Example, document, examples, mismatches

DRIVERS = drivers.load()
SERIAL = [driver for driver in DRIVERS.values() if driver.transport == "serial"]
MOST_COUNTED = 8
"""One damaged message moves the error counter by no more than this."""


def name(driver: Driver) -> str:
    return driver.name


POLLED = [driver for driver in SERIAL if driver.poll is not None]
each_driver = pytest.mark.parametrize("driver", DRIVERS.values(), ids=name)
# The radio hands on whole advertisements only (test_ble_drivers.py says what else holds for them).
each_framed = pytest.mark.parametrize(
    "driver", [driver for driver in DRIVERS.values() if driver.transport != "ble"], ids=name
)
each_serial = pytest.mark.parametrize("driver", SERIAL, ids=name)
each_checked = pytest.mark.parametrize("driver", [d for d in SERIAL if d.checked], ids=name)
each_unchecked = pytest.mark.parametrize("driver", [d for d in SERIAL if not d.checked], ids=name)
EMERGENCIES = {
    Quantity.BUTTON,
    Quantity.EMERGENCY,
    Quantity.FIRE_BUTTON,
    Quantity.FALL,
    Quantity.GAS_ALARM,
    Quantity.SMOKE_ALARM,
    Quantity.CO_ALARM,
}


@each_driver
def test_a_driver_says_what_its_vectors_say(driver: Driver) -> None:
    assert mismatches(driver, document(driver.name), DRIVERS) == []


def test_every_driver_has_vectors_and_every_vector_file_a_driver() -> None:
    assert {path.stem for path in VECTORS.glob("*.json")} == set(DRIVERS)


@each_driver
def test_every_vector_says_where_it_comes_from_and_belongs_to_its_driver(driver: Driver) -> None:
    loaded = document(driver.name)
    assert loaded["schema"] == 2
    for vector in loaded["vectors"]:
        own = (driver.protocol or driver.name, *driver.aliases)
        assert vector["protocol"] in own, vector["id"]
        assert len(vector["origin"]) > 20, vector["id"]
    ids = [vector["id"] for vector in loaded["vectors"]]
    assert len(ids) == len(set(ids))


@each_driver
def test_every_driver_has_a_good_message_to_damage(driver: Driver) -> None:
    assert len(examples(driver)) >= 3


@each_driver
def test_a_decoder_is_a_pure_function(driver: Driver) -> None:
    for example in examples(driver):
        assert example.decode(example.payload) == example.decode(example.payload)


@each_framed
def test_a_message_cut_short_or_drawn_out_says_nothing(driver: Driver) -> None:
    for example in examples(driver):
        for size in range(len(example.payload)):
            with pytest.raises(BadFrame):
                example.decode(example.payload[:size])
        with pytest.raises(BadFrame):
            example.decode(example.payload + b"\0")


@each_checked
def test_a_message_with_one_wrong_bit_says_nothing(driver: Driver) -> None:
    """A checksum covers every bit that means something: no flip may yield any reading, not even
    the right one."""
    for example in examples(driver):
        for damaged in flips(example.payload):
            with pytest.raises((BadFrame, Echo)):
                example.decode(damaged)


@each_unchecked
def test_where_nothing_is_checked_no_wrong_bit_makes_an_emergency(driver: Driver) -> None:
    """... that would be told at once: what is unsure waits until a second message agrees."""
    for example in examples(driver):
        for damaged in flips(example.payload):
            for reading in example.readings_of([damaged]):
                assert reading.unsure or reading.quantity not in EMERGENCIES, damaged.hex()


@each_serial
def test_after_a_wrong_bit_the_next_good_message_is_heard(driver: Driver) -> None:
    for example in examples(driver):
        for damaged in flips(example.payload):
            splitter = Splitter(driver)
            heard = splitter.feed(damaged) + splitter.idle()
            assert not driver.checked or example.readings_of(heard) == [], damaged.hex()
            assert splitter.rejected.total() <= MOST_COUNTED, damaged.hex()
            assert splitter.feed(example.payload) == [example.payload], damaged.hex()


@each_serial
def test_after_a_message_cut_short_the_next_one_is_heard_and_the_loss_counted_once(
    driver: Driver,
) -> None:
    for example in examples(driver):
        for size in range(2, len(example.payload)):
            splitter = Splitter(driver)
            assert splitter.feed(example.payload[:size]) == []
            assert example.readings_of(splitter.idle()) == []
            assert splitter.rejected.total() == 1, (example.vector, size)
            assert splitter.feed(example.payload) == [example.payload]
            assert splitter.rejected.total() == 1


@each_serial
def test_a_message_cut_short_does_not_hold_back_the_one_that_follows_at_once(
    driver: Driver,
) -> None:
    for example in examples(driver):
        for size in range(2, len(example.payload)):
            splitter = Splitter(driver)
            heard = splitter.feed(example.payload[:size] + example.payload) + splitter.idle()
            assert example.payload in heard, (example.vector, size)
            assert splitter.rejected.total() <= MOST_COUNTED


@each_serial
def test_messages_come_out_the_same_however_the_line_cuts_them(driver: Driver) -> None:
    wanted = [example.payload for example in examples(driver)]
    stream = b"".join(wanted)
    assert Splitter(driver).feed(stream) == wanted
    bytewise = Splitter(driver)
    assert [m for byte in stream for m in bytewise.feed(bytes([byte]))] == wanted
    trailing = Splitter(driver)
    half = len(wanted[0]) // 2
    assert trailing.feed(stream + wanted[0][:half]) == wanted
    assert trailing.feed(wanted[0][half:]) == [wanted[0]]


@each_serial
def test_noise_before_and_between_messages_hides_none(driver: Driver) -> None:
    dice = random.Random(driver.name)
    for example in examples(driver):
        for _ in range(20):
            noise = [dice.randbytes(dice.randrange(1, 20)) for _ in range(3)]
            splitter = Splitter(driver)
            line = noise[0] + example.payload + noise[1] + example.payload + noise[2]
            heard = example.readings_of(splitter.feed(line) + splitter.idle())
            assert heard == example.readings * 2, line.hex()


@each_serial
def test_noise_inside_a_message_says_nothing_wrong_and_hides_no_later_one(driver: Driver) -> None:
    dice = random.Random(driver.name)
    for example in examples(driver):
        for _ in range(20):
            at = dice.randrange(1, len(example.payload))
            noise = dice.randbytes(dice.randrange(1, 10))
            splitter = Splitter(driver)
            torn = example.payload[:at] + noise + example.payload[at:]
            heard = example.readings_of(splitter.feed(torn) + splitter.idle())
            # Noise may happen to repeat what it displaced; then the message is there after all.
            assert heard in ([], example.readings), torn.hex()
            assert splitter.feed(example.payload) == [example.payload]


@each_serial
def test_two_meters_that_answer_at_once_are_not_misread(driver: Driver) -> None:
    chosen = examples(driver)
    for one, other in zip(chosen, chosen[1:] + chosen[:1], strict=True):
        splitter = Splitter(driver)
        late = b"\xff\xff" + other.payload
        for both in (woven(one.payload, other.payload), collided(one.payload, late)):
            heard = one.readings_of(splitter.feed(both) + splitter.idle())
            assert all(reading in one.readings + other.readings for reading in heard)
        assert splitter.feed(one.payload) == [one.payload]


@each_serial
def test_wake_up_bytes_are_no_error(driver: Driver) -> None:
    idle_levels = bytes({0xFE, 0x00, 0xFF} - set(driver.starts))
    example = examples(driver)[0]
    splitter = Splitter(driver)
    assert splitter.feed(idle_levels * 4 + example.payload) == [example.payload]
    assert splitter.rejected.total() == 0


@pytest.mark.parametrize("driver", POLLED, ids=name)
def test_a_drivers_first_question_is_known_as_our_own_when_the_line_echoes_it(
    driver: Driver,
) -> None:
    assert driver.poll is not None
    example = examples(driver)[0]
    conversation = driver.poll(example.devices[0])
    request = next(conversation)
    [heard] = Splitter(driver).feed(request)
    with pytest.raises(Echo):
        example.decode(heard)
    conversation.close()


@each_driver
def test_a_strangers_message_gives_no_reading(driver: Driver) -> None:
    for example in examples(driver):
        nobody = Example(example.vector, driver, [], example.payload, [])
        with pytest.raises(BadFrame, match="stranger"):
            nobody.decode(example.payload)


def test_two_drivers_cannot_have_one_name_and_a_driver_can_be_loaded_alone() -> None:
    assert list(drivers.load(["mbus"])) == ["mbus"]
    with pytest.raises(KeyError):
        drivers.load(["no_such_driver"])


def flips(payload: bytes) -> Iterator[bytes]:
    for at in range(len(payload)):
        for bit in range(8):
            yield payload[:at] + bytes([payload[at] ^ 1 << bit]) + payload[at + 1 :]


def woven(one: bytes, other: bytes) -> bytes:
    """Byte by byte, one from each."""
    pairs = b"".join(bytes(pair) for pair in zip(one, other, strict=False))
    shorter = len(pairs) // 2
    return pairs + one[shorter:] + other[shorter:]


def collided(one: bytes, other: bytes) -> bytes:
    """Both drive the line: a dominant 0 wins."""
    size = max(len(one), len(other))
    pairs = zip(one.ljust(size, b"\xff"), other.ljust(size, b"\xff"), strict=True)
    return bytes(a & b for a, b in pairs)
