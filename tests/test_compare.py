"""Two plans, one past: what the new one would have changed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands.compare import compare
from gateway.home import Home
from gateway.records import Quantity, Reading
from tests.household import after, local
from tests.test_cli import SMALL


def a_dry_day(_home: Home) -> Iterator[Reading]:
    """Fourteen hours without water, from six in the morning, and then some."""
    start = local("2026-09-22 06:00")
    for step in range(14 * 12 + 1):
        total = 10.0 if step < 14 * 12 else 10.1
        yield Reading("meter", Quantity.WATER_TOTAL, total, after(start, 300.0 * step))


def plans(folder: Path, new_h: float, old_h: float) -> argparse.Namespace:
    for name, hours in (("new", new_h), ("old", old_h)):
        text = SMALL.format(data=folder) + f"\n[rules.water]\nno_use_h = {hours}\n"
        (folder / f"{name}.toml").write_text(text)
    return argparse.Namespace(
        plan=str(folder / "new.toml"), against=str(folder / "old.toml"), json=True, language=None
    )


@pytest.mark.parametrize(("new_h", "old_h", "only"), [(8.0, 24.0, "new"), (24.0, 8.0, "old")])
def test_an_alert_that_only_one_plan_raises_is_shown_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], new_h: float, old_h: float, only: str
) -> None:
    assert compare(plans(tmp_path, new_h, old_h), a_dry_day) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    about = [line for line in said if line.get("alert", {}).get("type") == "water.no_use"]
    assert [line["only"] for line in about] == [only]
    assert about[0]["alert"]["evidence"]["observed"]
    rates = next(line for line in said if line.get("type") == "water.no_use")
    assert (rates["new_a_month"] > 0) is (only == "new")
    assert (rates["old_a_month"] > 0) is (only == "old")


def test_the_same_plan_twice_differs_in_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(plans(tmp_path, 8.0, 8.0), a_dry_day) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line for line in said if "only" in line] == []
