"""Whether the Bluetooth adapter is there, on, and ours to use."""

from __future__ import annotations

import asyncio

from gateway.doctor.check import Check, advised, doubtful, well
from gateway.home import Adapter

PATIENCE_S = 5.0


def adapter(settings: Adapter, alone: bool) -> Check:
    """`alone`: no other adapter is in the plan, so whichever is plugged in will do."""
    from gateway.radio.ble import TROUBLE
    from gateway.radio.ble_advice import advice

    name = f"bluetooth {settings.name}"
    try:
        found = asyncio.run(_look(settings.name, alone))
    except TROUBLE as error:
        return advised(name, advice(error, settings.name))
    if not found.get("Powered"):
        remedy = "the hub switches it on; if it stays off: rfkill unblock bluetooth"
        return doubtful(name, "is there, but switched off", remedy)
    scans = "and somebody scans with it" if found.get("Discovering") else "nobody scans with it now"
    return well(name, f"{found.get('Address', '')} is there and on, {scans}")


async def _look(name: str, alone: bool) -> dict[str, object]:
    """The adapter's properties. Raises TROUBLE; nothing is changed."""
    from gateway.radio.ble_scan import adapter_path
    from gateway.radio.bluez import ADAPTER, Bluez

    bluez = Bluez(name, lambda what: None)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await bluez.open()
            objects = await bluez.objects()
        return dict(objects[adapter_path(objects, name, alone)][ADAPTER])
    finally:
        bluez.close()
