"""Which home a command is about: finds and reads the plan."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import drivers
from gateway.commands.output import Complaint, Exit
from gateway.home import Home, PlanError
from gateway.plan.file import load
from gateway.simulate.place import demo_plan

INSTALLED = Path("/etc/lamplight/plan.toml")


def plan_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plan",
        metavar="FILE",
        help=f"the plan of the home (default: $LAMPLIGHT_PLAN, a running demo's, or {INSTALLED})",
    )


def find_plan(named: str | None) -> Path:
    """The plan file: as named, else $LAMPLIGHT_PLAN, else a running demo's, else the installed."""
    if named or (named := os.environ.get("LAMPLIGHT_PLAN")):
        return Path(named)
    for path in (demo_plan(), INSTALLED):
        if path.exists():
            return path
    raise Complaint(
        "no plan is named and none is installed",
        f"name one with --plan FILE, put it at {INSTALLED}, or try `lamplight demo`",
    )


def read_plan(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as unreadable:
        raise Complaint(f"{path} cannot be read: {unreadable.strerror}") from None
    except UnicodeDecodeError:
        raise Complaint(f"{path} is not text in UTF-8") from None


def load_home(named: str | None) -> Home:
    """The home that the plan describes. Every mistake in it is reported at once."""
    path = find_plan(named)
    try:
        return load(read_plan(path), drivers.load())
    except PlanError as error:
        mistakes = "\n".join(f"  {mistake}" for mistake in error.mistakes)
        raise Complaint(
            f"{path} has {len(error.mistakes)} mistake(s):\n{mistakes}", code=Exit.USAGE
        ) from None
