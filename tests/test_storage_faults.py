"""A disk that is full, damaged or cannot be written: emergencies go out all the same."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.database import FaultKind
from gateway.outbox import Gone, Limits, Outbox, Row, Unsaved
from gateway.outbox.rows import Rows
from gateway.outbox.store import RESERVE_BYTES, Store, Work
from tests.fakes import FakeClock
from tests.storing import draft, outbox_at, unexplained

PAGE = 4096
PAGES = 90
NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


def names(rows: list[Row]) -> list[str]:
    return [row.alert_id for row in rows]


def cut_power(path: Path, copy: Path) -> None:
    """What is on the disk at this moment, and nothing else."""
    for ending in ("", "-wal"):
        if os.path.exists(f"{path}{ending}"):
            shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")


async def commit_until_unsaved(outbox: Outbox, priority: int) -> tuple[list[str], Unsaved]:
    """The alerts that were made durable before the first that could not be."""
    saved: list[str] = []
    while len(saved) < 10_000:
        name = f"p{priority}.{len(saved)}"
        try:
            await outbox.commit([draft(name, 1, priority, pad=2000)], {"last": name.encode()})
        except Unsaved as unsaved:
            return saved, unsaved
        saved.append(name)
    raise AssertionError("the disk never became full")


async def recovered(outbox: Outbox) -> bool:
    """Waits, generously, for the outbox to find out that the disk is well again."""
    for _ in range(300):
        if outbox.state.ok:
            return True
        await asyncio.sleep(0.1)
    return False


# ---------------------------------------------------------------- full


class Room:
    """Somebody who could give room, and remembers being asked."""

    def __init__(self) -> None:
        self.asked = 0

    def make(self) -> None:
        self.asked += 1


async def test_on_a_full_disk_an_emergency_stays_in_memory_and_is_offered_all_the_same(
    path: Path,
) -> None:
    room = Room()
    with outbox_at(path, max_pages=PAGES, make_room=room.make) as outbox:
        saved, unsaved = await commit_until_unsaved(outbox, 0)
        assert (unsaved.kind, room.asked) == (FaultKind.FULL, 1)
        assert "the disk is full" in str(unsaved)
        assert unsaved.remedy in str(unsaved)
        (row,) = unsaved.rows
        waiting = await outbox.pending(1000)
        assert names(waiting) == [*saved, row.alert_id]
        assert [each.durable for each in waiting] == [True] * len(saved) + [False]
        assert (outbox.state.ok, outbox.state.kind) == (False, FaultKind.FULL)
        assert outbox.depth()[0] == len(saved) + 1
        assert await outbox.receipted_ids([row.message_id, waiting[0].message_id]) == 2
        assert names(await outbox.pending(1000)) == saved[1:]
    # The disk is as it was before: of what it could not take, nothing was half written.
    with outbox_at(path) as outbox:
        assert names(await outbox.pending(1000)) == saved
        assert outbox.snapshot() == {"last": saved[-1].encode()}


async def test_a_number_that_was_only_in_memory_never_names_two_alerts(path: Path) -> None:
    copy = path.with_name("copy.sqlite")
    with outbox_at(path, max_pages=PAGES) as outbox:
        _, unsaved = await commit_until_unsaved(outbox, 0)
        cut_power(path, copy)
    with outbox_at(copy) as outbox:
        (row,) = await outbox.commit([draft("after the power cut")])
        assert row.seq == unsaved.rows[0].seq
        assert row.message_id != unsaved.rows[0].message_id


async def test_notes_and_then_concerns_are_given_up_for_an_emergency(path: Path) -> None:
    with outbox_at(path, max_pages=PAGES) as outbox:
        for priority in (3, 2):
            await outbox.commit(
                [draft(f"p{priority}.{n}", 1, priority, pad=2000) for n in range(50)]
            )
        for number in range(60):
            await outbox.commit([draft(f"p0.{number}", 1, 0, pad=2000)])
        depth = outbox.depth()
        assert outbox.state.ok
        assert depth[0] == 60
        assert depth[3] < 25
        assert depth[3] < depth[2]
        told = outbox.state.incidents[0]
        assert told == "disk full: 25 waiting p3 messages given up"
        stones = (await outbox.resend(1, 100)).tombstones
        assert {stone.reason for stone in stones} == {Gone.DROPPED}
        assert await unexplained(outbox) == set()


async def test_new_notes_take_the_place_of_old_ones_and_of_nothing_else(path: Path) -> None:
    with outbox_at(path, max_pages=PAGES) as outbox:
        await outbox.commit([draft(f"p2.{n}", 1, 2, pad=2000) for n in range(50)])
        for number in range(100):
            await outbox.commit([draft(f"p3.{number}", 1, 3, pad=2000)])
        assert outbox.state.ok
        assert outbox.depth()[2] == 50
        assert names(await outbox.pending(1000))[-1] == "p3.99"


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Writing beyond fails, as on a full disk, without filling one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_what_was_in_memory_is_written_as_soon_as_there_is_room_again(path: Path) -> None:
    with outbox_at(path) as outbox:
        with files_no_larger_than(RESERVE_BYTES):
            saved, unsaved = await commit_until_unsaved(outbox, 1)
            for number in range(20):
                with pytest.raises(Unsaved):
                    await outbox.commit([draft(f"late.{number}")], {"last": b"late"})
            await outbox.receipted([1, unsaved.rows[0].seq])
        expected = [f"late.{n}" for n in range(20)] + saved[1:]
        waiting = await outbox.pending(1000)
        assert names(waiting) == expected
        assert await recovered(outbox)
        assert [row.message_id for row in await outbox.pending(1000)] == [
            row.message_id for row in waiting
        ]
        assert {row.durable for row in await outbox.pending(1000)} == {True}
        (new,) = await outbox.commit([draft("new")])
        assert new.message_id.startswith(waiting[-1].message_id.split("-")[0])
    with outbox_at(path) as outbox:
        assert names(await outbox.pending(1000)) == [*expected[:20], "new", *expected[20:]]
        assert outbox.snapshot() == {"last": b"late"}


async def test_a_hub_that_starts_on_a_full_disk_still_sends(path: Path) -> None:
    with files_no_larger_than(0), outbox_at(path) as outbox:
        assert not outbox.state.ok
        with pytest.raises(Unsaved):
            await outbox.commit([draft("A")])
        assert names(await outbox.pending()) == ["A"]


async def test_closing_writes_what_was_only_in_memory_if_it_can(path: Path) -> None:
    with outbox_at(path) as outbox, files_no_larger_than(RESERVE_BYTES):
        saved, unsaved = await commit_until_unsaved(outbox, 0)
    with outbox_at(path) as outbox:
        assert names(await outbox.pending(1000)) == [*saved, unsaved.rows[0].alert_id]


def test_a_reserve_is_kept_for_the_day_when_the_disk_is_full(path: Path) -> None:
    with outbox_at(path):
        reserve = path.with_name("outbox.sqlite.reserve")
        assert reserve.stat().st_size == RESERVE_BYTES
        assert reserve.stat().st_blocks * 512 >= RESERVE_BYTES


# ---------------------------------------------------------------- cannot be written


@contextmanager
def read_only_folder() -> Iterator[Path]:
    """A folder that this process may read, but not write."""
    folder = Path(tempfile.mkdtemp())
    try:
        yield folder
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)


@contextmanager
def protected(folder: Path) -> Iterator[None]:
    """Root is held up by no mode bits, so it becomes somebody else for a while."""
    root = os.geteuid() == 0
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    try:
        if root:
            os.seteuid(NOBODY)
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)
        for file in folder.iterdir():
            file.chmod(0o600)


async def test_a_read_only_disk_is_read_and_the_rest_is_kept_in_memory() -> None:
    with read_only_folder() as folder:
        path = folder / "outbox.sqlite"
        with outbox_at(path) as outbox:
            await outbox.commit([draft("A"), draft("B", priority=1)], {"rules": b"x"})
        with outbox_at(path) as outbox:
            pass
        with protected(folder):
            outbox = Outbox.open(path, FakeClock())
            assert outbox.state.kind is FaultKind.READ_ONLY
            assert outbox.snapshot() == {"rules": b"x"}
            with pytest.raises(Unsaved, match="permissions"):
                await outbox.commit([draft("C")])
            await outbox.receipted([1])
            assert names(await outbox.pending()) == ["C", "B"]
        assert await recovered(outbox)
        outbox.close()
        with outbox_at(path) as outbox:
            assert names(await outbox.pending()) == ["C", "B"]


async def test_a_place_that_does_not_exist_is_no_reason_to_be_silent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with outbox_at(tmp_path / "file" / "outbox.sqlite") as outbox:
        with pytest.raises(Unsaved):
            await outbox.commit([draft("A")])
        assert names(await outbox.pending()) == ["A"]


# ---------------------------------------------------------------- damaged


async def filled(path: Path, count: int = 400) -> str:
    """Alternately p0 and p3; the first ten are received. Returns the epoch."""
    with outbox_at(path) as outbox:
        await outbox.commit(
            [draft(f"A{n}", 1, n % 2 * 3, pad=1000) for n in range(count)],
            {"rules": b"asleep" * 100},
        )
        await outbox.receipted(range(1, 11))
        return outbox.epoch


def ruin(path: Path, content: bytes = b"not a database at all" * 1000) -> None:
    path.write_bytes(content)


def append(path: str, content: bytes) -> None:
    with open(path, "ab") as file:
        file.write(content)


def change_a_letter(path: Path, after: bytes) -> None:
    content = path.read_bytes()
    spot = content.index(after) + len(after)
    path.write_bytes(content[:spot] + b"?" + content[spot + 1 :])


def overwrite(path: Path, at: int, size: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * size)


def page_of(path: Path, alert_id: str) -> int:
    """Where in the file the page begins that holds this alert's message."""
    return path.read_bytes().index(b'"alert":"%s"' % alert_id.encode()) // PAGE * PAGE


def size_of_log(path: Path) -> int:
    return Path(f"{path}-wal").stat().st_size


async def test_garbage_instead_of_a_database_is_set_aside_and_the_hub_goes_on(path: Path) -> None:
    ruin(path)
    with outbox_at(path) as outbox:
        assert outbox.state.ok
        (told,) = outbox.state.incidents
        assert "set aside as outbox.sqlite.corrupt-1" in told
        await outbox.commit([draft("A")])
    assert path.with_name("outbox.sqlite.corrupt-1").read_bytes().startswith(b"not a database")
    with outbox_at(path) as outbox:
        assert names(await outbox.pending()) == ["A"]
        assert outbox.state.incidents == ()


@pytest.mark.parametrize("size", [1, 99, PAGE - 1, PAGE, 3 * PAGE + 7])
async def test_a_database_cut_short_is_set_aside(path: Path, size: int) -> None:
    await filled(path)
    os.truncate(path, size)
    with outbox_at(path) as outbox:
        assert len(outbox.state.incidents) == 1
        await outbox.commit([draft("new")])
        assert names(await outbox.pending())[-1:] == ["new"]


@pytest.mark.parametrize("torn", ["A20", "A201", "A398"])
async def test_from_around_a_torn_page_the_waiting_messages_are_saved(
    path: Path, torn: str
) -> None:
    epoch = await filled(path)
    overwrite(path, page_of(path, torn), PAGE)
    with outbox_at(path) as outbox:
        assert "waiting messages were saved" in outbox.state.incidents[0]
        rows = await outbox.pending(1000)
        assert 385 <= len(rows) < 390, "a page holds three of them"
        assert torn not in names(rows)
        assert {row.message_id.split("-")[0] for row in rows} == {epoch}
        assert rows[0].priority == 0
        assert outbox.epoch != epoch
        assert outbox.snapshot() == {"rules": b"asleep" * 100}
        (new,) = await outbox.commit([draft("new")])
        assert new.seq == max(row.seq for row in rows) + 1


@pytest.mark.parametrize("size", [16, 100, PAGE])
async def test_a_torn_first_page_costs_nothing_but_the_epoch(path: Path, size: int) -> None:
    epoch = await filled(path)
    overwrite(path, 0, size)
    with outbox_at(path) as outbox:
        assert len(outbox.state.incidents) == 1
        assert outbox.depth() == {0: 195, 1: 0, 2: 0, 3: 195}
        assert outbox.snapshot() == {"rules": b"asleep" * 100}
        assert outbox.epoch != epoch


async def test_a_message_that_does_not_match_its_checksum_is_not_believed(path: Path) -> None:
    await filled(path)
    # SQLite alone would notice the torn page, but not the letter.
    change_a_letter(path, b'"alert":"A333","rev":')
    overwrite(path, page_of(path, "A20"), 100)
    with outbox_at(path) as outbox:
        kept = set(names(await outbox.pending(1000)))
        assert "A333" not in kept
        assert {"A332", "A334"} <= kept


async def test_damage_that_shows_while_running_is_survived(path: Path) -> None:
    await filled(path, 2000)
    outbox = Outbox.open(path, FakeClock())
    epoch = outbox.epoch
    with path.open("r+b") as file:
        file.seek(PAGE * 300)
        file.write(os.urandom(PAGE * 20))
    rows = await outbox.pending(5000)
    (told,) = outbox.state.incidents
    assert "damaged" in told
    assert outbox.state.ok
    assert 1500 < len(rows) < 1990
    await outbox.commit([draft("new")])
    assert outbox.epoch != epoch
    outbox.close()
    with outbox_at(path) as outbox:
        assert len(await outbox.pending(5000)) == len(rows) + 1


async def test_a_torn_log_loses_at_most_what_was_being_written(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    with outbox_at(path) as outbox:
        for number in range(20):
            await outbox.commit([draft(f"A{number}")])
        whole = size_of_log(path)
        await outbox.commit([draft("torn")])
        size = size_of_log(path)
        for end in range(whole, size, 501):
            cut_power(path, copy)
            os.truncate(f"{copy}-wal", end)
            with outbox_at(copy) as again:
                assert names(await again.pending()) == [f"A{n}" for n in range(20)]
                assert again.state.incidents == ()
                assert again.epoch == outbox.epoch


async def test_rubbish_at_the_end_of_the_log_is_ignored(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    with outbox_at(path) as outbox:
        await outbox.commit([draft("A")])
        cut_power(path, copy)
    append(f"{copy}-wal", os.urandom(3 * PAGE))
    with outbox_at(copy) as outbox:
        assert names(await outbox.pending()) == ["A"]


async def test_only_the_last_few_damaged_files_are_kept(path: Path) -> None:
    for number in range(6):
        ruin(path, b"garbage %d" % number * 100)
        with outbox_at(path):
            pass
    aside = sorted(file.name for file in path.parent.glob("*.corrupt-*"))
    assert aside == [f"outbox.sqlite.corrupt-{n}" for n in (4, 5, 6)]


# ---------------------------------------------------------------- the disk's promise


def test_what_must_be_durable_is_synced_and_a_receipt_is_not(path: Path) -> None:
    store = Store(path, Limits(), lambda: None, FakeClock())

    def synchronous(rows: Rows) -> int:
        return int(rows.connection.execute("PRAGMA synchronous").fetchone()[0])

    full, normal = 2, 1
    assert store.run([Work(synchronous), Work(synchronous, durable=True)]) == [full, full]
    assert store.run([Work(synchronous)]) == [normal]
    assert store.run([Work(synchronous, durable=True)]) == [full]
    assert store.rows.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()
