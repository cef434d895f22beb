"""What in a plan does not fit together: devices, rooms, ports and drivers.

A table of checks; each looks at one thing and yields its mistakes. What concerns the hub and its
routes is in `plan.hub`; what is allowed but unwise is in `plan.advice`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from gateway.home import NAME, Adapter, Home, Mistake
from gateway.plan import ble, hub
from gateway.plan.walk import nearest, repeats
from gateway.records import HUB, Device, DeviceKind, Driver, Role

Drivers = Mapping[str, Driver] | Collection[str]

NAME_LENGTH = 32
SAFETY_POLL_S = 1.0
"""A gas alarm is on its way within 2 s (design promise); asking takes part of that."""
SLOWEST_POLL_S = 86_400.0
FASTEST_POLL_S = 0.1

POLLED_FAST = frozenset(
    {kind for kind in DeviceKind if kind.safety}
    | {DeviceKind.HELP_BUTTON, DeviceKind.CANCEL_BUTTON, DeviceKind.LEAK_SENSOR}
)

WIRED = ("serial", "pipe", "gpio")
"""Transports whose devices hang on a `[[port]]`."""
CALLS = frozenset({DeviceKind.CALL_BUTTON, DeviceKind.PENDANT})
"""What calls for help."""

ROLES = {
    Role.FRONT_DOOR: frozenset({DeviceKind.DOOR_CONTACT}),
    Role.MAIN_METER: frozenset({DeviceKind.WATER_METER, DeviceKind.ELECTRICITY_METER}),
}
"""Which kinds of device may carry a role."""


def mistakes(home: Home, drivers: Drivers) -> Iterator[Mistake]:
    """Everything that makes this plan unusable; empty if it is sound."""
    for check in (*CHECKS, *hub.CHECKS):
        yield from check(home)
    yield from _drivers_exist(home, drivers)
    if isinstance(drivers, Mapping):
        yield from _polling_fits(home, drivers)
        yield from ble.mistakes(home, drivers)
        yield from _low_assurance_is_known(home, drivers)
        yield from _devices_suit_their_driver(home, drivers)


# ---------------------------------------------------------------- names


def _names_are_plain(home: Home) -> Iterator[Mistake]:
    remedy = f"use small letters, digits and -, at most {NAME_LENGTH} (as in kitchen-leak)"
    for table, names in (("room", home.rooms), ("device", home.devices)):
        for number, name in enumerate([record.id for record in names], 1):
            if not re.match(NAME, name) or len(name) > NAME_LENGTH:
                yield Mistake(f"{table}[{number}].id", f'"{name}" is no id', remedy)


def _names_are_unique(home: Home) -> Iterator[Mistake]:
    named: tuple[tuple[str, str, list[str]], ...] = (
        ("room", "id", [room.id for room in home.rooms]),
        ("device", "id", [device.id for device in home.devices]),
        ("port", "name", [port.name for port in home.ports]),
        ("uplink", "name", [uplink.name for uplink in home.uplinks]),
    )
    for table, key, names in named:
        for first, number in repeats(names):
            wrong = f'"{names[number - 1]}" is also {table}[{first}]'
            yield Mistake(f"{table}[{number}].{key}", wrong, "give each its own")


def _hub_is_reserved(home: Home) -> Iterator[Mistake]:
    for number, device in enumerate(home.devices, 1):
        if device.id == HUB:
            remedy = "the hub itself reports under this id; use another"
            yield Mistake(f"device[{number}].id", f'"{HUB}" is taken', remedy)
        if device.kind is DeviceKind.HUB:
            remedy = "a hub is not enrolled; describe it in [hub]"
            yield Mistake(f"device[{number}].kind", '"hub" is no sensor', remedy)


# ---------------------------------------------------------------- what refers to what


def _rooms_exist(home: Home) -> Iterator[Mistake]:
    for number, device in enumerate(home.devices, 1):
        if device.room and home.room(device.room) is None:
            remedy = nearest(device.room, [room.id for room in home.rooms])
            yield Mistake(f"device[{number}].room", f'there is no room "{device.room}"', remedy)


def _ports_exist(home: Home) -> Iterator[Mistake]:
    adapters = home.adapters or (Adapter(),)
    names = [*(port.name for port in home.ports), *(adapter.name for adapter in adapters)]
    for number, device in enumerate(home.devices, 1):
        if device.port and device.port not in names:
            remedy = nearest(device.port, names)
            yield Mistake(f"device[{number}].port", f'there is no port "{device.port}"', remedy)


def _drivers_exist(home: Home, drivers: Drivers) -> Iterator[Mistake]:
    for number, device in enumerate(home.devices, 1):
        if device.driver not in drivers:
            remedy = nearest(device.driver, sorted(drivers))
            wrong = f'there is no driver "{device.driver}"'
            yield Mistake(f"device[{number}].driver", wrong, remedy)
    for number, port in enumerate(home.ports, 1):
        if port.driver and port.driver not in drivers:
            remedy = nearest(port.driver, sorted(drivers))
            yield Mistake(f"port[{number}].driver", f'there is no driver "{port.driver}"', remedy)


def _addresses_are_unique(home: Home) -> Iterator[Mistake]:
    places = [f"{d.driver} {d.port} {d.address}" for d in home.devices]
    for first, number in repeats(places):
        device = home.devices[number - 1]
        wrong = f'"{device.address}" on this port is also device[{first}]'
        remedy = "two devices cannot share an address; look at their type plates"
        yield Mistake(f"device[{number}].address", wrong, remedy)


def _addresses_are_given(home: Home) -> Iterator[Mistake]:
    for number, device in enumerate(home.devices, 1):
        if not device.address.strip():
            remedy = "write what is on its type plate, in quotes"
            yield Mistake(f"device[{number}].address", "is empty", remedy)


# ---------------------------------------------------------------- devices on their ports


def _polling_is_sensible(home: Home) -> Iterator[Mistake]:
    for number, device in enumerate(home.devices, 1):
        if device.poll_s and not FASTEST_POLL_S <= device.poll_s <= SLOWEST_POLL_S:
            remedy = f"use seconds from {FASTEST_POLL_S:g} to {SLOWEST_POLL_S:g} (a day)"
            yield Mistake(f"device[{number}].poll_s", f"{device.poll_s:g} s is no pace", remedy)
        if device.kind in POLLED_FAST and device.poll_s > SAFETY_POLL_S:
            wrong = f"{device.poll_s:g} s is too slow for a {device.kind}"
            remedy = f"ask it every {SAFETY_POLL_S:g} s or faster: an alarm must be out in 2 s"
            yield Mistake(f"device[{number}].poll_s", wrong, remedy)


def _silence_is_longer_than_polling(home: Home) -> Iterator[Mistake]:
    for number, device in enumerate(home.devices, 1):
        key = f"device[{number}].silent_s"
        if device.silent_s < 0:
            yield Mistake(key, "is less than nothing", "use seconds, or leave it out to learn it")
        elif device.silent_s and device.silent_s <= device.poll_s:
            remedy = f"allow a few polls to fail: {3 * device.poll_s:g} or more"
            yield Mistake(key, f"is no longer than poll_s ({device.poll_s:g})", remedy)


def _polling_fits(home: Home, drivers: Mapping[str, Driver]) -> Iterator[Mistake]:
    listens = {port.name: port.driver for port in home.ports}
    for number, device in enumerate(home.devices, 1):
        driver = drivers.get(device.driver)
        if driver is not None and driver.transport in WIRED:
            yield from _serial_fits(f"device[{number}]", device, driver, listens)


def _serial_fits(
    key: str, device: Device, driver: Driver, listens: Mapping[str, str]
) -> Iterator[Mistake]:
    if not device.port:
        remedy = nearest("", listens, "say which port it hangs on")
        yield Mistake(f"{key}.port", f"a {driver.name} device needs a port", remedy)
        return
    pushed = listens.get(device.port, "")
    if pushed and pushed != driver.name:
        remedy = f"give it another port, or remove driver from port {device.port}"
        yield Mistake(f"{key}.port", f"port {device.port} only listens for {pushed}", remedy)
    if device.poll_s and driver.poll is None:
        remedy = "remove poll_s: it speaks by itself"
        yield Mistake(f"{key}.poll_s", f"{driver.name} cannot be asked", remedy)
    if not pushed and driver.poll is None:
        remedy = f'add driver = "{driver.name}" to port {device.port}'
        yield Mistake(f"{key}.driver", "it speaks by itself, and its port does not listen", remedy)


def _low_assurance_is_known(home: Home, drivers: Mapping[str, Driver]) -> Iterator[Mistake]:
    """Whoever writes the plan shall know what cannot be relied on."""
    for number, device in enumerate(home.devices, 1):
        driver = drivers.get(device.driver)
        if driver is not None and driver.low_assurance and not device.low_assurance:
            wrong = "its radio has no counter, no encryption and no supervision"
            remedy = "write low_assurance = true, if this home can do without it"
            yield Mistake(f"device[{number}].low_assurance", wrong, remedy)


def _somebody_is_surely_heard(home: Home) -> Iterator[Mistake]:
    calls = [(n, device) for n, device in enumerate(home.devices, 1) if device.kind in CALLS]
    if calls and all(device.low_assurance for _, device in calls):
        number, device = calls[0]
        wrong = f"{device.id} is low assurance, and nothing else in this home can call for help"
        remedy = "enrol a wired, BLE or Zigbee call button too"
        yield Mistake(f"device[{number}].kind", wrong, remedy)


def _devices_suit_their_driver(home: Home, drivers: Mapping[str, Driver]) -> Iterator[Mistake]:
    for number, device in enumerate(home.devices, 1):
        driver = drivers.get(device.driver)
        wrong = driver.check(device) if driver is not None and driver.check is not None else ""
        if wrong:
            key = f"device[{number}].{_blamed(wrong, device)}"
            yield Mistake(key, wrong, f"see its type plate and the notes of {device.driver}")


def _blamed(wrong: str, device: Device) -> str:
    """Which of the device's keys a driver's complaint is about."""
    if "address" in wrong:
        return "address"
    return "kind" if device.kind in wrong else "options"


def _roles_fit(home: Home) -> Iterator[Mistake]:
    for number, device in enumerate(home.devices, 1):
        kinds = ROLES.get(device.role)
        if kinds and device.kind not in kinds:
            remedy = f"only for: {', '.join(sorted(kinds))}"
            yield Mistake(f"device[{number}].role", f"a {device.kind} is no {device.role}", remedy)
    mains = [d.kind.value if d.role is Role.MAIN_METER else None for d in home.devices]
    for first, number in repeats(mains):
        wrong = f"device[{first}] is the main {mains[number - 1]} already"
        yield Mistake(f"device[{number}].role", wrong, "a home has one of each")


def _ports_lead_somewhere(home: Home) -> Iterator[Mistake]:
    for number, port in enumerate(home.ports, 1):
        key = f"port[{number}]"
        if not port.device and not port.usb:
            remedy = 'add device = "/dev/serial/by-id/..." or usb = "vendor:product"'
            yield Mistake(f"{key}.device", "the port leads nowhere", remedy)
        if port.device and port.usb:
            yield Mistake(f"{key}.usb", "device is given too", "keep one of them")
        if port.device and not port.device.startswith("/"):
            yield Mistake(f"{key}.device", f'"{port.device}" is no full path', "begin it with /")
    for first, number in repeats([port.device or port.usb or port.name for port in home.ports]):
        remedy = "one wire is one port; hang both ports' devices on one"
        yield Mistake(f"port[{number}]", f"leads to the same as port[{first}]", remedy)


ORDERED = (
    ("water", "no_use_h", "no_use_hard_h"),
    ("supervision", "late_factor", "rhythm_factor"),
    ("hub", "mains_log_s", "mains_told_s"),
    ("hub", "link_down_min", "link_urgent_min"),
)
"""Thresholds of which the second is the harder one."""


def _thresholds_are_in_order(home: Home) -> Iterator[Mistake]:
    for table, soft, hard in ORDERED:
        rules = getattr(home.rules, table)
        if getattr(rules, soft) > getattr(rules, hard):
            wrong = f"{getattr(rules, hard):g} is less than {soft} ({getattr(rules, soft):g})"
            yield Mistake(f"rules.{table}.{hard}", wrong, f"raise it, or lower {soft}")


CHECKS: tuple[Callable[[Home], Iterable[Mistake]], ...] = (
    _names_are_plain,
    _names_are_unique,
    _hub_is_reserved,
    _rooms_exist,
    _ports_exist,
    _addresses_are_given,
    _addresses_are_unique,
    _polling_is_sensible,
    _silence_is_longer_than_polling,
    _roles_fit,
    _somebody_is_surely_heard,
    _ports_lead_somewhere,
    _thresholds_are_in_order,
)
