"""The simulated home, read by the real drivers over real pseudo-terminals."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drivers import load
from gateway.home import Home
from gateway.plan import file
from gateway.radio.serial_port import SerialPort
from gateway.records import Quantity, RadioState
from gateway.simulate.day import acts_between, day
from gateway.simulate.fixtures import Circuits, Mains, Pipe
from gateway.simulate.home import MODULE, SimulatedHome
from gateway.simulate.plan import WIRED, demo_plan
from gateway.simulate.wires import collide
from tests.hearing import Ear, QuickClock

SHANGHAI = ZoneInfo("Asia/Shanghai")


def moment(text: str) -> float:
    """Seconds since 1970 of a time of that day in Shanghai."""
    return datetime.fromisoformat(f"2026-03-10T{text}").replace(tzinfo=SHANGHAI).timestamp()


class Listening:
    """The home, lived in, and a hub's ports that listen to it by its plan."""

    def __init__(self, directory: Path, clock: QuickClock) -> None:
        self.clock = clock
        self.home = SimulatedHome(directory, clock, seed=3)
        drivers = load()
        self.plan = the_plan(directory)
        self.ears = {
            port.name: Ear(
                SerialPort(port, self.plan.devices, drivers, clock), self.plan.devices, drivers
            )
            for port in self.plan.ports
        }

    def values(self, device: str, quantity: Quantity) -> list[object]:
        return [value for ear in self.ears.values() for value in ear.values(device, quantity)]

    def last(self, device: str, quantity: Quantity) -> object:
        return (self.values(device, quantity) or [None])[-1]

    def state(self, bus: str) -> RadioState:
        return self.ears[bus].port.state()

    async def until(self, enough: Callable[[], bool], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while True:
                if enough():
                    return
                await asyncio.sleep(0.02)


def the_plan(directory: Path) -> Home:
    return file.load(demo_plan(directory, 8377, 1883, directory / "clock"), load())


@asynccontextmanager
async def lived_in(directory: Path, start: str, speed: float = 1.0) -> AsyncIterator[Listening]:
    listening = Listening(directory, QuickClock(speed, moment(start)))
    tasks = [asyncio.ensure_future(listening.home.run())]
    await asyncio.sleep(0)
    tasks += [
        asyncio.ensure_future(ear.listen(ear.port.frames())) for ear in listening.ears.values()
    ]
    try:
        yield listening
    finally:
        for task in reversed(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_every_device_of_the_plan_is_heard_through_its_wire(tmp_path: Path) -> None:
    async with lived_in(tmp_path, "16:00:00") as hub:
        await hub.until(lambda: {d.id for d in hub.plan.devices} <= heard(hub))
        assert hub.last("water-meter", Quantity.WATER_TOTAL) == pytest.approx(482.14, abs=0.2)
        assert hub.last("hot-water-meter", Quantity.WATER_TOTAL) == pytest.approx(96.48, abs=0.1)
        assert hub.last("front-door", Quantity.CONTACT_OPEN) is False
        assert hub.last("gas-alarm", Quantity.GAS_ALARM) is False
        assert all(hub.state(bus).alive for bus in hub.ears)


def heard(hub: Listening) -> set[str]:
    return {reading.device for ear in hub.ears.values() for reading in ear.readings}


async def test_a_press_is_seen_and_let_go(tmp_path: Path) -> None:
    async with lived_in(tmp_path, "03:30:00") as hub:
        await hub.until(lambda: hub.last("call-button", Quantity.EMERGENCY) is False)
        hub.home.press()
        await hub.until(lambda: hub.last("call-button", Quantity.EMERGENCY) is True)
        await hub.until(lambda: hub.last("call-button", Quantity.EMERGENCY) is False)
        assert hub.last("pull-cord", Quantity.EMERGENCY) is False


async def test_a_press_is_seen_in_a_night_that_passes_in_a_minute(tmp_path: Path) -> None:
    async with lived_in(tmp_path, "03:30:00", speed=600) as hub:
        await hub.until(lambda: hub.last("pull-cord", Quantity.EMERGENCY) is False)
        hub.home.press("pull-cord")
        await hub.until(lambda: hub.last("pull-cord", Quantity.EMERGENCY) is True)


async def test_gas_and_a_leak_come_and_go(tmp_path: Path) -> None:
    async with lived_in(tmp_path, "03:30:00") as hub:
        hub.home.gas()
        hub.home.leak()
        await hub.until(lambda: hub.last("gas-alarm", Quantity.GAS_ALARM) is True)
        await hub.until(lambda: hub.last("leak-sensor", Quantity.WATER_LEAK) is True)
        assert hub.last("gas-alarm", Quantity.GAS_LEL) == 12.6
        hub.home.gas(on=False)
        hub.home.leak(on=False)
        await hub.until(lambda: hub.last("gas-alarm", Quantity.GAS_ALARM) is False)
        await hub.until(lambda: hub.last("leak-sensor", Quantity.WATER_LEAK) is False)


async def test_a_morning_uses_water_and_electricity_and_is_seen_by_the_sensors(
    tmp_path: Path,
) -> None:
    async with lived_in(tmp_path, "06:00:00", speed=3600) as hub:
        await hub.until(lambda: hub.last("water-meter", Quantity.WATER_TOTAL) is not None)
        first = hub.values("water-meter", Quantity.WATER_TOTAL)[0]
        await hub.until(lambda: hub.clock.now().line > 3.2 * 3600)
        assert number(hub.last("water-meter", Quantity.WATER_TOTAL)) > number(first) + 0.01
        assert max(map(number, hub.values("electricity-meter", Quantity.POWER))) > 700
        for room in ("kitchen", "bathroom", "living-room"):
            assert True in hub.values(f"motion-{room}", Quantity.MOTION)


def number(value: object) -> float:
    assert isinstance(value, float)
    return value


async def test_who_leaves_opens_the_door_and_then_nothing_moves_until_the_return(
    tmp_path: Path,
) -> None:
    async with lived_in(tmp_path, "14:30:00", speed=1) as hub:
        await hub.until(lambda: hub.last("front-door", Quantity.CONTACT_OPEN) is False)
        hub.home.leave_home()
        await hub.until(lambda: hub.last("front-door", Quantity.CONTACT_OPEN) is True)
        hub.clock.run(3600)
        await hub.until(lambda: hub.last("front-door", Quantity.CONTACT_OPEN) is False)
        left = quiet_from(hub)
        await hub.until(lambda: hub.clock.now().line > 4 * 3600)
        assert not moved(hub, left)
        hub.clock.run(1)
        hub.home.come_home()
        await hub.until(lambda: hub.last("front-door", Quantity.CONTACT_OPEN) is True)
        await hub.until(lambda: hub.last("motion-living-room", Quantity.MOTION) is True)


async def test_who_stops_moving_draws_no_water_and_switches_nothing(tmp_path: Path) -> None:
    async with lived_in(tmp_path, "17:50:00", speed=3600) as hub:
        await hub.until(lambda: hub.last("electricity-meter", Quantity.POWER) is not None)
        hub.home.stop_moving()
        await asyncio.sleep(0.5)
        still, water = quiet_from(hub), hub.last("water-meter", Quantity.WATER_TOTAL)
        powers = len(hub.values("electricity-meter", Quantity.POWER))
        await hub.until(lambda: hub.clock.now().line > 4 * 3600)
        assert not moved(hub, still)
        assert hub.last("water-meter", Quantity.WATER_TOTAL) == water
        later = [number(v) for v in hub.values("electricity-meter", Quantity.POWER)[powers:]]
        assert max(later) - min(later) < 150
        hub.home.resume()
        await hub.until(
            lambda: number(hub.last("water-meter", Quantity.WATER_TOTAL)) > number(water)
        )


def quiet_from(hub: Listening) -> int:
    """From this reading of bus 3 on, some polls later, every pulse is over."""
    return len(hub.ears["bus3"].readings) + 80


def moved(hub: Listening, since: int) -> bool:
    later = hub.ears["bus3"].readings[since:]
    return any(reading.quantity is Quantity.MOTION and reading.value for reading in later)


async def test_a_dead_meter_falls_silent_and_its_neighbour_does_not(tmp_path: Path) -> None:
    async with lived_in(tmp_path, "03:30:00", speed=60) as hub:
        await hub.until(lambda: hub.last("water-meter", Quantity.WATER_TOTAL) is not None)
        hub.home.kill("water-meter")
        await hub.until(lambda: hub.state("bus1").rejected.get("timeout:water-meter", 0) >= 1)
        count = len(hub.values("electricity-meter", Quantity.POWER))
        silent = len(hub.values("water-meter", Quantity.WATER_TOTAL))
        await hub.until(lambda: len(hub.values("electricity-meter", Quantity.POWER)) > count)
        assert len(hub.values("water-meter", Quantity.WATER_TOTAL)) == silent
        hub.home.revive("water-meter")
        await hub.until(lambda: len(hub.values("water-meter", Quantity.WATER_TOTAL)) > silent)


async def test_an_unplugged_bus_is_not_alive_and_recovers_when_it_is_back(tmp_path: Path) -> None:
    async with lived_in(tmp_path, "03:30:00") as hub:
        await hub.until(lambda: hub.last("gas-alarm", Quantity.GAS_ALARM) is False)
        hub.home.unplug("bus3")
        await hub.until(lambda: not hub.state("bus3").alive)
        assert "bus3" in hub.state("bus3").why
        assert hub.state("bus1").alive
        hub.home.replug("bus3")
        hub.home.gas()
        await hub.until(lambda: hub.last("gas-alarm", Quantity.GAS_ALARM) is True)


async def test_what_the_home_does_not_have_is_named(tmp_path: Path) -> None:
    home = SimulatedHome(tmp_path, QuickClock())
    with pytest.raises(ValueError, match="there is no doorbell here; there is call-button"):
        home.press("doorbell")
    with pytest.raises(ValueError, match="there is bus1, bus2, bus3"):
        home.unplug("bus9")


def test_the_plan_enrolls_the_module_input_by_input(tmp_path: Path) -> None:
    assert tuple(name for name, *_ in WIRED) == MODULE
    wired = [device for device in the_plan(tmp_path).devices if device.driver == "modbus_inputs"]
    assert [device.address for device in wired] == [f"3/{n}" for n in range(1, 9)]


def test_every_day_is_ordinary_and_no_two_are_the_same() -> None:
    days = [day(date(2026, 3, 1) + timedelta(days=n), seed=1) for n in range(60)]
    for acts in days:
        assert 80 < sum(act.litres for act in acts) < 250
        assert [act.second for act in acts] == sorted(act.second for act in acts)
        assert [act.door for act in acts if act.door] == ["out", "in"]
    assert len({acts[0].second for acts in days}) == 60
    assert day(date(2026, 3, 1), seed=1) == days[0]


def test_what_is_switched_on_is_switched_off_again_the_same_day() -> None:
    acts = day(date(2026, 3, 10), seed=1)
    left_on = {act.appliance: act.watts for act in acts if act.appliance}
    assert set(left_on.values()) == {0.0}


def test_no_act_is_lost_or_done_twice_however_the_day_is_cut() -> None:
    start = datetime(2026, 3, 10, 0, 0, tzinfo=SHANGHAI)
    steps = [start + timedelta(minutes=7 * n) for n in range(300)]
    pairs = itertools.pairwise(steps)
    done = [act for before, after in pairs for act in acts_between(before, after, seed=1)]
    assert done[: len(day(date(2026, 3, 10), 1))] == day(date(2026, 3, 10), 1)


def test_water_runs_while_it_is_drawn_and_stops_when_the_taps_are_shut() -> None:
    pipe = Pipe(1000.0)
    pipe.draw(0.0, litres=10.0, seconds=100.0)
    assert pipe.litres(50.0) == 1005.0
    pipe.shut(60.0)
    assert pipe.litres(500.0) == 1006.0


def test_energy_is_power_over_time() -> None:
    mains = Mains(0.0, 0.0)
    base = mains.kwh(3600.0)
    mains.switch(3600.0, "kettle", 1800.0)
    assert mains.kwh(7200.0) - 2 * base == pytest.approx(1.8)


def test_a_break_contact_opens_its_circuit_when_it_acts() -> None:
    circuits = Circuits(("button", "door"), normally_closed=("door",))
    assert circuits.closed(0.0, 0.0) == [False, True]
    circuits.pulse("door", line=5.0, real=0.0)
    circuits.hold("button")
    assert circuits.closed(1.0, 1.0) == [True, False]
    circuits.release("button")
    assert circuits.closed(6.0, 1.0) == [False, True]


def test_two_that_speak_at_once_make_something_else() -> None:
    assert collide([b"\x68\x0f\x16", b"\x68\xf1"]) == b"\x68\x01\x16"


async def test_the_radar_over_the_bed_sees_the_sleeper_and_his_pulse_at_night(
    tmp_path: Path,
) -> None:
    async with lived_in(tmp_path, "23:10:00") as hub:
        await hub.until(lambda: hub.last("bed-radar", Quantity.BED_OCCUPIED) is True)
        await hub.until(lambda: hub.last("bed-radar", Quantity.HEART_RATE) == 62.0)
        hub.home.stop_moving()
        await hub.until(lambda: hub.last("bed-radar", Quantity.BED_OCCUPIED) is False)


async def test_by_day_nobody_is_in_bed(tmp_path: Path) -> None:
    async with lived_in(tmp_path, "15:00:00") as hub:
        await hub.until(lambda: hub.last("bed-radar", Quantity.BED_OCCUPIED) is False)
        assert hub.values("bed-radar", Quantity.HEART_RATE) == []
