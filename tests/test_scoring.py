"""A bench may ask the hub's own detector, as a program, what it would have said."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.rules import InactivityRules
from gateway.scoring import Header, Sensor, Trial

SENSORS = [
    {"name": "hall", "kind": "motion", "room": "hall"},
    {"name": "kitchen", "kind": "motion", "room": "kitchen"},
    {"name": "door", "kind": "door", "room": "hall"},
    {"name": "fridge", "kind": "power_auto", "room": "kitchen"},
]


class Program:
    """`lamplight replay --jsonl`, spoken to over its pipes."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "gateway", "replay", "--jsonl", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def say(self, **line: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout
        heard: dict[str, Any] = json.loads(self.process.stdout.readline())
        return heard

    def tick(self, t: float) -> list[dict[str, Any]]:
        self.say(t=t, tick=True)
        said = []
        while "ack" not in (heard := self.hear()):
            said.append(heard)
        assert heard["ack"] == t
        return said

    def first_alert(self, start: float, hours: float) -> dict[str, Any] | None:
        for step in range(1, int(hours * 12) + 1):
            if said := self.tick(start + 300 * step):
                return said[0]
        return None

    def end(self) -> int:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(20)


@pytest.fixture
def program() -> Iterator[Program]:
    spoken_to = Program("--risk", "0.5")
    yield spoken_to
    assert spoken_to.end() == 0


def begin(program: Program) -> None:
    program.say(home={"name": "a", "t0": 0.0, "tick_s": 300, "sensors": SENSORS})
    assert program.hear() == {"hello": {"fork": True}}
    for t, sensor in ((10.0, "hall"), (15.0, "kitchen")):
        program.say(t=t, sensor=sensor, kind="motion", value=1.0, room=sensor)


def test_a_silence_of_ten_hours_is_told_once(program: Program) -> None:
    begin(program)
    alert = program.first_alert(0.0, 11)
    assert alert is not None
    assert alert["alert"] == "inactivity"
    assert alert["severity"] == "alarm"
    assert 36_000 <= alert["t"] <= 36_600
    assert program.tick(alert["t"] + 300) == []


def test_what_a_child_hears_is_forgotten(program: Program) -> None:
    begin(program)
    program.say(cmd="fork")
    assert program.hear() == {"forked": True}
    assert program.first_alert(0.0, 11)
    program.say(cmd="exit")
    assert program.hear() == {"resumed": True}
    program.say(t=20.0, sensor="door", kind="door", value=1.0, room="hall")
    assert program.first_alert(0.0, 11) is None


def test_a_line_of_another_protocol_is_refused_with_words() -> None:
    command = [sys.executable, "-m", "gateway", "replay", "--jsonl"]
    done = subprocess.run(command, input=b"hello\n", capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert b"program protocol" in done.stderr


def test_what_runs_by_itself_is_no_sign_of_life() -> None:
    trial = Trial(Header(sensors=tuple(Sensor(**s) for s in SENSORS)), InactivityRules())
    trial.event(10.0, "hall", "motion", 1.0)
    trial.event(15.0, "kitchen", "motion", 1.0)
    for hour in range(1, 10):
        trial.event(3600.0 * hour, "fridge", "power_auto", 80.0)
    assert trial.tick(15.0 + 3600 * 10)
