"""Looks at everything the hub stands on, and says what to do where it is not firm.

Each check looks by itself and gives its result as data; nothing is changed, and a hub that is
running is not disturbed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway import doctor_disk, doctor_links, doctor_machine
from gateway.doctor_check import Check
from gateway.home import Home

__all__ = ["Check", "checks"]

OUTBOX = "outbox.sqlite"


def checks(home: Home) -> Iterator[Check]:
    """All checks, as they are done; those of the network take up to some seconds each."""
    data = Path(home.hub.data)
    stored = doctor_disk.outbox(data / OUTBOX)
    running = doctor_disk.HELD in stored.found
    yield doctor_machine.python()
    yield doctor_machine.memory()
    yield from doctor_machine.clock(home)
    yield from doctor_disk.directory(data)
    yield stored
    for port in home.ports:
        yield doctor_links.port(port, running)
    yield from doctor_links.device_drivers(home)
    yield doctor_links.page(home.web, running)
    yield doctor_links.systemd()
    for uplink in home.uplinks:
        yield from doctor_links.uplink(uplink, home.hub, running)
