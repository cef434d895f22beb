"""systemd hears that the hub is ready, thinking or stopping; real sockets on both sides."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import notify


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The end of the wire at which systemd listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def test_systemd_hears_each_step_of_the_hubs_life(systemd: socket.socket) -> None:
    told = [notify.ready(), notify.status("40 devices"), notify.watchdog(), notify.stopping()]
    heard = [systemd.recv(100) for _ in told]
    assert told == [True, True, True, True]
    assert heard == [b"READY=1", b"STATUS=40 devices", b"WATCHDOG=1", b"STOPPING=1"]


def test_a_status_stays_one_line_so_that_it_cannot_say_ready(systemd: socket.socket) -> None:
    notify.status("all well\nREADY=1")
    assert systemd.recv(100) == b"STATUS=all well READY=1"


def test_a_chinese_status_arrives_as_utf8(systemd: socket.socket) -> None:
    notify.status("一切正常")
    assert systemd.recv(100).decode() == "STATUS=一切正常"


def test_an_abstract_socket_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"lamplight-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        listening.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        assert notify.ready()
        assert listening.recv(100) == b"READY=1"


def test_outside_systemd_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify.ready()


def test_a_socket_that_is_gone_does_not_hurt_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not notify.watchdog()


def test_a_listener_that_does_not_read_never_makes_the_hub_wait(systemd: socket.socket) -> None:
    answers = [notify.watchdog() for _ in range(5000)]
    assert answers[0]
    assert not answers[-1]
    assert systemd.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("microseconds", "pid", "seconds"),
    [
        ("60000000", "", 60.0),
        ("2500000", str(os.getpid()), 2.5),
        ("60000000", "1", None),
        ("0", "", None),
        ("", "", None),
        ("soon", "", None),
    ],
)
def test_the_watchdog_interval_is_what_systemd_asks_of_this_process(
    microseconds: str, pid: str, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.setenv("WATCHDOG_PID", pid)
    assert notify.watchdog_interval() == seconds


SYSTEMD_PYTHON = """
import os, pathlib
def notify(state):
    pathlib.Path(os.environ["HEARD"]).write_text(state)
    return True
"""


def test_systemd_python_is_used_where_it_is_installed(tmp_path: Path) -> None:
    (tmp_path / "systemd").mkdir()
    (tmp_path / "systemd" / "__init__.py").touch()
    (tmp_path / "systemd" / "daemon.py").write_text(SYSTEMD_PYTHON)
    heard = tmp_path / "heard"
    paths = os.pathsep.join([str(tmp_path), str(Path(notify.__file__).parent.parent)])
    environment = {"PYTHONPATH": paths, "NOTIFY_SOCKET": "/nowhere", "HEARD": str(heard)}
    hub = "from gateway import notify; assert notify.ready()"
    subprocess.run([sys.executable, "-c", hub], env=environment, check=True)
    assert heard.read_text() == "READY=1"
