"""A private system bus: a real dbus-daemon of our own, that can be killed and started again."""

from __future__ import annotations

import subprocess
from pathlib import Path

CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
"""


class SystemBus:
    """`address` is what $DBUS_SYSTEM_BUS_ADDRESS has to say."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "bus"
        self.address = f"unix:path={self._socket}"
        self._configuration = folder / "bus.conf"
        self._configuration.write_text(CONFIGURATION.format(address=self.address))
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it listens. Raises FileNotFoundError where there is no dbus-daemon."""
        self._socket.unlink(missing_ok=True)
        command = ["dbus-daemon", f"--config-file={self._configuration}", "--nofork", "--nopidfile"]
        command.append("--print-address")
        # It complains of file limits that an ordinary user may not raise.
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        self._daemon = subprocess.Popen(command, stdout=pipe, stderr=null)
        assert self._daemon.stdout is not None
        if not self._daemon.stdout.readline():
            raise ChildProcessError("dbus-daemon did not start")

    def kill(self) -> None:
        """As a crash: every connection breaks."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.communicate()
            self._daemon = None
