"""Which radios a plan with BLE devices opens; and that a home without pays nothing for them."""

from __future__ import annotations

import subprocess
import sys

import drivers
from gateway.app import open_ports
from gateway.clock import SystemClock
from gateway.plan.file import load

HOME = '[hub]\ntenant = "street-1"\nid = "hub-1"\n'
BLE = """
[[device]]
id = "button"
driver = "bthome"
kind = "call_button"
address = "A4:C1:38:8D:18:B2"
[[device]]
id = "pendant"
driver = "thingy52"
kind = "pendant"
address = "C0:FF:EE:00:00:01"
"""
WITHOUT = """
import sys, drivers
from gateway.app import open_ports
from gateway.clock import SystemClock
from gateway.plan.file import load
known = drivers.load()
open_ports(load(sys.argv[1], known), known, SystemClock(trust="always"))
print([name for name in ("bleak", "dbus_fast") if name in sys.modules])
"""


def test_one_adapter_hears_all_and_each_pendant_has_its_connection() -> None:
    known = drivers.load()
    home = load(HOME + BLE, known)
    radios = open_ports(home, known, SystemClock(trust="always"))
    assert [radio.name for radio in radios] == ["hci0", "hci0 pendant"]
    # Supervision finds a device's radio by this: a blind adapter makes its devices unknown.
    assert {device.port for device in home.devices} == {"hci0"}
    assert not radios[0].state().alive


def test_a_home_without_ble_loads_nothing_of_it() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT, HOME], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
