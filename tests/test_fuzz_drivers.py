"""Whatever comes down a wire: nothing but a counted rejection, and no good message is lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import reduce
from operator import xor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drivers
from gateway.radio.framing import Splitter
from gateway.records import Driver
from tests.vector_files import Example, examples

SERIAL = [driver for driver in drivers.load().values() if driver.transport == "serial"]
EXAMPLES = {driver.name: examples(driver) for driver in SERIAL}
MILLION = 1_000_000

each_serial = pytest.mark.parametrize("driver", SERIAL, ids=lambda driver: driver.name)


@each_serial
def test_a_million_random_bytes_raise_nothing_and_hide_no_message(driver: Driver) -> None:
    dice = random.Random(driver.name)
    one = EXAMPLES[driver.name][0]
    splitter = Splitter(driver)
    fed = 0
    while fed < MILLION:
        for chunk in reads(dice, 4096):
            one.readings_of(splitter.feed(chunk))
            assert splitter.pending <= 2 * driver.longest
            fed += len(chunk)
        splitter.idle()
        assert splitter.feed(one.payload) == [one.payload]


@each_serial
def test_messages_with_a_right_checksum_and_any_content_raise_nothing(driver: Driver) -> None:
    """Random damage seldom passes a checksum, so the decoder is tried behind it as well."""
    dice = random.Random(driver.name)
    tried = 0
    for _ in range(4000):
        example = dice.choice(EXAMPLES[driver.name])
        damaged = bytearray(example.payload)
        for _ in range(dice.randrange(1, 6)):
            damaged[dice.randrange(1, len(damaged) - 2)] = dice.randrange(256)
        repaired = repair(driver, bytes(damaged))
        example.readings_of([repaired])
        tried += Splitter(driver).feed(repaired) == [repaired]
    assert tried > 400, "too few of them were messages"


pieces = st.one_of(
    st.binary(min_size=1, max_size=30),
    st.tuples(st.just("whole"), st.integers(0, 1000)),
    st.tuples(st.just("cut"), st.integers(0, 1000)),
    st.tuples(st.just("flip"), st.integers(0, 10_000)),
)


@each_serial
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(line=st.lists(pieces, max_size=6), sizes=st.lists(st.integers(1, 40), min_size=1))
def test_a_good_message_after_a_pause_is_never_lost(
    driver: Driver, line: list[bytes | tuple[str, int]], sizes: list[int]
) -> None:
    chosen = EXAMPLES[driver.name]
    splitter = Splitter(driver)
    for piece in line:
        for chunk in cut(piece if isinstance(piece, bytes) else damage(chosen, *piece), sizes):
            chosen[0].readings_of(splitter.feed(chunk))
            assert splitter.pending <= 2 * driver.longest
    before = splitter.rejected.total()
    splitter.idle()
    assert splitter.pending == 0
    assert splitter.rejected.total() - before <= 8
    for example in chosen:
        assert splitter.feed(example.payload) == [example.payload]


def reads(dice: random.Random, total: int) -> Iterator[bytes]:
    """Random bytes in random portions, as a port would deliver them."""
    while total > 0:
        chunk = dice.randbytes(min(total, dice.randrange(1, 200)))
        total -= len(chunk)
        yield chunk


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        yield data[at : at + size]
        at += size
        turn += 1


def damage(chosen: list[Example], how: str, number: int) -> bytes:
    payload = chosen[number % len(chosen)].payload
    if how == "cut":
        return payload[: number % len(payload)]
    if how == "flip":
        at = number // 8 % len(payload)
        return payload[:at] + bytes([payload[at] ^ 1 << number % 8]) + payload[at + 1 :]
    return payload


def repair(driver: Driver, payload: bytes) -> bytes:
    """The same bytes with the checksum that belongs to them."""
    return REPAIRS.get(driver.name, repair_sum)(payload)


def repair_sum(payload: bytes) -> bytes:
    return payload[:-2] + bytes([sum(payload[:-2]) & 0xFF]) + payload[-1:]


def repair_mbus(payload: bytes) -> bytes:
    return payload[:-2] + bytes([sum(payload[4:-2]) & 0xFF]) + payload[-1:]


def repair_modbus(payload: bytes) -> bytes:
    crc = 0xFFFF
    for byte in payload[:-2]:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return payload[:-2] + crc.to_bytes(2, "little")


def repair_tinyframe(payload: bytes) -> bytes:
    """Header and data have a check each; the length stays what it was."""
    head = payload[:3] + (max(0, len(payload) - 9)).to_bytes(2, "big") + payload[5:7]
    data = payload[8:-1]
    return head + inverted(head) + (data + inverted(data) if data else b"")


def inverted(part: bytes) -> bytes:
    return bytes([0xFF ^ reduce(xor, part)])


def repair_mr60(payload: bytes) -> bytes:
    whole = b"\x53\x59" + payload[2:4] + (len(payload) - 9).to_bytes(2, "big") + payload[6:-3]
    return whole + bytes([sum(whole) & 0xFF]) + b"\x54\x43"


def repair_ld2410(payload: bytes) -> bytes:
    """No checksum, but marks and a length."""
    length = (len(payload) - 10).to_bytes(2, "little")
    return b"\xf4\xf3\xf2\xf1" + length + payload[6:-4] + b"\xf8\xf7\xf6\xf5"


def repair_p1(payload: bytes) -> bytes:
    """CRC-16/ARC, as four capital digits."""
    crc = 0
    for byte in (body := payload[:-9] + b"\r\n!"):
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return body + b"%04X\r\n" % crc


REPAIRS = {
    "dsmr_p1": repair_p1,
    "ld2410": repair_ld2410,
    "mbus": repair_mbus,
    "modbus_gas": repair_modbus,
    "modbus_inputs": repair_modbus,
    "seeed_mr60": repair_mr60,
    "seeed_tinyframe": repair_tinyframe,
}
