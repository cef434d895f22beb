"""`lamplight run`: the daemon of one home, until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import signal
from contextlib import suppress

import drivers
from gateway import notify
from gateway.commands.home import load_home, plan_argument
from gateway.commands.output import Complaint, Exit
from gateway.database import StorageFault
from gateway.home import Home


def arguments(parser: argparse.ArgumentParser) -> None:
    plan_argument(parser)


def run(args: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    home = load_home(args.plan)
    with suppress(asyncio.CancelledError):
        asyncio.run(_until_stopped(home))
    return Exit.WELL


async def _until_stopped(home: Home) -> None:
    from gateway.app import open_app

    try:
        app = open_app(home, drivers.load({device.driver for device in home.devices}))
    except StorageFault as fault:
        raise Complaint(str(fault), fault.remedy, Exit.WRONG) from None
    task = asyncio.current_task()
    assert task is not None
    for stop in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(stop, task.cancel)
    _settle_memory()
    try:
        await app.run()
    finally:
        notify.stopping()
        await app.close()


def _settle_memory() -> None:
    """What the start has made stays until the end. The collector need not look through all of it
    again, which takes tens of milliseconds, and just then somebody may press a button."""
    gc.collect()
    gc.freeze()
