"""A door with nothing behind it until somebody knocks.

Most of the time nobody looks at the page, and what serves it costs ten megabytes and the longest
part of the start. So the hub listens at once, and loads the web server when the first one comes.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Sequence

ABSENT = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
"""This machine does not have that kind of address (IPv6 is switched off, say)."""


def listen(host: str, port: int) -> list[socket.socket]:
    """One listening socket for each address that `host` means here.

    Raises OSError if an address is taken, or the machine has none of them.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    open_: list[socket.socket] = []
    missing: OSError | None = None
    for family, _, _, _, where in dict.fromkeys(found):
        try:
            open_.append(socket.create_server(where[:2], family=family))
        except OSError as problem:
            why = os.strerror(problem.errno or 0).lower()
            missing = OSError(problem.errno, f"{host}:{port}: {why}")
            if problem.errno not in ABSENT:
                close(open_)
                raise missing from None
    if missing is not None and not open_:
        raise missing
    return open_


def close(sockets: Sequence[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


async def knock(sockets: Sequence[socket.socket]) -> None:
    """Returns when somebody wants to come in, and leaves them at the door."""
    loop = asyncio.get_running_loop()
    heard = asyncio.Event()
    for sock in sockets:
        loop.add_reader(sock, heard.set)
    try:
        await heard.wait()
    finally:
        for sock in sockets:
            loop.remove_reader(sock)
