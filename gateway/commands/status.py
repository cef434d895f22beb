"""`lamplight status`: what the hub thinks now, and why, in plain sentences."""

from __future__ import annotations

import argparse

from gateway.commands.daemon import ask_status
from gateway.commands.home import load_home, plan_argument
from gateway.commands.output import Exit, console, print_json
from gateway.health import Level, Status
from gateway.health.why import why

STYLES = {
    Level.EMERGENCY: "bold white on red",
    Level.CONCERN: "bold yellow",
    Level.IMPAIRED: "yellow",
    Level.WELL: "bold green",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    plan_argument(parser)
    parser.add_argument("--language", choices=["zh", "en"], help="default: the home's own")


def run(args: argparse.Namespace) -> int:
    home = load_home(args.plan)
    status = ask_status(home)
    if args.json:
        print_json(status)
    else:
        _print(status, args.language or home.hub.language)
    return Exit.WELL if status.summary.level is Level.WELL else Exit.WRONG


def _print(status: Status, language: str) -> None:
    out = console()
    head, *rest = why(status, language)
    out.print(head, style=STYLES[status.summary.level], markup=False, highlight=False)
    for sentence in rest:
        out.print(f"  {sentence}", markup=False, highlight=False)
