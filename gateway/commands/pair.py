"""`lamplight pair`: who is on the air, so that an installer finds a device by using it."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

import drivers
from gateway.commands.home import load_home, plan_argument
from gateway.commands.output import Complaint, Exit, console, print_json
from gateway.records import BadFrame, Clock, Device, DeviceKind, Driver, Enrolled, Frame, Quantity

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData
    from rich.table import Table

    from gateway.radio.strangers import Stranger, Strangers

REDRAW_S = 0.5
PATIENCE_S = 5.0
"""An adapter that does not scan by then is not going to."""


class Row(msgspec.Struct, frozen=True):
    """One device on the air."""

    address: str
    name: str
    driver: str
    """The driver that reads it; empty if none of ours does."""
    rssi: float
    said: str
    """What it says, where that needs no key."""
    enrolled: str
    """Its id in the plan, if it is there."""
    changes: int
    """How often it has said something new: that is the button that you press."""


def arguments(parser: argparse.ArgumentParser) -> None:
    plan_argument(parser)
    parser.add_argument("--for", dest="seconds", type=float, default=60.0, help="seconds (60)")
    parser.add_argument("--adapter", default="hci0", help="which adapter listens (hci0)")


def run(args: argparse.Namespace) -> int:
    enrolled = _enrolled(args)
    known = {name: driver for name, driver in drivers.load().items() if driver.transport == "ble"}
    rows = asyncio.run(_listen(args, known, enrolled))
    if args.json:
        for row in rows:
            print_json(row)
    return Exit.WELL if rows else Exit.WRONG


def _enrolled(args: argparse.Namespace) -> dict[str, str]:
    """Ids by address. A home that has no plan yet has none."""
    try:
        return {device.address: device.id for device in load_home(args.plan).devices}
    except Complaint:
        if args.plan:
            raise
        return {}


async def _listen(
    args: argparse.Namespace, known: Mapping[str, Driver], enrolled: Mapping[str, str]
) -> list[Row]:
    from rich.live import Live

    from gateway.clock import SystemClock
    from gateway.home import Adapter
    from gateway.radio.ble import BleRadio
    from gateway.radio.ble_ear import NO_SIGNAL
    from gateway.radio.strangers import Strangers

    clock = SystemClock(trust="always")
    radio = BleRadio(Adapter(name=args.adapter), (), known, clock)
    strangers, loop = Strangers(), asyncio.get_running_loop()

    def witness(device: BLEDevice, said: AdvertisementData) -> None:
        if said.rssi != NO_SIGNAL:
            name = said.local_name or ""
            strangers.hear(device.address.upper(), name, said.service_data, said.rssi, loop.time())

    radio.witnesses.append(witness)

    async def listen() -> None:
        async for _ in radio.frames():
            pass

    scan = asyncio.create_task(listen())
    try:
        with Live(console=console(stderr=args.json), transient=args.json) as live:
            began = loop.time()
            while loop.time() - began < args.seconds:
                await asyncio.sleep(min(REDRAW_S, args.seconds))
                state = radio.state()
                if not state.alive and loop.time() - began > min(PATIENCE_S, args.seconds / 2):
                    what, _, remedy = state.why.partition(": ")
                    raise Complaint(what, remedy, Exit.WRONG)
                live.update(_table(_rows(strangers, known, enrolled, clock), strangers.overlooked))
    finally:
        scan.cancel()
        with suppress(asyncio.CancelledError):
            await scan
    return _rows(strangers, known, enrolled, clock)


def _rows(
    strangers: Strangers, known: Mapping[str, Driver], enrolled: Mapping[str, str], clock: Clock
) -> list[Row]:
    return [_row(each, known, enrolled, clock) for each in strangers.nearest()]


def _row(
    stranger: Stranger, known: Mapping[str, Driver], enrolled: Mapping[str, str], clock: Clock
) -> Row:
    from gateway.radio.ble_ear import full

    name, said = "", ""
    for driver in known.values():
        for uuid in map(full, driver.services):
            if uuid in stranger.services:
                name = driver.name
                said = _said(driver, stranger.address, stranger.services[uuid], clock)
    id_ = enrolled.get(stranger.address, "")
    return Row(stranger.address, stranger.name, name, stranger.rssi, said, id_, stranger.changes)


def _said(driver: Driver, address: str, payload: bytes, clock: Clock) -> str:
    """In the words of its readings; or why not."""
    device = Device("new", driver.name, address, DeviceKind.HELP_BUTTON)
    try:
        readings = driver.decode(
            Frame(driver.name, "", payload, clock.now(), address), Enrolled([device])
        )
    except BadFrame as bad:
        return "(encrypted: the plan needs its key)" if bad.reason == "no key" else f"({bad})"
    told = [r for r in readings if r.quantity is not Quantity.SEEN and not r.implied]
    return ", ".join(f"{r.quantity} {_value(r.value)}{r.quantity.unit or ''}" for r in told)


def _value(value: bool | float | str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else f"{value:g}"


def _table(rows: list[Row], overlooked: int) -> Table:
    from rich.table import Table

    table = Table("address", "name", "dBm", "driver", "says", "new words", "in the plan")
    table.title = "Press the button that you want to enrol, close to the hub"
    if overlooked:
        table.caption = f"{overlooked} advertisements of others, further away"
    for row in rows:
        style = "bold green" if row.changes and not row.enrolled else None
        cells = (row.driver, row.said, str(row.changes or ""), row.enrolled)
        table.add_row(row.address, row.name, f"{row.rssi:.0f}", *cells, style=style)
    return table
