"""One port, one owner: real drivers and simulated devices over real pseudo-terminals."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from collections import Counter
from collections.abc import Iterable
from contextlib import aclosing
from pathlib import Path

import pytest

from drivers import load
from gateway.home import Port
from gateway.radio.line import open_line
from gateway.radio.serial_port import SerialPort
from gateway.records import (
    Clock,
    Device,
    DeviceKind,
    Instant,
    Quantity,
    RadioState,
    SerialLine,
)
from gateway.simulate.meters import ElectricityMeter, MBusMeter, WaterMeter
from gateway.simulate.modules import GasAlarm, InputModule, crc, framed
from gateway.simulate.wires import Fault, Noise, Slave, Wire
from tests.hearing import Ear, QuickClock

WATER = "00000012345678"
POWER = "000000000161"


def ear(
    wire: Wire,
    devices: Iterable[Device],
    timeout_s: float = 0.3,
    clock: Clock | None = None,
    port: Port | None = None,
) -> Ear:
    drivers = load()
    enrolled = list(devices)
    settings = port or Port(name="bus", device=str(wire.path), timeout_s=timeout_s)
    return Ear(SerialPort(settings, enrolled, drivers, clock or QuickClock()), enrolled, drivers)


def water(address: str = WATER, poll_s: float = 0.1, name: str = "water") -> Device:
    return Device(name, "cjt188", address, DeviceKind.WATER_METER, port="bus", poll_s=poll_s)


def power(poll_s: float = 0.1) -> Device:
    return Device(
        "power", "dlt645_2007", POWER, DeviceKind.ELECTRICITY_METER, port="bus", poll_s=poll_s
    )


def gas(poll_s: float = 0.1) -> Device:
    return Device("gas", "modbus_gas", "1", DeviceKind.GAS_ALARM, port="bus", poll_s=poll_s)


def wired(number: int, kind: DeviceKind, poll_s: float = 0.1) -> Device:
    return Device(f"in{number}", "modbus_inputs", f"3/{number}", kind, port="bus", poll_s=poll_s)


class Bus:
    """A plugged-in wire for the length of a test."""

    def __init__(self, directory: Path, *slaves: Slave, noise: Noise | None = None) -> None:
        self.wire = Wire(
            directory / "bus", slaves, noise or Noise(delay_s=(0.0, 0.003), haste=20), seed=7
        )

    def __enter__(self) -> Wire:
        self.wire.plug_in()
        return self.wire

    def __exit__(self, *_: object) -> None:
        self.wire.unplug()


def water_meter(litres: float = 123456.0, number: str = WATER) -> WaterMeter:
    return WaterMeter(number, lambda: litres, baud=2400)


def power_meter() -> ElectricityMeter:
    return ElectricityMeter(POWER, lambda: 1250.5, lambda: 4321.87, baud=2400)


async def test_meters_on_one_bus_are_read_through_noise_and_split_bytes(tmp_path: Path) -> None:
    noise = Noise(stray=0.3, flip=0.1, delay_s=(0.0, 0.003), haste=20, echo=True)
    with Bus(tmp_path, water_meter(), power_meter(), noise=noise) as wire:
        heard = ear(wire, [water(), power()], timeout_s=0.1)
        await heard.until(lambda: heard.count("water") >= 8 and heard.count("power") >= 12)
    assert set(heard.values("water", Quantity.WATER_TOTAL)) == {123.456}
    assert set(heard.values("power", Quantity.ENERGY_TOTAL)) == {4321.87}
    assert set(heard.values("power", Quantity.POWER)) == {1250.5}


async def test_an_mbus_meter_is_read(tmp_path: Path) -> None:
    meter = MBusMeter(5, "12345678", lambda: 98765.0, baud=2400)
    device = Device("hot", "mbus", "5", DeviceKind.WATER_METER, port="bus", poll_s=0.1)
    with Bus(tmp_path, meter) as wire:
        heard = ear(wire, [device])
        await heard.until(lambda: heard.count("hot") >= 3)
    assert set(heard.values("hot", Quantity.WATER_TOTAL)) == {98.765}


async def test_an_mbus_meter_is_found_by_its_number(tmp_path: Path) -> None:
    meter = MBusMeter(5, "12345678", lambda: 98765.0, baud=2400)
    device = Device("hot", "mbus", "12345678", DeviceKind.WATER_METER, port="bus", poll_s=0.1)
    with Bus(tmp_path, meter) as wire:
        heard = ear(wire, [device])
        await heard.until(lambda: heard.count("hot") >= 3)
    assert set(heard.values("hot", Quantity.WATER_TOTAL)) == {98.765}


async def test_eight_inputs_of_one_module_are_one_poll(tmp_path: Path) -> None:
    asked: list[int] = []
    module = InputModule(3, lambda: asked.append(1) or [n == 2 for n in range(1, 9)])  # type: ignore[func-returns-value]
    devices = [wired(n, DeviceKind.MOTION) for n in range(1, 9)]
    with Bus(tmp_path, module) as wire:
        heard = ear(wire, devices)
        await heard.until(lambda: heard.count("in8") >= 4)
    assert len(asked) <= heard.count("in8") + 1
    assert set(heard.values("in2", Quantity.MOTION)) == {True}
    assert set(heard.values("in8", Quantity.MOTION)) == {False}


async def test_gas_and_inputs_share_a_bus(tmp_path: Path) -> None:
    module = InputModule(3, lambda: [False] * 8, baud=9600)
    alarm = GasAlarm(1, lambda: (250, 1), baud=9600)
    with Bus(tmp_path, module, alarm) as wire:
        heard = ear(wire, [gas(), wired(1, DeviceKind.CALL_BUTTON)])
        await heard.until(lambda: heard.count("gas") >= 4 and heard.count("in1") >= 4)
    assert set(heard.values("gas", Quantity.GAS_ALARM)) == {True}
    assert set(heard.values("gas", Quantity.GAS_LEL)) == {25.0}


async def test_a_short_press_is_seen_beside_a_slow_meter(tmp_path: Path) -> None:
    closed = [False] * 8
    module = InputModule(3, lambda: closed, baud=9600)
    devices = [wired(1, DeviceKind.CALL_BUTTON, poll_s=0.25), gas(1.0), water(poll_s=0.5)]
    with Bus(tmp_path, module, GasAlarm(1, lambda: (0, 0)), water_meter()) as wire:
        heard = ear(wire, devices)

        def press_then_seen() -> bool:
            if heard.count("in1") == 3:
                closed[0] = True
            return True in heard.values("in1", Quantity.EMERGENCY)

        await heard.until(press_then_seen)
    assert heard.values("in1", Quantity.EMERGENCY)[:3] == [False] * 3


@pytest.mark.parametrize("fault", [Fault.DEAD, Fault.SLOW, Fault.DAMAGED, Fault.FOREIGN])
async def test_a_bad_meter_costs_time_outs_only_and_the_others_keep_their_pace(
    tmp_path: Path, fault: Fault
) -> None:
    bad = water_meter()
    bad.fault = fault
    with Bus(tmp_path, bad, power_meter()) as wire:
        heard = ear(wire, [water(poll_s=0.1), power(poll_s=0.1)], timeout_s=0.1)
        await heard.until(lambda: heard.count("power") >= 16)
    rejected = heard.port.state().rejected
    assert 1 <= rejected["timeout:water"] <= 8
    assert rejected.get("timeout:power", 0) <= 4
    if fault is not Fault.SLOW:  # a late answer is late, but true
        assert heard.count("water") == 0


async def test_a_damaged_answer_is_counted_and_asked_for_again(tmp_path: Path) -> None:
    meter = water_meter()
    meter.fault = Fault.DAMAGED
    with Bus(tmp_path, meter) as wire:
        heard = ear(wire, [water()], timeout_s=0.1)

        def repaired() -> bool:
            if heard.port.state().rejected.get("timeout:water", 0) >= 2:
                meter.fault = Fault.NONE
            return heard.count("water") > 0

        await heard.until(repaired)
    noise = Counter(heard.port.state().rejected)
    assert noise.total() >= 2 * noise["timeout:water"] >= 4
    assert heard.values("water", Quantity.WATER_TOTAL)[0] == 123.456


async def test_two_meters_that_answer_at_once_damage_one_reply_and_the_next_is_good(
    tmp_path: Path,
) -> None:
    intruder = water_meter(litres=77777.0)
    with Bus(tmp_path, water_meter(), intruder) as wire:
        heard = ear(wire, [water()], timeout_s=0.1)

        def alone_again() -> bool:
            if heard.port.state().rejected.get("timeout:water"):
                intruder.fault = Fault.DEAD
            return heard.count("water") >= 2

        await heard.until(alone_again)
    assert heard.port.state().rejected["checksum"] >= 1
    assert set(heard.values("water", Quantity.WATER_TOTAL)) == {123.456}


async def test_a_port_that_vanishes_mid_frame_and_returns_under_another_number_is_read_again(
    tmp_path: Path,
) -> None:
    with Bus(tmp_path, water_meter()) as wire:
        heard = ear(wire, [water()])
        before = os.readlink(wire.path)
        seen_before = 0
        states = []

        def vanish_then_return() -> bool:
            nonlocal seen_before
            if not seen_before and heard.count("water") >= 3:
                wire.babble(b"\x68\x10\x78\x56\x34")
                wire.unplug()
                seen_before = heard.count("water")
            elif seen_before and not wire.plugged and not heard.port.state().alive:
                states.append(heard.port.state())
                wire.plug_in()
            return bool(seen_before) and heard.count("water") >= seen_before + 3

        await heard.until(vanish_then_return)
        assert os.readlink(wire.path) != before
    assert "plug" in states[0].why
    assert set(heard.values("water", Quantity.WATER_TOTAL)) == {123.456}


async def test_an_unplugged_bus_says_so_with_the_port_and_what_to_do(tmp_path: Path) -> None:
    with Bus(tmp_path, water_meter()) as wire:
        heard = ear(wire, [water(poll_s=600)], timeout_s=3.0)
        await heard.until(lambda: heard.count("water") >= 1 and unplug(wire) and dead(heard))
        assert str(wire.path) in heard.port.state().why
        assert "plug" in heard.port.state().why


def unplug(wire: Wire) -> bool:
    wire.unplug()
    return True


def dead(heard: Ear) -> bool:
    return not heard.port.state().alive


async def test_a_bus_on_which_nobody_answers_is_blind(tmp_path: Path) -> None:
    meter = water_meter()
    meter.fault = Fault.DEAD
    with Bus(tmp_path, meter) as wire:
        heard = ear(wire, [water(poll_s=10)], timeout_s=0.05, clock=QuickClock(factor=100))
        states: list[RadioState] = []

        def blind() -> bool:
            if heard.port.state().rejected:
                states.append(heard.port.state())
            return bool(states) and "nobody" in states[-1].why

        await heard.until(blind)
    assert states[0].alive
    assert not states[-1].alive
    assert re.search(r"answered for \d+ s", states[-1].why)
    assert states[-1].rejected["timeout:water"] >= 3


async def test_a_port_is_opened_for_nobody_else(tmp_path: Path) -> None:
    with Bus(tmp_path, water_meter()) as wire:
        heard = ear(wire, [water()])
        async with open_line(str(wire.path), SerialLine()):
            await heard.until(lambda: "another program" in heard.port.state().why)
        await heard.until(lambda: heard.count("water") >= 1)


async def test_a_port_without_its_adapter_waits_and_finds_it_when_it_comes(tmp_path: Path) -> None:
    bus = Bus(tmp_path, water_meter())
    heard = ear(bus.wire, [water()])

    def plugged_late() -> bool:
        if not bus.wire.plugged and "is not there" in heard.port.state().why:
            bus.wire.plug_in()
        return heard.count("water") >= 1

    try:
        await heard.until(plugged_late)
    finally:
        bus.wire.unplug()


async def test_bytes_that_nobody_asked_for_are_counted_and_harm_nothing(tmp_path: Path) -> None:
    with Bus(tmp_path, water_meter()) as wire:
        heard = ear(wire, [water()])

        heard_before = 0

        def babbled() -> bool:
            nonlocal heard_before
            if heard.count("water") > heard_before:
                heard_before = heard.count("water")
                wire.babble(b"\x68\xff")
            return heard_before >= 5

        await heard.until(babbled)
    assert heard.port.state().rejected["unasked"] >= 1
    assert set(heard.values("water", Quantity.WATER_TOTAL)) == {123.456}


class CountingClock:
    """Counts how often somebody goes to sleep."""

    def __init__(self) -> None:
        self.sleeps = 0
        self._clock = QuickClock()

    def now(self) -> Instant:
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        await self._clock.sleep(seconds)


async def test_a_stray_byte_in_a_long_rest_does_not_keep_the_hub_awake(tmp_path: Path) -> None:
    clock = CountingClock()
    with Bus(tmp_path, water_meter()) as wire:
        heard = ear(wire, [water(poll_s=600)], timeout_s=3.0, clock=clock)
        babbled_at = 0.0

        def a_second_later() -> bool:
            nonlocal babbled_at
            if not babbled_at and heard.count("water"):
                babbled_at = clock.now().line
                wire.babble(b"\x00")
            return bool(babbled_at) and clock.now().line > babbled_at + 1.0

        await heard.until(a_second_later)
    assert heard.port.state().rejected["unasked"] == 1
    assert clock.sleeps <= 5


async def test_a_listening_port_hears_devices_that_speak_by_themselves(tmp_path: Path) -> None:
    with Bus(tmp_path) as wire:
        port = Port(name="bus", device=str(wire.path), driver="modbus_inputs")
        heard = ear(wire, [wired(1, DeviceKind.CALL_BUTTON, poll_s=0)], port=port)
        report = framed(3, 2, b"\x01\x01")

        def spoken() -> bool:
            if not heard.readings and heard.port.state().alive:
                wire.babble(b"\x03\x02\x09\x68")
                wire.babble(report)
            return bool(heard.readings)

        await heard.until(spoken)
    assert set(heard.values("in1", Quantity.EMERGENCY)) == {True}
    assert crc(report[:-2]) == report[-2:]


async def test_a_fast_clock_does_not_make_the_bus_race(tmp_path: Path) -> None:
    asked: list[float] = []

    def closed() -> list[bool]:
        asked.append(asyncio.get_running_loop().time())
        return [False] * 8

    with Bus(tmp_path, InputModule(3, closed)) as wire:
        clock = QuickClock(factor=10_000)
        heard = ear(wire, [wired(1, DeviceKind.CALL_BUTTON, poll_s=0.25)], clock=clock)
        await heard.until(lambda: len(asked) >= 10)
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert min(gaps) >= 0.04


async def test_closing_the_radio_gives_the_port_back(tmp_path: Path) -> None:
    with Bus(tmp_path, water_meter()) as wire:
        heard = ear(wire, [water()])
        async with aclosing(heard.port.frames()) as frames:  # type: ignore[type-var]
            await anext(frames)
        async with open_line(str(wire.path), SerialLine()) as line:
            assert not line.gone


async def test_a_bus_with_parity_is_read_again_after_the_hub_restarts(tmp_path: Path) -> None:
    with Bus(tmp_path, water_meter()) as wire:
        for _ in range(3):
            async with open_line(str(wire.path), SerialLine(2400, "E", 1)) as line:
                assert not line.gone
