"""What of all that was measured is worth an SD card's life: changes, and a sign now and then.

Pure: readings in, yes or no out.
"""

from __future__ import annotations

from gateway.records import Quantity, Reading

EVENTS = frozenset(
    {Quantity.BUTTON, Quantity.EMERGENCY, Quantity.FIRE_BUTTON, Quantity.FALL, Quantity.TEST}
)
AT_LEAST_S = 300.0
"""A value that does not change is written so often, to show that it was still being said: more
often than the shortest silence that supervision takes for a loss (10 min), or replay would see
losses that never were."""
AT_MOST_S = 60.0
"""A measurement is written no more often than that."""
# The change that counts, in the quantity's unit. 0 = any change. A quantity that is not listed is a
# state: every change counts, at once.
DEADBANDS: dict[Quantity, float] = {
    Quantity.WATER_TOTAL: 0.0,
    Quantity.WATER_FLOW: 0.005,
    Quantity.ENERGY_TOTAL: 0.0,
    Quantity.POWER: 5.0,
    Quantity.VOLTAGE: 2.0,
    Quantity.CURRENT: 0.05,
    Quantity.GAS_LEL: 0.5,
    Quantity.TEMPERATURE: 0.2,
    Quantity.HUMIDITY: 2.0,
    Quantity.HEART_RATE: 2.0,
    Quantity.BREATH_RATE: 1.0,
    Quantity.BATTERY: 1.0,
    Quantity.BATTERY_VOLTAGE: 0.02,
    Quantity.LINK_QUALITY: 5.0,
}

Series = tuple[str, Quantity, str]


def is_event(reading: Reading) -> bool:
    """Somebody acted, or a radio counted it as an event: each one counts."""
    return bool(reading.event) or reading.quantity in EVENTS


class Thinning:
    """Remembers the last kept reading of each device, quantity and channel."""

    def __init__(self) -> None:
        self._kept: dict[Series, Reading] = {}

    def keeps(self, reading: Reading) -> bool:
        if is_event(reading):
            return True
        series = (reading.device, reading.quantity, reading.channel)
        last = self._kept.get(series)
        if last is not None and not _worth(last, reading):
            return False
        self._kept[series] = reading
        return True


def _worth(last: Reading, reading: Reading) -> bool:
    passed = reading.at.since(last.at)
    if passed >= AT_LEAST_S or reading.at.trusted != last.at.trusted:
        return True
    if reading.value == last.value:
        return False
    deadband = DEADBANDS.get(reading.quantity)
    if deadband is None or isinstance(reading.value, str) or isinstance(last.value, str):
        return True
    return passed >= AT_MOST_S and abs(reading.value - last.value) >= deadband
