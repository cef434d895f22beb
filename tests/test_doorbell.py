"""The page's door: open from the start, with the web server behind it only when somebody comes."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.web.doorbell import close, listen

UNTIL_SOMEBODY_LOOKS = """
import asyncio, sys
from urllib.request import urlopen
from gateway.app import App
from gateway.home import WebSettings
from gateway.web.server import WebPage
from tests.lived_in import LivedIn

async def main():
    page = WebPage(WebSettings(listen="127.0.0.1:0"), LivedIn().status)
    job = asyncio.create_task(page.run())
    await page.listening.wait()
    await asyncio.sleep(0.2)
    before = "aiohttp" in sys.modules
    with await asyncio.to_thread(urlopen, page.url + "healthz") as answer:
        print(before, answer.status, "aiohttp" in sys.modules)
    job.cancel()
    await asyncio.wait([job])

asyncio.run(main())
"""


def test_the_web_server_is_loaded_when_the_first_one_looks_at_the_page() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNTIL_SOMEBODY_LOOKS],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parent.parent,
    )
    assert done.stdout.split() == ["False", "200", "True"], done.stderr


def test_an_address_that_is_taken_is_said_at_once() -> None:
    first = listen("127.0.0.1", 0)
    with pytest.raises(OSError, match="already in use") as taken:
        listen("127.0.0.1", first[0].getsockname()[1])
    close(first)
    assert taken.value.errno == errno.EADDRINUSE


def test_an_address_that_is_not_this_machines_is_said_at_once() -> None:
    with pytest.raises(OSError, match="cannot assign") as foreign:
        listen("192.0.2.1", 0)
    assert foreign.value.errno == errno.EADDRNOTAVAIL


def test_localhost_is_heard_on_each_of_its_addresses_that_this_machine_has() -> None:
    sockets = listen("localhost", 0)
    families = [sock.family for sock in sockets]
    close(sockets)
    assert socket.AF_INET in families
    assert len(set(families)) == len(families)
