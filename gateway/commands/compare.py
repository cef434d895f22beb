"""`lamplight replay --plan NEW --against OLD`: what another plan would have changed, and why."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count

import drivers
from gateway.commands.home import load_home
from gateway.commands.output import Exit, console, print_json
from gateway.home import Home
from gateway.records import Alert, Frame, Reading
from gateway.replay import replay
from gateway.sentences import sentence, title
from gateway.watch import Watch

Past = Callable[[Home], Iterable[Frame | Reading]]
MONTH_S = 30 * 86400.0
SAME_S = 3600.0
"""The same alert this much sooner or later is the same alert."""


def compare(args: argparse.Namespace, past: Past) -> int:
    """`past`: what to replay; it is read once for each plan."""
    new, old = load_home(args.plan), load_home(args.against)
    after, months = _alerts(new, past)
    before, _ = _alerts(old, past)
    _say("+", _without(after, before), new, args)
    _say("-", _without(before, after), old, args)
    _sum_up(before, after, months, args)
    return Exit.WELL


def _alerts(home: Home, past: Past) -> tuple[list[Alert], float]:
    """Every incident as it was first raised, and the months that passed."""
    numbers = count(1)
    watch = Watch(home, drivers.load(), lambda _at: f"replay-{next(numbers)}")
    raised, first, last = [], None, None
    for entry, alerts in replay(watch.pipeline, past(home)):
        first, last = first or entry.at, entry.at
        raised += [alert for alert in alerts if alert.rev == 1]
    passed_s = last.since(first) if first and last else 0.0
    return raised, max(passed_s, 1.0) / MONTH_S


def _without(these: list[Alert], those: list[Alert]) -> list[Alert]:
    return [alert for alert in these if not any(_same(alert, other) for other in those)]


def _same(one: Alert, other: Alert) -> bool:
    about = (one.type, one.cause) == (other.type, other.cause)
    return about and abs(one.raised_at.since(other.raised_at)) <= SAME_S


def _say(sign: str, alerts: list[Alert], home: Home, args: argparse.Namespace) -> None:
    """Each alert that only one of the plans raises, with its reason."""
    language = args.language or home.hub.language
    for alert in alerts:
        if args.json:
            print_json({"only": "new" if sign == "+" else "old", "alert": alert})
            continue
        when = alert.raised_at.local(home.zone).strftime("%Y-%m-%d %H:%M")
        why = sentence(alert, language, home.zone)
        line = f"{sign} {when}  {alert.severity}  {title(alert.type, language)}  {why}"
        console().print(line, markup=False, highlight=False)


def _sum_up(
    before: list[Alert], after: list[Alert], months: float, args: argparse.Namespace
) -> None:
    old, new = Counter(a.type for a in before), Counter(a.type for a in after)
    for type_ in sorted(old | new):
        rates = (old[type_] / months, new[type_] / months)
        if args.json:
            print_json({"type": type_, "old_a_month": rates[0], "new_a_month": rates[1]})
        else:
            line = f"{rates[0]:8.2f} -> {rates[1]:6.2f} a month  {type_}"
            console().print(line, markup=False, highlight=False)
