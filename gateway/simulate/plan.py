"""The plan of the simulated home, as an installer would have written it."""

from __future__ import annotations

from pathlib import Path

from gateway.simulate.home import (
    GAS_SLAVE,
    HOT_PRIMARY,
    MODULE_SLAVE,
    POWER_NUMBER,
    RADAR,
    WATER_NUMBER,
    ZONE,
)

ROOMS = """
[[room]]
id = "bedroom"
kind = "bedroom"
name = "卧室"

[[room]]
id = "bathroom"
kind = "bathroom"
name = "卫生间"

[[room]]
id = "kitchen"
kind = "kitchen"
name = "厨房"

[[room]]
id = "living-room"
kind = "living_room"
name = "客厅"

[[room]]
id = "hall"
kind = "hall"
name = "门厅"
"""

METERS = f"""
[[device]]
id = "water-meter"
driver = "cjt188"
address = "{WATER_NUMBER}"
kind = "water_meter"
room = "kitchen"
role = "main_meter"
port = "bus1"
poll_s = 30
silent_s = 7200

[[device]]
id = "electricity-meter"
driver = "dlt645_2007"
address = "{POWER_NUMBER}"
kind = "electricity_meter"
room = "hall"
role = "main_meter"
port = "bus1"
poll_s = 15
silent_s = 7200

[[device]]
id = "hot-water-meter"
driver = "mbus"
address = "{HOT_PRIMARY}"
kind = "water_meter"
room = "bathroom"
port = "bus2"
poll_s = 60
silent_s = 7200

[[device]]
id = "gas-alarm"
driver = "modbus_gas"
address = "{GAS_SLAVE}"
kind = "gas_alarm"
room = "kitchen"
port = "bus3"
poll_s = 1
"""

BED = f"""
[[device]]
id = "bed-radar"
driver = "seeed_tinyframe"
address = "{RADAR}"
kind = "bed"
room = "bedroom"
port = "{RADAR}"
silent_s = 7200
"""

WIRED = (
    ("call-button", "call_button", "bedroom", ""),
    ("pull-cord", "call_button", "bathroom", ""),
    ("front-door", "door_contact", "hall", 'role = "front_door"\noptions = { active = "open" }\n'),
    ("motion-living-room", "motion", "living-room", ""),
    ("motion-kitchen", "motion", "kitchen", ""),
    ("motion-bathroom", "motion", "bathroom", ""),
    ("leak-sensor", "leak_sensor", "kitchen", ""),
    ("cancel-key", "cancel_button", "bedroom", ""),
)
"""Input by input: id, kind, room, and what else the plan says."""


def demo_plan(directory: Path, web_port: int, broker_port: int, clock_file: Path) -> str:
    """TOML for a hub whose wires, broker and clock are in this directory and on this machine."""
    return "\n".join(
        (
            _hub(directory, web_port, broker_port, clock_file),
            ROOMS.strip(),
            *(_port(directory, number) for number in (1, 2, 3)),
            _listening(directory, RADAR, "seeed_tinyframe"),
            METERS.strip(),
            BED.strip(),
            *(_wired(number) for number in range(1, len(WIRED) + 1)),
        )
    )


def _hub(directory: Path, web_port: int, broker_port: int, clock_file: Path) -> str:
    return f"""# The home of `lamplight demo`. Its wires are simulated; the daemon does not know.
[hub]
tenant = "demo"
id = "home-1"
timezone = "{ZONE}"
language = "zh"
data = "{directory / "data"}"

[plan]
version = 1
person = "demo-person"

[web]
listen = "127.0.0.1:{web_port}"

[clock]
source = "simulated"
file = "{clock_file}"

[[uplink]]
name = "demo"
host = "127.0.0.1"
port = {broker_port}
tls = false
heartbeat_s = 10
keepalive_s = 10

[[contact]]
name = "李阿姨"
role = "first_carer"
phone = "+86 21 5555 0100"
"""


def _port(directory: Path, number: int) -> str:
    return f"""
[[port]]
name = "bus{number}"
device = "{directory / f"bus{number}"}"
{"timeout_s = 0.3" if number == 3 else ""}"""


def _listening(directory: Path, name: str, driver: str) -> str:
    return f"""
[[port]]
name = "{name}"
device = "{directory / name}"
driver = "{driver}"
"""


def _wired(number: int) -> str:
    name, kind, room, more = WIRED[number - 1]
    return f"""
[[device]]
id = "{name}"
driver = "modbus_inputs"
address = "{MODULE_SLAVE}/{number}"
kind = "{kind}"
room = "{room}"
port = "bus3"
poll_s = 0.25
{more}"""
