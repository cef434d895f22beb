"""Homes of any size for the benches: the plan, and the devices at the far ends of the wires.

Devices come by tens: an input module with eight wired devices, a gas alarm and a meter.

    bus1  RS-485  the meters, CJ/T 188 and DL/T 645 in turn, each asked once a minute
    bus2  RS-485  the input modules, every other one with buttons (asked four times a second, the
                  others once), and the gas alarms (once a second)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.home import UplinkSettings
from gateway.simulate.meters import ElectricityMeter, WaterMeter
from gateway.simulate.modules import GasAlarm, InputModule
from gateway.simulate.wires import Slave

BUTTONS = (
    "call_button", "call_button", "help_button", "cancel_button",
    "door_contact", "motion", "motion", "leak_sensor",
)  # fmt: skip
CONTACTS = (
    "motion", "motion", "motion", "motion", "door_contact", "leak_sensor", "smoke_alarm",
    "co_alarm",
)  # fmt: skip
GAS_FROM = 101
"""The slave number of the first gas alarm; the modules' begin at 1."""
DEVICES_EACH = 10

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
    """The TOML of a home with `devices` devices, a multiple of ten; without `way` it is alone."""
    parts = [HUB.format(folder=folder, web=web)]
    for unit in range(1, devices // DEVICES_EACH + 1):
        parts += [DEVICE.format(**device) for device in _ten(unit)]
    return "".join((*parts, "" if way is None else _uplink(way)))


def _ten(unit: int) -> Iterator[dict[str, str]]:
    for number, kind in enumerate(BUTTONS if unit % 2 else CONTACTS, 1):
        yield {"id": f"m{unit}-{number}", "driver": "modbus_inputs", "kind": kind,
               "address": f"{unit}/{number}", "port": "bus2"}  # fmt: skip
    yield {"id": f"gas-{unit}", "driver": "modbus_gas", "kind": "gas_alarm",
           "address": str(GAS_FROM + unit), "port": "bus2"}  # fmt: skip
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


def meters(units: int) -> list[Slave]:
    """What hangs on bus1. Their registers stand still: nobody is at home."""
    return [
        WaterMeter(_number(unit), lambda: 482_137.0)
        if unit % 2
        else ElectricityMeter(_number(unit), lambda: 38.0, lambda: 5312.4)
        for unit in range(1, units + 1)
    ]


def modules(units: int) -> list[Slave]:
    """What hangs on bus2. Every circuit is open and no gas is in the air."""
    idle = (False,) * 8
    return [
        *(InputModule(unit, lambda: idle) for unit in range(1, units + 1)),
        *(GasAlarm(GAS_FROM + unit, lambda: (0, 0)) for unit in range(1, units + 1)),
    ]
