"""Digital-input modules on Modbus-RTU: call buttons, pull cords, contacts and dry alarm relays.

    SS 02 NN bb.. CC CC

- S   slave address; b: the inputs, the lowest one in bit 0 of the first byte, 1 = circuit closed

Each input is a device of its own, address "<slave>/<input>", the first input is 1. Its kind says
what the input's being active means; `active = "open"` turns it round (a break contact, or a loop
that a cut wire shall trip). Modbus over Serial Line V1.02, function 02.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

from drivers._bits import is_number
from drivers._contacts import contact, wiring
from drivers._modbus import LONGEST, SLAVE_NUMBERS, SLAVES, answer, measure, request
from gateway.records import (
    BadFrame,
    Device,
    DeviceKind,
    Driver,
    Enrolled,
    Frame,
    Reading,
    SerialLine,
    Stranger,
)

READ_INPUTS = 0x02
MODULE = 8
"""Inputs of an ordinary module: at least so many are asked for."""
MOST = 64


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    slave, data = answer(frame.payload, READ_INPUTS)
    wired = [(device, number) for device in devices if (number := _input(device, frame, slave))]
    if not wired:
        raise Stranger
    if not data:
        raise BadFrame("exception")
    return [
        contact(device, bool(data[at // 8] >> at % 8 & 1), frame)
        for device, number in wired
        if (at := number - 1) < len(data) * 8
    ] or _too_few()


def _too_few() -> list[Reading]:
    raise BadFrame("length")


def _input(device: Device, frame: Frame, slave: int) -> int:
    """The device's input on this slave and port, from 1; 0 if it is not there."""
    unit, _, number = device.address.partition("/")
    here = unit == str(slave) and device.port in ("", frame.port)
    return int(number or 1) if here else 0


def poll(device: Device) -> Generator[bytes, bytes, None]:
    """Asks for the whole module, up to this device's input: one answer speaks for all."""
    unit, _, number = device.address.partition("/")
    count = min(MOST, max(MODULE, -(-int(number or 1) // 8) * 8))
    yield request(int(unit), READ_INPUTS, 0, count)


def check(device: Device) -> str:
    unit, _, number = device.address.partition("/")
    inputs = range(1, MOST + 1)
    if not (is_number(unit, among=SLAVE_NUMBERS) and is_number(number, among=inputs)):
        return f'the address is "<slave>/<input>", the slave 1 to 247, the input 1 to {MOST}'
    return wiring(device)


def context(mapping: Mapping[str, object]) -> list[Device]:
    """`inputs`: from the input's number to its kind; `open`: numbers of the break contacts."""
    slave = mapping.get("slave", 1)
    inputs = mapping.get("inputs")
    opens = mapping.get("open")
    devices = []
    for number, kind in (inputs if isinstance(inputs, dict) else {"1": "call_button"}).items():
        inverted = isinstance(opens, list) and number in opens
        options: dict[str, str | float | bool] = {"active": "open" if inverted else "closed"}
        address = f"{slave}/{number}"
        devices.append(
            Device(address, DRIVER.name, address, DeviceKind(str(kind)), options=options)
        )
    return devices


DRIVER = Driver(
    name="modbus_inputs",
    transport="serial",
    title="Digital-input modules on Modbus-RTU: wired buttons, contacts and relays",
    decode=decode,
    starts=SLAVES,
    measure=measure,
    longest=LONGEST,
    poll=poll,
    line=SerialLine(timeout_s=0.3, idle_gap_s=0.1),
    context=context,
    check=check,
)
