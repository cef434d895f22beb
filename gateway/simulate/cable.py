"""The network cable between the hub and its broker, which can be pulled and put back."""

from __future__ import annotations

import asyncio
from contextlib import suppress

CHUNK = 65536


class Cable:
    """A TCP relay on the loopback. Pulled, it drops what is open and takes nothing new; the port
    stays taken, so nobody else gets it meanwhile."""

    def __init__(self, host: str, port: int) -> None:
        """`host` and `port`: where the broker is."""
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._calls = 0
        self._hung_up = asyncio.Event()
        self.pulled = False

    async def plug_in(self, port: int = 0) -> int:
        """Begins to listen. Returns the port for the hub."""
        self._server = await asyncio.start_server(self._join, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    def pull(self) -> None:
        self.pulled = True
        for writer in self._writers:
            writer.transport.abort()

    def put_back(self) -> None:
        self.pulled = False

    async def close(self) -> None:
        self.pull()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        while self._calls:
            self._hung_up.clear()
            await self._hung_up.wait()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._calls += 1
        try:
            await self._relay(reader, writer)
        finally:
            self._calls -= 1
            self._hung_up.set()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.pulled:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            self._hang_up(writer)
            return
        self._writers.add(far_writer)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_carry(reader, far_writer))
                both.create_task(_carry(far_reader, writer))
        finally:
            self._hang_up(writer)
            self._hang_up(far_writer)

    def _hang_up(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes from one end to the other until either hangs up; then both do."""
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()
