"""Dry contacts and pressure mats on the GPIO lines of the hub itself.

    16=1 17=0 18=1 edge=17;

Every line that the plan uses, 1 = its circuit is closed; the one that has just changed, if it was
a change that made the hub look. `gateway/radio/gpio.py` writes this from the kernel's edge events.

A device's address is its line's number on the chip. `active = "open"` is a break contact. Where
the wiring has a second pair of wires that comes back from the sensor (four-wire loop), `loop` is
that pair's line: open means that the cable was cut or the lid is off, and what the contact then
says is not believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from drivers._bits import flag, is_number
from drivers._contacts import PRESSES, contact, wiring
from gateway.records import (
    BadFrame,
    Device,
    DeviceKind,
    Driver,
    Enrolled,
    Frame,
    Quantity,
    Reading,
    Stranger,
)

LINES = range(512)
LONGEST = 4096
MESSAGE = re.compile(rb"(?:\d{1,3}=[01] )*\d{1,3}=[01](?: edge=\d{1,3})?;")
DEBOUNCE_MS = range(1001)


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    if len(frame.payload) > LONGEST or not MESSAGE.fullmatch(frame.payload):
        raise BadFrame("format")
    pairs = [item.split("=") for item in frame.payload.decode()[:-1].split(" ")]
    lines = {name: value == "1" for name, value in pairs if name != "edge"}
    edge = next((value for name, value in pairs if name == "edge"), "")
    here = [device for device in devices if device.port in ("", frame.port)]
    readings = [
        reading
        for device in here
        if device.address in lines
        for reading in _readings(device, lines, edge, frame)
    ]
    if not readings:
        raise Stranger
    return readings


def _readings(
    device: Device, lines: Mapping[str, bool], edge: str, frame: Frame
) -> Iterator[Reading]:
    loop = loop_line(device)
    if loop:
        yield flag(device, Quantity.TAMPER, not lines.get(loop, False), frame)
        if not lines.get(loop, False):
            return
    if device.kind in PRESSES and edge != device.address:
        # Held or not, a key tells its press only when it is pressed.
        yield Reading(device.id, Quantity.SEEN, True, frame.at)
        return
    yield contact(device, lines[device.address], frame)


def loop_line(device: Device) -> str:
    """The number of the line that watches the device's cable; empty if none does."""
    loop = device.options.get("loop", "")
    return str(int(loop)) if isinstance(loop, int | float) else loop


def check(device: Device) -> str:
    if not is_number(device.address, among=LINES):
        return f"the address is the line's number on the chip, 0 to {LINES.stop - 1}"
    loop = loop_line(device)
    if loop and (not is_number(loop, among=LINES) or loop == device.address):
        return "loop is the number of another line on the same chip"
    if device.options.get("bias", "pull_up") not in ("pull_up", "pull_down", "none"):
        return 'bias is "pull_up", "pull_down" or "none"'
    debounce = device.options.get("debounce_ms", 30)
    if isinstance(debounce, str) or debounce not in DEBOUNCE_MS:
        return f"debounce_ms is a whole number up to {DEBOUNCE_MS.stop - 1}"
    return wiring(device)


def context(mapping: Mapping[str, object]) -> list[Device]:
    """`inputs`: from a line's number to its kind; `open`: numbers of the break contacts; `loops`:
    from a line's number to that of its loop."""
    inputs = mapping.get("inputs")
    loops, opens = mapping.get("loops"), mapping.get("open")
    devices = []
    for number, kind in (inputs if isinstance(inputs, dict) else {}).items():
        options: dict[str, str | float | bool] = {}
        if isinstance(opens, list) and number in opens:
            options["active"] = "open"
        if isinstance(loops, dict) and number in loops:
            options["loop"] = str(loops[number])
        devices.append(Device(number, DRIVER.name, number, DeviceKind(str(kind)), options=options))
    return devices


DRIVER = Driver(
    name="gpio_contacts",
    transport="gpio",
    title="Dry contacts and pressure mats on the hub's own GPIO lines",
    decode=decode,
    longest=LONGEST,
    context=context,
    check=check,
)
