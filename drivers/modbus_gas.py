"""Combustible gas alarms that speak Modbus-RTU, each model by its profile of registers.

    SS 03 NN gggg ssss CC CC

- S   slave address
- g   concentration, s status bits: which register, scale and bit is the profile's business

There is no standard map: a profile is copied from the model's manual, never guessed. The frame is
that of Modbus over Serial Line V1.02 (CRC-16, low byte first).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

import msgspec

from drivers._bits import is_number
from drivers._modbus import LONGEST, SLAVE_NUMBERS, SLAVES, answer, measure, request
from gateway.records import (
    BadFrame,
    Device,
    DeviceKind,
    Driver,
    Enrolled,
    Frame,
    Quantity,
    Reading,
    SerialLine,
)


class Profile(msgspec.Struct, frozen=True):
    """One model. Register numbers count from `first`, the first one that is asked for."""

    function: int
    first: int
    count: int
    concentration: int
    per_lel: int
    """How many of the concentration's number make 1 %LEL."""
    status: int
    alarm: int
    """Mask of the status bits that mean alarm, low or high."""
    fault: int


GENERIC = "modbus_gas_generic"
PROFILES = {
    # Register 0: 0.1 %LEL; register 1: bit 0 low alarm, bit 1 high alarm, bit 2 sensor fault.
    GENERIC: Profile(3, 0, 2, concentration=0, per_lel=10, status=1, alarm=0b011, fault=0b100),
}


def _profile(device: Device) -> Profile:
    """Raises BadFrame if nobody has checked the device."""
    profile = PROFILES.get(str(device.options.get("profile", GENERIC)))
    if profile is None:
        raise BadFrame("profile")
    return profile


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    function = frame.payload[1] & 0x7F if len(frame.payload) > 1 else 0
    slave, data = answer(frame.payload, function)
    device = devices.find(frame, str(slave))
    profile = _profile(device)
    if not data:
        raise BadFrame("exception")
    if function != profile.function:
        raise BadFrame("function")
    if len(data) != 2 * profile.count:
        raise BadFrame("length")
    registers = [int.from_bytes(data[n : n + 2], "big") for n in range(0, len(data), 2)]
    return _readings(profile, registers, device, frame)


def _readings(
    profile: Profile, registers: list[int], device: Device, frame: Frame
) -> list[Reading]:
    status = registers[profile.status]
    alarm = Reading(device.id, Quantity.GAS_ALARM, bool(status & profile.alarm), frame.at)
    if status & profile.fault:
        # What a broken sensor measures is no measurement, and its "no alarm" is no all-clear; but
        # an alarm that it raises all the same is not held back.
        fault = Reading(device.id, Quantity.FAULT, True, frame.at)
        return [alarm, fault] if alarm.value else [fault]
    lel = registers[profile.concentration] / profile.per_lel
    return [
        # The concentration first: it belongs to the evidence of the alarm beside it.
        Reading(device.id, Quantity.GAS_LEL, lel, frame.at),
        alarm,
        Reading(device.id, Quantity.FAULT, False, frame.at, implied=True),
    ]


def poll(device: Device) -> Generator[bytes, bytes, None]:
    profile = _profile(device)
    yield request(int(device.address), profile.function, profile.first, profile.count)


def check(device: Device) -> str:
    if not is_number(device.address, among=SLAVE_NUMBERS):
        return "the address is the alarm's slave number, 1 to 247"
    profile = str(device.options.get("profile", GENERIC))
    if profile not in PROFILES:
        return f"there is no profile {profile!r}; known are {', '.join(PROFILES)}"
    return ""


def context(mapping: Mapping[str, object]) -> list[Device]:
    slave = str(mapping.get("slave", 1))
    options: dict[str, str | float | bool] = {"profile": str(mapping.get("profile", GENERIC))}
    return [Device(slave, DRIVER.name, slave, DeviceKind.GAS_ALARM, options=options)]


DRIVER = Driver(
    name="modbus_gas",
    transport="serial",
    title="Gas alarms on Modbus-RTU, by profile",
    decode=decode,
    starts=SLAVES,
    measure=measure,
    longest=LONGEST,
    poll=poll,
    line=SerialLine(timeout_s=0.3, idle_gap_s=0.1),
    protocol="modbus_rtu",
    context=context,
    check=check,
)
