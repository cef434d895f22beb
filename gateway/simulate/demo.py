"""The whole demo: simulated home, broker, cable, platform and the real daemon as a child process.

wires (ptys) --> daemon --> cable --> broker --> platform
                   ^ SIGKILL  ^ pulled
`lamplight demo press` and its like come in over a socket and are done here (`deeds`).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.request import urlopen
from zoneinfo import ZoneInfo

import msgspec

from gateway.clock import SimulatedClock
from gateway.clock.pace import create, set_speed
from gateway.health import Status
from gateway.simulate.broker import EmbeddedBroker
from gateway.simulate.cable import Cable
from gateway.simulate.home import ZONE, SimulatedHome
from gateway.simulate.plan import demo_plan
from gateway.simulate.platform import Platform

Tell = Callable[[str, str, str], None]
"""who says it (hub, platform, demo), in Chinese, in English."""

LOOK_S = 0.3
"""Seconds between two looks at the daemon's page."""


class Demo:
    """Everything around one hub. `tell` hears what happens, wherever it happens."""

    def __init__(self, place: Path, speed: float, tell: Tell) -> None:
        self.place, self.tell = place, tell
        self._prepare(place)
        self.clock_file = place / "clock.json"
        create(self.clock_file, time.time(), speed)
        self.clock = SimulatedClock(self.clock_file)
        self.home = SimulatedHome(place, self.clock)
        self.broker = EmbeddedBroker(place / "broker")
        self.cable = Cable("127.0.0.1", self.broker.port)
        self.platform = Platform(
            self.broker.settings("platform"),
            place / "platform.sqlite",
            lambda zh, en: tell("platform", zh, en),
            zone=ZoneInfo(ZONE),
        )
        self.status: Status | None = None
        self.changed = asyncio.Event()
        self.ended = asyncio.Event()
        self.web_port = _free_port()
        self._daemon: asyncio.subprocess.Process | None = None
        self._said: list[str] = []

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.web_port}/"

    def set_speed(self, speed: float) -> None:
        set_speed(self.clock_file, speed)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Demo]:
        """Everything is up and the daemon answers. Raises TimeoutError if it does not."""
        await self.broker.start()
        port = await self.cable.plug_in()
        plan = demo_plan(self.place, self.web_port, port, self.clock_file)
        (self.place / "plan.toml").write_text(plan, encoding="utf-8")
        async with asyncio.TaskGroup() as tasks:
            jobs = [
                tasks.create_task(job())
                for job in (self.platform.run, self.home.run, self._watch_the_daemon)
            ]
            try:
                await self.switch_on()
                yield self
            finally:
                for job in jobs:
                    job.cancel()
                await self.switch_off()
                await self.cable.close()
                await self.broker.stop()
                self.platform.close()

    # ------------------------------------------------------------ the hub's power

    async def switch_on(self) -> None:
        """Starts the daemon. Returns when its page answers."""
        with (self.place / "daemon.log").open("ab") as log:
            self._daemon = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gateway", "run", "--plan", str(self.place / "plan.toml"),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.status = None
        async with asyncio.timeout(30):
            while self.status is None:
                if self._daemon.returncode is not None:
                    raise ChildProcessError(f"the daemon ended; see {self.place / 'daemon.log'}")
                await asyncio.sleep(0.05)

    async def cut_power(self) -> None:
        """SIGKILL: the daemon has no chance to say goodbye."""
        if self._daemon is not None and self._daemon.returncode is None:
            self._daemon.kill()
            await self._daemon.wait()

    async def switch_off(self) -> None:
        if self._daemon is not None and self._daemon.returncode is None:
            self._daemon.terminate()
            try:
                await asyncio.wait_for(self._daemon.wait(), 10)
            except TimeoutError:
                await self.cut_power()

    # ------------------------------------------------------------ what the page shows

    async def _watch_the_daemon(self) -> None:
        """Follows the daemon's own Status, and tells what changes in it."""
        while True:
            self.status = await asyncio.to_thread(self._ask)
            if self.status is not None:
                self._tell_changes(self.status)
            self.changed.set()
            self.changed = asyncio.Event()
            await asyncio.sleep(LOOK_S)

    def _ask(self) -> Status | None:
        try:
            with urlopen(f"{self.page}status.json", timeout=2) as answer:
                return msgspec.json.decode(answer.read(), type=Status)
        except (OSError, msgspec.MsgspecError):
            return None

    def _tell_changes(self, status: Status) -> None:
        said = [status.presence.words, status.summary.words]
        said += [words for view in status.open for words in (view.sentence, view.help)]
        for words in said:
            if words and words.zh not in self._said:
                self.tell("hub", words.zh, words.en)
        self._said = [words.zh for words in said]

    async def until(self, condition: Callable[[Status], bool], seconds: float) -> bool:
        """Waits until the daemon's Status is so. False if it is not within that time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.status is None or not condition(self.status):
                    await self.changed.wait()
                return True
        return False

    @staticmethod
    def _prepare(place: Path) -> None:
        """A fresh folder of our own, that nobody else on this machine can look into."""
        if place.exists() and place.stat().st_uid != os.getuid():
            raise PermissionError(f"{place} belongs to somebody else; name another place with "
                                  "LAMPLIGHT_DEMO=DIRECTORY")  # fmt: skip
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700, parents=True)


def _free_port(wanted: int = 8377) -> int:
    """The page's usual port, or any other if that is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise OSError("no free port on the loopback")


async def serve(demo: Demo, control: Path, do: Callable[..., AsyncIterator[str]]) -> None:
    """Takes one deed per connection (a JSON list of words) and answers with lines of text."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        with suppress(ConnectionError):
            if line:  # else somebody only asked whether a demo is running
                async for said in do(demo, *json.loads(line)):
                    writer.write(said.encode() + b"\n")
                    await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(one, control)
    async with server:
        await server.serve_forever()
