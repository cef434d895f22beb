"""Whoever follows drivers/README.md word for word has a working sensor, and edits nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import drivers

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "drivers" / "README.md"
FILE_IN_GUIDE = re.compile(r"`([\w/]+\.\w+)`:\n\n```\w+\n(.*?)```", re.DOTALL)
COMMANDS_IN_GUIDE = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the program in which the guide was followed."""
    copy = tmp_path_factory.mktemp("checkout")
    for part in ("gateway", "drivers", "tests", "models"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for name, text in written():
        assert not (copy / name).exists(), "the guide adds files and edits none"
        (copy / name).write_text(text, encoding="utf-8")
    yield copy
    shutil.rmtree(copy)


def written() -> list[tuple[str, str]]:
    return FILE_IN_GUIDE.findall(GUIDE.read_text(encoding="utf-8"))


def run(checkout: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_guide_adds_two_files() -> None:
    assert [name for name, _ in written()] == ["drivers/bed_pad.py", "tests/vectors/bed_pad.json"]


def test_the_new_driver_passes_every_test_that_the_others_pass(checkout: Path) -> None:
    output = run(checkout, "pytest", "-q", "tests/test_drivers.py", "-k", "bed_pad")
    passed = re.search(r"(\d+) passed", output)
    assert passed is not None
    assert int(passed[1]) >= 15
    run(
        checkout,
        "pytest",
        "-q",
        "tests/test_fuzz_drivers.py",
        "-k",
        "bed_pad and (lost or million)",
    )


def test_the_new_sensor_can_be_decoded_from_the_command_line(checkout: Path) -> None:
    commands = COMMANDS_IN_GUIDE.search(GUIDE.read_text(encoding="utf-8"))
    assert commands is not None
    decode = next(line for line in commands[1].splitlines() if line.startswith("lamplight"))
    arguments = decode.partition("#")[0].split()[1:]
    lines = run(checkout, "gateway", *arguments).splitlines()
    results = [json.loads(line) for line in lines]
    assert results[0] == {
        "id": "bed_pad-night",
        "step": 0,
        "readings": [
            {"kind": "bed_occupied", "value": True, "unit": None},
            {"kind": "battery", "value": 90.0, "unit": "%"},
        ],
        "errors": 0,
    }
    assert [result["errors"] for result in results[3:]] == [1, 1, 1, 0, 1]


def test_the_new_driver_is_in_the_table_of_devices(checkout: Path) -> None:
    assert "| Example P1 pressure pads | serial, 9600 8N1, speaks by itself | `bed_pad` |" in run(
        checkout, "drivers"
    )


def test_the_guides_example_keeps_the_house_rules(checkout: Path) -> None:
    run(checkout, "ruff", "check", "drivers/bed_pad.py")
    run(checkout, "ruff", "format", "--check", "drivers/bed_pad.py")
    run(checkout, "mypy", "--strict", "drivers/bed_pad.py")


@pytest.mark.parametrize("page", ["drivers/README.md", "README.md"])
def test_the_table_of_devices_is_current(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    printed = text.partition("<!-- devices -->\n")[2].partition("\n<!-- /devices -->")[0]
    assert printed == drivers.table(drivers.load().values()), (
        f"{page}: paste what python -m drivers prints"
    )
