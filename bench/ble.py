"""A BLE radio in a house full of neighbours: what an advertisement costs, and how much memory.

200 neighbours' devices say something ten times a second each, at changing strength: a quarter of
them in BTHome, a quarter in MiBeacon, half in nothing that we read. Five buttons of the home are
among them. They come from our bluetoothd over a real dbus-daemon; whoever listens is a process of
its own (bench/ble_listener.py): the radio and the pipeline of the hub; a bleak scanner that does
nothing, as the floor; and, where they are installed, bthome-ble and xiaomi-ble the stock way.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.children import child, heard
from bench.table import Figure, Size, Table
from gateway.simulate.bluez import Bluetoothd
from gateway.simulate.system_bus import SystemBus

NEIGHBOURS = tuple(f"5E:00:00:00:00:{number:02X}" for number in range(200))
BUTTONS = tuple(f"A4:C1:38:00:00:{number:02X}" for number in range(5))
A_SECOND = 10
SECONDS = {"full": 10.0, "quick": 4.0, "smallest": 1.0}
BTHOME = {"fcd2": bytes.fromhex("44000a015d3a00")}
MIBEACON = {"fe95": bytes.fromhex("5020aa01da1d6d5a38c1a40d10041e01e702")}
STOCK = ("bthome_ble", "xiaomi_ble")


def run(size: Size, folder: Path) -> Table:
    names = ["bleak", "ours", *(["stock"] if all(map(find_spec, STOCK)) else [])]
    results = {name: asyncio.run(_measure(name, SECONDS[size], folder)) for name in names}
    floor = _each(results["bleak"])
    figures = [
        Figure("an advertisement through radio and pipeline", _each(results["ours"]), "us", floor),
        Figure("one core, at 2000 a second", 0.2 * _each(results["ours"]), "%", 0.2 * floor),
        Figure("memory", results["ours"]["rss"], "MB", results["bleak"]["rss"]),
    ]
    if "stock" in results:
        stock = results["stock"]
        figures += [
            Figure("the stock way: an advertisement", _each(stock), "us", floor),
            Figure("the stock way: memory", stock["rss"], "MB", results["bleak"]["rss"]),
        ]
    note = "Floor: a bleak scanner on the same air whose callback only counts."
    without = () if "stock" in results else ("bthome-ble and xiaomi-ble are not installed here.",)
    return Table("ble", tuple(figures), (note, *without))


def _each(result: dict[str, Any]) -> float:
    """Microseconds of processor for one advertisement."""
    return 1e6 * float(result["cpu"]) / max(1, int(result["heard"]))


async def _measure(who: str, seconds: float, folder: Path) -> dict[str, Any]:
    bus = SystemBus(folder)
    bus.start()
    bluez = Bluetoothd(bus.address)
    try:
        await bluez.start("hci0")
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": bus.address}
        with child("bench.ble_listener", who, str(seconds), environment=environment) as listener:
            heard(listener)
            return await _air(bluez, listener)
    finally:
        bluez.stop()
        bus.kill()


async def _air(bluez: Bluetoothd, listener: subprocess.Popen[str]) -> dict[str, Any]:
    """Everybody speaks until the listener has heard enough."""
    loop = asyncio.get_running_loop()
    result = loop.run_in_executor(None, partial(heard, listener))
    begin, turn = loop.time(), 0
    while not result.done():
        turn += 1
        for number, address in enumerate((*NEIGHBOURS, *BUTTONS)):
            words = (None, None, BTHOME, MIBEACON)[number % 4] if number < 200 else BTHOME
            bluez.hear(address, words, -50 - (turn + number) % 30)
            if number % 10 == 0:  # in step: a burst would fill the bus's socket
                when = begin + (turn - 1 + number / len(NEIGHBOURS)) / A_SECOND
                await asyncio.sleep(max(0.0, when - loop.time()))
    said: dict[str, Any] = json.loads(await result)
    return said
