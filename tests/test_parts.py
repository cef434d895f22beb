"""System parts of the tests: installed where that may be, named where not, never skipped in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import parts

ROOT = Path(__file__).parent.parent
A_TEST = '''
"""One test needs a part that no machine has."""
import pytest

@pytest.mark.needs("philosophers_stone")
def test_gold(): pass

def test_lead(): pass
'''
A_PART = """
PARTS["philosophers_stone"] = Part(("alchemy",), lambda: Path("stone").exists())
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Our own conftest and table of parts, with one part more than there is."""
    for name in ("pyproject.toml", "tools/__init__.py", "tests/__init__.py", "tests/conftest.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "tools/parts.py").write_text((ROOT / "tools/parts.py").read_text() + A_PART)
    (tmp_path / "tests/test_metals.py").write_text(A_TEST)
    return tmp_path


def run(project: Path, *code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *code],
        cwd=project,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
    )


PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_at_home_what_lacks_a_part_is_left_out_and_named_with_the_line_that_installs_it(
    project: Path,
) -> None:
    done = run(project, *PYTEST)
    assert done.returncode == 0, done.stdout
    assert "philosophers_stone: test_metals.py" in done.stdout
    assert "apt-get install -y alchemy" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 passed, 1 deselected")


def test_in_ci_a_missing_part_is_a_failure(project: Path) -> None:
    done = run(project, *PYTEST, CI="true")
    assert done.returncode == 1
    assert "missing: philosophers_stone." in done.stdout
    assert "1 passed, 1 error" in done.stdout.splitlines()[-1]


def test_where_the_part_is_everything_runs(project: Path) -> None:
    (project / "stone").touch()
    assert run(project, *PYTEST).stdout.splitlines()[-1].startswith("2 passed")


def test_a_part_that_nobody_knows_is_a_mistake(project: Path) -> None:
    test = project / "tests/test_metals.py"
    test.write_text(test.read_text().replace("philosophers", "philologists"))
    assert run(project, *PYTEST).returncode != 0


INSTALL = "from tools import parts; parts.install(parts.missing()); print(parts.missing())"


def tools_on_path(folder: Path, sudo: str) -> str:
    """A PATH whose apt-get finds stones, and whose sudo is as given."""
    programs = {
        "apt-get": 'echo "$@" >> "$LOG"; case "$*" in *alchemy*) : > stone;; esac',
        "sudo": sudo,
        "systemctl": 'echo systemctl "$@" >> "$LOG"',
    }
    for name, body in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_it_installs_by_itself_what_is_missing_where_it_may(project: Path) -> None:
    path = tools_on_path(project, sudo='shift; exec "$@"')
    log = project / "log"
    done = run(project, "-c", INSTALL, PATH=path, LOG=str(log))
    assert done.returncode == 0, done.stderr
    assert "philosophers_stone" not in done.stdout.splitlines()[-1]
    update, install = [line for line in log.read_text().splitlines() if "systemctl" not in line]
    assert update.endswith("update")
    assert "install -y --no-install-recommends" in install
    assert install.endswith("alchemy")


def test_the_line_to_type_names_each_package_once() -> None:
    line = parts.install_line(["chromium", "mosquitto", "chromium"])
    assert line.removeprefix("sudo ") == "apt-get install -y chromium fonts-noto-cjk mosquitto"
