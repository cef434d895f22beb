"""What was accepted is kept until the platform has it, in order, once, and within bounds."""

from __future__ import annotations

import asyncio
import json
import stat
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.outbox import Draft, Gone, Limits, Outbox, Row, StorageFault
from tests.fakes import FakeClock
from tests.storing import PRIORITIES, draft, outbox_at, unexplained


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "outbox.sqlite"


def seqs(rows: list[Row]) -> list[int]:
    return [row.seq for row in rows]


# ---------------------------------------------------------------- in


async def test_a_message_gets_the_next_number_and_carries_it_in_its_body(path: Path) -> None:
    with outbox_at(path) as outbox:
        rows = await outbox.commit([draft("A"), draft("A", rev=2)])
        assert seqs(rows) == [1, 2]
        for row in rows:
            assert row.message_id == f"{outbox.epoch}-{row.seq}"
            assert json.loads(row.body)["id"] == row.message_id
        assert json.loads(rows[1].body) | {"id": 0} == {"id": 0, "alert": "A", "rev": 2, "pad": ""}


@pytest.mark.parametrize("body", [b"{}", b"{ }", b'{"a":1}', b'{ "a" : {"b":2} }'])
async def test_any_json_object_is_completed_with_its_id(path: Path, body: bytes) -> None:
    with outbox_at(path) as outbox:
        (row,) = await outbox.commit([Draft("t", 1, "reply", body)])
        assert json.loads(row.body) == {"id": row.message_id} | json.loads(body)


@pytest.mark.parametrize("wrong", [Draft("t", 4, "alert", b"{}"), Draft("t", 0, "alert", b"[]")])
async def test_a_draft_that_is_none_is_refused_and_takes_no_number(
    path: Path, wrong: Draft
) -> None:
    with outbox_at(path) as outbox:
        with pytest.raises(ValueError, match=r"priority|object"):
            await outbox.commit([draft("A"), wrong])
        assert outbox.seq_last == 0


async def test_a_revision_is_never_queued_twice(path: Path) -> None:
    with outbox_at(path) as outbox:
        (first,) = await outbox.commit([draft("A")])
        again = await outbox.commit([draft("A"), draft("A")])
        assert again == [first, first]
        await outbox.receipted([first.seq])
        assert await outbox.commit([draft("A")]) == [first]
        assert await outbox.pending() == []
    with outbox_at(path) as outbox:
        assert await outbox.commit([draft("A")]) == [first]


async def test_messages_without_an_incident_are_each_queued(path: Path) -> None:
    with outbox_at(path) as outbox:
        same = Draft("t", 3, "state", b"{}")
        assert seqs(await outbox.commit([same, same])) == [1, 2]


async def test_many_commits_at_one_moment_all_get_numbers_of_their_own(path: Path) -> None:
    with outbox_at(path) as outbox:
        each = await asyncio.gather(*(outbox.commit([draft(f"A{n}")]) for n in range(1000)))
        assert sorted(row.seq for rows in each for row in rows) == list(range(1, 1001))
        assert outbox.seq_last == 1000


class Unprintable:
    """Not bytes: what a mistake of ours might put into a snapshot."""


async def test_a_mistake_of_ours_reaches_its_caller_and_nobody_else(path: Path) -> None:
    with outbox_at(path) as outbox:
        wrong: dict[str, bytes] = {"rules": Unprintable()}  # type: ignore[dict-item]
        answers = await asyncio.gather(
            outbox.commit([draft("A")]),
            outbox.commit([draft("B")], wrong),
            outbox.commit([draft("C")]),
            return_exceptions=True,
        )
        assert [isinstance(answer, BaseException) for answer in answers] == [False, True, False]
        assert [row.alert_id for row in await outbox.pending()] == ["A", "C"]
        assert outbox.state.ok
        assert await unexplained(outbox) == set()


# ---------------------------------------------------------------- out


async def test_emergencies_go_first_and_the_oldest_first_among_them(path: Path) -> None:
    with outbox_at(path) as outbox:
        for number, priority in enumerate((3, 1, 0, 2, 0, 3)):
            await outbox.commit([draft(f"A{number}", priority=priority)])
        assert seqs(await outbox.pending()) == [3, 5, 2, 4, 1, 6]
        assert seqs(await outbox.pending(3)) == [3, 5, 2]
        assert seqs(await outbox.pending(max_priority=1)) == [3, 5, 2]
        assert seqs(await outbox.pending(2, excluding={3, 2})) == [5, 4]


async def test_only_a_receipt_lets_an_emergency_leave(path: Path) -> None:
    clock = FakeClock()
    with outbox_at(path, clock) as outbox:
        (row,) = await outbox.commit([draft("A", expires_line=clock.now().line + 1)])
        await outbox.sent([row.seq])
        await outbox.sent([row.seq])
        clock.seconds += 365 * 86_400
        assert await outbox.expire() == 0
        (waiting,) = await outbox.pending()
        assert (waiting.seq, waiting.attempts) == (row.seq, 2)
        assert await outbox.receipted([row.seq, row.seq, 999]) == 1
        assert await outbox.pending() == []


async def test_a_receipt_for_another_database_changes_nothing(path: Path) -> None:
    with outbox_at(path) as outbox:
        (row,) = await outbox.commit([draft("A")])
        for stranger in ("0000-1", "-1", "1", "", f"{outbox.epoch}-", f"{outbox.epoch}-9" * 9):
            assert await outbox.receipted_ids([stranger]) == 0
        assert await outbox.receipted_ids([row.message_id]) == 1


async def test_what_waits_and_since_when_is_told_by_priority(path: Path) -> None:
    clock = FakeClock()
    with outbox_at(path, clock) as outbox:
        assert (outbox.seq_unreceived, outbox.figures.oldest_line) == (0, None)
        for number, priority in enumerate((1, 3, 3)):
            await outbox.commit([draft(f"A{number}", priority=priority)])
            clock.seconds += 10
        assert outbox.depth() == {0: 0, 1: 1, 2: 0, 3: 2}
        assert (outbox.seq_last, outbox.seq_unreceived) == (3, 1)
        await outbox.receipted([1])
        assert outbox.depth() == {0: 0, 1: 0, 2: 0, 3: 2}
        assert outbox.seq_unreceived == 2
        assert outbox.figures.oldest_line == clock.now().line - 20


# ---------------------------------------------------------------- expiry, caps and tombstones


async def test_an_expired_message_answers_with_its_tombstone(path: Path) -> None:
    clock = FakeClock()
    with outbox_at(path, clock) as outbox:
        soon = clock.now().line + 60
        await outbox.commit(
            [draft(f"A{p}", rev=7, priority=p, expires_line=soon) for p in PRIORITIES]
        )
        clock.seconds += 61
        assert await outbox.expire() == 2
        assert await outbox.expire() == 0
        answer = await outbox.resend(1, 4)
        assert seqs(answer.rows) == [1, 2]
        told = [(stone.first, stone.last, stone.reason) for stone in answer.tombstones]
        assert told == [(3, 3, Gone.EXPIRED), (4, 4, Gone.EXPIRED)]
        assert [(s.alert_id, s.rev) for s in answer.tombstones] == [("A2", 7), ("A3", 7)]


@pytest.mark.parametrize(
    "limits", [Limits(rows=(5, 5)), Limits(bytes=(5 * 245, 5 * 245))], ids=["rows", "bytes"]
)
async def test_over_the_cap_the_oldest_concerns_go_and_no_emergency(
    path: Path, limits: Limits
) -> None:
    with outbox_at(path, limits=limits) as outbox:
        for priority in (3, 0, 2, 1):
            for number in range(20):
                await outbox.commit([draft(f"A{priority}.{number:02}", 1, priority, pad=172)])
        assert outbox.depth() == {0: 20, 1: 20, 2: 5, 3: 5}
        kept = [row.alert_id for row in await outbox.pending() if row.priority >= 2]
        assert kept == [f"A{p}.{n}" for p in (2, 3) for n in range(15, 20)]
        reasons = Counter(stone.reason for stone in (await outbox.resend(1, 80)).tombstones)
        assert reasons == {Gone.DROPPED: 30}
        assert await unexplained(outbox) == set()


async def test_old_received_messages_are_forgotten_but_not_denied(path: Path) -> None:
    with outbox_at(path, limits=Limits(receipted=50)) as outbox:
        await outbox.commit([draft(f"A{n}") for n in range(400)])
        waiting = {7, 250}
        for first in range(1, 400, 10):
            await outbox.receipted(set(range(first, first + 10)) - waiting)
        assert set(seqs(await outbox.pending())) == waiting
        answer = await outbox.resend(1, 300)
        assert set(seqs(answer.rows)) == waiting
        assert {stone.reason for stone in answer.tombstones} == {Gone.RECEIPTED}
        assert len(answer.tombstones) <= 4
        assert await unexplained(outbox) == set()


async def test_tombstones_are_bounded_and_still_answer_for_every_number(path: Path) -> None:
    limits = Limits(rows=(3, 3), receipted=5, tombstones=20)
    with outbox_at(path, limits=limits) as outbox:
        for number in range(300):
            rows = await outbox.commit([draft(f"A{number}", priority=number % 4)])
            if number % 4 < 2 and number > 8:
                await outbox.receipted(seqs(rows))
        answer = await outbox.resend(1, 300)
        assert len(answer.tombstones) <= 21
        assert {row.alert_id for row in answer.rows} >= {"A0", "A1", "A4", "A5", "A8"}
        assert await unexplained(outbox) == set()


async def test_a_resent_message_waits_for_its_receipt_once_more(path: Path) -> None:
    with outbox_at(path) as outbox:
        rows = await outbox.commit([draft("A"), draft("B", priority=2)])
        await outbox.receipted([1, 2])
        assert (await outbox.resend(2, 10)).rows == [rows[1]]
        assert outbox.depth() == {0: 0, 1: 0, 2: 1, 3: 0}
        assert await outbox.pending() == [rows[1]]
        await outbox.receipted([2])
        assert (outbox.depth()[2], await outbox.pending()) == (0, [])


# ---------------------------------------------------------------- restarts


async def test_everything_is_there_again_after_a_restart(path: Path) -> None:
    with outbox_at(path) as outbox:
        drafts = [draft(f"A{n}", priority=n % 4) for n in range(40)]
        await outbox.commit(drafts, {"rules": b"asleep"})
        await outbox.receipted([1, 2, 3])
        before, figures = await outbox.pending(), outbox.figures
    with outbox_at(path) as outbox:
        assert await outbox.pending() == before
        assert outbox.figures == figures
        assert outbox.snapshot() == {"rules": b"asleep"}
        (row,) = await outbox.commit([draft("new")])
        assert row.message_id == f"{figures.epoch}-41"


async def test_another_database_has_another_epoch(tmp_path: Path) -> None:
    with outbox_at(tmp_path / "a.sqlite") as one, outbox_at(tmp_path / "b.sqlite") as other:
        assert one.epoch != other.epoch


async def test_the_snapshot_keeps_the_parts_that_were_not_named_again(path: Path) -> None:
    with outbox_at(path) as outbox:
        await outbox.commit([], {"rules": b"1", "clock": b"1"})
        await outbox.commit([draft("A")], {"rules": b"2"})
        assert outbox.snapshot() == {"rules": b"2", "clock": b"1"}
    with outbox_at(path) as outbox:
        assert outbox.snapshot() == {"rules": b"2", "clock": b"1"}


async def test_an_unchanged_snapshot_writes_nothing_to_the_disk(path: Path) -> None:
    def written() -> int:
        return Path(f"{path}-wal").stat().st_size

    with outbox_at(path) as outbox:
        await outbox.commit([], {"rules": b"x" * 1000, "book": b"y" * 50_000})
        size = written()
        await outbox.commit([], {"rules": b"x" * 1000, "book": b"y" * 50_000})
        assert written() == size
        await outbox.commit([], {"rules": b"z" * 1000, "book": b"y" * 50_000})
        assert 0 < written() - size < 50_000


async def test_a_second_daemon_on_the_same_home_is_turned_away(path: Path) -> None:
    with outbox_at(path), pytest.raises(StorageFault, match="another process"):
        Outbox.open(path, FakeClock())


async def test_nobody_else_on_the_machine_can_read_it(path: Path) -> None:
    with outbox_at(path) as outbox:
        await outbox.commit([draft("A")])
        files = list(path.parent.iterdir())
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_closing_waits_for_what_was_accepted(path: Path) -> None:
    with outbox_at(path) as outbox:
        waiting = [asyncio.ensure_future(outbox.commit([draft(f"A{n}")])) for n in range(50)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    with outbox_at(path) as outbox:
        assert outbox.depth()[0] == 50


async def test_a_closed_outbox_says_so(path: Path) -> None:
    with outbox_at(path) as outbox:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        await outbox.commit([draft("A")])


# ---------------------------------------------------------------- 30 days

DAY = 86_400.0


async def test_thirty_days_offline_come_back_in_order_within_the_storage_cap(path: Path) -> None:
    clock = FakeClock()
    began = clock.now().line
    counts: Counter[int] = Counter()
    with outbox_at(path, clock) as outbox:
        for day in range(30):
            clock.seconds = day * DAY
            drafts = [
                draft(f"D{day}.{incident}", rev, incident % 3, began + 40 * DAY, pad=900)
                for incident in range(20)
                for rev in range(1, 6)
            ]
            notes = [
                Draft("v1/t/h/state", 3, "state", b'{"pad":"%s"}' % (b"x" * 400), "", 0, None)
                for _ in range(288)
            ]
            await outbox.commit([*drafts, *notes])
            counts.update(each.priority for each in (*drafts, *notes))
            await outbox.expire()
        assert outbox.depth() == counts == {0: 1050, 1: 1050, 2: 900, 3: 8640}
    assert sum(file.stat().st_size for file in path.parent.iterdir()) < 16 << 20
    with outbox_at(path, clock) as outbox:
        rows = await outbox.pending(20_000)
        assert [(row.priority, row.seq) for row in rows] == sorted(
            (row.priority, row.seq) for row in rows
        )
        assert Counter(row.priority for row in rows) == counts
        while rows := await outbox.pending(1000):
            await outbox.receipted(seqs(rows))
        assert outbox.depth() == dict.fromkeys(PRIORITIES, 0)
        assert await unexplained(outbox) == set()


async def test_a_year_offline_gives_up_old_notes_and_stays_within_the_cap(path: Path) -> None:
    limits = Limits(rows=(500, 400), bytes=(1 << 19, 1 << 18))
    with outbox_at(path, limits=limits) as outbox:
        for week in range(52):
            await outbox.commit(
                [draft(f"W{week}.{n}", 1, 0 if n < 7 else 2 + n % 2, pad=400) for n in range(200)]
            )
        assert outbox.depth()[0] == 52 * 7
        assert outbox.depth()[2] <= 500
        assert outbox.depth()[3] <= 400
        assert await unexplained(outbox) == set()
    assert sum(file.stat().st_size for file in path.parent.iterdir()) < 4 << 20


# ---------------------------------------------------------------- any history

Action = tuple[str, int]
ACTIONS = st.lists(
    st.tuples(st.sampled_from(["commit", "receipt", "expire", "resend", "restart"]),
              st.integers(0, 30)),
    max_size=40,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(actions=ACTIONS)
async def test_whatever_happens_no_number_is_unexplained_and_the_counts_are_right(
    tmp_path_factory: pytest.TempPathFactory, actions: list[Action]
) -> None:
    path = tmp_path_factory.mktemp("history") / "outbox.sqlite"
    clock = FakeClock()
    limits = Limits(rows=(4, 3), receipted=3, tombstones=4)
    outbox = Outbox.open(path, clock, limits)
    urgent: set[int] = set()
    for what, number in actions:
        clock.seconds += 1
        if what == "commit":
            soon, last = clock.now().line + number, outbox.seq_last
            (row,) = await outbox.commit([draft(f"A{number}", 1, number % 4, soon)])
            urgent |= {row.seq} if row.priority < 2 and row.seq > last else set()
        elif what == "receipt":
            await outbox.receipted([number])
            urgent.discard(number)
        elif what == "expire":
            await outbox.expire()
        elif what == "resend":
            again = (await outbox.resend(number, number + 3)).rows
            urgent |= {row.seq for row in again if row.priority < 2}
        else:
            outbox.close()
            outbox = Outbox.open(path, clock, limits)
    waiting, told = await outbox.pending(1000), outbox.figures
    assert {row.seq for row in waiting if row.priority < 2} == urgent
    assert Counter(told.depth) == Counter(row.priority for row in waiting)
    assert await unexplained(outbox) == set()
    outbox.close()
