"""How commands speak: colours where a person watches, JSON where a script does."""

from __future__ import annotations

import sys
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from rich.console import Console


class Exit(IntEnum):
    """Exit codes that scripts can use."""

    WELL = 0
    WRONG = 1
    """Something is wrong in the home, the plan or the file, and the output says what."""
    USAGE = 2
    """The call or its input cannot be used."""
    SILENT = 3
    """The daemon does not answer."""
    INTERRUPTED = 130


class Complaint(Exception):
    """What went wrong and what to do about it, for a person."""

    def __init__(self, what: str, remedy: str = "", code: Exit = Exit.USAGE) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.code = code


def complain(complaint: Complaint) -> int:
    err = console(stderr=True)
    err.print(f"lamplight: {complaint.what}", style="red", markup=False, highlight=False)
    if complaint.remedy:
        err.print(f"  {complaint.remedy}", markup=False, highlight=False)
    return complaint.code


@cache
def console(stderr: bool = False) -> Console:
    """Rich's console: it drops colour by itself where nobody watches (or NO_COLOR is set)."""
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=True)


def print_json(value: object) -> None:
    """One JSON object on one line, flushed, so that a reader sees it at once."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()
