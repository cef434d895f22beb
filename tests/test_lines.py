"""What a receiver program prints, whatever it prints: messages, or counted rejections."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.radio.lines import FLOOD_LINES, FLOOD_S, LONGEST, Lines


def feed(lines: Lines, *chunks: bytes, now: float = 0.0) -> list[bytes]:
    return [message for chunk in chunks for message in lines.feed(chunk, now)]


def test_messages_come_out_the_same_however_the_pipe_cuts_them() -> None:
    stream = b'{"a":1}\r\n\n{"b":2}\n{"c":3}'
    wanted = [b'{"a":1}', b'{"b":2}']
    assert feed(Lines(), stream) == wanted
    assert feed(Lines(), *(bytes([byte]) for byte in stream)) == wanted


def test_what_is_no_object_is_a_remark_of_the_program_about_itself() -> None:
    lines = Lines()
    assert feed(lines, b"Registered 191 protocols\nusb_open error -3\n") == []
    assert lines.remark == "usb_open error -3"
    assert lines.rejected.total() == 0


def test_a_line_without_end_is_counted_once_and_the_next_one_is_heard() -> None:
    lines = Lines()
    for _ in range(10):
        assert feed(lines, b"{" * LONGEST) == []
        assert lines.pending <= LONGEST
    assert feed(lines, b'}\n{"a":1}\n') == [b'{"a":1}']
    assert lines.rejected == {"too_long": 1}


def test_a_line_that_a_dying_child_did_not_finish_is_counted_and_not_glued_to_the_next() -> None:
    lines = Lines()
    assert feed(lines, b'{"model" : "Ge') == []
    lines.end()
    assert lines.rejected == {"cut_short": 1}
    lines.begin(0.0)
    assert feed(lines, b'{"a":1}\n') == [b'{"a":1}']


def test_last_words_without_a_line_end_are_a_remark() -> None:
    lines = Lines()
    feed(lines, b"No supported devices found.")
    lines.end()
    assert lines.remark == "No supported devices found."
    assert lines.rejected.total() == 0


def test_a_flood_is_noticed_and_a_burst_is_none() -> None:
    lines = Lines()
    burst = b'{"a":1}\n' * 20
    for second in range(100):
        assert len(feed(lines, burst, now=second * (FLOOD_S + 0.1))) == 20
    assert not lines.flooded
    feed(lines, b'{"a":1}\n' * (FLOOD_LINES + 1), now=1000.0)
    assert lines.flooded
    lines.begin(1001.0)
    assert not lines.flooded


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.lists(st.binary(max_size=200)))
def test_whatever_comes_memory_is_bounded_and_a_whole_line_after_it_is_heard(
    chunks: list[bytes],
) -> None:
    lines = Lines()
    for message in feed(lines, *chunks):
        assert message.startswith(b"{")
        assert b"\n" not in message
    assert lines.pending <= LONGEST
    assert feed(lines, b'\n{"a":1}\n')[-1] == b'{"a":1}'


def test_a_million_random_bytes_hide_no_message() -> None:
    dice = random.Random("lines")
    lines = Lines()
    for _ in range(250):
        feed(lines, dice.randbytes(4000))
        assert lines.pending <= LONGEST
        assert feed(lines, b'\n{"a":1}\n')[-1] == b'{"a":1}'
