"""Whatever a receiver program or a kernel hands over: readings, or a counted rejection."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.records import Driver
from tests.vector_files import DRIVERS_BY_NAME, examples

LINES = [DRIVERS_BY_NAME[name] for name in ("gpio_contacts", "rtl433_json", "wmbus_json")]
JSON = [driver for driver in LINES if driver.transport == "pipe"]
EXAMPLES = {driver.name: examples(driver) for driver in LINES}
MILLION = 1_000_000

each_line = pytest.mark.parametrize("driver", LINES, ids=lambda driver: driver.name)
each_json = pytest.mark.parametrize("driver", JSON, ids=lambda driver: driver.name)


@each_line
def test_a_million_random_bytes_raise_nothing(driver: Driver) -> None:
    dice = random.Random(driver.name)
    one, fed = EXAMPLES[driver.name][0], 0
    while fed < MILLION:
        line = dice.randbytes(dice.randrange(1, 600))
        assert one.readings_of([line, b"{" + line, line + b";"]) == []
        fed += 3 * len(line)


@each_line
def test_a_line_with_damaged_bytes_raises_nothing(driver: Driver) -> None:
    dice = random.Random(driver.name)
    for _ in range(5000):
        example = dice.choice(EXAMPLES[driver.name])
        damaged = bytearray(example.payload)
        for _ in range(dice.randrange(1, 6)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        example.readings_of([bytes(damaged)])


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@each_json
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(number=st.integers(0, 1000), odd=st.lists(values, min_size=1, max_size=4))
def test_any_field_may_hold_anything(driver: Driver, number: int, odd: list[object]) -> None:
    chosen = EXAMPLES[driver.name]
    example = chosen[number % len(chosen)]
    line = msgspec.json.decode(example.payload, type=dict[str, object])
    for turn, value in enumerate(odd):
        line[list(line)[(number + turn) % len(line)]] = value
    example.readings_of([msgspec.json.encode(line)])


@each_json
def test_a_line_that_nests_without_end_is_refused(driver: Driver) -> None:
    example = EXAMPLES[driver.name][0]
    for deep in (b'{"a":' * 1600, b'{"model":' + b"[" * 8000, b'{"a":1' + b" " * 9000 + b"}"):
        assert example.readings_of([deep]) == []
