"""Fits a TOML table to a record and goes on after a mistake, so that a person sees them all.

`msgspec.convert` stops at the first error; here it is asked once per value. A value that does not
fit is reported and replaced by its default (or a blank; text stays), so that what refers to it
can still be checked: a room whose kind is misspelt still exists.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec import inspect as shapes
from msgspec.structs import FieldInfo

from gateway.home import Mistake

S = TypeVar("S", bound=Struct)

INSTEAD = {
    "password": "put it into a file that only the hub's user can read, and name it: password_file",
}
"""Keys people expect, and what to do instead."""

TOML_WORDS = {
    bool: "true or false",
    str: "text",
    int: "a number",
    float: "a number",
    dict: "a table",
    list: "a list",
}


def nearest(word: str, known: Iterable[str], label: str = "use one of") -> str:
    """What was perhaps meant; else what there is to choose from."""
    choices = list(known)
    close = difflib.get_close_matches(word.lower(), choices, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"{label}: {', '.join(choices)}" if choices else "there is none yet"


def repeats(names: Iterable[str | None]) -> Iterator[tuple[int, int]]:
    """(first, again): where a name occurs for the second time and more, counted from 1."""
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if name and first.setdefault(name, number) != number:
            yield first[name], number


class Walk:
    """One pass over a file; `mistakes` grows."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def table(self, kind: type[S], value: object, key: str = "") -> S:
        """A record of this kind, blank where `value` does not say or says it wrong."""
        if not isinstance(value, dict):
            self._note(key, f"is {in_words(value)}, not a table", f"write it as [{key}]")
            value = {}
        fields = {info.encode_name: info for info in msgspec.structs.fields(kind)}
        meant = self._unknown_keys(value, fields, key)
        made = {
            info.name: self._field(info, value, _join(key, name), name in meant)
            for name, info in fields.items()
        }
        return kind(**made)

    def _unknown_keys(
        self, table: dict[str, object], fields: dict[str, FieldInfo], key: str
    ) -> set[str]:
        """Reports what no field is named; returns the keys that were probably meant."""
        meant = set()
        for name in [name for name in table if name not in fields]:
            free = [known for known in fields if known not in table]
            close = difflib.get_close_matches(name.lower(), free, n=1, cutoff=0.6)
            meant.update(close)
            remedy = INSTEAD.get(name) or nearest(name, close or fields, "keys here are")
            self._note(_join(key, name), "is not a key of a plan", remedy)
        return meant

    def _field(self, info: FieldInfo, table: dict[str, object], key: str, meant: bool) -> object:
        if info.encode_name in table:
            return self._value(info, table[info.encode_name], key)
        if info.required and not meant:
            self._note(key, "is missing", f"add it: {expected(info.type)}")
        return _default(info)

    def _value(self, info: FieldInfo, value: object, key: str) -> object:
        kind, many = _record(info.type)
        if kind is None:
            return self._leaf(info, value, key)
        if not many:
            return self.table(kind, value, key)
        if isinstance(value, dict):
            self._note(key, "is written once", f"it may repeat: write [[{key}]] with two brackets")
            value = [value]
        if not isinstance(value, list):
            self._note(key, f"is {in_words(value)}", f"write [[{key}]] and its keys below it")
            value = []
        return tuple(self.table(kind, item, f"{key}[{n}]") for n, item in enumerate(value, 1))

    def _leaf(self, info: FieldInfo, value: object, key: str) -> object:
        try:
            made: object = msgspec.convert(value, info.type)
        except msgspec.ValidationError:
            self._note(key, f"{in_words(value)} does not fit", _remedy(info.type, value))
            return value if _is_text(info.type) and isinstance(value, str) else _default(info)
        if isinstance(made, float) and not math.isfinite(made):
            self._note(key, "is no finite number", f"use {expected(info.type)}")
            return _default(info)
        return made

    def _note(self, key: str, wrong: str, remedy: str) -> None:
        self.mistakes.append(Mistake(key, wrong, remedy))


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _record(kind: Any) -> tuple[type[Struct] | None, bool]:
    """The record behind a type, and whether there may be several: R, R | None, tuple[R, ...]."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return kind, False
    for part in get_args(kind) if get_origin(kind) is not Literal else ():
        if isinstance(part, type) and issubclass(part, Struct):
            return part, get_origin(kind) in (tuple, list)
    return None, False


def _is_text(kind: Any) -> bool:
    return isinstance(_plain(shapes.type_info(kind)), shapes.StrType)


def _default(info: FieldInfo) -> object:
    if info.default is not NODEFAULT:
        return info.default
    if info.default_factory is not NODEFAULT:
        return info.default_factory()
    return _blank(info.type)


def _blank(kind: Any) -> object:
    """A harmless value of the type. The last choice of a closed set is its least eventful."""
    record, many = _record(kind)
    if record is not None:
        return () if many else Walk().table(record, {})
    found = _plain(shapes.type_info(kind))
    choices = _choices(found)
    if choices and isinstance(found, shapes.EnumType):
        return found.cls(choices[-1])
    if choices:
        return choices[-1]
    return {shapes.IntType: 0, shapes.FloatType: 0.0, shapes.BoolType: False}.get(type(found), "")


# ---------------------------------------------------------------- in a person's words


def in_words(value: object) -> str:
    """A TOML value as a person would name it: text "abc", the number 12, a table."""
    if isinstance(value, str):
        return f'text "{value}"' if value else "empty text"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    return TOML_WORDS.get(type(value), f"a {type(value).__name__} ({value})")


def expected(kind: Any) -> str:
    """What a value of this type looks like: "one of: a, b", "a number from 1 to 5"."""
    if _record(kind)[0] is not None:
        return "a table"
    whole = shapes.type_info(kind)
    if isinstance(whole, shapes.Metadata) and "description" in (whole.extra_json_schema or {}):
        return str((whole.extra_json_schema or {})["description"])
    found = _plain(whole)
    choices = _choices(found)
    if choices:
        return "one of: " + ", ".join(str(choice) or '""' for choice in choices)
    if isinstance(found, shapes.IntType):
        return "a whole number" + _bounds(found)
    if isinstance(found, shapes.FloatType):
        return "a number" + _bounds(found)
    if isinstance(found, shapes.BoolType):
        return "true or false"
    return _text(found)


def _text(found: shapes.Type) -> str:
    if isinstance(found, shapes.StrType):
        if found.pattern:
            return f"text in quotes that matches {found.pattern}"
        longest = f", at most {found.max_length} characters" if found.max_length else ""
        return "text in quotes" + longest
    if isinstance(found, shapes.DictType):
        return "a table of keys with text, numbers or true/false"
    return "a list"


def _bounds(found: shapes.IntType | shapes.FloatType) -> str:
    low = found.ge if found.ge is not None else found.gt
    high = found.le if found.le is not None else found.lt
    above = "" if found.gt is None else "more than "
    below = "" if found.lt is None else "less than "
    if low is None and high is None:
        return ""
    if low is None:
        return f", {below or 'at most '}{high:.10g}"
    if high is None:
        return f", {above or 'at least '}{low:.10g}"
    return f" from {above}{low:.10g} to {below}{high:.10g}"


def _plain(found: shapes.Type) -> shapes.Type:
    """Without its wrapping: metadata, and the None of an optional value."""
    if isinstance(found, shapes.Metadata):
        return _plain(found.type)
    if isinstance(found, shapes.UnionType):
        return next(_plain(part) for part in found.types if not isinstance(part, shapes.NoneType))
    return found


def _choices(found: shapes.Type) -> list[str | int]:
    if isinstance(found, shapes.EnumType):
        return [member.value for member in found.cls]
    if isinstance(found, shapes.LiteralType):
        return [value for value in found.values if value is not None]
    return []


def _remedy(kind: Any, value: object) -> str:
    found = _plain(shapes.type_info(kind))
    choices = [str(choice) for choice in _choices(found) if choice != ""]
    if choices and isinstance(value, str):
        return nearest(value, choices)
    if isinstance(found, shapes.StrType) and not isinstance(value, str):
        zeros = ": leading zeros are part of it" if isinstance(value, int | float) else ""
        return f'write it in quotes ("{value}"){zeros}'
    if isinstance(found, shapes.IntType | shapes.FloatType) and isinstance(value, str):
        return f"write it without quotes: {expected(kind)}"
    return f"use {expected(kind)}"
