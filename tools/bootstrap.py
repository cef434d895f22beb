"""Prepare .venv: exactly the locked packages and the project itself, and nothing needs root.

    python3 tools/bootstrap.py run     what the hub and its demo need
    python3 tools/bootstrap.py test    that, and what the tests need

With uv where it is, else with python3 -m venv and pip, else it prints the line that installs what
is missing. When nothing changed since the last time, it returns at once.

Standard library only, and readable by Python 3.8, so that an old one gets an answer and not a
SyntaxError. Which package index is used is the machine's affair: the locks name none.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

OLDEST, NEWEST = (3, 11), (3, 13)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = {"run": "requirements.lock", "test": "requirements-dev.lock"}

ASK = (
    "import sys, importlib.util as u; "
    "print(*sys.version_info[:3], int(bool(u.find_spec('venv') and u.find_spec('ensurepip'))))"
)


class CannotPrepare(Exception):
    """Says to a person what is missing and what to do about it."""


class Interpreter(NamedTuple):
    path: str
    version: tuple[int, ...]
    makes_venvs: bool

    @property
    def suits(self) -> bool:
        return OLDEST <= self.version[:2] <= NEWEST

    @property
    def text(self) -> str:
        return ".".join(map(str, self.version))

    @property
    def minor(self) -> str:
        return ".".join(map(str, self.version[:2]))


def ask(path: str) -> Interpreter | None:
    """What the interpreter at `path` says of itself; None if it does not run."""
    try:
        answer = subprocess.run([path, "-c", ASK], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    words = answer.stdout.split()
    if answer.returncode or len(words) != 4:
        return None
    return Interpreter(path, tuple(map(int, words[:3])), words[3] == "1")


def candidates() -> list[str]:
    """The interpreter that runs this, then the newest on PATH first."""
    minors = range(NEWEST[1], OLDEST[1] - 1, -1)
    names = [f"python3.{minor}" for minor in minors] + ["python3"]
    found = [shutil.which(name) for name in names]
    return list(dict.fromkeys([sys.executable, *filter(None, found)]))


def find_interpreter() -> Interpreter | None:
    """The first that suits and can make environments; else the first that suits."""
    suitable = [known for known in map(ask, candidates()) if known and known.suits]
    return next((known for known in suitable if known.makes_venvs), next(iter(suitable), None))


def find_uv() -> str | None:
    """On PATH, or where its own installer and `pip install --user` put it."""
    at_home = [Path.home() / ".local/bin/uv", Path.home() / ".cargo/bin/uv"]
    return shutil.which("uv") or next((str(uv) for uv in at_home if os.access(uv, os.X_OK)), None)


def apt_line(*packages: str) -> str:
    """The exact line to type for these Debian packages."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    return sudo + "apt-get install -y " + " ".join(packages)


def too_old() -> CannotPrepare:
    running = ".".join(map(str, sys.version_info[:3]))
    return CannotPrepare(
        f"Lamplight needs Python 3.11, 3.12 or 3.13, and found only {running}.\n"
        "Debian 12, Raspberry Pi OS 12 and everything newer bring one:\n"
        f"    {apt_line('python3', 'python3-venv')}\n"
        "On an older system let uv bring one, then try again:\n"
        f"    {sys.executable} -m pip install --user uv"
    )


def without_venv(python: Interpreter) -> CannotPrepare:
    of_the_system = os.path.realpath(python.path) == os.path.realpath("/usr/bin/python3")
    package = "python3-venv" if of_the_system else f"python{python.minor}-venv"
    return CannotPrepare(
        f"Python {python.text} is here, but not its venv module. Install it, then try again:\n"
        f"    {apt_line(package)}"
    )


def digest(lock: str, python: Interpreter) -> str:
    """Changes with everything that the environment was made from."""
    made_of = [str(ROOT), python.text]
    made_of += [(ROOT / name).read_text() for name in (lock, "pyproject.toml")]
    return hashlib.sha256("\0".join(made_of).encode()).hexdigest()


def stamp(purpose: str) -> Path:
    return VENV / f"lamplight-{purpose}.stamp"


def ready(purpose: str) -> bool:
    """Whether .venv already holds all of this; what the tests need includes what a run needs."""
    python = ask(str(PYTHON))
    enough = ("run", "test") if purpose == "run" else ("test",)
    return python is not None and any(
        stamp(made).exists() and stamp(made).read_text() == digest(LOCKS[made], python)
        for made in enough
    )


def call(*command: str) -> None:
    """Run one step; what it prints is for the person."""
    if subprocess.run(command, cwd=str(ROOT)).returncode:
        raise CannotPrepare(
            f"This step failed, for the reason above:\n    {shlex.join(command)}\n"
            "If a package could not be reached, look after the network, then try again."
        )


def environment_stands(uv: str | None) -> bool:
    """Whether .venv can be built upon as it is."""
    python = ask(str(PYTHON))
    if python is None or not python.suits:
        return False
    pip = [str(PYTHON), "-c", "import pip"]
    return uv is not None or subprocess.run(pip, capture_output=True).returncode == 0


def make_environment(uv: str | None, python: Interpreter | None) -> None:
    """A new .venv in the place of whatever is there. Raises CannotPrepare before it removes."""
    if uv:
        wanted = python.path if python else "3.13"  # which uv then brings
        command = [uv, "venv", "--quiet", "--python", wanted]
    elif python is None:
        raise too_old()
    elif not python.makes_venvs:
        raise without_venv(python)
    else:
        command = [python.path, "-m", "venv"]
    shutil.rmtree(str(VENV), ignore_errors=True)
    call(*command, str(VENV))


def install(uv: str | None, lock: str) -> None:
    """The locked packages, each against its hash; then the project, which needs no network."""
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
    if uv:
        pip = [uv, "pip", "install", "--python", str(PYTHON), "--quiet", "--compile-bytecode"]
    call(*pip, "--require-hashes", "--requirement", str(ROOT / lock))
    call(*pip, "--no-deps", "--no-index", "--no-build-isolation", "--editable", str(ROOT))


def prepare(purpose: str) -> None:
    """On return .venv has what `purpose` needs. Raises CannotPrepare."""
    if ready(purpose):
        return
    uv, lock = find_uv(), LOCKS[purpose]
    if not environment_stands(uv):
        make_environment(uv, find_interpreter())
    python = ask(str(PYTHON))
    if python is None:
        raise CannotPrepare(f"{PYTHON} does not run; remove .venv, then try again.")
    tool = "uv" if uv else "pip"
    print(f"Preparing .venv: Python {python.text}, packages of {lock}, with {tool} ...", flush=True)
    install(uv, lock)
    stamp(purpose).write_text(digest(lock, python))


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        print("usage: bootstrap.py run|test", file=sys.stderr)
        return 2
    try:
        # Two terminals may start at the same time: the second waits for the first.
        with open(__file__) as alone:
            fcntl.flock(alone, fcntl.LOCK_EX)
            prepare(arguments[0])
    except CannotPrepare as why:
        print(why, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
