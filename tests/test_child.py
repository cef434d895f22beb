"""A receiver program that hangs, floods, dies or is not there; and the real rtl_433, on the air."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from gateway.alerts import AlertBook
from gateway.doctor import links
from gateway.home import Port
from gateway.pipeline import Pipeline
from gateway.radio.child import Child, Program
from gateway.radio.receivers import receiver, rtl_433, wmbusmeters
from gateway.records import Device, DeviceKind, Frame, Quantity, RadioState, Reading
from gateway.simulate.air import burst, silence
from tests.fakes import FakeClock, numbered
from tests.vector_files import DRIVERS_BY_NAME

PATIENCE_S = 30.0
QUICK = (0.05, 0.2)


def script(tmp_path: Path, *lives: str) -> tuple[str, ...]:
    """A program that lives the first life when it is started first, and the last one for ever."""
    text = "import os, pathlib, signal, subprocess, sys, time\n"
    text += f"counter = pathlib.Path({str(tmp_path / 'starts')!r})\n"
    text += "n = len(counter.read_text()) if counter.exists() else 0\n"
    text += "counter.write_text('x' * (n + 1))\n"
    text += "def say(text): print(text, flush=True)\n"
    text += f"exec({list(lives)!r}[min(n, {len(lives) - 1})])\n"
    path = tmp_path / "child.py"
    path.write_text(text, encoding="utf-8")
    return (sys.executable, str(path))


def child_of(command: tuple[str, ...], silent_s: float = 60.0, steady_s: float = 60.0) -> Child:
    program = Program(command, "install it", silent_s, steady_s, QUICK)
    return Child("sub-ghz", "rtl433_json", FakeClock(), lambda: program)


WELL = "say('{\"model\": 1}'); time.sleep(600)"


async def first_frame(child: Child) -> Frame:
    async with asyncio.timeout(PATIENCE_S), aclosing(child.frames()) as frames:  # type: ignore[type-var]
        return await anext(frames)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(0.02)


@asynccontextmanager
async def listening(child: Child) -> AsyncIterator[list[Frame]]:
    heard: list[Frame] = []

    async def listen() -> None:
        async with aclosing(child.frames()) as frames:  # type: ignore[type-var]
            async for frame in frames:
                heard.append(frame)

    task = asyncio.create_task(listen())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_line_becomes_a_frame_and_the_program_is_well(tmp_path: Path) -> None:
    child = child_of(script(tmp_path, WELL))
    assert child.state() == RadioState("sub-ghz", False, "not started yet")
    async with listening(child) as heard:
        await until(lambda: bool(heard))
        assert (heard[0].driver, heard[0].port) == ("rtl433_json", "sub-ghz")
        assert heard[0].payload == b'{"model": 1}'
        assert child.state() == RadioState("sub-ghz", True)


async def test_half_a_line_of_a_dying_child_is_counted_and_the_next_child_is_heard(
    tmp_path: Path,
) -> None:
    dying = 'sys.stdout.write(\'{"model": "Gen\'); sys.stdout.flush(); os._exit(3)'
    child = child_of(script(tmp_path, dying, WELL))
    assert (await first_frame(child)).payload == b'{"model": 1}'
    assert child.state().rejected == {"cut_short": 1, "ended": 1}


async def test_a_child_that_hangs_is_killed_and_started_again(tmp_path: Path) -> None:
    hanging = (
        "say('{\"model\": 0}'); signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    )
    child = child_of(script(tmp_path, hanging, WELL), silent_s=1.0)
    async with listening(child) as heard:
        await until(lambda: len(heard) >= 2)
        assert child.state().rejected["silent"] >= 1


async def test_a_child_that_floods_is_stopped_and_the_next_one_is_heard(tmp_path: Path) -> None:
    flooding = "exec('while True: say(chr(123) + chr(125))')"
    child = child_of(script(tmp_path, flooding, WELL))
    async with listening(child) as heard:
        await until(lambda: bool(heard) and heard[-1].payload == b'{"model": 1}')
        assert child.state().rejected["flood"] == 1
        assert len(heard) < 20_000


async def test_a_child_that_says_what_ails_it_is_quoted(tmp_path: Path) -> None:
    failing = "print('usb_claim_interface error -6', file=sys.stderr); sys.exit(1)"
    child = child_of(script(tmp_path, failing))
    async with listening(child):
        await until(lambda: child.state().rejected.get("ended", 0) >= 3)
        state = child.state()
        assert not state.alive
        assert "usb_claim_interface error -6" in state.why


async def test_a_child_that_runs_is_well_although_nobody_is_on_the_air(tmp_path: Path) -> None:
    child = child_of(script(tmp_path, "time.sleep(600)"), steady_s=0.3)
    async with listening(child):
        await until(lambda: child.state().alive)


async def test_a_program_that_is_not_there_says_how_to_get_it() -> None:
    child = child_of(("no-such-program",))
    async with listening(child):
        await until(lambda: "is not installed" in child.state().why)
        assert child.state().why == "no-such-program is not installed: install it"


async def test_when_the_hub_stops_listening_the_child_and_its_own_children_are_gone(
    tmp_path: Path,
) -> None:
    spawning = (
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "say('{\"pid\": %d}' % inner.pid); time.sleep(600)"
    )
    frame = await first_frame(child_of(script(tmp_path, spawning)))
    pid = int(frame.payload.split(b":")[1].strip(b" }"))
    await until(lambda: not runs(pid))


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


# ---------------------------------------------------------------- the real thing


FOB = 0xD7A5F7


def remote(address: str, kind: DeviceKind) -> Device:
    return Device("fob", "rtl433_json", address, kind, port="sub-ghz", low_assurance=True)


class OnTheAir:
    """The real rtl_433, called as the hub calls it, with a pipe in place of the receiver."""

    def __init__(self, tmp_path: Path, *devices: Device) -> None:
        self._fifo = tmp_path / "antenna"
        os.mkfifo(self._fifo)
        port = Port(name="sub-ghz", usb="0bda:2838", driver="rtl433_json")
        plain = rtl_433(port, devices, tmp_path)
        program = Program((*plain.command, "-r", f"cu8:{self._fifo}"), plain.remedy)
        self.clock = FakeClock()
        self.child = Child("sub-ghz", "rtl433_json", self.clock, lambda: program)
        driver = {"rtl433_json": DRIVERS_BY_NAME["rtl433_json"]}
        self.pipeline = Pipeline(devices, driver, [], AlertBook(numbered()))
        self.readings: list[Reading] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        async def listen() -> None:
            async with aclosing(self.child.frames()) as frames:  # type: ignore[type-var]
                async for frame in frames:
                    self.readings += self.pipeline.on_frame(frame).readings

        task = asyncio.create_task(listen())
        self._antenna = await asyncio.to_thread(os.open, self._fifo, os.O_WRONLY)
        try:
            yield
        finally:
            os.close(self._antenna)
            task.cancel()
            await asyncio.wait([task])

    async def transmit(self, *samples: bytes) -> None:
        """... and then silence for longer than the block that rtl_433 reads at a time."""
        for piece in (silence(0.3), *samples, silence(0.6)):
            await asyncio.to_thread(write_all, self._antenna, piece)

    def presses(self) -> list[Reading]:
        return [one for one in self.readings if one.quantity is Quantity.BUTTON]


def write_all(handle: int, samples: bytes) -> None:
    view = memoryview(samples)
    while view:
        view = view[os.write(handle, view) :]


@pytest.mark.needs("rtl_433")
@pytest.mark.parametrize(
    ("clock_us", "address"),
    [
        pytest.param(300.0, "EV1527/165280/8", id="fast: six times in one message"),
        pytest.param(380.0, "EV1527/165280/8", id="slow: six messages"),
        pytest.param(464.0, "Generic-Remote/55205/247", id="slower: rtl_433's own decoder"),
    ],
)
async def test_a_press_on_the_air_is_one_press_and_the_next_one_is_another(
    tmp_path: Path, clock_us: float, address: str
) -> None:
    air = OnTheAir(tmp_path, remote(address, DeviceKind.CALL_BUTTON))
    async with air.listening():
        await air.transmit(burst(FOB, clock_us))
        await until(lambda: len(air.presses()) == 1)
        air.clock.seconds += 5.0
        await air.transmit(burst(0x123456, clock_us), silence(0.1), burst(FOB, clock_us))
        await until(lambda: len(air.presses()) >= 2)
        await air.transmit(burst(0x654321, clock_us))
        await until(lambda: air.pipeline.rejected["rtl433_json: stranger"] > 0)
    assert [press.value for press in air.presses()] == ["press", "press"]


@pytest.mark.needs("rtl_433")
async def test_the_real_program_is_called_with_options_that_it_knows(tmp_path: Path) -> None:
    """Without a receiver it says so and ends; a wrong option would make it print its usage."""
    port = Port(name="sub-ghz", usb="0bda:2838:77", driver="rtl433_json", frequency_mhz=315)
    child = receiver(port, [], FakeClock(), tmp_path)
    async with listening(child):
        await until(lambda: "ended by itself" in child.state().why)
        assert "rtl_433" in child.state().why
        assert "sage" not in child.state().why


# ---------------------------------------------------------------- wireless M-Bus


def meter(number: str, **options: str) -> Device:
    return Device(f"m{number}", "wmbus_json", number, DeviceKind.WATER_METER, options=dict(options))


def test_the_keys_of_the_meters_are_written_for_nobody_else_to_read(tmp_path: Path) -> None:
    port = Port(name="meters", device="/dev/ttyUSB0", dongle="im871a", driver="wmbus_json")
    old = tmp_path / "wmbusmeters-meters" / "wmbusmeters.d"
    old.mkdir(parents=True)
    (old / "removed-meter").write_text("key=00", encoding="utf-8")
    key = "00112233445566778899AABBCCDDEEFF"
    devices = [meter("33225544", key=key, driver="iperl"), meter("33225545")]
    program = wmbusmeters(port, devices, tmp_path)
    home = tmp_path / "wmbusmeters-meters"
    assert f"--useconfig={home}" in program.command
    settings = (home / "wmbusmeters.conf").read_text(encoding="utf-8")
    assert "device=/dev/ttyUSB0:im871a:c1,t1\n" in settings
    assert "format=json\n" in settings
    files = {path.name: path.read_text(encoding="utf-8") for path in old.iterdir()}
    assert files == {
        "m33225544": f"name=m33225544\nid=33225544\nkey={key}\ndriver=iperl\n",
        "m33225545": "name=m33225545\nid=33225545\nkey=NOKEY\ndriver=auto\n",
    }
    for path in (home, *home.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


async def test_a_meter_behind_wmbusmeters_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in that reads the settings as wmbusmeters does and prints what it would print."""
    program = tmp_path / "bin" / "wmbusmeters"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys, time\n"
        "home = next(a.split('=')[1] for a in sys.argv if a.startswith('--useconfig='))\n"
        "for file in pathlib.Path(home, 'wmbusmeters.d').iterdir():\n"
        "    of = dict(line.split('=') for line in file.read_text().splitlines())\n"
        '    print(\'{"_":"telegram","id":"%s","total_m3":1.5}\' % of["id"], flush=True)\n'
        "time.sleep(600)\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    assert shutil.which("wmbusmeters") == str(program)
    port = Port(name="meters", usb="0bda:2838", driver="wmbus_json")
    device = meter("33225544")
    frame = await first_frame(receiver(port, [device], FakeClock(), tmp_path))
    drivers = {"wmbus_json": DRIVERS_BY_NAME["wmbus_json"]}
    step = Pipeline([device], drivers, [], AlertBook(numbered())).on_frame(frame)
    assert [reading.value for reading in step.readings] == [1.5]


def test_the_doctor_says_whether_the_program_of_a_port_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = Port(name="sub-ghz", usb="0bda:2838", driver="rtl433_json")
    monkeypatch.setenv("PATH", str(tmp_path))
    check = links.port(port, running=False)
    assert (check.ok, check.remedy) == ("fail", "apt-get install rtl-433")
    (tmp_path / "rtl_433").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "rtl_433").chmod(0o755)
    assert links.port(port, running=False).ok == "ok"
