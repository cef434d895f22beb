"""Opens the Bluetooth adapters of a home: one radio each, and one for each pendant to connect to.

Imported only where the plan has BLE devices: bleak takes its share of a small board's memory.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.home import Adapter, Home
from gateway.radio.ble import BleRadio
from gateway.radio.pendant import Pendant
from gateway.records import Clock, Driver, Radio


def open_adapters(home: Home, drivers: Mapping[str, Driver], clock: Clock) -> list[Radio]:
    """Nothing is touched before somebody asks for frames."""
    return [radio for adapter in home.adapters for radio in _radios(adapter, home, drivers, clock)]


def _radios(
    adapter: Adapter, home: Home, drivers: Mapping[str, Driver], clock: Clock
) -> list[Radio]:
    devices = [
        device
        for device in home.devices
        if device.port == adapter.name and drivers[device.driver].transport == "ble"
    ]
    radio = BleRadio(adapter, devices, drivers, clock, alone=len(home.adapters) == 1)
    pendants = [
        Pendant(device, drivers[device.driver], radio, clock)
        for device in devices
        if any(len(uuid) > 4 for uuid in drivers[device.driver].services)
    ]
    return [radio, *pendants]
