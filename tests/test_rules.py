"""Every threshold can be changed by the plan, within bounds, and says its unit and its source."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec.inspect import FloatType, IntType, Metadata, StrType, StructType, type_info

from gateway import rules
from gateway.rules import Rules, minute_of_day, within

UNIT = re.compile(
    r"_(s|min|h|days|m3|w|m3_h|percent|from|until|factor|per_min|per_month|activations|sensors|intervals|c)$"
)


def thresholds() -> Iterator[tuple[str, str, Any]]:
    """(table, key, field)"""
    plan = type_info(Rules)
    assert isinstance(plan, StructType)
    for table in plan.fields:
        assert isinstance(table.type, StructType)
        for field in table.type.fields:
            yield table.name, field.name, field


ALL = list(thresholds())


@pytest.mark.parametrize(("table", "key", "field"), ALL, ids=[f"{t}.{k}" for t, k, _ in ALL])
def test_a_threshold_has_a_default_within_its_bounds(table: str, key: str, field: Any) -> None:
    assert UNIT.search(key), "the unit belongs into the name"
    kind = field.type.type if isinstance(field.type, Metadata) else field.type
    if isinstance(kind, StrType):
        assert kind.pattern
    else:
        assert isinstance(kind, FloatType | IntType)
        assert kind.ge is not None or kind.gt is not None
        assert kind.le is not None
    assert msgspec.convert({table: {key: field.default}}, Rules) == Rules()


def test_every_threshold_says_where_it_comes_from() -> None:
    source = inspect.getsource(rules)
    for _, key, _ in ALL:
        assert re.search(rf'    {key}: [^\n]*\n    """', source), (
            f"{key} has no word of explanation"
        )


@pytest.mark.parametrize(
    "plan",
    [
        {"water": {"no_use_h": 0}},
        {"water": {"judged_from": "7:00"}},
        {"water": {"judged_from": "24:00"}},
        {"supervision": {"ceiling_h": 26}},
        {"water": {"no_use_hours": 12}},
        {"watre": {}},
    ],
)
def test_a_plan_cannot_go_beyond_the_bounds_or_invent_a_threshold(plan: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(plan, Rules)


@pytest.mark.parametrize(
    ("minute", "start", "end", "inside"),
    [
        ("07:00", "07:00", "22:00", True),
        ("21:59", "07:00", "22:00", True),
        ("22:00", "07:00", "22:00", False),
        ("23:30", "22:00", "06:00", True),
        ("05:59", "22:00", "06:00", True),
        ("06:00", "22:00", "06:00", False),
        ("12:00", "12:00", "12:00", False),
    ],
)
def test_a_window_may_go_over_midnight(minute: str, start: str, end: str, inside: bool) -> None:
    assert within(minute_of_day(minute), start, end) is inside
