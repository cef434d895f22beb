"""The BLE radio over the real bleak and a real dbus-daemon: whatever becomes of Bluetooth, a press
made during or after it arrives, and arrives once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.radio.ble import BleRadio
from tests.ble_rig import BUTTON, OTHER, Rig, rig
from tests.brokers import until

pytestmark = pytest.mark.needs("dbus")


@pytest.fixture
async def air(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    async with rig(tmp_path, monkeypatch) as made:
        yield made


async def test_a_press_is_one_press_however_often_bluez_repeats_it(air: Rig) -> None:
    radio = air.radio()
    async with air.listening(radio):
        await air.scanned()
        await air.hold(7, air.arrived(7))
        for rssi in range(-90, -40):
            air.bluez.replay(BUTTON, rssi)
        await air.settle()
        assert air.presses == [("button", 7)]
        assert radio.state().ordinary["replayed"] >= 40
        await air.hold(8, air.arrived(8))
        await air.settle()
    assert air.presses == [("button", 7), ("button", 8)]


async def test_a_single_advertisement_is_enough(air: Rig) -> None:
    async with air.listening(air.radio()):
        await air.scanned()
        assert air.press(1)
        await until(air.arrived(1))
        assert air.press(2)
        await until(air.arrived(2))
    assert air.presses == [("button", 1), ("button", 2)]


async def test_what_bluez_remembers_from_yesterday_is_no_press_and_the_next_one_is(
    air: Rig,
) -> None:
    async with air.listening(air.radio()):
        await air.scanned()
        await air.hold(3, air.arrived(3))
    air.begin_anew()
    radio = air.radio()
    async with air.listening(radio):
        await air.scanned()
        air.bluez.replay(BUTTON, -50)
        air.bluez.replay(BUTTON, -70)
        await until(lambda: radio.state().ordinary.get("replayed", 0) >= 2)
        assert air.presses == [("button", 3)]  # of the first life
        assert not air.frames[-1].fresh
        assert air.press(4)
        await until(air.arrived(4))
    assert air.presses == [("button", 3), ("button", 4)]


async def test_a_press_that_bluez_heard_while_the_hub_was_down_counts_if_its_counter_is_new(
    air: Rig,
) -> None:
    async with air.listening(air.radio()):
        await air.scanned()
        await air.hold(3, air.arrived(3))
    air.bluez.adapters["hci0"].clients["somebody else"] = True
    assert air.press(4)
    async with air.listening(air.radio()):
        await until(air.arrived(4))
        await air.hold(5, air.arrived(5))
        await air.settle()
    assert air.presses == [("button", 3), ("button", 4), ("button", 5)]


async def fault_and_return(air: Rig, radio: BleRadio) -> None:
    """After the fault: a press that is held all the while, and one afterwards, each once."""
    await air.hold(21, air.arrived(21))
    await until(lambda: radio.state().alive)
    await air.hold(22, air.arrived(22))
    await air.hold(5, air.arrived(5, "other"), OTHER)
    await air.settle()
    assert sorted(air.presses) == [
        ("button", 20),
        ("button", 21),
        ("button", 22),
        ("other", 5),
    ]


async def test_bluetoothd_crashes_and_returns(air: Rig) -> None:
    radio = air.radio()
    async with air.listening(radio):
        await air.scanned()
        await air.hold(20, air.arrived(20))
        air.bluez.stop()
        await until(lambda: not radio.state().alive)
        assert "bluetoothd" in radio.state().why
        await air.bluez.start("hci0")
        await fault_and_return(air, radio)


async def test_bluetoothd_restarts_in_no_time(air: Rig) -> None:
    radio = air.radio()
    async with air.listening(radio):
        await air.scanned()
        await air.hold(20, air.arrived(20))
        air.bluez.stop()
        await air.bluez.start("hci0")
        await fault_and_return(air, radio)


async def test_the_adapter_is_pulled_and_plugged_in_again(air: Rig) -> None:
    radio = air.radio()
    async with air.listening(radio):
        await air.scanned()
        await air.hold(20, air.arrived(20))
        air.bluez.pull("hci0")
        await until(lambda: "no adapter hci0" in radio.state().why)
        assert not radio.state().alive
        air.bluez.plug("hci0", powered=False)
        await fault_and_return(air, radio)


async def test_the_adapter_returns_under_another_number(air: Rig) -> None:
    radio = air.radio()
    async with air.listening(radio):
        await air.scanned()
        await air.hold(20, air.arrived(20))
        air.bluez.pull("hci0")
        air.bluez.plug("hci1")
        await air.scanned()
        assert air.bluez.hear(BUTTON, {"fcd2": b"\x44\x21"}, adapter="hci1")
        await until(air.arrived(0x21))
        assert {frame.port for frame in air.frames} == {"hci0"}


async def test_the_system_bus_is_restarted(air: Rig) -> None:
    radio = air.radio()
    async with air.listening(radio):
        await air.scanned()
        await air.hold(20, air.arrived(20))
        air.bus.kill()
        air.bluez.stop()
        await until(lambda: not radio.state().alive)
        air.bus.start()
        await air.bluez.start("hci0")
        await fault_and_return(air, radio)


async def test_somebody_switches_the_adapter_off(air: Rig) -> None:
    radio = air.radio()
    async with air.listening(radio):
        await air.scanned()
        await air.hold(20, air.arrived(20))
        air.bluez.power("hci0", on=False)
        await fault_and_return(air, radio)


@pytest.mark.parametrize("cure", ["scan", "power", "usb"])
async def test_an_adapter_that_went_deaf_without_a_word_is_cured(air: Rig, cure: str) -> None:
    def reset(name: str) -> bool:
        air.bluez.pull(name)
        air.bluez.plug(name)
        return True

    radio = air.radio(reset=reset)
    async with air.listening(radio):
        await air.scanned()
        await air.hold(20, air.arrived(20))
        air.bluez.adapters["hci0"].deaf = cure  # type: ignore[assignment]
        await fault_and_return(air, radio)
        assert radio.state().rejected[f"cure_{cure}"] >= 1


async def test_an_adapter_that_stays_deaf_is_blind_until_somebody_is_heard(air: Rig) -> None:
    radio = air.radio()
    async with air.listening(radio):
        await air.scanned()
        air.bluez.adapters["hci0"].deaf = "usb"
        await until(lambda: "hears nobody at all" in radio.state().why)
        assert not radio.state().alive
        air.bluez.adapters["hci0"].deaf = ""
        async with asyncio.timeout(10):
            while not radio.state().alive:
                air.bluez.hear("11:22:33:44:55:66")
                await asyncio.sleep(0.02)


async def test_a_quiet_home_with_a_neighbour_is_not_deaf_and_the_scan_goes_on(air: Rig) -> None:
    radio = air.radio()
    async with air.listening(radio):
        await air.scanned()
        for strength in range(100):
            air.bluez.hear("11:22:33:44:55:66", rssi=-90 + strength % 2)
            await asyncio.sleep(0.02)
        assert air.bluez.adapters["hci0"].scans == 1
        assert radio.state().alive


async def test_whoever_fails_over_an_advertisement_starves_nobody(air: Rig) -> None:
    radio = air.radio()
    nothing: dict[str, str] = {}
    radio.witnesses.append(lambda device, advertisement: print(nothing["not there"]))
    async with air.listening(radio):
        await air.scanned()
        await air.hold(1, air.arrived(1))
        await air.hold(2, air.arrived(2, "other"), OTHER)
    assert radio.state().rejected["odd"] >= 2


async def test_a_thousand_strangers_take_no_room_and_hide_nobody(air: Rig) -> None:
    radio = air.radio()
    async with air.listening(radio):
        await air.scanned()
        for turn in range(3):
            for number in range(1000):
                address = f"5E:00:00:{turn:02X}:{number >> 8:02X}:{number & 255:02X}"
                air.bluez.hear(address, {"fcd2": b"\x44\x01"}, -70 - number % 20)
                if number % 20 == 0:
                    await asyncio.sleep(0.005)
            await air.hold(turn, air.arrived(turn))
        await until(lambda: radio.state().ordinary["stranger"] >= 3000)
        assert [number for _, number in air.presses] == [0, 1, 2]
        assert len(air.frames) < 100
        assert radio.state().rejected == {}
        assert set(radio.state().signals) == {"button"}
