"""An open serial line: bytes in, bytes out, and the news that it was unplugged."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

import serialx

from gateway.records import SerialLine

CHUNK = 512
BITS_PER_BYTE = 11
"""Start, eight data bits, parity, stop: what a byte takes on the wire at the most."""


class Line:
    """One port held open. Every method raises OSError once the port has gone."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: serialx.SerialStreamWriter[serialx.BaseSerialTransport],
        speaks: SerialLine,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._speaks = speaks
        self._quiet_from = 0.0

    @property
    def gone(self) -> bool:
        return self._writer.transport.is_closing()

    async def configure(self, wanted: SerialLine) -> None:
        """Change speed and parity only where two devices on one bus differ."""
        before, self._speaks = self._speaks, wanted
        if _wire(before) != _wire(wanted):
            await self._writer.transport.reconfigure_port(
                baudrate=wanted.baud, parity=wanted.parity, stopbits=wanted.stop_bits
            )

    def wire_time(self, count: int) -> float:
        """Seconds that `count` bytes take on the wire at the present speed."""
        return count * BITS_PER_BYTE / self._speaks.baud

    async def write(self, request: bytes) -> None:
        """Send after the pause that ends the message before: 3.5 characters (Modbus over
        serial line V1.02, 2.5.1.1), which the meters' protocols are content with too."""
        loop = asyncio.get_running_loop()
        pause = self._quiet_from + max(self.wire_time(4), 0.00175) - loop.time()
        if pause > 0:
            await asyncio.sleep(pause)
        if self.gone:
            raise _unplugged()
        self._writer.write(request)

    async def read(self, seconds: float | None) -> bytes:
        """What arrives within real `seconds`; nothing when that time is over."""
        try:
            async with asyncio.timeout(seconds):
                return self._checked(await self._reader.read(CHUNK))
        except TimeoutError:
            return b""

    async def rest(self, waiting: Coroutine[object, object, None]) -> bytes:
        """Wait, but hear at once what nobody asked for, and that the port has gone."""
        sleeping = asyncio.ensure_future(waiting)
        reading = asyncio.ensure_future(self._reader.read(CHUNK))
        try:
            await asyncio.wait((sleeping, reading), return_when=asyncio.FIRST_COMPLETED)
            return self._checked(reading.result()) if reading.done() else b""
        finally:
            sleeping.cancel()
            reading.cancel()
            await asyncio.gather(sleeping, reading, return_exceptions=True)

    def _checked(self, chunk: bytes) -> bytes:
        if not chunk:
            raise _unplugged()
        self._quiet_from = asyncio.get_running_loop().time()
        return chunk


@asynccontextmanager
async def open_line(path: str, speaks: SerialLine) -> AsyncIterator[Line]:
    """Open `path` for nobody else. Raises OSError (absent, forbidden, held by another)."""
    reader, writer = await serialx.open_serial_connection(
        url=path,
        baudrate=speaks.baud,
        parity=serialx.Parity(speaks.parity),
        stopbits=serialx.StopBits(speaks.stop_bits),
        exclusive=True,
    )
    try:
        yield Line(reader, writer, speaks)
    finally:
        writer.transport.abort()
        await writer.transport.wait_closed()


def _wire(speaks: SerialLine) -> tuple[int, str, int]:
    return speaks.baud, speaks.parity, speaks.stop_bits


def _unplugged() -> OSError:
    return OSError(errno.EIO, os.strerror(errno.EIO))
