"""The demo as a newcomer runs it: real ptys, a real broker, the real daemon, and kill -9."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 90.0


class Running:
    """A demo in a folder of its own."""

    def __init__(self, place: Path) -> None:
        self.environment = {**os.environ, "LAMPLIGHT_DEMO": str(place / "demo")}
        self.said = place / "said.jsonl"
        with self.said.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", "demo", "--json", "--language", "en"],
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self.environment,
            )
        self.welcome = self.wait_for(lambda line: "page" in line)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.said.read_text().splitlines() if line]

    def wait_for(self, condition: Any) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = [line for line in self.lines() if condition(line)]
            if found:
                return found[0]
            assert self.process.poll() is None, self.said.read_text()
            time.sleep(0.1)
        raise AssertionError(self.said.read_text())

    def do(self, *words: str) -> str:
        """`lamplight demo WORDS`: what it told."""
        done = self.lamplight("demo", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def lamplight(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gateway", *words],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S * 3,
            check=False,
            env=self.environment,
        )

    def status(self) -> dict[str, Any]:
        with urllib.request.urlopen(self.welcome["page"] + "status.json", timeout=10) as answer:
            status: dict[str, Any] = json.loads(answer.read())
        return status

    def stop(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.terminate()
            self.process.wait(20)
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    # A short path: sockets and ptys' links have names of at most 107 characters.
    running = Running(tmp_path_factory.mktemp("d"))
    yield running
    running.stop()


def platform_says(demo: Running, words: str) -> dict[str, Any]:
    return demo.wait_for(lambda line: line.get("who") == "platform" and words in line["says"])


def test_every_sensor_of_the_home_is_heard(demo: Running) -> None:
    deadline = time.monotonic() + PATIENCE_S
    states: set[str] = set()
    while states != {"ok"} and time.monotonic() < deadline:
        states = {device["state"] for device in demo.status()["devices"]}
        time.sleep(0.2)
    assert states == {"ok"}
    assert demo.lamplight("status").returncode == 0


def test_a_press_brings_help(demo: Running) -> None:
    told = demo.do("press")
    assert "somebody is on the way" in told
    platform_says(demo, "Emergency call, raised")
    platform_says(demo, "help on the way")


def test_gas_ends_and_help_still_comes(demo: Running) -> None:
    demo.do("gas")
    said = platform_says(demo, "Gas leak, raised")["says"]
    assert "12.6 %LEL" in said
    (leak,) = [v for v in demo.status()["open"] if v["alert"]["type"] == "gas.leak"]
    assert leak["alert"]["condition"] == "ended"


def test_a_press_with_the_cable_pulled_arrives_when_it_is_back(demo: Running) -> None:
    told = demo.do("cut-network", "1")
    assert "wait on the hub's disk" in told
    assert "the alert has arrived" in told


def test_after_kill_dash_nine_every_open_alert_is_still_there(demo: Running) -> None:
    before = {view["alert"]["id"] for view in demo.status()["open"]}
    assert len(before) >= 3
    told = demo.do("cut-power")
    assert f"{len(before)} alert(s) were open before, {len(before)} of them are there" in told
    assert "somebody is on the way" in demo.do("press")


def test_the_platform_closes_and_the_home_is_well_again(demo: Running) -> None:
    demo.do("finish")
    listed = demo.lamplight("alerts", "--language", "en")
    assert "No alert is open" in listed.stdout
    ended = demo.lamplight("alerts", "--all", "--json").stdout.splitlines()
    # Two presses within ten seconds are one incident, so three or four.
    assert len(ended) >= 3


def test_silence_behind_a_closed_door_is_no_alarm_and_silence_at_home_is(demo: Running) -> None:
    assert "the hub says: Away" in demo.do("leave-home")
    assert "the hub says: At home" in demo.do("come-home")
    assert "No appliance switched since" in demo.do("stop-moving") or any(
        "No water" in view["sentence"]["en"] for view in demo.status()["open"]
    )


def test_the_journal_replays_to_the_alerts_that_were_raised(demo: Running) -> None:
    plan = Path(demo.environment["LAMPLIGHT_DEMO"]) / "plan.toml"
    demo.do("stop")
    demo.process.wait(30)
    replayed = demo.lamplight("replay", "--plan", str(plan), "--json")
    assert replayed.returncode == 0, replayed.stderr
    total = json.loads(replayed.stdout.splitlines()[-1])["alerts"]
    assert total["sos.pressed"] >= 2
    assert total["gas.leak"] == 1
