"""A receiver program as a child process: it prints one JSON object a line, and is not trusted.

It may hang, flood, print half a line and die: it is stopped and started again, more and more
rarely while it gets nowhere. What it prints that is no JSON object (its log) is no message; the
last of it says what is wrong.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress

import msgspec

from gateway.radio.lines import Lines
from gateway.records import Clock, Frame, RadioState

CHUNK = 4096
GRACE_S = 2.0
"""How long a child may take to stop when it is asked to, before it is killed."""
UNASKED = ("setpriv", "--pdeathsig", "TERM", "--")
"""Ends the child when the hub is killed: else it would hold the receiver for ever."""


class Program(msgspec.Struct, frozen=True):
    """What to start, and how long to have patience with it (real seconds)."""

    command: tuple[str, ...]
    package: str
    """What to install where the program is missing."""
    silent_s: float = 180.0
    """It prints at least its statistics this often, or it hangs."""
    steady_s: float = 10.0
    """Running this long, it is well even though it has not heard anything yet."""
    back_off_s: tuple[float, float] = (1.0, 60.0)
    """First and longest pause before it is started again."""


class Child:
    """A Radio. `frames()` runs for ever; it ends its child when it is closed."""

    def __init__(
        self,
        name: str,
        driver: str,
        clock: Clock,
        program: Callable[[], Program],
        guards: Sequence[str] = UNASKED,
    ) -> None:
        """`program` is asked at each start (it may write the child's configuration)."""
        self.name = name
        self._driver = driver
        self._clock = clock
        self._make_program = program
        self._guards = tuple(guards)
        self._lines = Lines()
        self._restarts: Counter[str] = Counter()
        self._why = "not started yet"
        self._running = False
        self._steady_from = 0.0

    def state(self) -> RadioState:
        rejected = dict(self._lines.rejected + self._restarts)
        return RadioState(self.name, not self._why, self._why, rejected)

    async def frames(self) -> AsyncIterator[Frame]:
        tries = 0
        while True:
            program = self._make_program()
            try:
                async with self._started(program) as child:
                    async with aclosing(self._messages(child, program)) as messages:
                        async for message in messages:
                            tries = 0
                            yield Frame(self._driver, self.name, message, self._clock.now())
            except OSError as error:
                self._why = f"{program.command[0]} cannot be started: {error.strerror or error}"
            first, longest = program.back_off_s
            await asyncio.sleep(min(first * 2.0**tries, longest) * random.uniform(0.8, 1.2))
            tries = min(tries + 1, 16)

    async def _messages(self, child: Process, program: Program) -> AsyncGenerator[bytes, None]:
        """Until the child ends, falls silent or floods."""
        assert child.stdout is not None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + program.steady_s
        while True:
            try:
                async with asyncio.timeout(self._patience(program, deadline - loop.time())):
                    chunk = await child.stdout.read(CHUNK)
            except TimeoutError:
                if not self._is_well():
                    self._why, deadline = "", loop.time() + program.silent_s
                    continue
                self._give_up(program, "silent", f"printed nothing for {program.silent_s:.0f} s")
                return
            for message in self._lines.feed(chunk, loop.time()):
                self._why, deadline = "", loop.time() + program.silent_s
                yield message
            if self._lines.flooded:
                self._give_up(program, "flood", "printed more lines than any radio hears")
                return
            if not chunk:
                said = f": {self._lines.remark}" if self._lines.remark else ""
                self._give_up(program, "ended", f"ended by itself{said}")
                return
