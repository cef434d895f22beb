"""The whole daemon in one process: everything is real but the edges."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from gateway.alerts import ulid
from gateway.app import App, open_clock
from gateway.clock import SystemClock
from gateway.home import ClockSettings, Home, Hub, UplinkSettings, WebSettings
from gateway.journal import Journal
from gateway.outbox import Outbox
from gateway.records import (
    Device,
    DeviceKind,
    Frame,
    Quantity,
    Radio,
    RadioState,
    Reading,
    Room,
    RoomKind,
    State,
)
from gateway.supervise import Supervisor
from gateway.uplink.route import Event
from gateway.watch import Watch
from tests.brokers import until
from tests.fakes import PLAIN, Line, ScriptedRadio

BUTTONS = tuple(
    Device(f"button{n}", "plain", f"button{n}", DeviceKind.CALL_BUTTON, "bedroom", port="bus")
    for n in range(20)
)


def home(data: Path) -> Home:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Home(
        hub=Hub(tenant="street-7", id="hub-1", data=str(data)),
        rooms=(Room("bedroom", RoomKind.BEDROOM, "奶奶的卧室"),),
        devices=BUTTONS,
        uplinks=(UplinkSettings(name="line", host="127.0.0.1"),),
        web=WebSettings(listen=f"127.0.0.1:{port}"),
    )


@contextlib.asynccontextmanager
async def running(data: Path, line: Line, *radios: Radio, max_pages: int = 0) -> AsyncIterator[App]:
    """A daemon over this folder; when the block ends it is gone as after a power cut."""
    plan = home(data)
    clock = open_clock(ClockSettings(trust="always"), data / "outbox.sqlite")
    outbox = Outbox.open(data / "outbox.sqlite", clock, max_pages=max_pages)
    journal = Journal.open(data / "journal.sqlite")

    def routes(events: asyncio.Queue[Event]) -> Sequence[Line]:
        line.events = events
        return [line]

    watch = Watch(plan, {"plain": PLAIN}, lambda at: ulid(at.wall, os.urandom(10)))
    app = App(plan, clock, watch, outbox, journal, radios, routes, lambda at: [])
    app.supervisor = Supervisor(first_wait_s=0.01)
    task = asyncio.create_task(app.run())
    await until(lambda: bool(app.page.url))
    try:
        yield app
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        outbox.close()
        journal.close()


def emergency(n: int = 0, state: str = "on") -> Frame:
    payload = f"button{n} emergency {state}".encode()
    return Frame("plain", "bus", payload, SystemClock(trust="always").now())


def opened(app: App, count: int = 1) -> Callable[[], bool]:
    return lambda: len(app.pipeline.book.open()) >= count


async def test_a_press_arrives_through_a_crashing_radio_and_a_bad_network(tmp_path: Path) -> None:
    radio = ScriptedRadio([OSError("adapter gone"), KeyError("our mistake"), emergency()])
    line = Line(fails=3)
    async with running(tmp_path, line, radio) as app:
        await until(lambda: app.outbox.seq_last > 0 and not any(app.outbox.depth().values()))
    assert line.alerts()[0]["data"]["type"] == "sos.pressed"
    assert app.supervisor.restarts["radio scripted"] == 2
    assert app.supervisor.restarts["route line"] == 3


async def test_twenty_presses_in_one_second_are_twenty_alerts(tmp_path: Path) -> None:
    line = Line()
    radio = ScriptedRadio([emergency(n) for n in range(20)])
    async with running(tmp_path, line, radio) as app:
        await until(opened(app, 20))
        await until(lambda: len({a["data"]["alert_id"] for a in line.alerts()}) == 20)


async def test_the_platforms_steps_reach_the_home_and_come_back(tmp_path: Path) -> None:
    line = Line()
    async with running(tmp_path, line, ScriptedRadio([emergency()])) as app:
        await until(opened(app))
        alert_id = app.pipeline.book.open()[0].id
        for step in ("acknowledged", "dispatched", "on_site", "closed"):
            line.command("order", {"alert_id": alert_id, "step": step, "order_id": "WO-1"})
        await until(lambda: not app.pipeline.book.open())
        await until(lambda: line.alerts()[-1]["data"]["state"] == "closed")
        states = [a["data"]["state"] for a in line.alerts()]
        assert states[0] == "raised"
        assert {"acknowledged", "dispatched", "on_site"} <= set(states)
        view = app.status().recent[0]
        assert view.revisions[0].received_at is not None
        assert view.revisions[0].routes == ("line",)


async def test_a_test_from_the_platform_makes_the_whole_way_and_is_answered(
    tmp_path: Path,
) -> None:
    line = Line()
    async with running(tmp_path, line) as app:
        await until(lambda: app.pipeline.last_pass is not None)
        line.command("test", {})
        await until(lambda: bool(line.sent("/reply/")))
        (reply,) = line.sent("/reply/")
        (alert,) = line.alerts()[:1]
    assert alert["data"]["type"] == "test.periodic"
    assert reply["data"]["alert_id"] == alert["data"]["alert_id"]


async def test_after_a_restart_the_alert_is_open_and_a_held_button_is_the_same_press(
    tmp_path: Path,
) -> None:
    cut = Line(receipts=False)
    async with running(tmp_path, cut, ScriptedRadio([emergency()])) as app:
        await until(opened(app))
        await until(lambda: bool(cut.alerts()))
        before = app.pipeline.book.open()[0]
    line = Line()
    radio = ScriptedRadio([emergency(), emergency(0, "off"), emergency()])
    async with running(tmp_path, line, radio) as app:
        assert app.pipeline.book.open()[0].id == before.id
        # Still held: nothing. Released and pressed again in the same breath: one more press.
        await until(lambda: app.pipeline.book.open()[0].presses == 2)
        await until(lambda: not any(app.outbox.depth().values()))
        assert [alert.id for alert in app.pipeline.book.open()] == [before.id]
    first = [a["id"] for a in cut.alerts()]
    assert first[0] in [a["id"] for a in line.alerts()]


async def test_a_press_after_a_power_cut_counts_although_the_button_was_held_before(
    tmp_path: Path,
) -> None:
    cut = Line(receipts=False)
    radio = ScriptedRadio([emergency(), emergency(0, "off")])
    async with running(tmp_path, cut, radio) as app:
        await until(opened(app))
        await until(lambda: app.book.notes("button0").latest["emergency/"].value is False)
        await asyncio.sleep(0.1)  # for the disk; then the power fails
    async with running(tmp_path, Line(), ScriptedRadio([emergency()])) as app:
        await until(lambda: app.pipeline.book.open()[0].presses == 2)


async def test_a_full_disk_does_not_hold_a_press_back(tmp_path: Path) -> None:
    line = Line()
    radio = ScriptedRadio([emergency(n) for n in range(20)])
    async with running(tmp_path, line, radio, max_pages=12) as app:
        await until(lambda: len({a["data"]["alert_id"] for a in line.alerts()}) >= 20)
        assert not app.outbox.state.ok
        await until(lambda: any(not r.value for r in app._self_report(app.clock.now())))
        assert not app.status().storage.ok


class BlindRadio(ScriptedRadio):
    def state(self) -> RadioState:
        return RadioState("bus", alive=False, why="nobody answers")


async def test_behind_a_blind_radio_a_device_is_unknown_and_never_well(tmp_path: Path) -> None:
    async with running(tmp_path, Line(), BlindRadio([emergency(0, "off")])) as app:
        await until(lambda: bool(app.watch.supervision.last_heard()))

        def said() -> bool:
            states = {d.id: d.state for d in app.status().devices}
            return states["button0"] == "unknown"

        await until(said)
        assert app.status().summary.level != "well"


async def test_the_heartbeat_says_what_the_status_says_and_nothing_of_the_home(
    tmp_path: Path,
) -> None:
    line = Line()
    async with running(tmp_path, line, ScriptedRadio([emergency(0, "off")])):
        await until(lambda: bool(line.sent("/hb")))
    text = json.dumps(line.sent("/hb")[0], ensure_ascii=False)
    assert "button" not in text
    assert "奶奶" not in text


async def test_the_watchdog_is_fed_by_a_rule_pass_and_starves_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(tmp_path / "notify"))
    told.setblocking(False)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    heard: list[str] = []

    def listen() -> int:
        with contextlib.suppress(BlockingIOError):
            while True:
                heard.append(told.recv(1000).decode())
        return heard.count("WATCHDOG=1")

    async with running(folder, Line()) as app:
        await until(lambda: listen() >= 3)
        assert heard[0] == "READY=1"
        rules = next(t for t in asyncio.all_tasks() if t.get_name() == "rules")
        rules.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await rules
        await asyncio.sleep(0.3)
        fed = listen()
        await asyncio.sleep(1.0)
        assert listen() == fed
        del app
    told.close()


async def test_a_home_in_1970_without_network_still_calls_for_help(tmp_path: Path) -> None:
    from gateway.clock import Machine

    machine = Machine(lambda: 12.0, lambda: 34.0, lambda wall: False, "boot-1")
    clock = SystemClock(machine=machine)
    outbox = Outbox.open(tmp_path / "outbox.sqlite", clock)
    journal = Journal.open(tmp_path / "journal.sqlite")
    watch = Watch(home(tmp_path), {"plain": PLAIN}, lambda _: "ALERT")
    app = App(home(tmp_path), clock, watch, outbox, journal, [], lambda events: [], lambda at: [])
    frame = Frame("plain", "bus", b"button0 emergency on", clock.now())
    await app.take(app.pipeline.on_frame(frame))
    (row,) = await outbox.pending()
    outbox.close()
    journal.close()
    data = json.loads(row.body)["data"]
    assert (data["type"], data["clock_quality"]) == ("sos.pressed", "unsure")
    assert app.pipeline.book.open()[0].state is State.RAISED


def was_pressed(reading: Reading) -> bool:
    return reading.quantity is Quantity.EMERGENCY and bool(reading.value)


async def test_readings_go_into_the_journal_and_stay_there(tmp_path: Path) -> None:
    async with running(tmp_path, Line(), ScriptedRadio([emergency()])) as app:
        await until(lambda: any(was_pressed(r) for r in app.journal.readings()))
        kept = list(app.journal.readings())
    assert all(isinstance(r, Reading) for r in kept)
