"""Who owns an open line: the one who asks the devices of a bus in turn, or the one who listens."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Sequence

from gateway.radio.framing import Splitter
from gateway.radio.line import Line
from gateway.radio.polling import Asked, Schedule
from gateway.records import BadFrame, Clock, Driver, Frame, SerialLine

BLIND_S = 60.0
"""A bus on which nobody has answered for this long, and in three polls each, is blind."""
SHORT_S = 1.0
"""A rest of up to this long is slept through; in a longer one an unplug is noticed at once."""
LONGEST_REPLY_S = 5.0
"""A device that babbles is cut off after this, so that it cannot keep the bus."""


class Listener:
    """One driver's devices speak by themselves; a pause drops what is unfinished."""

    def __init__(self, name: str, driver: Driver, speaks: SerialLine, clock: Clock) -> None:
        self._name = name
        self._driver = driver
        self._speaks = speaks
        self._clock = clock
        self._splitter = Splitter(driver)

    def first_line(self) -> SerialLine:
        return self._speaks

    def rejected(self) -> Counter[str]:
        return self._splitter.rejected

    def blind_for(self) -> float:
        """Never: whether a device that speaks by itself is late, its supervision knows."""
        return 0.0

    async def frames(self, line: Line) -> AsyncGenerator[Frame, None]:
        """Whatever comes, for ever."""
        self._splitter.idle()
        while True:
            gap = self._speaks.idle_gap_s if self._splitter.pending else None
            chunk = await line.read(gap)
            payloads = self._splitter.feed(chunk) if chunk else self._splitter.idle()
            for payload in payloads:
                yield Frame(self._driver.name, self._name, payload, self._clock.now())


class PolledBus:
    """Devices that speak when spoken to, one at a time."""

    def __init__(
        self,
        name: str,
        conversations: Sequence[Asked],
        speaks: Callable[[SerialLine], SerialLine],
        clock: Clock,
    ) -> None:
        self._name = name
        self._schedule = Schedule(conversations)
        self._clock = clock
        drivers = {one.driver.name: one.driver for one in conversations}
        self._splitters = {name: Splitter(driver) for name, driver in drivers.items()}
        self._lines = {name: speaks(driver.line) for name, driver in drivers.items()}
        self._rejected: Counter[str] = Counter()
        self._heard_at = clock.now()

    def first_line(self) -> SerialLine:
        return next(iter(self._lines.values()), SerialLine())

    def rejected(self) -> Counter[str]:
        """Noise and time-outs by reason, since the start of the program."""
        return sum((one.rejected for one in self._splitters.values()), Counter(self._rejected))

    def blind_for(self) -> float:
        """Seconds since anybody answered, if that is too long; 0 = the bus is well."""
        asked = self._schedule.conversations
        silence = self._clock.now().since(self._heard_at)
        blind = asked and silence >= BLIND_S and all(one.silent for one in asked)
        return silence if blind else 0.0

    async def frames(self, line: Line) -> AsyncGenerator[Frame, None]:
        """Ask for ever, in the order of the schedule."""
        loop = asyncio.get_running_loop()
        self._heard_at = self._clock.now()
        self._schedule.restart(self._heard_at.line)
        while True:
            asked = self._schedule.next(self._clock.now().line, loop.time())
            if asked is None:
                await self._rest(line)
                continue
            for frame in await self._converse(line, asked):
                yield frame

    async def _rest(self, line: Line) -> None:
        """Nobody is due: wait, and count what comes unasked (a late answer, or noise)."""
        real = asyncio.get_running_loop().time()
        clock_s, real_s = self._schedule.pause(self._clock.now().line, real)
        if clock_s > SHORT_S:
            chunk = await line.rest(self._clock.sleep(clock_s))
        else:
            await (self._clock.sleep(clock_s) if clock_s else asyncio.sleep(real_s))
            chunk = line.take()
        if chunk:
            self._rejected["unasked"] += 1

    async def _converse(self, line: Line, asked: Asked) -> list[Frame]:
        """One poll, from its first request to its last reply, or to a time-out."""
        await line.configure(self._lines[asked.driver.name])
        talk = asked.begin()
        request = next(talk, None)
        frames: list[Frame] = []
        while request is not None:
            began = asyncio.get_running_loop().time()
            reply = await self._ask(line, asked, request, frames)
            if reply is None:
                talk.close()
                self._silence(asked, began)
                return frames
            self._heard_at = self._clock.now()
            request = self._next_request(talk, reply)
        self._schedule.answered(asked, self._heard_at.line, asyncio.get_running_loop().time())
        return frames

    async def _ask(
        self, line: Line, asked: Asked, request: bytes, frames: list[Frame]
    ) -> bytes | None:
        """The answer, or None when nobody gave one in time. Whatever is heard meanwhile is added
        to `frames`, but for our own request coming back."""
        driver, reply = asked.driver, None
        splitter, speaks = self._splitters[driver.name], self._lines[driver.name]
        splitter.idle()
        await line.write(request)
        wait = Wait(line.wire_time(len(request)) + speaks.timeout_s, speaks.idle_gap_s)
        while reply is None and (left := wait.left(splitter.pending > 0)) > 0:
            chunk = await line.read(left)
            if chunk:
                wait.heard()
            for payload in splitter.feed(chunk) if chunk else splitter.idle():
                if not request.endswith(payload):
                    frame = Frame(driver.name, self._name, payload, self._clock.now())
                    frames.append(frame)
                    reply = payload if reply is None and asked.answered_by(frame) else reply
        return reply

    def _next_request(self, talk: Generator[bytes, bytes, None], reply: bytes) -> bytes | None:
        """None when the conversation has ended, or the reply makes no sense in it."""
        try:
            return talk.send(reply)
        except StopIteration:
            return None
        except BadFrame as bad:
            self._rejected[bad.reason] += 1
            return None

    def _silence(self, asked: Asked, began: float) -> None:
        """It cost one time-out, and says so."""
        self._rejected[f"timeout:{asked.name}"] += 1
        real = asyncio.get_running_loop().time()
        self._schedule.missed(asked, self._clock.now().line, real, real - began)


class Wait:
    """How long an answer is waited for, in real seconds: longer while it is coming in."""

    def __init__(self, timeout_s: float, gap_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._gap_s = gap_s
        self._until = self._loop.time() + timeout_s
        self._last = self._until + LONGEST_REPLY_S

    def heard(self) -> None:
        self._until = min(max(self._until, self._loop.time() + self._gap_s), self._last)

    def left(self, unfinished: bool) -> float:
        """An unfinished message is waited for no longer than the gap that ends it."""
        left = self._until - self._loop.time()
        return min(left, self._gap_s) if unfinished else left
