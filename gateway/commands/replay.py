"""`lamplight replay [FILE]`: what the recorded past would have alerted under a plan."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

import msgspec

import drivers
from gateway.commands.compare import compare
from gateway.commands.home import load_home, plan_argument
from gateway.commands.output import Complaint, Exit, console, print_json
from gateway.home import Home
from gateway.journal.file import EVER, read_journal
from gateway.radio.replay import recorded_frame
from gateway.records import Alert, BadFrame, Frame, Reading
from gateway.replay import replay
from gateway.sentences import sentence, title
from gateway.watch import Watch

T = TypeVar("T")


def arguments(parser: argparse.ArgumentParser) -> None:
    plan_argument(parser)
    parser.add_argument("file", nargs="?", help="a recording (default: the home's own journal)")
    parser.add_argument("--against", metavar="OLD", help="another plan: say what differs, and why")
    parser.add_argument(
        "--jsonl", action="store_true", help="speak the program protocol of detector benches"
    )
    parser.add_argument(
        "--risk", type=float, help="with --jsonl: false alarms in 30 days that may be spent"
    )
    parser.add_argument("--language", choices=["zh", "en"], help="default: the home's own")


def run(args: argparse.Namespace) -> int:
    if args.jsonl:
        return _speak(args.risk)
    if args.against:
        return compare(args, lambda home: _past(home, args.file))
    home = load_home(args.plan)
    numbers = count(1)
    watch = Watch(home, drivers.load(), lambda _at: f"replay-{next(numbers)}")
    past = _past(home, args.file)
    told: Counter[str] = Counter()
    entries = 0
    with _progress(past) as watched:
        for _, alerts in replay(watch.pipeline, watched):
            entries += 1
            for alert in alerts:
                told[alert.type] += alert.rev == 1
                _print(alert, home, args)
    _sum_up(entries, told, watch.pipeline.rejected, args)
    return Exit.WELL


def _speak(risk: float | None) -> int:
    from gateway.scoring import speak

    try:
        speak(sys.stdin.buffer, sys.stdout.buffer, risk)
    except msgspec.MsgspecError as wrong:
        raise Complaint(f"this is not the program protocol: {wrong}") from None
    return Exit.WELL


def _past(home: Home, file: str | None) -> Iterable[Frame | Reading]:
    if file:
        return _recording(Path(file))
    return _journal(home)


def _journal(home: Home) -> Iterator[Reading]:
    path = Path(home.hub.data) / "journal.sqlite"
    if not path.exists():
        raise Complaint(f"there is no journal at {path}", "name a recording, or another --plan")
    try:
        yield from read_journal(path, -EVER, EVER)
    except sqlite3.Error as damaged:
        remedy = "the daemon sets a damaged journal aside when it starts"
        raise Complaint(f"{path} cannot be read: {damaged}", remedy, Exit.WRONG) from None


def _recording(path: Path) -> Iterator[Frame]:
    try:
        lines = path.open(encoding="utf-8")
    except OSError as unreadable:
        raise Complaint(f"{path} cannot be read: {unreadable.strerror}") from None
    with lines:
        for number, line in enumerate(lines, 1):
            try:
                yield recorded_frame(line)
            except BadFrame:
                raise Complaint(
                    f"{path}, line {number} is no frame", "record one with lamplight record FILE"
                ) from None


@contextmanager
def _progress(past: Iterable[T]) -> Iterator[Iterable[T]]:
    """Shows that something happens, where a person watches."""
    if not sys.stderr.isatty():
        yield past
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} entries"), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        yield progress.track(past, description="")


def _print(alert: Alert, home: Home, args: argparse.Namespace) -> None:
    if args.json:
        print_json(alert)
        return
    if alert.rev > 1:
        return
    language = args.language or home.hub.language
    device = home.device(alert.cause)
    room = home.room_kind(alert.cause) if device else None
    why = sentence(alert, language, home.zone, room, device.kind if device else None)
    when = alert.raised_at.local(home.zone).strftime("%Y-%m-%d %H:%M")
    line = f"{when}  {alert.severity}  {title(alert.type, language)}  {why}"
    console().print(line, markup=False, highlight=False)


def _sum_up(
    entries: int, told: Counter[str], rejected: Counter[str], args: argparse.Namespace
) -> None:
    if args.json:
        print_json({"entries": entries, "alerts": dict(told), "rejected": dict(rejected)})
        return
    out = console()
    out.print(f"{entries} entries, {sum(told.values())} alerts", highlight=False)
    for type_, number in told.most_common():
        out.print(f"  {number:>5}  {type_}", markup=False, highlight=False)
    for reason, number in rejected.most_common():
        out.print(f"  {number:>5}  rejected, {reason}", markup=False, highlight=False)
