"""`lamplight explain ALERT`: what was observed, what is usual, the rule, what speaks against it."""

from __future__ import annotations

import argparse
import sqlite3
from pathlib import Path

from gateway.commands.daemon import ask_status
from gateway.commands.home import load_home, plan_argument
from gateway.commands.output import Complaint, Exit, console, print_json
from gateway.health import AlertHealth, Status
from gateway.home import Home
from gateway.journal.file import read_journal
from gateway.records import Evidence, Instant
from gateway.sentences import Language, reasons
from gateway.strip import Strip, strips

PARTS = (
    ("observed", "观察到", "Observed"),
    ("usual", "平时", "Usual here"),
    ("rule", "规则", "The rule"),
    ("against", "存疑", "Against it"),
)
USUAL_DAYS = 16
"""So many days of the journal are read: two are shown, the others are what is usual."""


def arguments(parser: argparse.ArgumentParser) -> None:
    plan_argument(parser)
    parser.add_argument("alert", help="the id of an alert, or its end (lamplight alerts shows it)")
    parser.add_argument("--language", choices=["zh", "en"], help="default: the home's own")


def run(args: argparse.Namespace) -> int:
    home = load_home(args.plan)
    status = ask_status(home)
    view = _find(status, args.alert)
    shown = _strips(home, view.alert.changed_at)
    if args.json:
        print_json({"alert": view, "strips": shown})
    else:
        _print(view, shown, home, args.language or home.hub.language)
    return Exit.WELL


def _find(status: Status, wanted: str) -> AlertHealth:
    known = (*status.open, *status.recent)
    found = [view for view in known if view.alert.id.endswith(wanted.upper())]
    if not found:
        raise Complaint(
            f"no alert {wanted} is known", "lamplight alerts --all shows the known ones"
        )
    return found[0]


def _strips(home: Home, now: Instant) -> list[Strip]:
    path = Path(home.hub.data) / "journal.sqlite"
    rooms = {d.id: d.room for d in home.devices if d.room}
    if not path.exists():
        return []
    try:
        past = read_journal(path, now.line - USUAL_DAYS * 86400, now.line + 1)
        return strips(past, rooms, now, home.zone)
    except sqlite3.Error as damaged:
        raise Complaint(f"{path} cannot be read: {damaged}", "", Exit.WRONG) from None


def _print(view: AlertHealth, shown: list[Strip], home: Home, language: Language) -> None:
    out, alert = console(), view.alert
    out.print(
        f"{alert.severity} {view.title.of(language)}  {view.where.of(language)}", style="bold"
    )
    device = home.device(alert.cause)
    room = home.room_kind(alert.cause) if device else None
    kind = device.kind if device else None
    for part, chinese, english in PARTS:
        evidence = Evidence(observed=getattr(alert.evidence, part))
        said = reasons(evidence, language, home.zone, alert.changed_at, room, kind, alert.cause)
        head = chinese if language == "zh" else english
        for line in said:
            out.print(f"  {head}: {line}", markup=False, highlight=False)
    for strip in shown:
        out.print(f"  {strip.room:<12} {strip.lately}", markup=False, highlight=False)
        out.print(f"  {'':<12} {strip.usual}", style="dim", markup=False, highlight=False)
