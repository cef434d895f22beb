"""One of those who listen in the bench `ble`: `python -m bench.ble_listener WHO SECONDS`.

ours    The radio and the pipeline of a home with five enrolled buttons.
bleak   A scanner whose callback does nothing: what listening costs at least.
stock   A scanner, and bthome-ble and xiaomi-ble for everybody who speaks their language.

Prints "scanning", and when the time is over: seconds of processor, megabytes, advertisements.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

import psutil

from bench.ble import BUTTONS

HEARD: Counter[str] = Counter()


def say(words: str) -> None:
    print(words, flush=True)


async def ours() -> None:
    import drivers
    from gateway.clock import SystemClock
    from gateway.home import Adapter, Home, Hub
    from gateway.radio.ble import BleRadio
    from gateway.records import Device, DeviceKind
    from gateway.watch import Watch

    devices = tuple(
        Device(f"button{n}", "bthome", address, DeviceKind.CALL_BUTTON, port="hci0")
        for n, address in enumerate(BUTTONS)
    )
    known = drivers.load(("bthome",))
    home = Home(hub=Hub(tenant="bench", id="bench"), devices=devices)
    watch = Watch(home, known, lambda _: "ALERT")
    radio = BleRadio(Adapter(), devices, known, SystemClock(trust="always"))
    radio.witnesses.append(_count)
    async for frame in radio.frames():
        HEARD["readings"] += len(watch.pipeline.on_frame(frame).readings)


def _count(device: object, advertisement: object) -> None:
    HEARD["advertisements"] += 1


async def bleak() -> None:
    await _scan(_count)


async def stock() -> None:
    """As Home Assistant does it: a parser for each address, fed with every advertisement."""
    service_info: Any = import_module("home_assistant_bluetooth").BluetoothServiceInfoBleak
    kinds: tuple[Any, ...] = (
        import_module("bthome_ble").BTHomeBluetoothDeviceData,
        import_module("xiaomi_ble").XiaomiBluetoothDeviceData,
    )
    parsers: dict[str, Any] = {}

    def heard(device: Any, advertisement: Any) -> None:
        _count(device, advertisement)
        info = service_info.from_device_and_advertisement_data(
            device, advertisement, "hci0", time.monotonic(), False
        )
        for kind in kinds:
            key = f"{device.address} {kind.__name__}"
            parser = parsers.get(key) or kind()
            if key in parsers or parser.supported(info):
                parsers[key] = parser
                HEARD["readings"] += bool(parser.update(info).entity_values)

    await _scan(heard)


async def _scan(callback: Callable[[Any, Any], None]) -> None:
    from bleak import BleakScanner

    async with BleakScanner(callback):
        await asyncio.Event().wait()


WHO: dict[str, Callable[[], Awaitable[None]]] = {"ours": ours, "bleak": bleak, "stock": stock}


async def listen(who: str, seconds: float) -> None:
    task = asyncio.ensure_future(WHO[who]())
    say("listening")
    while not HEARD["advertisements"]:
        await asyncio.wait([task], timeout=0.05)
        if task.done():
            task.result()
    await asyncio.sleep(1.0)  # everybody was heard once
    cpu, count = time.process_time(), HEARD["advertisements"]
    await asyncio.sleep(seconds)
    used, heard = time.process_time() - cpu, HEARD["advertisements"] - count
    rss = psutil.Process().memory_info().rss / 1e6
    say(json.dumps({"cpu": used, "rss": rss, "heard": heard, "readings": HEARD["readings"]}))
    task.cancel()


def main() -> None:
    asyncio.run(listen(sys.argv[1], float(sys.argv[2])))


if __name__ == "__main__":
    main()
