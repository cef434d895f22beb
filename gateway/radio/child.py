"""A receiver program as a child process: it prints one JSON object a line, and is not trusted.

It may hang, flood, print half a line and die: it is stopped and started again, more and more
rarely while it gets nowhere. The last thing that it prints of itself says what is wrong.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress

import msgspec

from gateway.radio.lines import Lines
from gateway.records import Clock, Frame, RadioState

CHUNK = 4096
GRACE_S = 2.0
"""How long a child may take to stop when it is asked to, before it is killed."""
GUARD = ("setpriv", "--pdeathsig", "TERM", "--")
"""Ends the child when the hub is killed: else it would hold the receiver for ever."""


class Program(msgspec.Struct, frozen=True):
    """What to start, and how long to have patience with it (real seconds)."""

    command: tuple[str, ...]
    remedy: str
    """What to do where the program is missing."""
    silent_s: float = 180.0
    """It prints something at least this often, or it hangs."""
    steady_s: float = 10.0
    """Having run this long it is well, even though it has not heard anything yet."""
    back_off_s: tuple[float, float] = (1.0, 60.0)
    """First and longest pause before it is started again."""


class Child:
    """A Radio. `frames()` runs for ever, and ends its child when it is closed."""

    def __init__(
        self, name: str, driver: str, clock: Clock, program: Callable[[], Program]
    ) -> None:
        """`program` is asked at each start: it may have to write the child's settings."""
        self.name = name
        self._driver = driver
        self._clock = clock
        self._program = program
        self._lines = Lines()
        self._ends: Counter[str] = Counter()
        self._why = "not started yet"

    def state(self) -> RadioState:
        rejected = dict(self._lines.rejected + self._ends)
        return RadioState(self.name, not self._why, self._why, rejected)

    async def frames(self) -> AsyncIterator[Frame]:
        tries = 0
        while True:
            program = self._program()
            try:
                async with (
                    _started(program.command) as child,
                    aclosing(self._messages(child, program)) as messages,
                ):
                    async for message in messages:
                        tries = 0
                        yield Frame(self._driver, self.name, message, self._clock.now())
            except FileNotFoundError:
                self._why = f"{program.command[0]} is not installed: {program.remedy}"
            except OSError as error:
                self._why = f"{program.command[0]} cannot be started: {error.strerror}"
            first, longest = program.back_off_s
            await asyncio.sleep(min(first * 2.0**tries, longest) * random.uniform(0.8, 1.2))
            tries = min(tries + 1, 16)

    async def _messages(self, child: Process, program: Program) -> AsyncGenerator[bytes, None]:
        """What it prints, until it ends, falls silent or floods."""
        loop = asyncio.get_running_loop()
        self._lines.begin(loop.time())
        patience = program.steady_s if self._why else program.silent_s
        while not self._lines.flooded:
            chunk = await _read(child, patience)
            if chunk is None and not self._why:
                self._gone(program, "silent", f"printed nothing for {program.silent_s:.0f} s")
                return
            if chunk == b"":
                self._lines.end()
                said = self._lines.remark or "it said nothing"
                self._gone(program, "ended", f"ended by itself ({said})")
                return
            messages = self._lines.feed(chunk or b"", loop.time())
            if messages or chunk is None:
                self._why, patience = "", program.silent_s
            for message in messages:
                yield message
        self._gone(program, "flood", "prints more than any receiver hears")

    def _gone(self, program: Program, reason: str, why: str) -> None:
        self._ends[reason] += 1
        self._why = f"{program.command[0]} {why}; it is started again"


async def _read(child: Process, patience: float) -> bytes | None:
    """Some of its output; nothing at all when it has ended; None when it kept silent."""
    assert child.stdout is not None
    try:
        async with asyncio.timeout(patience):
            return await child.stdout.read(CHUNK)
    except TimeoutError:
        return None


@asynccontextmanager
async def _started(command: tuple[str, ...]) -> AsyncGenerator[Process, None]:
    """The program, in a group of its own. Raises OSError."""
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(command[0])
    guard = GUARD if shutil.which(GUARD[0]) else ()
    child = await asyncio.create_subprocess_exec(
        *guard, *command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True
    )
    try:
        yield child
    finally:
        await _end(child)


async def _end(child: Process) -> None:
    """It is asked to go, then killed with whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(GRACE_S):
            await child.wait()
    except TimeoutError:
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    await child.wait()
