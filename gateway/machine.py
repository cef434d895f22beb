"""What the machine in the home says of itself: is it on mains, and how full is its battery."""

from __future__ import annotations

from pathlib import Path

from gateway.records import HUB, Instant, Quantity, Reading

POWER_SUPPLIES = Path("/sys/class/power_supply")


def power_readings(at: Instant, root: Path = POWER_SUPPLIES) -> list[Reading]:
    """MAINS_OK and BATTERY of the hub, as far as the kernel knows them.

    Linux, Documentation/ABI/testing/sysfs-class-power: `type` Mains or USB with `online` 0/1/2,
    and `type` Battery with `capacity` in percent. A hub without any says nothing at all.
    """
    mains: list[bool] = []
    readings: list[Reading] = []
    for supply in sorted(root.glob("*")):
        kind = _read(supply / "type")
        online, capacity = _read(supply / "online"), _read(supply / "capacity")
        if kind in ("Mains", "USB") and online.isdigit():
            mains.append(online != "0")
        elif kind == "Battery" and capacity.isdigit():
            readings.append(Reading(HUB, Quantity.BATTERY, float(capacity), at))
    if mains:
        readings.append(Reading(HUB, Quantity.MAINS_OK, any(mains), at))
    return readings


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
