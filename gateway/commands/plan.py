"""`lamplight plan check FILE`: all mistakes of a plan at once, each with its key and a remedy."""

from __future__ import annotations

import argparse

import drivers
from gateway.commands.home import find_plan, read_plan
from gateway.commands.output import Exit, console, print_json
from gateway.home import Mistake, PlanError
from gateway.plan.advice import warnings
from gateway.plan.file import load


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["check"])
    parser.add_argument("file", nargs="?", help="the plan (default: the home's own)")


def run(args: argparse.Namespace) -> int:
    path = find_plan(args.file)
    mistakes: tuple[Mistake, ...] = ()
    doubts: tuple[Mistake, ...] = ()
    try:
        known = drivers.load()
        doubts = tuple(warnings(load(read_plan(path), known), known))
    except PlanError as error:
        mistakes = error.mistakes
    if args.json:
        print_json({"file": str(path), "mistakes": mistakes, "warnings": doubts})
    else:
        _print(str(path), mistakes, doubts)
    return Exit.WRONG if mistakes else Exit.WELL


def _print(path: str, mistakes: tuple[Mistake, ...], doubts: tuple[Mistake, ...]) -> None:
    out = console()
    for mistake in mistakes:
        out.print("✗", str(mistake), style="red", markup=False, highlight=False)
    for doubt in doubts:
        out.print("!", str(doubt), style="yellow", markup=False, highlight=False)
    if not mistakes:
        out.print(f"✓ {path} is sound", style="green", markup=False, highlight=False)
