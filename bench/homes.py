"""Homes of any size for the benches: the plan, and the devices at the far ends of the wires.

    bus1  RS-485  the meters, CJ/T 188 and DL/T 645 in turn, each asked once a minute
    bus2  RS-485  the input modules, eight wired devices each: the first one with the buttons (asked
                  four times a second), the others with contacts and relays (once a second); and the
                  kitchen's gas alarm (once a second)

Of ten devices eight are wired, one is the gas alarm and one a meter; of forty 32, one and seven.
The paces are the hub's own: the plan does not name any.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from gateway.home import UplinkSettings
from gateway.simulate.meters import ElectricityMeter, WaterMeter
from gateway.simulate.modules import GasAlarm, InputModule
from gateway.simulate.wires import Slave

BUTTONS = (
    "call_button", "call_button", "call_button", "call_button",
    "help_button", "cancel_button", "door_contact", "motion",
)  # fmt: skip
CONTACTS = (
    "motion", "motion", "motion", "motion", "door_contact", "leak_sensor", "smoke_alarm",
    "co_alarm",
)  # fmt: skip
GAS_SLAVE = 101
EACH = 8
"""Devices on one module."""

HUB = """\
[hub]
tenant = "bench"
id = "home-1"
data = "{folder}/data"

[web]
listen = "127.0.0.1:{web}"

[clock]
source = "system"
trust = "always"

[[room]]
id = "room"
kind = "living_room"

[[port]]
name = "bus1"
device = "{folder}/bus1"

[[port]]
name = "bus2"
device = "{folder}/bus2"
"""
DEVICE = """
[[device]]
id = "{id}"
driver = "{driver}"
address = "{address}"
kind = "{kind}"
room = "room"
port = "{port}"
"""


def plan(folder: Path, devices: int, web: int, way: UplinkSettings | None = None) -> str:
    """The TOML of a home with `devices` devices; without `way` it is alone."""
    parts = [HUB.format(folder=folder, web=web)]
    parts += [DEVICE.format(**device) for device in _devices(devices)]
    return "".join((*parts, "" if way is None else _uplink(way)))


def shares(devices: int) -> tuple[int, int]:
    """How many input modules, and how many meters; the gas alarm is one."""
    units = max(1, devices // (EACH + 2))
    return units, devices - EACH * units - 1


def _devices(count: int) -> Iterator[dict[str, str]]:
    units, meters = shares(count)
    for unit in range(1, units + 1):
        for number, kind in enumerate(BUTTONS if unit == 1 else CONTACTS, 1):
            yield {"id": f"m{unit}-{number}", "driver": "modbus_inputs", "kind": kind,
                   "address": f"{unit}/{number}", "port": "bus2"}  # fmt: skip
    yield {"id": "gas", "driver": "modbus_gas", "kind": "gas_alarm",
           "address": str(GAS_SLAVE), "port": "bus2"}  # fmt: skip
    for unit in range(1, meters + 1):
        driver, kind = _meter(unit)
        yield {"id": f"meter-{unit}", "driver": driver, "kind": kind,
               "address": _number(unit), "port": "bus1"}  # fmt: skip


def _meter(unit: int) -> tuple[str, str]:
    return ("cjt188", "water_meter") if unit % 2 else ("dlt645_2007", "electricity_meter")


def _number(unit: int) -> str:
    """A meter's number, as long as its protocol has it."""
    return f"{24_000_000 + unit:014d}" if unit % 2 else f"{24_000_000 + unit:012d}"


def _uplink(way: UplinkSettings) -> str:
    given = {**msgspec.to_builtins(way), "version": "5"}
    values = {name: value for name, value in given.items() if value != ""}
    lines = [f"{name} = {msgspec.json.encode(value).decode()}" for name, value in values.items()]
    return "\n[[uplink]]\n" + "\n".join(lines) + "\n"


def meters(devices: int) -> list[Slave]:
    """What hangs on bus1. Their registers stand still: nobody is at home."""
    _, count = shares(devices)
    return [
        WaterMeter(_number(unit), lambda: 482_137.0)
        if unit % 2
        else ElectricityMeter(_number(unit), lambda: 38.0, lambda: 5312.4)
        for unit in range(1, count + 1)
    ]


def modules(devices: int) -> list[Slave]:
    """What hangs on bus2. Every circuit is open and no gas is in the air."""
    count, _ = shares(devices)
    idle = (False,) * EACH
    wired: list[Slave] = [InputModule(unit, lambda: idle) for unit in range(1, count + 1)]
    return [*wired, GasAlarm(GAS_SLAVE, lambda: (0, 0))]


def press_module(circuits: Callable[[], Sequence[bool]]) -> Slave:
    """The first module of `modules`, with fingers on its buttons."""
    return InputModule(1, circuits)


def moving(devices: int) -> dict[str, list[Slave]]:
    """Both buses with registers that rise at every poll, and a motion sensor on each module that
    sees somebody at every eighth."""
    units, count = shares(devices)
    rising = itertools.count()
    wired: list[Slave] = [InputModule(unit, _passing(unit)) for unit in range(1, units + 1)]
    far: list[Slave] = [
        WaterMeter(_number(unit), lambda: 482_137.0 + next(rising))
        if unit % 2
        else ElectricityMeter(
            _number(unit), lambda: 38.0 + next(rising) % 90, lambda: 5312.4 + next(rising) / 100
        )
        for unit in range(1, count + 1)
    ]
    return {"bus1": far, "bus2": [*wired, GasAlarm(GAS_SLAVE, lambda: (next(rising) % 3, 0))]}


def _passing(unit: int) -> Callable[[], Sequence[bool]]:
    polls = itertools.count(unit)
    motion = (BUTTONS if unit == 1 else CONTACTS).index("motion")
    return lambda: [
        number == motion and seen for seen in (next(polls) % EACH == 0,) for number in range(EACH)
    ]
