"""The home's own readings: all that matters, little that does not, and never a danger to alerts."""

from __future__ import annotations

import resource
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.database import FaultKind
from gateway.journal import BATCH_ROWS, Journal, Retention, Waiting
from gateway.journal.file import read_journal
from gateway.journal.thinning import DEADBANDS, EVENTS, Thinning
from gateway.records import Instant, Quantity, Reading, Value
from tests.fakes import at

DAY = 86_400.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.sqlite"


@contextmanager
def journal_at(
    path: Path, retention: Retention | None = None, at_most: int = 10_000
) -> Iterator[Journal]:
    journal = Journal.open(path, retention, at_most)
    try:
        yield journal
    finally:
        journal.close()


def power(seconds: float, watts: float, device: str = "meter") -> Reading:
    return Reading(device, Quantity.POWER, watts, at(seconds))


def motion(seconds: float, value: bool) -> Reading:
    return Reading("hall", Quantity.MOTION, value, at(seconds))


def press(seconds: float, event: str = "") -> Reading:
    return Reading("bedside", Quantity.EMERGENCY, True, at(seconds), event=event)


def minutes(count: int) -> list[Reading]:
    """Each of them worth writing."""
    return [power(minute * 60, minute * 10.0) for minute in range(count)]


# ---------------------------------------------------------------- thinning


def kept(*readings: Reading) -> list[float]:
    """At which seconds something was kept."""
    thinning = Thinning()
    return [reading.at.since(at(0)) for reading in readings if thinning.keeps(reading)]


@pytest.mark.parametrize("quantity", sorted(EVENTS))
def test_every_event_is_kept_even_the_same_one_at_once(quantity: Quantity) -> None:
    assert kept(*(Reading("d", quantity, "press", at(s)) for s in (0, 0, 1))) == [0, 0, 1]


def test_what_a_radio_counted_as_an_event_is_one() -> None:
    assert kept(*(Reading("d", Quantity.MOTION, True, at(s), event=str(s)) for s in (0, 1))) == [
        0,
        1,
    ]


def test_a_state_is_kept_when_it_changes_and_every_five_minutes() -> None:
    changes = [motion(s, s in (5, 6, 7)) for s in range(10)]
    assert kept(*changes) == [0, 5, 8]
    assert kept(*(motion(s, True) for s in range(0, 700, 10))) == [0, 300, 600]


def test_a_measurement_is_kept_when_it_changed_and_at_most_each_minute() -> None:
    assert kept(*(power(s, s * 10.0) for s in range(150))) == [0, 60, 120]
    assert kept(*(power(s * 60, 100 + s % 2) for s in range(12))) == [0, 300, 600]


def test_the_smallest_use_of_water_is_kept() -> None:
    litres = [
        Reading("w", Quantity.WATER_TOTAL, total, at(s))
        for s, total in ((0, 1.0), (60, 1.001), (120, 1.001), (180, 1.002))
    ]
    assert kept(*litres) == [0, 60, 180]


def test_devices_and_channels_do_not_hide_each_other() -> None:
    for other in ("b", "a"):
        pair = (
            Reading("a", Quantity.VOLTAGE, 230.0, at(0), channel="1"),
            Reading(other, Quantity.VOLTAGE, 230.0, at(0), channel="2"),
        )
        assert kept(*pair) == [0, 0]


def test_the_moment_the_clock_becomes_trusted_is_seen_in_the_journal() -> None:
    states = [Reading("d", Quantity.MOTION, True, at(s, trusted=s > 1)) for s in range(4)]
    assert kept(*states) == [0, 2]


def test_an_alarm_is_never_thinned_like_a_measurement() -> None:
    alarms = {Quantity.GAS_ALARM, Quantity.SMOKE_ALARM, Quantity.WATER_LEAK, Quantity.CONTACT_OPEN}
    assert alarms.isdisjoint(DEADBANDS)


# ---------------------------------------------------------------- what waits


def test_of_telemetry_the_newest_waits_and_no_event_is_dropped() -> None:
    waiting = Waiting(at_most=10)
    for second in range(100):
        waiting.add(power(second, second))
        if second % 10 == 0:
            waiting.add(press(second))
    taken = waiting.take()
    assert [r.at.since(at(0)) for r in taken if r.quantity is Quantity.POWER] == list(
        range(90, 100)
    )
    assert sum(r.quantity is Quantity.EMERGENCY for r in taken) == 10
    assert waiting.lost == 90


def test_what_waits_is_in_the_order_of_arrival_also_after_a_failure() -> None:
    waiting = Waiting(at_most=10)
    arrived = [power(1, 1), press(2), power(3, 3), press(4), power(5, 5)]
    for reading in arrived[:3]:
        waiting.add(reading)
    taken = waiting.take()
    for reading in arrived[3:]:
        waiting.add(reading)
    waiting.put_back(taken)
    assert waiting.take() == arrived
    assert len(waiting) == 0


# ---------------------------------------------------------------- written and read


VALUES: list[Value] = [True, False, 0.0, 1.0, -2.5, 1e-9, "press", "1"]


def test_what_is_read_is_what_was_added(path: Path) -> None:
    readings = [
        Reading(f"d{n}", Quantity.BUTTON, value, Instant(n / 3, -n / 7, n % 2 == 0), "ch", f"e{n}")
        for n, value in enumerate(VALUES)
    ]
    with journal_at(path) as journal:
        for reading in readings:
            journal.add(reading)
        again = list(journal.readings())
        assert again == readings
        assert [type(reading.value) for reading in again] == [type(value) for value in VALUES]


def test_a_whole_number_stays_a_number(path: Path) -> None:
    with journal_at(path) as journal:
        journal.add(power(0, 7))
        (reading,) = journal.readings()
        assert reading.value == 7.0
        assert not isinstance(reading.value, bool)


def test_a_span_of_time_is_read_without_its_end(path: Path) -> None:
    with journal_at(path) as journal:
        for reading in minutes(10):
            journal.add(reading)
        span = journal.readings(at(120).line, at(300).line)
        assert [reading.at.since(at(0)) for reading in span] == [120, 180, 240]


def test_it_can_be_read_while_the_daemon_goes_on_writing(path: Path) -> None:
    with journal_at(path) as journal:
        for reading in minutes(100):
            journal.add(reading)
        journal.flush()
        reader = read_journal(path)
        first = next(reader)
        journal.add(press(9999))
        journal.flush()
        assert journal.fault is None
        assert [first, *reader] == minutes(100)
        assert len(list(read_journal(path))) == 101


def test_readings_are_there_after_a_restart_and_go_on(path: Path) -> None:
    with journal_at(path) as journal:
        journal.add(power(0, 5))
    with journal_at(path) as journal:
        journal.add(power(60, 50))
        assert list(journal.readings()) == [power(0, 5), power(60, 50)]


def test_a_press_is_written_without_being_asked_for(path: Path) -> None:
    with journal_at(path) as journal:
        journal.flush()
        journal.add(press(0))
        assert _soon(lambda: list(read_journal(path)) == [press(0)])


def test_many_readings_are_written_without_being_asked_for(path: Path) -> None:
    with journal_at(path) as journal:
        for reading in minutes(BATCH_ROWS):
            journal.add(reading)
        assert _soon(lambda: path.exists() and len(list(read_journal(path))) == BATCH_ROWS)


def _soon(true: object) -> bool:
    """Generously: within 20 seconds."""
    pause = threading.Event()
    for _ in range(200):
        if callable(true) and true():
            return True
        pause.wait(0.1)
    return False


def test_nobody_else_on_the_machine_can_read_it(path: Path) -> None:
    with journal_at(path) as journal:
        journal.add(press(0))
        journal.flush()
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_reading_takes_some_forty_bytes(path: Path) -> None:
    with journal_at(path) as journal:
        for reading in minutes(9000):
            journal.add(reading)
    assert path.stat().st_size / 9000 < 45


# ---------------------------------------------------------------- bounds


def days(count: int) -> list[Reading]:
    return [power(day * DAY + s, day + s * 10.0) for day in range(count) for s in (0, 3600, 7200)]


def test_readings_are_kept_for_so_many_days(path: Path) -> None:
    with journal_at(path, Retention(days=10)) as journal:
        for reading in days(30):
            journal.add(reading)
    with journal_at(path, Retention(days=10)) as journal:
        left = list(journal.readings())
    assert left == days(30)[-len(left) :]
    assert len(left) == 31


def test_the_oldest_readings_go_when_the_journal_is_too_large(path: Path) -> None:
    limit = 200_000
    with journal_at(path, at_most=50_000) as journal:
        for reading in minutes(20_000):
            journal.add(reading)
    full = path.stat().st_size
    with journal_at(path, Retention(days=1000, bytes=limit)) as journal:
        left = list(journal.readings())
    assert full > 2.5 * limit
    assert path.stat().st_size < 1.2 * limit
    assert 5000 < len(left) < 8000
    assert left == minutes(20_000)[-len(left) :]


def test_asked_for_room_the_journal_gives_up_its_oldest_part(path: Path) -> None:
    with journal_at(path, at_most=50_000) as journal:
        for reading in minutes(20_000):
            journal.add(reading)
    before = path.stat().st_size
    with journal_at(path) as journal:
        journal.flush()
        journal.make_room()
        journal.flush()
        assert path.stat().st_size < before * 0.85
        assert list(journal.readings()) == minutes(20_000)[5000:]


# ---------------------------------------------------------------- faults


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_the_disk_does_not_take_waits_for_better_times(path: Path) -> None:
    with journal_at(path, at_most=100) as journal:
        journal.add(press(0))
        journal.flush()
        with files_no_larger_than(0):
            for reading in minutes(150):
                journal.add(reading)
            journal.add(press(1))
            journal.flush()
            assert journal.fault is not None
            assert journal.lost == 50
        journal.flush()
        assert journal.fault is None
        assert list(journal.readings()) == [press(0), *minutes(150)[50:], press(1)]


def test_a_damaged_journal_is_set_aside_and_a_new_one_begun(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"rubbish" * 1000)
    with journal_at(path) as journal:
        journal.add(press(0))
        assert list(_after_two_tries(journal)) == [press(0)]
        assert journal.fault is None
        assert "set aside as journal.sqlite.corrupt-1" in journal.incidents[0]


def _after_two_tries(journal: Journal) -> Iterator[Reading]:
    journal.flush()
    return journal.readings()


def test_a_journal_that_cannot_be_opened_says_why_and_holds_up_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with journal_at(tmp_path / "file" / "journal.sqlite") as journal:
        journal.add(press(0))
        journal.flush()
        assert journal.fault is not None
        assert journal.fault.kind is FaultKind.FAILING
