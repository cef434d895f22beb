"""Contacts on the hub's own GPIO lines: the kernel tells each edge, with its own time.

The line's number and what hangs on it are the plan's; what a closed circuit means is the driver's
(`drivers/gpio_contacts.py`). Debouncing is the kernel's.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol

from gateway.home import Port
from gateway.radio.gpio_lines import Edge, Wanted, open_lines
from gateway.records import Clock, Device, Frame, Instant, RadioState

DRIVER = "gpio_contacts"
LOOK_S = 30.0
"""The lines are read this often although nothing changed: it says that they are there."""
BACK_OFF_S = (1.0, 60.0)
CHIP = "/dev/gpiochip"
NO_PACKAGE = "the package gpiod is missing: pip install 'lamplight-hub[gpio]'"


class Lines(Protocol):
    def fileno(self) -> int: ...

    def values(self) -> dict[int, bool]: ...

    def edges(self) -> list[Edge]: ...

    def close(self) -> None: ...


class GpioPort:
    """A Radio. `frames()` runs for ever; where there is no GPIO it says so, and tries again."""

    def __init__(
        self,
        settings: Port,
        devices: Sequence[Device],
        clock: Clock,
        opens: Callable[[str, Sequence[Wanted]], Lines] = open_lines,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = settings.name
        self._path = settings.device
        self._wanted = wanted(devices)
        self._clock = clock
        self._opens = opens
        self._monotonic = monotonic
        self._why = "not opened yet"

    def state(self) -> RadioState:
        return RadioState(self.name, not self._why, self._why)

    async def frames(self) -> AsyncIterator[Frame]:
        pause, longest = BACK_OFF_S
        while True:
            try:
                lines = self._opens(self._path, self._wanted)
                async with aclosing(self._listen(lines)) as frames:
                    async for frame in frames:
                        pause = BACK_OFF_S[0]
                        yield frame
            except (OSError, ImportError) as error:
                self._why = advice(error, self._path)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(pause * 2, longest)

    async def _listen(self, lines: Lines) -> AsyncGenerator[Frame, None]:
        loop = asyncio.get_running_loop()
        heard: asyncio.Queue[list[Edge] | OSError] = asyncio.Queue()
        # Read in the callback: asked once too often, the kernel lets a reader wait.
        loop.add_reader(lines.fileno(), lambda: heard.put_nowait(_edges(lines)))
        try:
            closed = lines.values()
            yield self._frame(closed, self._clock.now())
            self._why = ""
            while True:
                edges = await _within(heard, LOOK_S)
                if edges is None:
                    closed = lines.values()
                    yield self._frame(closed, self._clock.now())
                for edge in edges or ():
                    closed[edge.line] = edge.closed
                    yield self._frame(closed, self._when(edge), edge.line)
        finally:
            loop.remove_reader(lines.fileno())
            lines.close()

    def _frame(self, closed: Mapping[int, bool], at: Instant, edge: int | None = None) -> Frame:
        states = " ".join(f"{line}={value:d}" for line, value in sorted(closed.items()))
        changed = "" if edge is None else f" edge={edge}"
        return Frame(DRIVER, self.name, f"{states}{changed};".encode(), at)

    def _when(self, edge: Edge) -> Instant:
        """The kernel's time of an edge on the home's timeline."""
        now = self._clock.now()
        age = min(max(self._monotonic() - edge.at, 0.0), LOOK_S)
        return Instant(now.line - age, now.wall - age, now.trusted)


def _edges(lines: Lines) -> list[Edge] | OSError:
    try:
        return lines.edges()
    except OSError as gone:
        return gone


async def _within(heard: asyncio.Queue[list[Edge] | OSError], seconds: float) -> list[Edge] | None:
    """The next edges; None if nothing changes for so long. Raises OSError."""
    try:
        async with asyncio.timeout(seconds):
            edges = await heard.get()
    except TimeoutError:
        return None
    if isinstance(edges, OSError):
        raise edges
    return edges


def wanted(devices: Sequence[Device]) -> list[Wanted]:
    """The lines that these devices use, with the loops that watch their cables."""
    lines: dict[int, Wanted] = {}
    for device in devices:
        bias = str(device.options.get("bias", "pull_up"))
        debounce = int(device.options.get("debounce_ms", 30))
        loop = device.options.get("loop", "")
        for number in (device.address, loop):
            if number != "":
                lines[int(number)] = Wanted(int(number), bias, debounce)
    return [lines[number] for number in sorted(lines)]


def advice(error: OSError | ImportError, path: str) -> str:
    """What a person can do when the lines cannot be had."""
    if isinstance(error, ImportError):
        return NO_PACKAGE
    if isinstance(error, FileNotFoundError):
        return (
            f"this machine has no GPIO at {path}: name its chip (gpiodetect lists them), or wire "
            "the contacts to a Modbus input module"
        )
    if isinstance(error, PermissionError):
        return f"no permission for {path}: add the hub's user to group gpio"
    return f"the lines of {path} cannot be had: {error.strerror or error}"
