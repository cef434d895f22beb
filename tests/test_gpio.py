"""Contacts on the hub's own lines: every edge in order, at its time; and a hub without any."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import gpiod
import pytest
from gpiod.line import Bias, Value

import drivers
from gateway.alerts import AlertBook
from gateway.app import open_ports
from gateway.doctor import links
from gateway.home import Port
from gateway.pipeline import Pipeline
from gateway.plan.file import load
from gateway.radio.gpio import GpioPort, advice, wanted
from gateway.radio.gpio_lines import Edge, GpioLines, Wanted, open_lines
from gateway.records import Device, DeviceKind, Frame, Quantity, Reading
from tests.fakes import FakeClock, numbered

PATIENCE_S = 20.0
PORT = Port(name="gpio", device="/dev/gpiochip0", driver="gpio_contacts")


def contact(line: int, kind: DeviceKind, **options: str | float | bool) -> Device:
    return Device(f"{kind}-{line}", "gpio_contacts", str(line), kind, port="gpio", options=options)


class Terminals:
    """The far end: contacts that somebody opens and closes, behind a pipe as behind a kernel."""

    def __init__(self) -> None:
        self.closed: dict[int, bool] = {}
        self.wanted: list[Wanted] = []
        self.now = 100.0
        self.released = 0
        self._edges: list[Edge] = []

    def open(self, path: str, wanted: Sequence[Wanted]) -> Terminals:
        self.wanted = list(wanted)
        self._reader, self._writer = os.pipe()
        return self

    def move(self, line: int, closed: bool) -> None:
        self.closed[line] = closed
        self._edges.append(Edge(line, closed, self.now))
        os.write(self._writer, b"!")

    def fileno(self) -> int:
        return self._reader

    def values(self) -> dict[int, bool]:
        return {one.line: self.closed.get(one.line, False) for one in self.wanted}

    def edges(self) -> list[Edge]:
        os.read(self._reader, 4096)
        edges, self._edges = self._edges, []
        return edges

    def close(self) -> None:
        self.released += 1
        os.close(self._reader)
        os.close(self._writer)


@asynccontextmanager
async def listening(terminals: Terminals, *devices: Device) -> AsyncIterator[list[Frame]]:
    port = GpioPort(PORT, devices, FakeClock(), terminals.open, lambda: terminals.now + 0.25)
    heard: list[Frame] = []

    async def listen() -> None:
        async with aclosing(port.frames()) as frames:  # type: ignore[type-var]
            async for frame in frames:
                heard.append(frame)

    task = asyncio.create_task(listen())
    try:
        await until(lambda: bool(heard))
        assert port.state().alive
        yield heard
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for is the event loop itself
            await asyncio.sleep(0.005)


async def test_a_press_shorter_than_any_poll_is_heard_from_its_first_edge_to_its_last() -> None:
    terminals = Terminals()
    button = contact(5, DeviceKind.CALL_BUTTON)
    mat = contact(17, DeviceKind.BED)
    terminals.closed[17] = True
    async with listening(terminals, button, mat) as heard:
        terminals.move(5, True)
        terminals.move(5, False)
        await until(lambda: len(heard) == 3)
    assert [frame.payload for frame in heard] == [
        b"5=0 17=1;",
        b"5=1 17=1 edge=5;",
        b"5=0 17=1 edge=5;",
    ]
    known = {"gpio_contacts": drivers.load(["gpio_contacts"])["gpio_contacts"]}
    pipeline = Pipeline([button, mat], known, [], AlertBook(numbered()))
    readings = [reading for frame in heard for reading in pipeline.on_frame(frame).readings]
    said = [(reading.quantity, reading.value) for reading in readings]
    assert said == [
        (Quantity.EMERGENCY, False),
        (Quantity.BED_OCCUPIED, True),
        (Quantity.EMERGENCY, True),
        (Quantity.EMERGENCY, False),
    ]
    assert terminals.released == 1


async def test_an_edge_has_the_kernels_time_and_not_the_time_at_which_the_hub_looked() -> None:
    terminals = Terminals()
    async with listening(terminals, contact(5, DeviceKind.CALL_BUTTON)) as heard:
        terminals.move(5, True)
        await until(lambda: len(heard) == 2)
    assert heard[0].at.since(heard[1].at) == pytest.approx(0.25)
    assert heard[0].at.wall - heard[1].at.wall == pytest.approx(0.25)


async def test_twenty_contacts_that_move_at_once_are_twenty_edges() -> None:
    terminals = Terminals()
    buttons = [contact(line, DeviceKind.CALL_BUTTON) for line in range(20)]
    async with listening(terminals, *buttons) as heard:
        for line in range(20):
            terminals.move(line, True)
        await until(lambda: len(heard) == 21)
    assert heard[-1].payload.count(b"=1 ") == 20


async def test_a_hub_without_gpio_says_so_and_goes_on() -> None:
    port = GpioPort(PORT, [contact(5, DeviceKind.CALL_BUTTON)], FakeClock(), absent)
    frames = port.frames()
    task = asyncio.ensure_future(anext(frames))
    await until(lambda: "no GPIO" in port.state().why)
    assert not port.state().alive
    task.cancel()
    await asyncio.wait([task])


def absent(path: str, wanted: Sequence[Wanted]) -> GpioLines:
    raise FileNotFoundError(2, "No such file or directory", path)


def test_the_lines_of_contacts_and_of_their_loops_are_asked_for_as_the_plan_says() -> None:
    door = contact(22, DeviceKind.DOOR_CONTACT, active="open", bias="pull_down", debounce_ms=50)
    mat = contact(17, DeviceKind.BED, loop=18)
    assert wanted([door, mat]) == [
        Wanted(17),
        Wanted(18),
        Wanted(22, "pull_down", 50),
    ]


# ---------------------------------------------------------------- libgpiod itself


def test_the_real_libgpiod_tells_a_chip_that_is_missing_from_a_file_that_is_none() -> None:
    with pytest.raises(FileNotFoundError) as missing:
        open_lines("/dev/gpiochip-of-nobody", [Wanted(5)])
    assert "no GPIO" in advice(missing.value, "/dev/gpiochip-of-nobody")
    with pytest.raises(OSError, match="No such device") as none:
        open_lines("/dev/null", [Wanted(5)])
    assert "cannot be had" in advice(none.value, "/dev/null")
    assert "pip install" in advice(ModuleNotFoundError("gpiod"), "/dev/gpiochip0")
    assert "group gpio" in advice(PermissionError(13, "Permission denied"), "/dev/gpiochip0")


class Request:
    """What libgpiod hands over, as far as the adapter looks at it, with its real records."""

    fd = 7
    offsets = (17, 22)

    def get_values(self, lines: Sequence[int]) -> list[Value]:
        return [Value.ACTIVE if line == 17 else Value.INACTIVE for line in lines]

    def read_edge_events(self) -> list[gpiod.EdgeEvent]:
        rising = gpiod.EdgeEvent.Type.RISING_EDGE
        falling = gpiod.EdgeEvent.Type.FALLING_EDGE
        return [
            gpiod.EdgeEvent(rising.value, 2_500_000_000, 22, 1, 1),
            gpiod.EdgeEvent(falling.value, 3_000_000_000, 17, 2, 1),
        ]


def test_the_adapter_reads_values_and_edges_as_libgpiod_gives_them() -> None:
    lines = GpioLines(Request())  # type: ignore[arg-type]
    assert lines.fileno() == 7
    assert lines.values() == {17: True, 22: False}
    assert lines.edges() == [Edge(22, True, 2.5), Edge(17, False, 3.0)]


def test_a_closed_circuit_is_active_whichever_way_it_pulls_the_line() -> None:
    from gateway.radio.gpio_lines import _settings

    up, down, bare = (_settings(Wanted(5, bias)) for bias in ("pull_up", "pull_down", "none"))
    assert (up.bias, up.active_low) == (Bias.PULL_UP, True)
    assert (down.bias, down.active_low) == (Bias.PULL_DOWN, False)
    assert (bare.bias, bare.active_low) == (Bias.AS_IS, True)
    assert up.debounce_period.total_seconds() == pytest.approx(0.03)


# ---------------------------------------------------------------- plan and doctor


PLAN = """
[hub]
tenant = "t"
id = "h"

[[port]]
name = "gpio"
device = "/dev/gpiochip0"
driver = "gpio_contacts"

[[device]]
id = "mat"
driver = "gpio_contacts"
kind = "bed"
address = "17"
port = "gpio"
options = { loop = 18, debounce_ms = 100, active = "open" }
"""


def test_a_plan_with_a_pressure_mat_opens_the_chip_and_reads_the_mat() -> None:
    known = drivers.load()
    home = load(PLAN, known)
    [radio] = open_ports(home, known, FakeClock())
    assert isinstance(radio, GpioPort)
    frame = Frame("gpio_contacts", "gpio", b"17=0 18=1;", FakeClock().now())
    pipeline = Pipeline(home.devices, known, [], AlertBook(numbered()))
    told = [r for r in pipeline.on_frame(frame).readings if r.quantity is Quantity.BED_OCCUPIED]
    assert told == [Reading("mat", Quantity.BED_OCCUPIED, True, frame.at)]


@pytest.mark.parametrize(
    ("device", "told"),
    [
        (contact(5, DeviceKind.CALL_BUTTON), ""),
        (contact(512, DeviceKind.CALL_BUTTON), "address"),
        (contact(5, DeviceKind.CALL_BUTTON, loop=5), "another line"),
        (contact(5, DeviceKind.CALL_BUTTON, bias="up"), "bias"),
        (contact(5, DeviceKind.CALL_BUTTON, debounce_ms=5000), "debounce_ms"),
        (contact(5, DeviceKind.CALL_BUTTON, active="yes"), "active"),
        (contact(5, DeviceKind.WATER_METER), "cannot be wired"),
    ],
)
def test_a_wrongly_wired_contact_is_told(device: Device, told: str) -> None:
    check = drivers.load(["gpio_contacts"])["gpio_contacts"].check
    assert check is not None
    assert told in check(device)
    assert bool(check(device)) == bool(told)


def test_the_doctor_says_that_a_machine_has_no_gpio(tmp_path: Path) -> None:
    port = Port(name="gpio", device=str(tmp_path / "gpiochip0"), driver="gpio_contacts")
    check = links.port(port, running=False)
    assert check.ok == "fail"
    assert "this machine has no GPIO" in check.found
    assert "Modbus input module" in check.remedy
