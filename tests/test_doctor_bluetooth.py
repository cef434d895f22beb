"""The doctor looks at Bluetooth: what is wrong, and what to do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.doctor import bluetooth
from gateway.doctor.check import Check
from gateway.home import Adapter
from tests.ble_rig import rig

pytestmark = pytest.mark.needs("dbus")


async def looked() -> Check:
    """In a thread: the doctor has a loop of its own."""
    return await asyncio.to_thread(bluetooth.adapter, Adapter(), True)


async def test_an_adapter_that_is_there_and_on_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, monkeypatch) as air:
        check = await looked()
        assert check.ok == "ok"
        assert "nobody scans" in check.found
        assert air.bluez.calls == ["GetManagedObjects"]


async def test_what_is_wrong_is_said_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, monkeypatch) as air:
        air.bluez.power("hci0", on=False)
        off = await looked()
        air.bluez.pull("hci0")
        pulled = await looked()
        air.bluez.stop()
        stopped = await looked()
        air.bus.kill()
        no_bus = await looked()
    assert (off.ok, off.remedy.partition(":")[2].strip()) == ("warn", "rfkill unblock bluetooth")
    assert (pulled.ok, pulled.found) == ("fail", "there is no adapter hci0")
    assert (stopped.ok, stopped.found) == ("fail", "bluetoothd does not run")
    assert (no_bus.ok, no_bus.found) == ("fail", "there is no system bus")
    assert all(check.remedy for check in (off, pulled, stopped, no_bus))
