"""The past through the same rules: frames or readings in, the alerts they would have made out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.pipeline import Pipeline
from gateway.records import Alert, Frame, Instant, Reading

TICK_S = 60.0
"""Seconds between two passes of the rules; live they are closer, and no rule here is finer."""


def replay(
    pipeline: Pipeline, past: Iterable[Frame | Reading], tick_s: float = TICK_S
) -> Iterator[tuple[Frame | Reading, list[Alert]]]:
    """Each entry with the new revisions up to and including it, in the order of the timeline.

    `past` is in order of time. Pure: a year passes as fast as the rules can think.
    """
    previous: Instant | None = None
    for entry in past:
        alerts: list[Alert] = []
        if previous is not None:
            for tick in _ticks(previous, entry.at, tick_s):
                alerts += pipeline.on_tick(tick).alerts
        step = pipeline.on_frame(entry) if isinstance(entry, Frame) else pipeline.on_reading(entry)
        alerts += step.alerts
        previous = entry.at
        yield entry, alerts


def _ticks(after: Instant, until: Instant, tick_s: float) -> Iterator[Instant]:
    """The ticks between two entries; the wall clock goes with the timeline in between."""
    count = int(until.since(after) // tick_s)
    for number in range(1, count + 1):
        passed = number * tick_s
        yield Instant(after.line + passed, after.wall + passed, after.trusted and until.trusted)
