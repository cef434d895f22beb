"""A fresh scanner of bleak on the right adapter, and what BlueZ remembered before it began."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bleak.args.bluez import BlueZScannerArgs
from bleak.backends.bluezdbus.scanner import BleakScannerBlueZDBus
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from gateway.radio.bluez import ADAPTER, DEVICE, Interfaces

STRANGERS_KEPT = 64
"""bleak keeps the last words of everybody in a street; we let go of them."""

Witness = Callable[[BLEDevice, AdvertisementData], None]
"""Somebody who wants to know of every advertisement: pairing, a pendant that waits."""


def fresh_scanner(adapter: str, tell: Witness) -> BleakScannerBlueZDBus:
    """Active: passive scanning hides repetitions, and could not tell a quiet home from a deaf
    adapter. With duplicates: else a device that says the same again is never heard again."""
    kept: BleakScannerBlueZDBus

    def heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
        tell(device, advertisement)
        if len(kept.seen_devices) > STRANGERS_KEPT:
            kept.seen_devices.clear()

    arguments: BlueZScannerArgs = {"adapter": adapter, "filters": {"DuplicateData": True}}
    kept = BleakScannerBlueZDBus(heard, None, "active", bluez=arguments)
    return kept


def adapter_path(objects: Mapping[str, Interfaces], name: str, alone: bool) -> str:
    """Raises BleakError where it is not plugged in."""
    paths = [path for path, interfaces in objects.items() if ADAPTER in interfaces]
    if f"/org/bluez/{name}" in paths:
        return f"/org/bluez/{name}"
    if alone and len(paths) == 1:
        return paths[0]
    raise BleakError(f"adapter '{name}' not found")


def remembered(objects: Mapping[str, Interfaces], adapter: str) -> dict[str, Mapping[str, bytes]]:
    """The service data that BlueZ keeps of devices, by address."""
    return {
        str(device["Address"]).upper(): device.get("ServiceData", {})
        for path, interfaces in objects.items()
        if path.startswith(f"{adapter}/") and (device := interfaces.get(DEVICE))
    }


def connected(objects: Mapping[str, Interfaces], adapter: str) -> list[BLEDevice]:
    """The devices that BlueZ holds a connection to; they do not advertise."""
    return [
        BLEDevice(str(device["Address"]).upper(), None, {"path": path, "props": device})
        for path, interfaces in objects.items()
        if path.startswith(f"{adapter}/") and (device := interfaces.get(DEVICE))
        if device.get("Connected")
    ]
