"""Run every check there is: ruff, its formatter, mypy and pytest, with the system parts installed.

Whatever fails, the rest still runs; the exit code is 0 only if all of it passed. Arguments go to
pytest.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tools import parts

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"

CHECKS: dict[str, list[str]] = {
    "ruff check": ["ruff", "check", "--quiet"],
    "ruff format": ["ruff", "format", "--check", "--quiet"],
    "mypy --strict": ["mypy", "--strict", "--no-error-summary"],
}


def passes(name: str, command: list[str]) -> bool:
    """Run one check; says how it went and how long it took."""
    started = time.monotonic()
    code = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT).returncode
    result = "ok" if code == 0 else "FAILED"
    print(f"{name:<14} {result:<6} {time.monotonic() - started:.1f} s", flush=True)
    return code == 0


def main(arguments: list[str]) -> int:
    parts.install(parts.missing())
    failed = [name for name, command in CHECKS.items() if not passes(name, command)]
    pytest = [sys.executable, "-m", "pytest", "-q", *arguments]
    code = subprocess.run(pytest, cwd=ROOT, stdin=subprocess.DEVNULL).returncode
    if failed:
        print(f"failed before pytest: {', '.join(failed)}", flush=True)
    return code or int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
