"""`lamplight record FILE`: writes down what the radios hear, frame by frame, for replay."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from contextlib import suppress
from typing import TextIO

import drivers
from gateway.commands.home import load_home, plan_argument
from gateway.commands.output import Complaint, Exit, console, print_json
from gateway.home import Home
from gateway.radio.replay import record_line
from gateway.records import Radio


def arguments(parser: argparse.ArgumentParser) -> None:
    plan_argument(parser)
    parser.add_argument("file", help="a new file; it stays in the home, readable by its owner only")
    parser.add_argument("--for", dest="seconds", type=float, help="stop after so many seconds")


def run(args: argparse.Namespace) -> int:
    home = load_home(args.plan)
    try:
        descriptor = os.open(args.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as refused:
        remedy = "name a new file" if isinstance(refused, FileExistsError) else ""
        raise Complaint(f"{args.file}: {refused.strerror}", remedy) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        counts = asyncio.run(_record(home, file, args.seconds))
    if args.json:
        print_json(counts)
    else:
        for name, (frames, why) in counts.items():
            console().print(f"{name}: {frames} frames {why}".rstrip(), markup=False)
    return Exit.WELL if any(frames for frames, _ in counts.values()) else Exit.WRONG


async def _record(home: Home, file: TextIO, seconds: float | None) -> dict[str, tuple[int, str]]:
    """Frames by port, and what ails a port that is blind."""
    from gateway.app import open_ports
    from gateway.clock import SystemClock

    radios = open_ports(home, drivers.load(), SystemClock(trust=home.clock.trust))
    counts = dict.fromkeys((radio.name for radio in radios), 0)

    async def write(radio: Radio) -> None:
        async for frame in radio.frames():
            file.write(record_line(frame) + "\n")
            file.flush()
            counts[radio.name] += 1

    loop = asyncio.get_running_loop()
    with suppress(TimeoutError, asyncio.CancelledError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            jobs = [tasks.create_task(write(radio)) for radio in radios]
            for stop in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(stop, _cancel, jobs)
    return {radio.name: (counts[radio.name], radio.state().why) for radio in radios}


def _cancel(jobs: list[asyncio.Task[None]]) -> None:
    for job in jobs:
        job.cancel()
