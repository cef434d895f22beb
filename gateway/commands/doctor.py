"""`lamplight doctor`: checks what the hub stands on, and says what to do."""

from __future__ import annotations

import argparse

from gateway.commands.home import load_home, plan_argument
from gateway.commands.output import Exit, console, print_json
from gateway.doctor import Check, checks

MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


def arguments(parser: argparse.ArgumentParser) -> None:
    plan_argument(parser)


def run(args: argparse.Namespace) -> int:
    home = load_home(args.plan)
    failed = False
    for check in checks(home):
        failed |= check.ok == "fail"
        if args.json:
            print_json(check)
        else:
            _print(check)
    return Exit.WRONG if failed else Exit.WELL


def _print(check: Check) -> None:
    mark, style = MARKS[check.ok]
    out = console()
    out.print(f"{mark} {check.name}: {check.found}", style=style, markup=False, highlight=False)
    if check.remedy and check.ok != "ok":
        out.print(f"    {check.remedy}", markup=False, highlight=False)
