"""Reads the plan of one home from TOML, and says everything that is wrong with it at once."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

import msgspec

from gateway.home import Home, Mistake, PlanError
from gateway.plan.ble import placed
from gateway.plan.check import mistakes
from gateway.plan.walk import Walk
from gateway.records import Driver

HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\- ]+?)\s*\]\]?\s*(#.*)?$")
ASSIGNMENT = re.compile(r"^\s*([A-Za-z0-9_.\-]+)\s*=")
PLACE = re.compile(r"^(.*?)\s*\(at line (\d+), column (\d+)\)$", re.DOTALL)

REMEDIES: tuple[tuple[str, str], ...] = (
    (r"=\s*[+-]?0\d", "write the number in quotes: leading zeros are part of it"),
    (r"=\s*\d{1,2}:\d{2}", 'write the time in quotes: "22:00"'),
    (r"=\s*(True|False|yes|no|on|off)\b", "write true or false, in small letters"),
    (r"=\s*[“”‘’「」]", 'use straight quotes: "..."'),  # noqa: RUF001
    (r"=\s*[^\W\d]", "write text in quotes"),
    (r"=\s*\"[^\"]*$|=\s*'[^']*$", "close the quotes on the same line"),
    (r"^\s*[^=\[]*$", "a line is [table], [[table]], key = value, or # a comment"),
)
"""What a line that is no TOML looks like, and what its writer probably did not know."""


def load(text: str, drivers: Mapping[str, Driver] | Collection[str]) -> Home:
    """The home that this text describes. Raises PlanError with every mistake in it.

    With the drivers themselves it can also say whether a device may be polled; with their names
    only whether they exist.
    """
    walk = Walk()
    home = walk.table(Home, _parse(text))
    found = _located(_one_each([*walk.mistakes, *mistakes(home, drivers)]), text)
    if found:
        raise PlanError(found)
    return placed(home, drivers) if isinstance(drivers, Mapping) else home


def _parse(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text + "\n")
    except tomllib.TOMLDecodeError as error:
        raise PlanError((_syntax(str(error), text),)) from error


def _syntax(message: str, text: str) -> Mistake:
    """One mistake; nothing after a syntax error can be trusted to mean what it says."""
    lines = text.splitlines()
    place = PLACE.match(message)
    if place is None:  # "(at end of document)"
        key = f"line {len(lines)}"
        return Mistake(key, f"the file ends too early ({message})", "close what is open there")
    wrong, number, column = place[1], int(place[2]), place[3]
    line = lines[number - 1] if number <= len(lines) else ""
    found = (remedy for pattern, remedy in REMEDIES if re.search(pattern, line))
    remedy = next(found, _repeated(wrong))
    return Mistake(f"line {number}, column {column}", f"{wrong}: {line.strip()}", remedy)


def _repeated(wrong: str) -> str:
    if "overwrite" in wrong or "declare" in wrong:
        return "it is there twice: delete one, or write [[...]] for a table that may repeat"
    return "see packaging/plan.example.toml for how it is written"


def _one_each(found: Iterable[Mistake]) -> list[Mistake]:
    """The first mistake of each key: what follows from it would only confuse."""
    first: dict[str, Mistake] = {}
    for mistake in found:
        first.setdefault(mistake.key, mistake)
    return list(first.values())


def _located(found: Iterable[Mistake], text: str) -> tuple[Mistake, ...]:
    """In the order of the file."""
    lines = line_numbers(text)
    located = [
        msgspec.structs.replace(mistake, line=_line(mistake.key, lines)) for mistake in found
    ]
    return tuple(sorted(located, key=lambda mistake: mistake.line))


def _line(key: str, lines: Mapping[str, int]) -> int:
    """The line of a key; if it has none of its own, that of the table it belongs in."""
    while key:
        for name in (key, key.replace("[1]", "")):
            if name in lines:
                return lines[name]
        key = key.rpartition(".")[0]
    return 0


def line_numbers(text: str) -> dict[str, int]:
    """Which line each key stands on: {"device[2]": 31, "device[2].address": 33}."""
    found: dict[str, int] = {}
    counts: Counter[str] = Counter()
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := HEADER.match(line):
            table = _counted(header[2].replace(" ", ""), header[1] == "[[", counts)
            found.setdefault(table, number)
            found.setdefault(table.partition(".")[0], number)
        elif assignment := ASSIGNMENT.match(line):
            key = f"{table}.{assignment[1]}" if table else assignment[1]
            found.setdefault(key, number)
    return found


def _counted(path: str, opens: bool, counts: Counter[str]) -> str:
    """`device.options` under the second [[device]] is `device[2].options`."""
    made = ""
    parts = path.split(".")
    for place, part in enumerate(parts, 1):
        made = f"{made}.{part}" if made else part
        if opens and place == len(parts):
            counts[made] += 1
        if counts[made]:
            made = f"{made}[{counts[made]}]"
    return made
