"""The command `lamplight`, as scripts and people call it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli import COMMANDS, parser
from gateway.simulate.meters import WaterMeter
from gateway.simulate.wires import Noise, Wire

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "packaging" / "plan.example.toml"

SMALL = """
[hub]
tenant = "street-7"
id = "hub-1"
language = "en"
data = "{data}"

[[room]]
id = "kitchen"
kind = "kitchen"

[[port]]
name = "bus1"
device = "{data}/bus1"

[[device]]
id = "meter"
driver = "cjt188"
address = "00000012345678"
kind = "water_meter"
room = "kitchen"
port = "bus1"
poll_s = 1

[web]
listen = "127.0.0.1:9"
"""


def lamplight(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LAMPLIGHT")}
    return subprocess.run(
        [sys.executable, "-m", "gateway", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**environment, "LAMPLIGHT_DEMO": "/nonexistent", **more},
    )


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.toml"
    file.write_text(SMALL.format(data=tmp_path), encoding="utf-8")
    return file


def test_every_command_has_help_and_a_file_of_its_own() -> None:
    assert "usage: lamplight" in parser().format_help()
    for name in COMMANDS:
        assert lamplight(name, "--help").returncode == 0


def test_a_sound_plan_is_sound_and_the_exit_code_says_so() -> None:
    checked = lamplight("plan", "check", str(EXAMPLE))
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "is sound" in checked.stdout


def test_all_mistakes_of_a_plan_come_at_once_with_key_and_remedy(plan: Path) -> None:
    text = plan.read_text().replace('kind = "kitchen"', 'kind = "cellar"')
    plan.write_text(text.replace("poll_s = 1", "poll_s = -1\ncolour = 3"))
    checked = lamplight("plan", "check", str(plan), "--json")
    keys = {mistake["key"] for mistake in json.loads(checked.stdout)["mistakes"]}
    assert checked.returncode == 1
    assert {"room[1].kind", "device[1].poll_s", "device[1].colour"} <= keys


def test_a_daemon_does_not_start_on_a_wrong_plan_and_says_why(plan: Path) -> None:
    plan.write_text(plan.read_text().replace('driver = "cjt188"', 'driver = "cjt18"'))
    started = lamplight("run", "--plan", str(plan))
    assert started.returncode == 2
    assert "device[1].driver" in started.stderr
    assert "cjt188" in started.stderr


def test_without_a_plan_it_says_where_one_could_be() -> None:
    asked = lamplight("status")
    if not Path("/etc/lamplight/plan.toml").exists():
        assert asked.returncode == 2
        assert "--plan" in asked.stderr


def test_a_silent_daemon_has_an_exit_code_of_its_own(plan: Path) -> None:
    asked = lamplight("status", "--plan", str(plan))
    assert asked.returncode == 3
    assert "start it" in asked.stderr


def test_no_demo_running_is_said_plainly() -> None:
    asked = lamplight("demo", "press")
    assert asked.returncode == 3
    assert "make demo" in asked.stderr


def test_decode_prints_one_object_a_line(tmp_path: Path) -> None:
    file = ROOT / "tests" / "vectors" / "cjt188.json"
    decoded = lamplight("decode", str(file))
    lines = [json.loads(line) for line in decoded.stdout.splitlines()]
    steps = sum(len(v["steps"]) for v in json.loads(file.read_text())["vectors"])
    assert decoded.returncode == 0
    assert len(lines) == steps
    assert {"id", "step", "readings", "errors"} <= lines[0].keys()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ('{"schema": 99, "vectors": []}', "schema"),
        ('{"schema": 2}', "vectors"),
    ],
)
def test_a_file_that_is_no_vector_file_is_refused_in_words(
    tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(content)
    decoded = lamplight("decode", str(file))
    assert decoded.returncode == 2
    assert said in decoded.stderr
    assert "Traceback" not in decoded.stderr


def test_the_doctor_finds_the_missing_port_and_says_what_to_do(plan: Path) -> None:
    examined = lamplight("doctor", "--plan", str(plan), "--json")
    checks = [json.loads(line) for line in examined.stdout.splitlines()]
    port = next(check for check in checks if "bus1" in check["name"] + check["found"])
    assert examined.returncode == 1
    assert port["ok"] == "fail"
    assert port["remedy"]


async def test_what_a_real_port_says_is_recorded_privately_and_replayed(
    plan: Path, tmp_path: Path
) -> None:
    import asyncio

    meter = WaterMeter("00000012345678", lambda: 1234.0, baud=2400)
    wire = Wire(tmp_path / "bus1", [meter], Noise(), 1)
    wire.plug_in()
    try:
        file = tmp_path / "heard.jsonl"
        recorded = await asyncio.to_thread(
            lamplight, "record", str(file), "--plan", str(plan), "--for", "4", "--json"
        )
    finally:
        wire.unplug()
    assert recorded.returncode == 0, recorded.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    replayed = lamplight("replay", str(file), "--plan", str(plan), "--json")
    assert json.loads(replayed.stdout.splitlines()[-1])["entries"] >= 1
    again = lamplight("record", str(file), "--plan", str(plan))
    assert again.returncode == 2
    assert "new file" in again.stderr


def test_replay_of_a_broken_recording_names_the_line(plan: Path, tmp_path: Path) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text("not a frame\n")
    replayed = lamplight("replay", str(file), "--plan", str(plan))
    assert replayed.returncode == 2
    assert "line 1" in replayed.stderr


def test_replay_without_a_journal_says_so(plan: Path) -> None:
    replayed = lamplight("replay", "--plan", str(plan))
    assert replayed.returncode == 2
    assert "no journal" in replayed.stderr
