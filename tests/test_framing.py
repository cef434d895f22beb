"""The splitter by itself, on the smallest protocol that has all its difficulties."""

from __future__ import annotations

import pytest

from gateway.radio.framing import Splitter
from gateway.records import BadFrame, Driver, Enrolled, Frame, Reading

START, LONGEST = ord("<"), 40


def measure(pending: bytes | bytearray, start: int) -> int | None:
    """`<`, a digit that says how many letters follow, the letters, the last letter again.
    `<!` is an acknowledgement, `<?` a header of five that is cut in two."""
    if len(pending) < start + 2:
        return None
    if pending[start + 1] == ord("!"):
        return 2
    if pending[start + 1] == ord("?"):
        raise BadFrame("header", 5)
    if not chr(pending[start + 1]).isdigit():
        raise BadFrame("header")
    size = int(chr(pending[start + 1])) + 3
    if len(pending) < start + size:
        return None
    if pending[start + size - 1] != pending[start + size - 2]:
        raise BadFrame("checksum", size)
    return size


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    raise NotImplementedError


TOY = Driver("toy", "serial", "toy", decode, starts=b"<", measure=measure, longest=LONGEST)
GOOD = b"<5helloo"


@pytest.fixture
def splitter() -> Splitter:
    return Splitter(TOY)


@pytest.fixture
def one_byte() -> Splitter:
    """As M-Bus has it: a `!` alone is an acknowledgement."""

    def measure_one(pending: bytes | bytearray, start: int) -> int | None:
        return 1 if pending[start] == ord("!") else measure(pending, start)

    return Splitter(
        Driver("toy", "serial", "toy", decode, starts=b"<!", measure=measure_one, longest=LONGEST)
    )


def test_a_message_comes_out_when_its_last_byte_has_come(splitter: Splitter) -> None:
    for byte in GOOD[:-1]:
        assert splitter.feed(bytes([byte])) == []
    assert splitter.feed(GOOD[-1:]) == [GOOD]
    assert splitter.pending == 0


def test_bytes_that_start_nothing_are_skipped_and_are_no_error(splitter: Splitter) -> None:
    assert splitter.feed(b"\xfe\xfe noise " + GOOD + b" and more " + GOOD) == [GOOD, GOOD]
    assert splitter.idle() == []
    assert not splitter.rejected
    assert splitter.pending == 0


def test_a_wrong_checksum_is_counted_once_and_the_next_message_is_heard(splitter: Splitter) -> None:
    assert splitter.feed(b"<5hellox" + GOOD) == [GOOD]
    assert splitter.rejected == {"checksum": 1}


def test_two_damaged_messages_are_counted_as_two(splitter: Splitter) -> None:
    assert splitter.feed(b"<5hellox<5hellox") == []
    assert splitter.rejected == {"checksum": 2}


def test_false_starts_inside_a_damaged_message_are_not_counted_again(splitter: Splitter) -> None:
    assert splitter.feed(b"<9<x<y<z<w<x" + GOOD) == [GOOD]
    assert splitter.rejected.total() == 1


def test_a_damaged_start_that_lies_side_by_side_with_others_is_one_stretch(
    splitter: Splitter,
) -> None:
    assert splitter.feed(b"<<<<<<<<<<" + GOOD) == [GOOD]
    assert splitter.rejected == {"header": 1}


def test_a_good_message_inside_a_damaged_one_is_heard(splitter: Splitter) -> None:
    assert splitter.feed(b"<9x" + GOOD + b".") == [GOOD]
    assert splitter.rejected == {"checksum": 1}


def test_a_length_that_lies_does_not_hold_back_the_message_behind_it(splitter: Splitter) -> None:
    assert splitter.feed(b"<9ab") == []
    assert splitter.feed(b"<3abcc") == [b"<3abcc"]
    assert splitter.rejected == {"cut_short": 1}


def test_silence_ends_what_is_unfinished(splitter: Splitter) -> None:
    assert splitter.feed(GOOD[:4]) == []
    assert splitter.idle() == []
    assert splitter.rejected == {"cut_short": 1}
    assert splitter.pending == 0
    assert splitter.feed(GOOD) == [GOOD]
    assert splitter.rejected == {"cut_short": 1}


def test_silence_after_a_whole_message_is_no_error(splitter: Splitter) -> None:
    splitter.feed(GOOD)
    assert splitter.idle() == []
    assert splitter.idle() == []
    assert not splitter.rejected


def test_an_unfinished_tail_of_a_damaged_message_is_part_of_it(splitter: Splitter) -> None:
    splitter.feed(b"<6ab<9xyz")
    assert splitter.pending > 0
    splitter.idle()
    assert splitter.rejected == {"checksum": 1}


def test_a_damaged_message_after_a_pause_is_counted_although_another_came_before(
    splitter: Splitter,
) -> None:
    for count in (1, 2, 3):
        splitter.feed(b"<5hel")
        splitter.idle()
        assert splitter.rejected.total() == count


def test_an_acknowledgement_is_heard_but_not_inside_another_message(splitter: Splitter) -> None:
    assert splitter.feed(b"<!") == [b"<!"]
    assert splitter.feed(b"<5he<!") == []
    assert splitter.feed(b"!!") == [b"<5he<!!!"]


def test_an_acknowledgement_inside_a_damaged_message_is_none(one_byte: Splitter) -> None:
    assert one_byte.feed(b"<4a!!bc" + b"!") == [b"!"]
    assert one_byte.rejected == {"checksum": 1}


def test_damage_before_a_pause_hides_no_damage_after_it(splitter: Splitter) -> None:
    splitter.feed(b"<?")
    splitter.idle()
    splitter.feed(b"<5hellox")
    assert splitter.rejected == {"header": 1, "checksum": 1}


def test_memory_is_bounded_whatever_comes(splitter: Splitter) -> None:
    for _ in range(50):
        splitter.feed(b"<9" * 1000 + b"<" * 500)
        assert splitter.pending <= 2 * LONGEST


def test_a_driver_that_does_not_say_how_to_split_is_refused() -> None:
    with pytest.raises(ValueError, match="does not say"):
        Splitter(Driver("mute", "serial", "mute", decode))
