"""A pendant over GATT: found, connected, lost and found again, and the buttons are heard all the
while."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.radio.ble import BleRadio
from gateway.radio.pendant import BATTERY, Pace, Pendant
from gateway.records import Device, DeviceKind, Driver
from gateway.simulate.bluez_gatt import Peer
from tests.ble_rig import DEVICES, DRIVER, Rig, decode, rig
from tests.brokers import until

pytestmark = pytest.mark.needs("dbus")

ADDRESS = "C0:FF:EE:00:00:01"
RAW = "ef680406-9b35-4933-9b10-52ffa9740042"
HASTE = Pace(call_s=3.0, silent_s=0.5, back_off_s=(0.05, 0.2), look_s=0.05)
THINGY = Driver("thingy", "ble", "pendant", decode, services=(RAW, BATTERY))
COMMAND, DATA = "34800001-7185-4d5d-b431-630e7050e8f0", "34800002-7185-4d5d-b431-630e7050e8f0"
GSP = Driver(
    "gsp", "ble", "pendant", decode, services=(DATA,), greeting=lambda _: [(COMMAND, b"\x01go")]
)


@pytest.fixture
async def air(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    async with rig(tmp_path, monkeypatch) as made:
        yield made


def worn(air: Rig, driver: Driver = THINGY) -> tuple[BleRadio, Pendant, Peer]:
    """A pendant in the home, and the radios that listen to it and to the buttons."""
    device = Device("pendant", driver.name, ADDRESS, DeviceKind.PENDANT, port="hci0")
    drivers = {"sos": DRIVER, driver.name: driver}
    radio = air.radio((*DEVICES, device), drivers)
    characteristics = {uuid: b"" for uuid in driver.services} | {COMMAND: b"", BATTERY: b"\x5d"}
    peer = air.bluez.gatt.peers[ADDRESS] = Peer("service", characteristics)
    return radio, Pendant(device, driver, radio, air.clock, HASTE), peer


def said(air: Rig) -> list[bytes]:
    return [frame.payload for frame in air.frames if frame.address == ADDRESS]


async def advertised(air: Rig, peer: Peer, uuid: str = RAW) -> None:
    """It advertises until somebody listens."""
    await advertising(air, lambda: uuid in peer.notifying)


async def advertising(air: Rig, done: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        for strength in itertools.cycle((-64, -65)):
            if done():
                return
            air.bluez.hear(ADDRESS, rssi=strength)
            await asyncio.sleep(0.02)


async def test_a_pendant_streams_and_says_its_battery_while_buttons_are_heard(air: Rig) -> None:
    radio, pendant, peer = worn(air)
    async with air.listening(radio, pendant):
        await air.scanned()
        await advertised(air, peer)
        for number in range(200):
            assert air.bluez.gatt.notify(ADDRESS, RAW, bytes([number, 0, 1]))
            if number == 100:
                air.press(9)
            await asyncio.sleep(0)
        await until(lambda: len(said(air)) == 201)
        await until(air.arrived(9))
        frame = next(frame for frame in air.frames if frame.address == ADDRESS)
    assert [payload[0] for payload in said(air)[1:]] == list(range(200))
    assert (frame.driver, frame.port, frame.payload) == ("thingy", "hci0", b"\x5d")
    assert frame.rssi in (-64, -65)
    assert air.presses == [("button", 9)]
    assert air.bluez.adapters["hci0"].scans == 1


async def test_a_pendant_that_waits_to_be_asked_is_asked(air: Rig) -> None:
    radio, pendant, peer = worn(air, GSP)
    async with air.listening(radio, pendant):
        await air.scanned()
        await advertised(air, peer, DATA)
        await until(lambda: bool(peer.written))
    assert peer.written == [(COMMAND, b"\x01go")]


async def test_a_pendant_that_goes_away_is_connected_again_whenever_it_returns(air: Rig) -> None:
    radio, pendant, peer = worn(air)
    async with air.listening(radio, pendant):
        await air.scanned()
        for turn in range(3):
            await advertised(air, peer)
            assert air.bluez.gatt.notify(ADDRESS, RAW, bytes([turn, 7]))
            await until(lambda sent=bytes([turn, 7]): sent in said(air))  # type: ignore[misc]
            air.bluez.gatt.drop(ADDRESS)
    assert peer.connections == 3
    assert pendant.state().alive


async def test_calls_into_the_void_are_counted_and_end_when_it_answers(air: Rig) -> None:
    radio, pendant, peer = worn(air)
    peer.near = False
    async with air.listening(radio, pendant):
        await air.scanned()
        await advertising(air, lambda: pendant.state().rejected.get("connect_failed", 0) > 1)
        peer.near = True
        await advertised(air, peer)


async def test_bluetoothd_crashes_in_the_middle_of_a_stream(air: Rig) -> None:
    radio, pendant, peer = worn(air)
    async with air.listening(radio, pendant):
        await air.scanned()
        await advertised(air, peer)
        air.bluez.stop()
        await air.bluez.start("hci0")
        await air.scanned()
        await advertised(air, peer)
        assert air.bluez.gatt.notify(ADDRESS, RAW, b"again")
        await until(lambda: b"again" in said(air))
        await air.hold(4, air.arrived(4))
        await air.settle()
    assert air.presses == [("button", 4)]


async def test_the_connection_that_a_killed_hub_left_behind_is_taken_over(air: Rig) -> None:
    radio, pendant, peer = worn(air)
    air.bluez.adapters["hci0"].clients["somebody"] = True
    air.bluez.hear(ADDRESS)
    air.bluez.gatt.link(ADDRESS)
    async with air.listening(radio, pendant):
        await until(lambda: RAW in peer.notifying)
    assert peer.connections == 1
