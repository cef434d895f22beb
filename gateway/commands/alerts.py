"""`lamplight alerts`: the open alerts, and those that ended lately, each with its sentence."""

from __future__ import annotations

import argparse

from gateway.commands.daemon import ask_status
from gateway.commands.home import load_home, plan_argument
from gateway.commands.output import Exit, console, print_json
from gateway.health import AlertHealth

STYLES = {"S1": "bold red", "S2": "red", "S3": "yellow", "S4": "cyan", "S0": "dim"}


def arguments(parser: argparse.ArgumentParser) -> None:
    plan_argument(parser)
    parser.add_argument("--all", action="store_true", help="also those that ended lately")
    parser.add_argument("--language", choices=["zh", "en"], help="default: the home's own")


def run(args: argparse.Namespace) -> int:
    home = load_home(args.plan)
    status = ask_status(home)
    shown = [*status.open, *(status.recent if args.all else ())]
    if args.json:
        for view in shown:
            print_json(view)
        return Exit.WELL
    language = args.language or home.hub.language
    if not shown:
        console().print({"zh": "没有未结束的告警", "en": "No alert is open"}[language])
    for view in shown:
        _print(view, language)
    return Exit.WELL


def _print(view: AlertHealth, language: str) -> None:
    alert, out = view.alert, console()
    head = f"{alert.severity} {view.title.of(language)}  {view.where.of(language)}  {alert.id}"
    out.print(head, style=STYLES[alert.severity], markup=False, highlight=False)
    for words in (view.sentence, view.help):
        if words:
            out.print(f"   {words.of(language)}", markup=False, highlight=False)
