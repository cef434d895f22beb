"""Looks at everything the hub stands on, and says what to do where it is not firm.

Each check looks by itself and gives its result as data; nothing is changed, and a hub that is
running is not disturbed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.doctor import bluetooth, disk, links, machine
from gateway.doctor.check import Check
from gateway.home import Home

__all__ = ["Check", "checks"]

OUTBOX = "outbox.sqlite"


def checks(home: Home) -> Iterator[Check]:
    """All checks, as they are done; those of the network take up to some seconds each."""
    data = Path(home.hub.data)
    stored = disk.outbox(data / OUTBOX)
    running = disk.HELD in stored.found
    yield machine.python()
    yield machine.memory()
    yield from machine.clock(home)
    yield from disk.directory(data)
    yield stored
    for port in home.ports:
        yield links.port(port, running)
    for adapter in home.adapters:
        yield bluetooth.adapter(adapter, alone=len(home.adapters) == 1)
    yield from links.device_drivers(home)
    yield links.page(home.web, running)
    yield links.systemd()
    for uplink in home.uplinks:
        yield from links.uplink(uplink, home.hub, running)
