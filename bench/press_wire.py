"""The far end of the press bench: two wires whose devices answer at once, and fingers.

    python -m bench.press_wire FOLDER DEVICES

"3" on the standard input closes the circuit of input 3 of the first module. When the answer that
carries it has been asked for, one line says when the circuit was closed and when that answer was
about to be written (nanoseconds of the machine's monotonic clock, the same in every process). The
circuit opens again by itself.
"""

from __future__ import annotations

import os
import select
import sys
import time
import tty
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from bench.homes import meters, modules, press_module
from gateway.simulate.wires import Slave

HELD_S = 0.35


class Told(msgspec.Struct, frozen=True):
    """One press, as the far end knows it."""

    input: int
    closed: int
    answered: int


class Fingers:
    """The circuits of the first module."""

    def __init__(self) -> None:
        self._closed: dict[int, int] = {}
        self._answered: dict[int, int] = {}

    def press(self, number: int) -> None:
        self._closed[number] = time.monotonic_ns()

    def circuits(self) -> list[bool]:
        """Asked for by the module, once for each poll."""
        now = time.monotonic_ns()
        for number, at in list(self._answered.items()):
            if now - at > HELD_S * 1e9:
                del self._answered[number], self._closed[number]
        return [number in self._closed for number in range(1, 9)]

    def answered(self, at: int) -> list[Told]:
        """The presses that the answer written at this moment is the first to carry."""
        fresh = [n for n, closed in self._closed.items() if n not in self._answered and closed < at]
        self._answered |= dict.fromkeys(fresh, at)
        return [Told(number, self._closed[number], at) for number in fresh]


class Bus:
    def __init__(self, path: Path, slaves: Sequence[Slave]) -> None:
        self.file, self._far = os.openpty()
        tty.setraw(self._far)
        path.symlink_to(os.ttyname(self._far))
        self._slaves = slaves

    def serve(self, fingers: Fingers) -> list[Told]:
        """Answers what was asked; the presses that this answer was the first to carry."""
        asked = os.read(self.file, 512)
        carried: list[Told] = []
        for number, slave in enumerate(self._slaves):
            answer = slave.hear(asked)
            if answer:
                at = time.monotonic_ns()
                os.write(self.file, answer)
                carried += fingers.answered(at) if number == 0 else []
        return carried


def serve(folder: Path, devices: int) -> None:
    fingers = Fingers()
    quiet = Bus(folder / "bus1", meters(devices))
    pressed = Bus(folder / "bus2", [press_module(fingers.circuits), *modules(devices)[1:]])
    waiting: list[int | TextIO] = [quiet.file, pressed.file, sys.stdin]
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select(waiting, [], [])
        if quiet.file in ready:
            quiet.serve(Fingers())
        if pressed.file in ready:
            for told in pressed.serve(fingers):
                print(msgspec.json.encode(told).decode(), flush=True)
        if sys.stdin in ready:
            line = sys.stdin.readline()
            if not line:
                return
            fingers.press(int(line))


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
