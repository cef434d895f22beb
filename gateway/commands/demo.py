"""`lamplight demo`: a whole home on this machine, and things to do to it from another terminal."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from gateway.commands.output import Complaint, Exit, console, print_json
from gateway.simulate.deeds import DEEDS, do
from gateway.simulate.demo import Demo, serve
from gateway.simulate.place import demo_directory, demo_socket

STYLES = {"hub": "green", "platform": "cyan", "demo": "yellow"}
WHO = {
    "zh": {"hub": "主机", "platform": "平台", "demo": "演示"},
    "en": {"hub": "hub", "platform": "platform", "demo": "demo"},
}


def arguments(parser: argparse.ArgumentParser) -> None:
    things = "; ".join(f"{name}: {help_}" for name, (_, help_) in DEEDS.items())
    parser.add_argument("deed", nargs="?", choices=list(DEEDS), metavar="DEED", help=things)
    parser.add_argument("argument", nargs="?", default="", help="seconds, or the speed")
    parser.add_argument("--speed", type=float, default=1.0, help="how fast time runs (default: 1)")
    parser.add_argument("--language", choices=["zh", "en"], default=_language())


def run(args: argparse.Namespace) -> int:
    if args.deed is None:
        _not_twice()
        with suppress(asyncio.CancelledError):
            asyncio.run(_demo(args))
        return Exit.WELL
    return _ask(args)


def _language() -> str:
    named = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return "zh" if named.startswith("zh") else "en"


# ---------------------------------------------------------------- the demo itself


async def _demo(args: argparse.Namespace) -> None:
    task = asyncio.current_task()
    assert task is not None
    for stop in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(stop, task.cancel)

    def tell(who: str, zh: str, en: str) -> None:
        _say(args, who, zh if args.language == "zh" else en)

    try:
        demo = Demo(demo_directory(), args.speed, tell)
    except OSError as refused:
        raise Complaint(str(refused), code=Exit.WRONG) from None
    async with demo.running():
        _welcome(args, demo)
        serving = asyncio.create_task(serve(demo, demo_socket(), do))
        await demo.ended.wait()
        serving.cancel()


def _say(args: argparse.Namespace, who: str, text: str) -> None:
    if args.json:
        print_json({"who": who, "says": text})
        return
    out = console()
    out.print(f"{WHO[args.language][who]:>8} ", style=STYLES[who], end="", highlight=False)
    out.print(text, markup=False, highlight=False)
    sys.stdout.flush()


def _welcome(args: argparse.Namespace, demo: Demo) -> None:
    lines = {
        "zh": [
            "Lamplight 正在守护一个模拟的家：",
            "  传感器  三条总线：水表、电表、燃气报警器、按钮、门磁、人体感应（真实协议）",
            f"  经纪    nats-server，本机端口 {demo.broker.port}（MQTT 3.1.1）",
            "  平台    接收告警，签收，并派单",
            f"  页面    {demo.page}",
            "在另一个终端里试试：",
        ],
        "en": [
            "Lamplight watches over a simulated home:",
            "  sensors   three buses: meters, gas alarm, buttons, door, motion (real protocols)",
            f"  broker    nats-server on port {demo.broker.port} of this machine (MQTT 3.1.1)",
            "  platform  takes the alerts, receipts them and sends somebody",
            f"  page      {demo.page}",
            "Try in another terminal:",
        ],
    }[args.language]
    if args.json:
        print_json({"page": demo.page, "broker": demo.broker.port, "place": str(demo.place)})
        return
    out = console()
    for line in lines:
        out.print(line, markup=False, highlight=False)
    command = _own_name()
    for name, (_, help_) in DEEDS.items():
        out.print(f"  {command} demo {name:<12} {help_}", markup=False, highlight=False)
    out.print(f"  {command} status            what the hub thinks now, and why", highlight=False)
    out.print("Ctrl-C ends it." if args.language == "en" else "按 Ctrl-C 结束。")
    sys.stdout.flush()


def _own_name() -> str:
    """As it must be typed here: an environment that is not activated is not on the path."""
    beside = Path(sys.executable).with_name("lamplight")
    on_path = any(Path(p) == beside.parent for p in os.environ.get("PATH", "").split(os.pathsep))
    if on_path or not beside.exists():
        return "lamplight"
    return os.path.relpath(beside) if beside.is_relative_to(Path.cwd()) else str(beside)


# ---------------------------------------------------------------- from another terminal


def _not_twice() -> None:
    try:
        _connect().close()
    except Complaint:
        return
    raise Complaint("a demo runs already", "end it first (Ctrl-C, or lamplight demo stop)")


def _connect() -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(str(demo_socket()))
    except OSError:
        line.close()
        raise Complaint(
            "no demo is running", "start it in another terminal: make demo", Exit.SILENT
        ) from None
    return line


def _ask(args: argparse.Namespace) -> int:
    with _connect() as line, line.makefile("rw", encoding="utf-8") as talk:
        json.dump([args.deed, args.argument, args.language], talk)
        talk.write("\n")
        talk.flush()
        for said in talk:
            _say(args, "demo", said.rstrip("\n"))
    return Exit.WELL
