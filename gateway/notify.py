"""What the hub tells systemd: ready, still thinking, going down.

The protocol is one datagram of NAME=value lines to the socket that systemd names in the
environment (sd_notify(3)). Outside systemd there is no such socket and nobody is told.
"""

from __future__ import annotations

import contextlib
import os
import socket


def ready() -> bool:
    """The outbox is writable and the pipeline has ticked: the start has succeeded."""
    return _tell("READY=1")


def status(text: str) -> bool:
    """One line that `systemctl status` shows."""
    return _tell("STATUS=" + " ".join(text.split()))


def watchdog() -> bool:
    """A rule pass and a durable write have happened since the last time."""
    return _tell("WATCHDOG=1")


def stopping() -> bool:
    return _tell("STOPPING=1")


def watchdog_interval() -> float | None:
    """Seconds after which systemd ends a hub that has not called `watchdog`; None: it never does.

    Call at least twice in that time (sd_watchdog_enabled(3)).
    """
    for_us = os.environ.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not for_us or not microseconds.isdigit() or int(microseconds) == 0:
        return None
    return int(microseconds) / 1e6


def _tell(state: str) -> bool:
    """Whether somebody was told. A notification is never worth an error or a wait."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    with contextlib.suppress(ImportError):
        from systemd import daemon

        return bool(daemon.notify(state))
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out, contextlib.suppress(OSError):
        out.setblocking(False)
        return out.sendto(state.encode(), address) > 0
    return False
