"""What a port hears, as readings; and a clock that runs as fast as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from gateway.radio.serial_port import SerialPort
from gateway.records import (
    BadFrame,
    Device,
    Driver,
    Echo,
    Enrolled,
    Frame,
    Instant,
    Quantity,
    Reading,
)

Condition = Callable[[], bool]


class QuickClock:
    """A clock that runs `factor` times as fast as real time, and may change its speed."""

    def __init__(self, factor: float = 1.0, wall: float = 1_790_000_000.0) -> None:
        """`wall`: seconds since 1970 at the start."""
        self._factor = factor
        self._since = asyncio.get_running_loop().time()
        self._line = 0.0
        self._wall = wall

    def now(self) -> Instant:
        passed = (asyncio.get_running_loop().time() - self._since) * self._factor
        return Instant(self._line + passed, self._wall + self._line + passed)

    def run(self, factor: float) -> None:
        """Go on at this speed."""
        self._line = self.now().line
        self._since, self._factor = asyncio.get_running_loop().time(), factor

    async def sleep(self, seconds: float) -> None:
        until = self.now().line + seconds
        while True:
            left = until - self.now().line
            if left <= 0:
                return
            await asyncio.sleep(min(left / self._factor, 0.05))


class Ear:
    """Runs a port and keeps the readings of the enrolled devices, and how often each was heard."""

    def __init__(
        self, port: SerialPort, devices: Sequence[Device], drivers: Mapping[str, Driver]
    ) -> None:
        self.port = port
        self.readings: list[Reading] = []
        self.refused: list[str] = []
        self._drivers = drivers
        self._enrolled = {
            name: Enrolled(d for d in devices if d.driver == name)
            for name in {d.driver for d in devices}
        }

    async def listen(self, frames: AsyncIterator[Frame]) -> None:
        async for frame in frames:
            try:
                driver = self._drivers[frame.driver]
                self.readings += driver.decode(frame, self._enrolled[frame.driver])
            except (BadFrame, Echo) as refused:
                self.refused.append(repr(refused))

    async def until(self, enough: Condition, seconds: float = 10.0) -> None:
        """Listen until `enough`, or fail after that long."""
        frames = self.port.frames()
        listening = asyncio.ensure_future(self.listen(frames))
        try:
            async with asyncio.timeout(seconds):
                while not enough():
                    await asyncio.sleep(0.01)
                    if listening.done():
                        listening.result()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def values(self, device: str, quantity: Quantity) -> list[object]:
        return [r.value for r in self.readings if (r.device, r.quantity) == (device, quantity)]

    def count(self, device: str) -> int:
        return sum(reading.device == device for reading in self.readings)
