"""From coded evidence to one sentence, in Chinese and in English.

What was observed comes first, then what is usual here, then what speaks against it. A moment is
a time of day where the clock was trusted ("since 21:10"), else a duration ("for 3 h 10 min"),
because a wrong time of day would mislead whoever goes there. The words are in words.py.
"""

from __future__ import annotations

from datetime import datetime, tzinfo

import msgspec

from gateway.records import Alert, DeviceKind, Evidence, Fact, Finding, Instant, RoomKind
from gateway.words import (
    PHRASES,
    UNITS,
    Language,
    condition_name,
    device_name,
    device_state_name,
    outcome_name,
    place_name,
    room_name,
    severity_name,
    state_name,
    title,
)

__all__ = [
    "Language",
    "condition_name",
    "device_name",
    "device_state_name",
    "duration",
    "outcome_name",
    "place_name",
    "reasons",
    "room_name",
    "sentence",
    "severity_name",
    "state_name",
    "title",
]


class _View(msgspec.Struct, frozen=True):
    """From where a fact is looked at."""

    language: Language
    zone: tzinfo
    now: Instant
    place: str
    cause: str


def sentence(
    spoken: Alert | Finding,
    language: Language,
    zone: tzinfo,
    room: RoomKind | None = None,
    kind: DeviceKind | None = None,
    now: Instant | None = None,
) -> str:
    """One sentence that says why. `room` and `kind` are the cause's; `now` is when it is read
    ("today" is today's): without it, when it was said."""
    said_at = spoken.at if isinstance(spoken, Finding) else spoken.changed_at
    place = place_name(room, kind, language)
    view = _View(language, zone, now or said_at, place, spoken.cause)
    evidence = spoken.evidence
    parts = [evidence.observed, evidence.usual, evidence.against]
    clauses = [_joined(facts, view) for facts in parts if facts]
    return _capital(("；" if language == "zh" else "; ").join(clauses))


def reasons(
    evidence: Evidence,
    language: Language,
    zone: tzinfo,
    now: Instant,
    room: RoomKind | None = None,
    kind: DeviceKind | None = None,
    cause: str = "",
) -> list[str]:
    """Every fact by itself, the rule and its limit too, for whoever asks the hub why."""
    view = _View(language, zone, now, place_name(room, kind, language), cause)
    facts = (*evidence.observed, *evidence.usual, *evidence.rule, *evidence.against)
    return [_capital(_clause(fact, view)) for fact in facts]


def _joined(facts: tuple[Fact, ...], view: _View) -> str:
    return ("，" if view.language == "zh" else ", ").join(_clause(fact, view) for fact in facts)


def _clause(fact: Fact, view: _View) -> str:
    chinese, english = PHRASES[fact.code]
    phrase = chinese if view.language == "zh" else english
    return phrase.format(
        since=_since(fact.since, view, "{}后"),
        begun=_since(fact.since, view, "自{}起"),
        at=_at(fact.since, view),
        value=_amount(fact, view.language),
        place=view.place,
        cause=f"“{view.cause}”",
    )


def _since(moment: Instant | None, view: _View, chinese: str) -> str:
    """今日21:10后, " since 21:10"; without a trusted clock 已3小时10分, " for 3 h 10 min"."""
    if moment is None:
        return ""
    clock = _clock(moment, view)
    if clock is not None:
        return chinese.format(clock) if view.language == "zh" else f" since {clock}"
    lasted = duration(view.now.since(moment), view.language)
    return f"已{lasted}" if view.language == "zh" else f" for {lasted}"


def _at(moment: Instant | None, view: _View) -> str:
    """今日14:02, " at 14:02"; without a trusted clock 3分钟前, " 3 min ago"."""
    if moment is None:
        return ""
    clock = _clock(moment, view)
    if clock is not None:
        if view.language == "zh":
            return clock
        return f" at {clock}" if clock[0].isdigit() and len(clock) == 5 else f" {clock}"
    ago = duration(view.now.since(moment), view.language)
    return f"{ago}前" if view.language == "zh" else f" {ago} ago"


def _clock(moment: Instant, view: _View) -> str | None:
    """Day and time of day in the home, or None where one of the two clocks is not trusted."""
    if not (moment.trusted and view.now.trusted):
        return None
    then, now = moment.local(view.zone), view.now.local(view.zone)
    return _day(then, now, view.language) + f"{then:%H:%M}"


def _day(then: datetime, now: datetime, language: Language) -> str:
    days = (now.date() - then.date()).days
    year = "" if then.year == now.year else str(then.year)
    if language == "zh":
        date = (f"{year}年" if year else "") + f"{then.month}月{then.day}日"
        return {0: "今日", 1: "昨日"}.get(days, date)
    date = f"{then.day} {MONTHS[then.month - 1]} " + (f"{year} " if year else "")
    return {0: "", 1: "yesterday "}.get(days, date)


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def duration(seconds: float, language: Language) -> str:
    """6小时20分, "6 h 20 min"; 45分钟, "45 min"; 5秒, "5 s"; from two days on, days and hours."""
    total = max(0, round(seconds))
    if total < 60:
        return _units((total, 0), ("秒", ""), ("s", ""), language)
    minutes = round(seconds / 60)
    if minutes < 60:
        return _units((minutes, 0), ("分钟", ""), ("min", ""), language)
    if minutes < 2 * 24 * 60:
        return _units(divmod(minutes, 60), ("小时", "分"), ("h", "min"), language)
    hours = round(seconds / 3600)
    return _units(divmod(hours, 24), ("天", "小时"), ("days", "h"), language)


def _units(
    amounts: tuple[int, int], chinese: tuple[str, str], english: tuple[str, str], language: Language
) -> str:
    names = chinese if language == "zh" else english
    space = "" if language == "zh" else " "
    pairs = [pair for n, pair in enumerate(zip(amounts, names, strict=True)) if n == 0 or pair[0]]
    return space.join(f"{amount}{space}{name}" for amount, name in pairs)


def _amount(fact: Fact, language: Language) -> str:
    if fact.value is None:
        return ""
    if fact.unit == "s":
        return duration(fact.value, language)
    if fact.unit == "clock":  # seconds after midnight
        return f"{int(fact.value // 3600) % 24:02d}:{int(fact.value // 60) % 60:02d}"
    value, unit = fact.value, fact.unit
    if unit == "m3" and value < 1:
        return f"{value * 1000:.3g}{'升' if language == 'zh' else ' L'}"
    name = UNITS.get(unit, (unit, f" {unit}"))[language == "en"] if unit else ""
    return f"{value:.6g}{name}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
