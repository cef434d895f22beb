"""What a sound plan should perhaps not say, or lacks: told, but no reason to refuse it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from gateway.home import Home, Mistake, Port
from gateway.plan.hub import loopback
from gateway.records import DeviceKind, Driver, Role

CALLS = frozenset({DeviceKind.CALL_BUTTON, DeviceKind.PENDANT})


def warnings(home: Home, drivers: Mapping[str, Driver] | None = None) -> list[Mistake]:
    """The same shape as a mistake: key, what is odd, what to do."""
    found = [warning for look in ADVICE for warning in look(home)]
    return [*found, *_one_speed(home, drivers or {})]


def _somebody_can_call(home: Home) -> Iterator[Mistake]:
    if not any(device.kind in CALLS for device in home.devices):
        yield Mistake("device", "no call button and no pendant", "enrol one: kind call_button")


def _somebody_is_called(home: Home) -> Iterator[Mistake]:
    if not home.uplinks:
        yield Mistake("uplink", "no alert leaves this home", "add an [[uplink]] to a platform")
    if not any(contact.role == "first_carer" for contact in home.contacts):
        yield Mistake("contact", "nobody is the first carer", "add a [[contact]] with that role")


def _routes_are_private(home: Home) -> Iterator[Mistake]:
    for number, uplink in enumerate(home.uplinks, 1):
        if uplink.tls or loopback(uplink.host):
            continue
        yield Mistake(f"uplink[{number}].tls", "alerts travel in the open", "set tls = true")


def _absence_can_be_known(home: Home) -> Iterator[Mistake]:
    if not any(device.role is Role.FRONT_DOOR for device in home.devices):
        remedy = 'give the front door\'s contact role = "front_door"'
        yield Mistake("device", "without the front door, away looks like silence", remedy)


def _devices_have_rooms(home: Home) -> Iterator[Mistake]:
    for number, device in enumerate(home.devices, 1):
        if not device.room and device.kind is not DeviceKind.PENDANT:
            remedy = "say its room, so that helpers know where to go"
            yield Mistake(f"device[{number}].room", f"nobody knows where {device.id} is", remedy)


def _ports_are_used(home: Home) -> Iterator[Mistake]:
    used = {device.port for device in home.devices}
    for number, port in enumerate(home.ports, 1):
        if port.name not in used:
            remedy = "remove it, or enrol what hangs on it"
            yield Mistake(f"port[{number}]", f"no device is on port {port.name}", remedy)


def _time_is_real(home: Home) -> Iterator[Mistake]:
    if home.clock.source == "simulated":
        yield Mistake("clock.source", "time is simulated", 'use "system" in a real home')


def _one_speed(home: Home, drivers: Mapping[str, Driver]) -> Iterator[Mistake]:
    """Everything on one bus hears everything; two speeds on it need a bus owner that switches."""
    for number, port in enumerate(home.ports, 1):
        names = {device.driver for device in home.devices if device.port == port.name}
        speeds = {_speed(port, drivers[name]) for name in names & drivers.keys()}
        if len(speeds) > 1:
            wrong = f"its devices speak differently: {' and '.join(sorted(speeds))}"
            remedy = "set them alike and say baud and parity here, or use two ports"
            yield Mistake(f"port[{number}].baud", wrong, remedy)


def _speed(port: Port, driver: Driver) -> str:
    """As on type plates: 2400 8E1."""
    line = driver.line
    parity, stop = port.parity or line.parity, port.stop_bits or line.stop_bits
    return f"{port.baud or line.baud} 8{parity}{stop}"


ADVICE: tuple[Callable[[Home], Iterable[Mistake]], ...] = (
    _somebody_can_call,
    _somebody_is_called,
    _routes_are_private,
    _absence_can_be_known,
    _devices_have_rooms,
    _ports_are_used,
    _time_is_real,
)
