"""One thing that the doctor looked at."""

from __future__ import annotations

from typing import Literal

import msgspec


class Check(msgspec.Struct, frozen=True):
    """What was looked at, how it is, what was found, and what to do about it."""

    name: str
    ok: Literal["ok", "warn", "fail"]
    found: str
    remedy: str = ""


def well(name: str, found: str) -> Check:
    return Check(name, "ok", found)


def doubtful(name: str, found: str, remedy: str) -> Check:
    return Check(name, "warn", found, remedy)


def ill(name: str, found: str, remedy: str) -> Check:
    return Check(name, "fail", found, remedy)


def advised(name: str, text: str) -> Check:
    """From "what is wrong: what to do", as ports and links say it."""
    found, colon, remedy = text.partition(": ")
    return ill(name, found, remedy if colon else "see the manual of the device")
