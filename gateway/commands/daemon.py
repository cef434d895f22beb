"""Asks a running daemon how things are, over its local page."""

from __future__ import annotations

import urllib.error
import urllib.request

import msgspec

from gateway.commands.output import Complaint, Exit
from gateway.health import Status
from gateway.home import Home

ANSWER_S = 5.0


def ask_status(home: Home) -> Status:
    """The daemon's Status. Raises Complaint (exit code 3) where no daemon answers."""
    url = f"http://{_reachable(home.web.listen)}/status.json"
    request = urllib.request.Request(url)
    if home.web.token:
        request.add_header("Authorization", f"Bearer {home.web.token}")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S) as response:
            return msgspec.json.decode(response.read(), type=Status)
    except urllib.error.HTTPError as refused:
        raise Complaint(
            f"{url} answers {refused.code} {refused.reason}",
            "another program may be at that address, or the token in the plan has changed",
            Exit.SILENT,
        ) from None
    except (OSError, msgspec.MsgspecError) as silent:
        raise Complaint(
            f"no daemon answers at {url} ({getattr(silent, 'reason', silent)})",
            "start it: systemctl start lamplight, or lamplight run --plan FILE",
            Exit.SILENT,
        ) from None


def _reachable(listen: str) -> str:
    """Where to knock: a daemon that listens everywhere is reached on the loopback."""
    host, _, port = listen.rpartition(":")
    return f"127.0.0.1:{port}" if host in ("0.0.0.0", "[::]", "") else listen
