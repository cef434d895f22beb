"""Pairing: the nearest strangers are listed, and the button that an installer presses is on top."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from gateway.radio.strangers import FORGOTTEN_S, LATELY_S, Strangers
from tests.ble_rig import rig

FCD2 = "0000fcd2-0000-1000-8000-00805f9b34fb"


def test_of_a_street_full_of_devices_the_nearest_stay() -> None:
    strangers = Strangers(most=5)
    for number in range(1000):
        strangers.hear(f"5E:{number}", "", {}, -40 - number % 60, number / 1000)
    nearest = [stranger.rssi for stranger in strangers.nearest()]
    assert nearest == [-40] * 5
    assert strangers.overlooked > 900


def test_whoever_says_something_new_is_on_top_for_a_moment_however_weak() -> None:
    strangers = Strangers(most=5)
    for address, rssi in (("near", -40), ("button", -80)):
        strangers.hear(address, "", {FCD2: b"\x44\x01"}, rssi, 0.0)
    assert [each.address for each in strangers.nearest()] == ["near", "button"]
    strangers.hear("button", "SBBT-002C", {FCD2: b"\x44\x02"}, -81, 1.0)
    top = strangers.nearest()[0]
    assert (top.address, top.name, top.changes) == ("button", "SBBT-002C", 1)
    strangers.hear("button", "", {}, -81, 2.0 + LATELY_S)
    assert [each.address for each in strangers.nearest()] == ["near", "button"]
    assert strangers.nearest()[1].name == "SBBT-002C"


def test_whoever_fell_silent_makes_room_for_a_weak_newcomer() -> None:
    strangers = Strangers(most=1)
    strangers.hear("gone", "", {}, -40, 0.0)
    assert strangers.hear("weak", "", {}, -90, 1.0) is None
    assert strangers.hear("weak", "", {}, -90, 1.0 + FORGOTTEN_S) is not None


@pytest.mark.needs("dbus")
async def test_an_installer_finds_a_button_by_pressing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, monkeypatch) as air:
        pair = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "pair", "--json", "--for", "3"),
            stdout=asyncio.subprocess.PIPE,
            env={"DBUS_SYSTEM_BUS_ADDRESS": air.bus.address, "LAMPLIGHT_DEMO": str(tmp_path)},
        )
        await air.scanned()
        for counter in range(60):
            press = bytes.fromhex(f"4400{counter:02x}015e3a01")
            air.bluez.hear("A4:C1:38:8D:18:B2", {"fcd2": press}, -50, "SBBT-002C")
            air.bluez.hear("11:22:33:44:55:66", rssi=-40 - counter % 2)
            await asyncio.sleep(0.05)
        out, _ = await pair.communicate()
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["address"] for row in rows] == ["A4:C1:38:8D:18:B2", "11:22:33:44:55:66"]
    assert (rows[0]["name"], rows[0]["driver"]) == ("SBBT-002C", "bthome")
    assert "press" in rows[0]["said"]
    assert "battery 94%" in rows[0]["said"]


@pytest.mark.needs("dbus")
async def test_without_an_adapter_pairing_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, monkeypatch) as air:
        air.bluez.pull("hci0")
        pair = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "pair", "--for", "2"),
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            env={"DBUS_SYSTEM_BUS_ADDRESS": air.bus.address, "LAMPLIGHT_DEMO": str(tmp_path)},
        )
        _, said = await pair.communicate()
    assert pair.returncode == 1
    assert b"plug one in" in said
