"""Every BLE vector over the air: the bytes that a device advertises are the bytes that its driver
gets to read, and whose they are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import drivers
from tests.ble_rig import Rig, rig
from tests.brokers import until

pytestmark = pytest.mark.needs("dbus")

FOLDER = Path(__file__).parent / "vectors"


def vectors(driver: str) -> Iterator[dict[str, Any]]:
    document = json.loads((FOLDER / f"{driver}.json").read_text(encoding="utf-8"))
    yield from (each for each in document["vectors"] if "mac" in each["context"])


@pytest.fixture
async def air(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    async with rig(tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.parametrize("name", ["bthome", "mibeacon"])
async def test_what_a_device_advertises_reaches_its_driver_byte_by_byte(
    air: Rig, name: str
) -> None:
    driver = drivers.load((name,))[name]
    assert driver.context is not None
    played = 0
    for vector in vectors(name):
        address = vector["context"]["mac"].upper()
        devices = [d for d in driver.context(vector["context"]) if d.address == address]
        radio = air.radio(devices, {name: driver})
        async with air.listening(radio):
            await air.scanned()
            for step in vector["steps"]:
                payload = bytes.fromhex(step["hex"])
                before = len(air.frames)
                air.bluez.forget(address)
                assert air.bluez.hear(address, {driver.services[0]: payload})
                if before and air.frames[-1].payload == payload:
                    continue  # the same again is passed on a few times, and then now and then
                await until(lambda before=before: len(air.frames) > before)  # type: ignore[misc]
                frame = air.frames[-1]
                assert (frame.payload, frame.address) == (payload, address)
                played += 1
        await until(lambda: not air.bluez.adapters["hci0"].clients)
    assert played >= 10
