"""The floor of an idle daemon: the same questions on the same bus, and nothing else done.

    python -m bench.bare_poll BUS MODULES SECONDS      prints the share of one core, in percent

An asyncio loop, one write for each question, reads until the answer is complete. No time-outs, no
decoding, no rules, no network, no disk.
"""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import time
import tty

from bench.homes import EACH, GAS_SLAVE
from gateway.simulate.modules import framed

INPUTS_ANSWER, GAS_ANSWER = 6, 9
"""Bytes."""
BUTTONS_S, OTHERS_S = 0.25, 1.0


class Bus:
    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._file)
        settings = termios.tcgetattr(self._file)
        settings[4] = settings[5] = termios.B9600
        termios.tcsetattr(self._file, termios.TCSANOW, settings)
        self._heard = 0
        self._wanted = 0
        self._done = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._file, self._read)

    def _read(self) -> None:
        self._heard += len(os.read(self._file, 256))
        if self._heard >= self._wanted:
            self._done.set()

    async def ask(self, question: bytes, wanted: int) -> None:
        self._heard, self._wanted = 0, wanted
        self._done.clear()
        os.write(self._file, question)
        await self._done.wait()


async def poll(path: str, modules: int, seconds: float) -> None:
    bus = Bus(path)
    inputs = [framed(n, 2, bytes([0, 0, 0, EACH])) for n in range(1, modules + 1)]
    gas = framed(GAS_SLAVE, 3, bytes([0, 0, 0, 2]))
    loop = asyncio.get_running_loop()
    began = loop.time()
    quarters = 0
    while loop.time() < began + seconds:
        await bus.ask(inputs[0], INPUTS_ANSWER)
        if quarters % round(OTHERS_S / BUTTONS_S) == 0:
            for question in inputs[1:]:
                await bus.ask(question, INPUTS_ANSWER)
            await bus.ask(gas, GAS_ANSWER)
        quarters += 1
        await asyncio.sleep(began + quarters * BUTTONS_S - loop.time())


def main(path: str, modules: int, seconds: float) -> None:
    began = time.process_time()
    asyncio.run(asyncio.wait_for(poll(path, modules, seconds), seconds + 10))
    print((time.process_time() - began) / seconds * 100, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
