"""The list of what we support: one file per protocol or device family, bytes to Readings."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Iterable

from gateway.records import Device, Driver


def load(names: Collection[str] | None = None) -> dict[str, Driver]:
    """Every driver by its name, or only those of `names` (a driver lives in the file of its name,
    or is found by looking through all of them)."""
    modules = [m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")]
    if names is not None and all(name in modules for name in names):
        modules = sorted(names)
    drivers: dict[str, Driver] = {}
    for module in modules:
        driver = getattr(importlib.import_module(f"{__name__}.{module}"), "DRIVER", None)
        if not isinstance(driver, Driver):
            raise TypeError(f"drivers/{module}.py has no DRIVER")
        if driver.name in drivers:
            raise ValueError(f"two drivers are named {driver.name!r}")
        drivers[driver.name] = driver
    return drivers if names is None else {name: drivers[name] for name in names}


def spokesmen(devices: Iterable[Device]) -> list[Device]:
    """The devices that have to be asked: where several share one address on a bus ("3/1", "3/2"),
    the one with the highest input, because its answer speaks for all of them."""
    asked: dict[tuple[str, str, str], Device] = {}
    for device in devices:
        unit, _, part = device.address.partition("/")
        key = device.driver, device.port, unit
        rival = asked.get(key)
        if rival is None or int(part or 0) > int(rival.address.partition("/")[2] or 0):
            asked[key] = device
    return list(asked.values())


def table(drivers: Iterable[Driver]) -> str:
    """The devices we support, as a table in Markdown."""
    rows = ["| device | wire | `driver =` |", "|---|---|---|"]
    for driver in sorted(drivers, key=lambda driver: driver.title.lower()):
        rows.append(f"| {driver.title} | {_wire(driver)} | `{driver.name}` |")
    return "\n".join(rows)


def _wire(driver: Driver) -> str:
    if driver.transport != "serial":
        return driver.transport
    line = driver.line
    speech = "polled" if driver.poll else "speaks by itself"
    return f"serial, {line.baud} 8{line.parity}{line.stop_bits}, {speech}"
