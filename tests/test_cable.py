"""Pulling the demo's network cable does what pulling a cable does."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from gateway.simulate.cable import Cable


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(100):
            writer.write(data)
    await hang_up(writer)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_pulled_cable_carries_nothing_until_it_is_put_back() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    cable = Cable("127.0.0.1", server.sockets[0].getsockname()[1])
    port = await cable.plug_in()

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"well")
    assert await reader.readexactly(4) == b"well"
    cable.pull()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    await hang_up(writer)

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    await hang_up(writer)

    cable.put_back()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"again")
    assert await reader.readexactly(5) == b"again"
    await hang_up(writer)
    await cable.close()
    server.close()
    await server.wait_closed()
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
