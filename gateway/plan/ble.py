"""BLE devices in a plan: their addresses, and which adapter hears them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from gateway.home import Adapter, Home, Mistake
from gateway.plan.walk import nearest, repeats
from gateway.records import Device, Driver

BLE = "ble"
MAC = re.compile(r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$", re.IGNORECASE)


def mistakes(home: Home, drivers: Mapping[str, Driver]) -> Iterator[Mistake]:
    for first, number in repeats([adapter.name for adapter in home.adapters]):
        wrong = f"the same as adapter[{first}]"
        yield Mistake(f"adapter[{number}].name", wrong, "one table for each adapter")
    ports = {port.name for port in home.ports}
    for number, adapter in enumerate(home.adapters, 1):
        if adapter.name in ports:
            remedy = "give the port another name"
            yield Mistake(f"adapter[{number}].name", "a port has this name too", remedy)
    for number, device in enumerate(home.devices, 1):
        if _is_ble(device, drivers):
            yield from _device(f"device[{number}]", device, home)
        elif device.port in {adapter.name for adapter in home.adapters or (Adapter(),)} - ports:
            remedy = nearest("", ports, "say which port it hangs on")
            yield Mistake(f"device[{number}].port", f"{device.port} hears BLE only", remedy)


def placed(home: Home, drivers: Mapping[str, Driver]) -> Home:
    """The home with its BLE devices on their adapter, and the adapter that goes without saying."""
    if not any(_is_ble(device, drivers) for device in home.devices):
        return home
    adapters = home.adapters or (Adapter(),)
    devices = tuple(
        msgspec.structs.replace(
            device, port=device.port or adapters[0].name, address=device.address.upper()
        )
        if _is_ble(device, drivers)
        else device
        for device in home.devices
    )
    return msgspec.structs.replace(home, adapters=adapters, devices=devices)


def _is_ble(device: Device, drivers: Mapping[str, Driver]) -> bool:
    return device.driver in drivers and drivers[device.driver].transport == BLE


def _device(key: str, device: Device, home: Home) -> Iterator[Mistake]:
    if not MAC.match(device.address):
        remedy = 'write it as on its label or in `lamplight pair`: "A4:C1:38:8D:18:B2"'
        yield Mistake(f"{key}.address", f'"{device.address}" is no Bluetooth address', remedy)
    names = [adapter.name for adapter in home.adapters or (Adapter(),)]
    if device.port and device.port not in names:
        yield Mistake(f"{key}.port", f"{device.port} is no Bluetooth adapter", nearest("", names))
    if not device.port and len(names) > 1:
        remedy = nearest("", names, "say which one hears it best")
        yield Mistake(f"{key}.port", "there are several adapters", remedy)
    if device.poll_s:
        remedy = "remove poll_s: it speaks by itself"
        yield Mistake(f"{key}.poll_s", "a BLE device cannot be asked", remedy)
