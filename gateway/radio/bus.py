"""Who owns an open line: the one who asks the devices of a bus in turn, or the one who listens."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing

from gateway.radio.framing import Splitter
from gateway.radio.line import Line
from gateway.radio.polling import Asked, Schedule
from gateway.records import BadFrame, Clock, Driver, Echo, Frame, SerialLine, Stranger

BLIND_S = 60.0
"""A bus on which nobody has answered for this long, and in three polls each, is blind."""
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
        self._speaks = speaks
        self._clock = clock
        drivers = {one.driver.name: one.driver for one in conversations}
        self._splitters = {name: Splitter(driver) for name, driver in drivers.items()}
        self._rejected: Counter[str] = Counter()
        self._heard_at = clock.now()

    def first_line(self) -> SerialLine:
        asked = self._schedule.conversations
        return self._speaks(asked[0].driver.line if asked else SerialLine())

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
            async with aclosing(self._converse(line, asked)) as frames:
                async for frame in frames:
                    yield frame

    async def _rest(self, line: Line) -> None:
        """Nobody is due: wait, and count what comes unasked (a late answer, or noise)."""
        real = asyncio.get_running_loop().time()
        clock_s, real_s = self._schedule.pause(self._clock.now().line, real)
        waiting = self._clock.sleep(clock_s) if clock_s else asyncio.sleep(real_s)
        if await line.rest(waiting):
            self._rejected["unasked"] += 1

    async def _converse(self, line: Line, asked: Asked) -> AsyncGenerator[Frame, None]:
        """One poll, from its first request to its last reply, or to a time-out."""
        speaks = self._speaks(asked.driver.line)
        await line.configure(speaks)
        talk = asked.begin()
        request = next(talk, None)
        while request is not None:
            began = asyncio.get_running_loop().time()
            exchange = Exchange(request, speaks, self._splitters[asked.driver.name])
            async for payload in exchange.payloads(line):
                frame = Frame(asked.driver.name, self._name, payload, self._clock.now())
                exchange.over |= answers(frame, asked)
                yield frame
            if not exchange.over:
                talk.close()
                self._silence(asked, began)
                return
            self._heard_at = self._clock.now()
            request = _send(talk, exchange.last)
        self._schedule.answered(asked, self._heard_at.line, asyncio.get_running_loop().time())

    def _silence(self, asked: Asked, began: float) -> None:
        """It cost one time-out, and says so."""
        self._rejected[f"timeout:{asked.name}"] += 1
        real = asyncio.get_running_loop().time()
        self._schedule.missed(asked, self._clock.now().line, real, real - began)


class Exchange:
    """One request, and what is heard until somebody sets `over`, or nobody answers in time."""

    def __init__(self, request: bytes, speaks: SerialLine, splitter: Splitter) -> None:
        self.over = False
        self.last = b""
        self._request = request
        self._speaks = speaks
        self._splitter = splitter

    async def payloads(self, line: Line) -> AsyncGenerator[bytes, None]:
        """Complete messages as they arrive; our own request heard back is not one."""
        self._splitter.idle()
        await line.write(self._request)
        loop = asyncio.get_running_loop()
        until = loop.time() + line.wire_time(len(self._request)) + self._speaks.timeout_s
        last = until + LONGEST_REPLY_S
        while not self.over and (left := until - loop.time()) > 0:
            chunk = await line.read(min(left, self._gap(left)))
            if chunk:
                until = min(max(until, loop.time() + self._speaks.idle_gap_s), last)
            for payload in self._splitter.feed(chunk) if chunk else self._splitter.idle():
                if not self._request.endswith(payload):
                    if not self.over:
                        self.last = payload
                    yield payload

    def _gap(self, otherwise: float) -> float:
        return self._speaks.idle_gap_s if self._splitter.pending else otherwise


def answers(frame: Frame, asked: Asked) -> bool:
    """Whether the frame comes from whom we asked. A refusal does, and so does an acknowledgement,
    which names nobody; a late answer of another device, or a stranger's, does not end the wait."""
    try:
        asked.driver.decode(frame, asked.enrolled)
    except Stranger:
        return False
    except (BadFrame, Echo):
        return True
    return True


def _send(talk: Generator[bytes, bytes, None], reply: bytes) -> bytes | None:
    """The next request, or None when the conversation has ended."""
    try:
        return talk.send(reply)
    except StopIteration:
        return None
