"""What the watch over inactivity remembers: two silences, and where everybody was."""

from __future__ import annotations

import msgspec

from gateway.detect._signs import Memory, Trigger
from gateway.detect._whereabouts import Whereabouts
from gateway.records import Instant


class Silence(msgspec.Struct):
    """Since when it has been quiet, on the timeline and on the wall, and where it began."""

    since: Instant | None = None
    local: float | None = None
    place: str = ""
    whole: bool = True
    """Nobody was deaf in between, so it may be learnt from."""


class Watching(msgspec.Struct):
    any: Silence = msgspec.field(default_factory=Silence)
    sure: Silence = msgspec.field(default_factory=Silence)
    whereabouts: Whereabouts = msgspec.field(default_factory=Whereabouts)
    triggers: list[Trigger] = []
    memory: Memory = msgspec.field(default_factory=Memory)
    in_bed: set[str] = set()
    blind: set[str] = set()
    last: Instant | None = None
    told: bool = False
    absent_told: bool = False
    gaps: dict[str, object] = {}
