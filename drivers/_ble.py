"""What the BLE drivers share: who spoke, its key, and how its messages are told apart.

Whether to believe it: the radio drops every advertisement whose CRC-24 is wrong (Core 5.4, vol. 6
part B, 3.1.1), and that covers all of its bits, so one that is heard says what was sent. It does
not prove who sent it; encryption does. So one good advertisement is enough for an emergency (its
repeats may never be heard: BlueZ keeps identical ones to itself), and a device whose key is in the
plan is believed only when it encrypts.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.records import Device, DeviceKind, Enrolled, Frame, Quantity, Reading, Value

MIC = 4
"""Bytes of the message integrity code that BTHome and MiBeacon use."""
EVENT_S = 30.0
"""A button without any counter: heard again within so many seconds, it is the same press."""
HELD_S = 120.0
"""A switch that stays closed says so with every beacon: it is one call. After a longer silence its
release may have been lost, and it is another."""
MADE_BY_SOMEBODY = frozenset({Quantity.BUTTON, Quantity.EMERGENCY})
PLAUSIBLE = {
    Quantity.BATTERY: (0.0, 100.0),
    Quantity.HUMIDITY: (0.0, 100.0),
    Quantity.TEMPERATURE: (-60.0, 150.0),
}
"""Outside, a value means "not known". The rest of the message, a press perhaps, still counts."""

Said = tuple[Quantity, Value, str]
"""What a message says: the quantity, its value, and which of several (its channel)."""


def speaker(frame: Frame, devices: Enrolled) -> tuple[Device, bytes]:
    """The enrolled device, and its address as bytes in the order in which it is written. Raises
    Stranger."""
    device = devices.find(frame, frame.address.upper())
    return device, bytes.fromhex(device.address.replace(":", ""))


def key_of(device: Device) -> bytes:
    """Its key from the plan; empty if it has none."""
    return bytes.fromhex(str(device.options.get("key", "")))


def readings(
    device: Device,
    said: list[Said],
    frame: Frame,
    event: str = "",
    rising: bool = False,
    implied: frozenset[Quantity] = frozenset(),
) -> list[Reading]:
    """That it was heard, and all that it says. `event`: the message's own number, if it has one;
    `rising`: proved to be its sender's, who never uses a lower one again. `implied`: warnings that
    of which only a set one is told."""
    heard = [Reading(device.id, Quantity.SEEN, True, frame.at)]
    for quantity, value, channel in said:
        if not _plausible(quantity, value):
            continue
        heard.append(
            Reading(
                device.id,
                quantity,
                value,
                frame.at,
                channel,
                event,
                implied=quantity in implied and value is False,
                repeat_s=_repeat_s(quantity, event),
                rising=rising,
            )
        )
    return heard


def rising(device: Device, counter: int) -> str:
    """The number of an encrypted message. A sender whose counter begins again with a new battery
    is let in again by raising `battery_changes` in the plan; without, it would be a replay."""
    changes = device.options.get("battery_changes", 0)
    return str(int(changes) << 32 | counter)


def check(device: Device, key_digits: tuple[int, ...]) -> str:
    """What is wrong with a BLE device of the plan."""
    if len(device.address.replace(":", "")) != 12 or device.address.count(":") != 5:
        return 'the address is written "A4:C1:38:8D:18:B2"'
    key = device.options.get("key", "")
    if not isinstance(key, str) or not _is_hex(key) or len(key) not in (0, *key_digits):
        digits = " or ".join(map(str, key_digits))
        return f"the option key has {digits} hexadecimal digits, in quotes"
    changes = device.options.get("battery_changes", 0)
    if isinstance(changes, bool | str) or not 0 <= changes < 1000 or changes % 1:
        return "the option battery_changes is a number: how often its counter began again"
    return ""


def context(driver: str, mapping: Mapping[str, object], kind: DeviceKind) -> list[Device]:
    """`mac`; and where they matter `key`, `kind`, `battery_changes`."""
    options: dict[str, str | float | bool] = {}
    for name in ("key", "battery_changes"):
        value = mapping.get(name)
        if isinstance(value, str | int | float):
            options[name] = value
    address = str(mapping.get("mac", "")).upper()
    kind = DeviceKind(str(mapping.get("kind", kind.value)))
    return [Device(address, driver, address, kind, options=options)] if address else []


def _repeat_s(quantity: Quantity, event: str) -> float:
    if quantity is Quantity.EMERGENCY:
        return HELD_S
    return EVENT_S if quantity in MADE_BY_SOMEBODY and not event else 0.0


def _plausible(quantity: Quantity, value: Value) -> bool:
    lowest, highest = PLAUSIBLE.get(quantity, (0.0, 0.0))
    return quantity not in PLAUSIBLE or lowest <= float(value) <= highest


def _is_hex(text: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in text)
