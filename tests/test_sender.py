"""Which row goes next, on which way, and when again: the schedule by itself, then the sender."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gateway import wire
from gateway.outbox import Outbox, Row
from gateway.records import Severity, Signal
from gateway.uplink.route import Down, Event, Heard, Passed, RouteState, Up
from gateway.uplink.schedule import MANNERS, Manner, Schedule, choose
from gateway.uplink.sender import Arrival, Sender
from tests.brokers import until
from tests.uplink_rig import HOME, MachineClock, alert, running


def row(seq: int, priority: int = 0) -> Row:
    return Row(seq, f"e-{seq}", f"v1/t/h/alert/p{priority}", priority, "alert", b"{}", f"A{seq}", 1)


def send_all(schedule: Schedule, priority: int, now: float, route: str = "first") -> list[int]:
    sent = []
    for entry in schedule.ready(priority):
        schedule.sent(entry, route, now)
        sent.append(entry.row.seq)
    return sent


# ---------------------------------------------------------------- the schedule


def test_the_oldest_row_of_a_priority_goes_first() -> None:
    schedule = Schedule()
    schedule.offer([row(3), row(1), row(2)])
    assert send_all(schedule, 0, now=0) == [1, 2, 3]


def test_an_emergency_without_a_receipt_is_sent_again_after_ten_seconds() -> None:
    schedule = Schedule()
    schedule.offer([row(1)])
    send_all(schedule, 0, now=100)
    schedule.wake(109.9)
    assert send_all(schedule, 0, now=109.9) == []
    schedule.wake(110)
    assert send_all(schedule, 0, now=110) == [1]


def test_a_concern_is_sent_again_later_and_later() -> None:
    schedule = Schedule()
    schedule.offer([row(1, priority=2)])
    now, gaps = 0.0, []
    for _ in range(6):
        send_all(schedule, 2, now)
        gaps.append(schedule.next_due() - now)
        now = schedule.next_due()
        schedule.wake(now)
    assert gaps == [120, 300, 900, 3600, 3600, 3600]


def test_a_receipt_ends_it() -> None:
    schedule = Schedule()
    schedule.offer([row(1), row(2)])
    send_all(schedule, 0, now=0)
    assert [each.seq for each in schedule.remove_ids(["e-1", "e-2"])] == [1, 2]
    schedule.wake(1e6)
    assert send_all(schedule, 0, now=1e6) == []
    assert len(schedule) == 0


def test_a_receipt_for_another_database_ends_nothing() -> None:
    schedule = Schedule()
    schedule.offer([row(1)])
    assert schedule.remove_ids(["other-1"]) == []
    assert 1 in schedule


def test_no_more_rows_are_under_way_than_the_window_of_their_priority() -> None:
    schedule = Schedule([structs.replace(manner, window=3) for manner in MANNERS])
    schedule.offer(row(seq, priority=3) for seq in range(10))
    assert send_all(schedule, 3, now=0) == [0, 1, 2]
    schedule.remove([1])
    assert send_all(schedule, 3, now=0) == [3]


def test_a_full_window_of_notes_does_not_hold_up_an_emergency() -> None:
    schedule = Schedule()
    schedule.offer(row(seq, priority=3) for seq in range(100))
    send_all(schedule, 3, now=0)
    schedule.offer([row(200, priority=0)])
    assert send_all(schedule, 0, now=0) == [200]


def test_a_row_offered_twice_is_one_row() -> None:
    schedule = Schedule()
    schedule.offer([row(1)])
    schedule.offer([row(1)])
    assert send_all(schedule, 0, now=0) == [1]
    schedule.offer([row(1)])
    assert send_all(schedule, 0, now=0) == []


def sent_once(priority: int = 0, at: float = 100.0) -> tuple[Schedule, Manner]:
    schedule = Schedule()
    schedule.offer([row(1, priority)])
    send_all(schedule, priority, now=at)
    schedule.again([1])
    return schedule, MANNERS[priority]


def test_an_emergency_goes_the_second_way_after_thirty_seconds() -> None:
    schedule, manner = sent_once()
    entry = next(schedule.ready(0))
    assert choose(entry, manner, ["first", "second"], 110) == "first"
    assert choose(entry, manner, ["first", "second"], 130) == "second"


def test_after_the_second_way_the_first_is_tried_again() -> None:
    schedule, manner = sent_once()
    schedule.sent(next(schedule.ready(0)), "second", 130)
    schedule.again([1])
    assert choose(next(schedule.ready(0)), manner, ["first", "second"], 190) == "first"


def test_a_note_never_takes_the_second_way_while_the_first_is_up() -> None:
    schedule, manner = sent_once(priority=3)
    assert choose(next(schedule.ready(3)), manner, ["first", "second"], 1e6) == "first"


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["offer", "send", "again", "wake", "receipt"]), st.integers(0, 9)),
    max_size=60,
)


@given(ACTIONS)
def test_whatever_happens_every_row_is_ready_or_waiting_until_its_receipt(
    actions: Iterable[tuple[str, int]],
) -> None:
    schedule, now, alive = Schedule(), 0.0, set()
    for action, seq in actions:
        now += 7
        match action:
            case "offer":
                schedule.offer([row(seq, seq % 4)])
                alive.add(seq)
            case "send":
                send_all(schedule, seq % 4, now)
            case "again":
                schedule.again([seq])
            case "wake":
                schedule.wake(now)
            case _:
                schedule.remove([seq])
                alive.discard(seq)
    assert schedule.seqs() == alive
    schedule.wake(now + 1e6)
    assert {seq for priority in range(4) for seq in send_all(schedule, priority, now)} == alive
    assert [schedule.waiting(p) for p in range(4)] == [
        len([seq for seq in alive if seq % 4 == p]) for p in range(4)
    ]


# ---------------------------------------------------------------- the sender


class FakeRoute:
    """A route in memory: what goes out is in `out`, `events` takes what the test lets happen."""

    def __init__(self, name: str, events: asyncio.Queue[Event]) -> None:
        self.name = name
        self.events = events
        self.out: list[tuple[str, bytes, int]] = []
        self.window = 20
        self.up = False
        self.hurries = 0

    def room(self, reserve: int = 0) -> int:
        return max(0, self.window - reserve) if self.up else 0

    def publish(self, topic: str, body: bytes, token: int) -> None:
        assert self.up
        self.out.append((topic, body, token))

    def hurry(self) -> None:
        self.hurries += 1

    def state(self) -> RouteState:
        return RouteState(self.name, up=self.up)

    async def run(self) -> None:
        await asyncio.Event().wait()

    def connect(self) -> None:
        self.up = True
        self.events.put_nowait(Up(self.name))

    def break_off(self) -> None:
        self.up = False
        self.events.put_nowait(Down(self.name))

    def tokens(self) -> list[int]:
        return [token for _, _, token in self.out]

    def command(self, name: str, data: wire.CommandData, command_id: str) -> None:
        body = wire.command_message(command_id, data, datetime.now(UTC))
        topic = wire.topic(HOME.hub, f"cmd/{name}")
        self.events.put_nowait(Heard(self.name, topic, body, lambda: None))


class Bench:
    def __init__(self, outbox: Outbox, manners: tuple[Manner, ...]) -> None:
        events: asyncio.Queue[Event] = asyncio.Queue()
        self.outbox = outbox
        self.first = FakeRoute("first", events)
        self.second = FakeRoute("second", events)
        self.sender = Sender(
            outbox, [self.first, self.second], events, HOME.hub, MachineClock(), manners
        )

    async def commit(self, *numbers: int, severity: Severity = Severity.S1) -> list[Row]:
        drafts = [wire.alert_draft(alert(number, severity), HOME) for number in numbers]
        rows = await self.outbox.commit(drafts)
        self.sender.notify(rows)
        return rows


@contextlib.asynccontextmanager
async def bench(folder: Path, manners: tuple[Manner, ...] = MANNERS) -> AsyncIterator[Bench]:
    outbox = Outbox.open(folder / "outbox.db", MachineClock())
    try:
        one = Bench(outbox, manners)
        async with running(one.sender.run()):
            yield one
    finally:
        outbox.close()


async def test_a_press_is_on_the_route_before_notify_returns(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        one.first.connect()
        await until(lambda: one.first.events.empty())
        await asyncio.sleep(0)
        drafts = [wire.alert_draft(alert(1), HOME)]
        rows = await one.outbox.commit(drafts)
        one.sender.notify(rows)
        assert one.first.tokens() == [rows[0].seq]


async def test_what_was_committed_while_nothing_was_up_goes_out_most_urgent_first(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as one:
        note = await one.commit(1, severity=Severity.S4)
        concern = await one.commit(2, severity=Severity.S3)
        urgent = await one.commit(3, severity=Severity.S2)
        emergency = await one.commit(4)
        one.first.connect()
        await until(lambda: len(one.first.out) == 4)
        expected = [rows[0].seq for rows in (emergency, urgent, concern, note)]
        assert one.first.tokens() == expected


async def test_a_puback_is_not_delivery(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        one.first.connect()
        (sent,) = await one.commit(1)
        one.first.events.put_nowait(Passed("first", sent.seq, 0))
        await until(lambda: one.first.events.empty())
        assert one.outbox.depth()[0] == 1


async def test_a_receipt_empties_the_outbox_and_tells_the_app(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        one.first.connect()
        rows = await one.commit(1, 2)
        one.first.command("receipt", wire.Receipt(tuple(row.message_id for row in rows)), "c1")
        arrival = await asyncio.wait_for(one.sender.arrivals.get(), 10)
        assert one.outbox.depth()[0] == 0
        assert [answer.signal for answer in arrival.answers] == [Signal.RECEIVED] * 2
        assert one.sender.state().last_receipt is not None


async def test_after_a_reconnection_everything_without_a_receipt_goes_again_with_its_id(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as one:
        one.first.connect()
        await one.commit(1, 2, 3)
        await until(lambda: len(one.first.out) == 3)
        one.first.break_off()
        one.first.connect()
        await until(lambda: len(one.first.out) == 6)
        assert one.first.out[:3] == one.first.out[3:]


async def test_a_lost_receipt_costs_one_message_more(tmp_path: Path) -> None:
    quick = (structs.replace(MANNERS[0], gaps_s=(0.1, 3600.0)), *MANNERS[1:])
    async with bench(tmp_path, quick) as one:
        one.first.connect()
        (sent,) = await one.commit(1)
        await until(lambda: one.first.tokens() == [sent.seq, sent.seq])


async def test_an_emergency_takes_the_second_way_at_once_when_the_first_is_down(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as one:
        one.second.connect()
        (sent,) = await one.commit(1)
        await until(lambda: one.second.tokens() == [sent.seq])


async def test_a_note_waits_for_the_first_way_a_while(tmp_path: Path) -> None:
    patient = tuple(structs.replace(manner, patience_s=0.3) for manner in MANNERS)
    async with bench(tmp_path, (MANNERS[0], *patient[1:])) as one:
        one.second.connect()
        await one.commit(1, severity=Severity.S4)
        (urgent,) = await one.commit(2)
        await until(lambda: bool(one.second.out))
        assert one.second.tokens() == [urgent.seq]
        await until(lambda: len(one.second.out) == 2)


async def test_a_route_that_breaks_hands_its_emergencies_to_the_other(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        one.first.connect()
        one.second.connect()
        (sent,) = await one.commit(1)
        await until(lambda: one.first.tokens() == [sent.seq])
        one.first.break_off()
        await until(lambda: one.second.tokens() == [sent.seq])


async def test_an_emergency_finds_a_place_though_notes_fill_the_routes_window(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as one:
        one.first.window = 4  # what is left to a note is this less four reserved places
        one.first.connect()
        await one.commit(1, 2, 3, severity=Severity.S4)
        (sent,) = await one.commit(4)
        await until(lambda: bool(one.first.out))
        assert one.first.tokens() == [sent.seq]


async def test_a_backlog_larger_than_memory_goes_out_whole(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        rows = []
        for start in range(0, 1000, 100):
            rows += await one.commit(*range(start, start + 100), severity=Severity.S3)
        one.first.connect()
        done = 0
        while one.outbox.depth()[2]:
            await until(lambda: len(one.first.out) > done)  # noqa: B023
            new, done = one.first.tokens()[done:], len(one.first.out)
            ids = tuple(f"{one.outbox.epoch}-{seq}" for seq in new)
            one.first.command("receipt", wire.Receipt(ids), f"c{done}")
            await one.sender.arrivals.get()
        assert one.first.tokens() == [row.seq for row in rows]


async def test_only_the_latest_heartbeat_is_sent(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        one.sender.heartbeat("v1/t/h/hb", b"old")
        one.sender.heartbeat("v1/t/h/hb", b"new")
        one.first.connect()
        await until(lambda: bool(one.first.out))
        assert [body for _, body, _ in one.first.out] == [b"new"]


async def test_a_signed_command_is_answered_with_a_refusal(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        one.first.connect()
        topic = wire.topic(HOME.hub, "cmd/plan")
        one.first.events.put_nowait(Heard("first", topic, b'{"id":"c7"}', lambda: None))
        await until(lambda: bool(one.first.out))
        ((answered, body, _),) = one.first.out
        assert answered == wire.topic(HOME.hub, "reply/c7")
        message = wire.parse_message(body)
        assert isinstance(message, wire.ReplyEvent)
        assert message.data.refusal is wire.Refusal.SIGNATURE_REQUIRED
        assert one.sender.state().rejected == {"signature_required": 1}


async def test_nonsense_is_counted_and_confirmed_so_that_it_does_not_come_again(
    tmp_path: Path,
) -> None:
    confirmed: list[int] = []
    async with bench(tmp_path) as one:
        topic = wire.topic(HOME.hub, "cmd/receipt")
        for number in range(3):
            heard = Heard("first", topic, b"nonsense", lambda n=number: confirmed.append(n))  # type: ignore[misc]
            one.first.events.put_nowait(heard)
        await until(lambda: len(confirmed) == 3)
        assert one.sender.state().rejected == {"malformed": 3}


async def test_a_work_order_is_confirmed_to_the_broker_when_the_app_says_so(
    tmp_path: Path,
) -> None:
    confirmed: list[bool] = []
    async with bench(tmp_path) as one:
        step = wire.OrderStep("01JD00000001", wire.Step.ACKNOWLEDGED, "WO-1")
        body = wire.command_message("c1", step, datetime.now(UTC))
        heard = Heard(
            "first", wire.topic(HOME.hub, "cmd/order"), body, lambda: confirmed.append(True)
        )
        one.first.events.put_nowait(heard)
        arrival: Arrival = await asyncio.wait_for(one.sender.arrivals.get(), 10)
        assert arrival.answers[0].signal is Signal.ACKNOWLEDGED
        assert confirmed == []
        arrival.done()
        assert confirmed == [True]


async def test_an_emergency_lets_no_way_rest_and_a_note_does(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await one.commit(1, severity=Severity.S4)
        await until(lambda: one.first.events.empty())
        assert (one.first.hurries, one.second.hurries) == (0, 0)
        await one.commit(2)
        await until(lambda: one.first.hurries > 0 and one.second.hurries > 0)
