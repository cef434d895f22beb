"""Pulling the demo's network cable does what pulling a cable does."""

from __future__ import annotations

import asyncio

import pytest

from gateway.simulate.cable import Cable


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


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
    writer.close()

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()

    cable.put_back()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"again")
    assert await reader.readexactly(5) == b"again"
    writer.close()
    await cable.close()
    server.close()
