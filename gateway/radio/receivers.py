"""The receiver programs that the hub starts for a port: what to call, and with which settings.

They are GPL: separate programs, spoken to over a pipe and never linked.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from gateway.home import Port
from gateway.radio.child import Child, Program
from gateway.records import Clock, Device

EV1527 = (
    "n=EV1527,m=OOK_PWM,s=340,l=1020,g=1600,r=20000,t=280,bits=25,unique,countonly,"
    "get=@0:{20}:id,get=@20:{4}:cmd"
)
"""Remote controls and sensors with a learning code: 20 bits of number, 4 of key, a closing bit. A
bit is 4 clocks of 250 to 450 us; rtl_433's own decoder 30 covers the slower ones."""
STATISTICS = "stats:1:60"
"""rtl_433 prints something every minute, so that its silence means that it hangs."""
REMEDIES = {
    "rtl433_json": ("rtl_433", "apt-get install rtl-433"),
    "wmbus_json": ("wmbusmeters", "build it from github.com/wmbusmeters/wmbusmeters"),
}
"""By driver: the program, and where it comes from."""
METERS_SILENT_S = 3 * 3600.0
"""wmbusmeters prints only what the home's meters send, every few minutes to every hour."""


def receiver(port: Port, devices: Sequence[Device], clock: Clock, data: Path) -> Child:
    """The owner of a port whose driver listens to a program. `data`: the hub's own directory."""
    program = partial(PROGRAMS[port.driver], port, devices, data)
    return Child(port.name, port.driver, clock, program)


def rtl_433(port: Port, devices: Sequence[Device], data: Path) -> Program:
    serial = port.usb.partition(":")[2].partition(":")[2]
    command = ["rtl_433", "-c", "/dev/null", "-F", "json", "-M", STATISTICS, "-C", "si"]
    command += ["-f", f"{port.frequency_mhz or 433.92:g}M", "-X", EV1527]
    command += ["-d", f":{serial}"] if serial else []
    return Program(tuple(command), remedy=REMEDIES["rtl433_json"][1])


def wmbusmeters(port: Port, devices: Sequence[Device], data: Path) -> Program:
    """Writes its settings anew, with the keys, for nobody else to read."""
    home = data / f"wmbusmeters-{port.name}"
    shutil.rmtree(home, ignore_errors=True)
    (home / "wmbusmeters.d").mkdir(mode=0o700, parents=True)
    home.chmod(0o700)
    _write(home / "wmbusmeters.conf", _settings(port))
    for device in devices:
        _write(home / "wmbusmeters.d" / device.id, _meter(device))
    command = ("wmbusmeters", f"--useconfig={home}", "--silent")
    remedy = REMEDIES["wmbus_json"][1]
    return Program(command, remedy=remedy, silent_s=METERS_SILENT_S, steady_s=30.0)


PROGRAMS: Mapping[str, Callable[[Port, Sequence[Device], Path], Program]] = {
    "rtl433_json": rtl_433,
    "wmbus_json": wmbusmeters,
}


def _settings(port: Port) -> str:
    device = f"{port.device}:{port.dongle}:c1,t1" if port.device else "rtlwmbus"
    lines = {"loglevel": "normal", "device": device, "format": "json", "logtelegrams": "false"}
    return "".join(f"{key}={value}\n" for key, value in lines.items())


def _meter(device: Device) -> str:
    lines = {
        "name": device.id,
        "id": device.address,
        "key": device.options.get("key") or "NOKEY",
        "driver": device.options.get("driver", "auto"),
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items())


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
