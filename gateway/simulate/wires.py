"""A wire with devices on its far end: a pseudo-terminal that can be unplugged, and is noisy.

The hub opens `path`, a link that stays the same while the terminal's number changes with every
replug, as /dev/serial/by-id does for a real adapter.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import termios
import tty
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

STANDARD_SPEEDS = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
CHUNK = 512
BITS_PER_BYTE = 11
FIFO = 16
SLOW_S = 2.0


class Fault(StrEnum):
    """What is wrong with a device on a wire."""

    NONE = "none"
    DEAD = "dead"
    SLOW = "slow"
    """Answers, but when nobody waits any more."""
    FOREIGN = "foreign"
    """Answers in somebody else's name."""
    DAMAGED = "damaged"
    """Its answer has a wrong bit, every time."""


class Slave(Protocol):
    """A device on the wire: hears every byte the hub sends, and answers what is meant for it."""

    fault: Fault
    baud: int
    """The only speed it understands; 0 = any."""

    def hear(self, sent: bytes) -> bytes:
        """The answer to what the hub just sent, or nothing (yet)."""


class Noise(msgspec.Struct, frozen=True):
    """How ordinary a wire is. The rates are per answer, 0..1."""

    stray: float = 0.0
    """Bytes that belong to nothing, before or after an answer."""
    flip: float = 0.0
    """One bit of the answer arrives wrong."""
    delay_s: tuple[float, float] = (0.002, 0.012)
    """How long a device thinks before it answers."""
    haste: float = 1.0
    """How many times faster than real the bytes travel."""
    echo: bool = False
    """The adapter hears its own request, as cheap half-duplex ones do."""


class Wire:
    """One bus. `open()` and `close()` belong to the running event loop."""

    def __init__(
        self, path: Path, slaves: Sequence[Slave], noise: Noise | None = None, seed: int = 0
    ) -> None:
        self.path = path
        self.slaves = list(slaves)
        self.noise = noise or Noise()
        self._chance = random.Random(seed)
        self._master = -1
        self._slave_end = -1
        self._last_number = ""
        self._answers: set[asyncio.Task[None]] = set()

    @property
    def plugged(self) -> bool:
        return self._master >= 0

    def plug_in(self) -> None:
        """Come up as a terminal with a number that is not the last one's."""
        if self.plugged:
            return
        self._master, self._slave_end = self._new_pair()
        tty.setraw(self._slave_end)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._hear)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(self._last_number)

    def unplug(self) -> None:
        """Vanish, also in the middle of an answer."""
        if not self.plugged:
            return
        self.path.unlink(missing_ok=True)
        for answer in self._answers:
            answer.cancel()
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave_end)
        self._master = self._slave_end = -1

    def babble(self, noise: bytes) -> None:
        """Bytes that nobody asked for."""
        self._put(noise)

    def _new_pair(self) -> tuple[int, int]:
        """A pseudo-terminal. The kernel gives the lowest free number, so the old one is taken
        while we ask again."""
        first, first_end = os.openpty()
        if os.ttyname(first_end) != self._last_number:
            self._last_number = os.ttyname(first_end)
            return first, first_end
        second, second_end = os.openpty()
        os.close(first)
        os.close(first_end)
        self._last_number = os.ttyname(second_end)
        return second, second_end

    def _hear(self) -> None:
        try:
            sent = os.read(self._master, CHUNK)
        except BlockingIOError:
            return
        if self.noise.echo:
            self._put(sent)
        speed = self._speed()
        answers = [(slave, slave.hear(sent)) for slave in self.slaves if _understands(slave, speed)]
        spoken = [self._spoil(slave, answer) for slave, answer in answers if _speaks(slave, answer)]
        if spoken:
            slow = all(slave.fault is Fault.SLOW for slave, answer in answers if answer)
            self._answer(len(sent), collide(spoken), speed or 9600, SLOW_S if slow else 0.0)

    def _speed(self) -> int:
        """The speed the hub has set, as the devices would notice."""
        code = termios.tcgetattr(self._master)[5]
        return next((s for s in STANDARD_SPEEDS if getattr(termios, f"B{s}") == code), 0)

    def _spoil(self, slave: Slave, answer: bytes) -> bytes:
        flip = slave.fault is Fault.DAMAGED or self._chance.random() < self.noise.flip
        return flipped(answer, self._chance.randrange(len(answer) * 8)) if flip else answer

    def _answer(self, asked: int, answer: bytes, speed: int, late_s: float) -> None:
        """Answer after thinking, as fast as the wire carries it."""
        byte_s = BITS_PER_BYTE / speed / self.noise.haste
        delay = self._chance.uniform(*self.noise.delay_s) + asked * byte_s + late_s
        sending = self._send(delay, self._with_strays(answer), byte_s)
        task = asyncio.get_running_loop().create_task(sending)
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _send(self, delay: float, answer: bytes, byte_s: float) -> None:
        await asyncio.sleep(delay)
        for piece in self._pieces(answer):
            await asyncio.sleep(len(piece) * byte_s)
            self._put(piece)

    def _with_strays(self, answer: bytes) -> bytes:
        if self._chance.random() >= self.noise.stray:
            return answer
        strays = self._chance.randbytes(self._chance.randint(1, 4))
        return strays + answer if self._chance.random() < 0.5 else answer + strays

    def _pieces(self, answer: bytes) -> list[bytes]:
        """As a receiver's FIFO hands them over: a few bytes at a time, cut anywhere."""
        cuts = [0]
        while cuts[-1] < len(answer):
            cuts.append(min(len(answer), cuts[-1] + self._chance.randint(1, FIFO)))
        return [answer[a:b] for a, b in itertools.pairwise(cuts)]

    def _put(self, noise: bytes) -> None:
        """Onto the wire; what nobody reads is lost, as on a real one."""
        if not self.plugged:
            return
        try:
            os.write(self._master, noise)
        except BlockingIOError:
            return


def collide(spoken: Sequence[bytes]) -> bytes:
    """What arrives when several speak at once: a driver pulling the line low wins."""
    longest = max(len(answer) for answer in spoken)
    mixed = bytearray(b"\xff" * longest)
    for answer in spoken:
        for n, byte in enumerate(answer):
            mixed[n] &= byte
    return bytes(mixed)


def flipped(answer: bytes, bit: int) -> bytes:
    """The answer with one bit the wrong way round."""
    wrong = bytearray(answer)
    wrong[bit // 8] ^= 1 << bit % 8
    return bytes(wrong)


def _understands(slave: Slave, speed: int) -> bool:
    return slave.baud in (0, speed)


def _speaks(slave: Slave, answer: bytes) -> bool:
    return bool(answer) and slave.fault is not Fault.DEAD
