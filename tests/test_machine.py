"""The hub's own power, read from a directory laid out as the kernel does."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.machine import power_readings
from gateway.records import Quantity
from tests.fakes import at


def supply(root: Path, name: str, **files: str) -> None:
    (root / name).mkdir()
    for file, text in files.items():
        (root / name / file).write_text(text + "\n")


@pytest.mark.parametrize(("online", "on_mains"), [("1", True), ("0", False)])
def test_a_hub_with_a_battery_says_whether_it_is_on_mains(
    tmp_path: Path, online: str, on_mains: bool
) -> None:
    supply(tmp_path, "AC", type="Mains", online=online)
    supply(tmp_path, "BAT0", type="Battery", capacity="83")
    said = {r.quantity: r.value for r in power_readings(at(0), tmp_path)}
    assert said == {Quantity.MAINS_OK: on_mains, Quantity.BATTERY: 83.0}


def test_a_hub_that_cannot_know_says_nothing(tmp_path: Path) -> None:
    supply(tmp_path, "rpi", type="Unknown")
    assert power_readings(at(0), tmp_path) == []
    assert power_readings(at(0), tmp_path / "nowhere") == []
