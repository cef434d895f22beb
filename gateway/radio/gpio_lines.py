"""GPIO lines through libgpiod 2: the only page that knows its Python package."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import gpiod

EVENTS_KEPT = 1024
"""Edges that the kernel keeps for us while the hub is busy."""


class Wanted(msgspec.Struct, frozen=True):
    """One line with a dry contact on it."""

    line: int
    bias: str = "pull_up"
    """pull_up: the contact closes to ground; pull_down: to 3.3 V; none: as pull_up, but the
    resistor is on the board."""
    debounce_ms: int = 30


class Edge(msgspec.Struct, frozen=True):
    """A contact opened or closed. `at`: seconds of the kernel's monotonic clock."""

    line: int
    closed: bool
    at: float


class GpioLines:
    """Lines held for nobody else; `close()` gives them back. Every method raises OSError."""

    def __init__(self, request: gpiod.LineRequest) -> None:
        self._request = request

    def fileno(self) -> int:
        """Readable as soon as there are edges."""
        return self._request.fd

    def values(self) -> dict[int, bool]:
        """Which circuits are closed, by line."""
        from gpiod.line import Value

        offsets = self._request.offsets
        values = self._request.get_values(offsets)
        return dict(zip(offsets, (value is Value.ACTIVE for value in values), strict=True))

    def edges(self) -> list[Edge]:
        """The changes since the last call; waits for one if there is none."""
        return [
            Edge(
                event.line_offset,
                event.event_type is event.Type.RISING_EDGE,
                event.timestamp_ns / 1e9,
            )
            for event in self._request.read_edge_events()
        ]

    def close(self) -> None:
        self._request.release()


def open_lines(path: str, wanted: Sequence[Wanted]) -> GpioLines:
    """Raises OSError (no such chip, no such line, taken), ImportError (no gpiod package)."""
    import gpiod

    request = gpiod.request_lines(
        path,
        config={one.line: _settings(one) for one in wanted},
        consumer="lamplight",
        event_buffer_size=EVENTS_KEPT,
    )
    return GpioLines(request)


def _settings(wanted: Wanted) -> gpiod.LineSettings:
    import gpiod
    from gpiod.line import Bias, Direction, Edge

    biases = {"pull_up": Bias.PULL_UP, "pull_down": Bias.PULL_DOWN, "none": Bias.AS_IS}
    return gpiod.LineSettings(
        direction=Direction.INPUT,
        edge_detection=Edge.BOTH,
        bias=biases[wanted.bias],
        # "Active" is a closed circuit, whichever way it pulls the line.
        active_low=wanted.bias != "pull_down",
        debounce_period=timedelta(milliseconds=wanted.debounce_ms),
    )
