"""What a bench returns and how it is printed: figures beside their floor and their aim."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

Size = Literal["full", "quick", "smallest"]
"""How much is measured. `smallest` only shows that the bench still runs."""

Unit = Literal["us", "ms", "s", "1/s", "MB", "GB", "%", ""]


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One measured value. `floor` is what the machine needs at least, measured in the same run."""

    what: str
    value: float
    unit: Unit
    floor: float | None = None
    most: float | None = None
    """The aim: the value is to be no more than this."""
    most_ratio: float | None = None
    """The aim: no more than so many times the floor."""

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None

    @property
    def met(self) -> bool | None:
        """None: nothing was promised."""
        if self.most is not None:
            return self.value <= self.most
        if self.most_ratio is not None and self.ratio is not None:
            return self.ratio <= self.most_ratio
        return None


class Table(msgspec.Struct, frozen=True):
    """The result of one bench."""

    name: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    """How it was measured, as far as a reader needs it beside the figures."""


class Machine(msgspec.Struct, frozen=True):
    cores: int
    architecture: str
    python: str
    load: float
    """Of the last minute, before the first bench."""

    def __str__(self) -> str:
        return (
            f"{self.cores} cores, {self.architecture}, {self.python}, "
            f"load {self.load:.1f} (others' work included)"
        )


def machine() -> Machine:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return Machine(os.cpu_count() or 1, platform.machine(), python, os.getloadavg()[0])


def quantile(values: Iterable[float], share: float) -> float:
    """0.5 is the median, 0.99 what one in a hundred exceeds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def lines(table: Table) -> list[str]:
    """As a Markdown table, which a person can read as well."""
    rows = [("", "measured", "floor", "ratio", "aim", "")]
    rows += [_row(figure) for figure in table.figures]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    drawn = [_line(row, widths) for row in rows]
    rule = "|".join(["", *("-" * (width + 2) for width in widths), ""])
    return [f"## {table.name}", "", drawn[0], rule, *drawn[1:], "", *table.notes, ""]


def _row(figure: Figure) -> tuple[str, str, str, str, str, str]:
    verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
    return (
        figure.what,
        _amount(figure.value, figure.unit),
        "" if figure.floor is None else _amount(figure.floor, figure.unit),
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        _aim(figure),
        verdict,
    )


def _aim(figure: Figure) -> str:
    if figure.most is not None:
        return f"<= {_amount(figure.most, figure.unit)}"
    return "" if figure.most_ratio is None else f"<= {figure.most_ratio:g}x"


def _amount(value: float, unit: Unit) -> str:
    digits = 0 if value >= 1000 else 1 if value >= 100 else 2 if value >= 1 else 3
    return f"{value:.{digits}f} {unit}".strip()


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if n in (0, 5) else cell.rjust(width)
        for n, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "| " + " | ".join((first, *others)) + " |"
