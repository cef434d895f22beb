"""An open serial line: bytes in, bytes out, and the news that it was unplugged."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

import serialx

from gateway.records import SerialLine

KEPT = 4096
"""Bytes kept of what nobody reads; the newest."""
PSEUDO_TERMINALS = "/dev/pts/"
"""What socat makes of a serial server in the network. Linux drops the parity flag there, and
glibc's tcsetattr refuses (EINVAL) as soon as the parity is all that would change."""
BITS_PER_BYTE = 11
"""Start, eight data bits, parity, stop: what a byte takes on the wire at the most."""


class Inbox(asyncio.Protocol):
    """What has arrived and nobody has read. (asyncio's streams cost three times the wake-ups,
    and a bus is read day and night.)"""

    def __init__(self) -> None:
        self.arrived = bytearray()
        self.lost = False
        self._waiter: asyncio.Future[None] | None = None

    def data_received(self, data: bytes) -> None:
        self.arrived += data
        del self.arrived[:-KEPT]
        _end(self._waiter)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        _end(self._waiter)

    async def wait(self, seconds: float | None, other: asyncio.Future[None] | None = None) -> None:
        """Until something arrives, the port goes, `other` is done, or the time is over."""
        if self.arrived or self.lost:
            return
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = None if seconds is None else loop.call_later(seconds, _end, waiter)
        if other is not None:
            # Bound to this wait: what ends late must not cut the next one short.
            other.add_done_callback(lambda _: _end(waiter))
        try:
            await waiter
        finally:
            if timer is not None:
                timer.cancel()


class Line:
    """One port held open. Every method raises OSError once the port has gone."""

    def __init__(
        self,
        transport: serialx.BaseSerialTransport,
        inbox: Inbox,
        speaks: SerialLine,
        has_parity: bool = True,
    ) -> None:
        self._transport = transport
        self._inbox = inbox
        self._speaks = speaks
        self._has_parity = has_parity
        self._quiet_from = 0.0

    @property
    def gone(self) -> bool:
        return self._inbox.lost or self._transport.is_closing()

    async def configure(self, wanted: SerialLine) -> None:
        """Change speed and parity only where two devices on one bus differ."""
        before, self._speaks = self._speaks, wanted
        if _wire(before) != _wire(wanted):
            await self._transport.reconfigure_port(
                baudrate=wanted.baud,
                parity=wanted.parity if self._has_parity else "N",
                stopbits=wanted.stop_bits,
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
        self._transport.write(request)

    async def read(self, seconds: float | None) -> bytes:
        """What arrives within real `seconds`; nothing when that time is over."""
        await self._inbox.wait(seconds)
        return self.take()

    async def rest(self, waiting: Coroutine[object, object, None]) -> bytes:
        """Wait, but hear at once what nobody asked for, and that the port has gone."""
        sleeping = asyncio.ensure_future(waiting)
        try:
            await self._inbox.wait(None, sleeping)
        finally:
            sleeping.cancel()
        return self.take()

    def take(self) -> bytes:
        """What has arrived already."""
        if self._inbox.arrived:
            chunk = bytes(self._inbox.arrived)
            self._inbox.arrived.clear()
            self._quiet_from = asyncio.get_running_loop().time()
            return chunk
        if self._inbox.lost:
            raise _unplugged()
        return b""


@asynccontextmanager
async def open_line(path: str, speaks: SerialLine) -> AsyncIterator[Line]:
    """Open `path` for nobody else. Raises OSError (absent, forbidden, held by another)."""
    has_parity = _has_parity(path)
    transport, inbox = await serialx.create_serial_connection(
        asyncio.get_running_loop(),
        Inbox,
        path,
        speaks.baud,
        serialx.Parity(speaks.parity if has_parity else "N"),
        serialx.StopBits(speaks.stop_bits),
        exclusive=True,
    )
    assert isinstance(inbox, Inbox)
    try:
        yield Line(transport, inbox, speaks, has_parity)
    finally:
        transport.abort()
        await transport.wait_closed()


def _has_parity(path: str) -> bool:
    return not os.path.realpath(path).startswith(PSEUDO_TERMINALS)


def _end(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


def _wire(speaks: SerialLine) -> tuple[int, str, int]:
    return speaks.baud, speaks.parity, speaks.stop_bits


def _unplugged() -> OSError:
    return OSError(errno.EIO, os.strerror(errno.EIO))
