"""Gas and carbon monoxide alarms that speak Modbus-RTU, each model by its profile of registers.

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
    concentration: int | None
    """None: it is not read (parts per million of CO are no quantity of ours; the alarm is)."""
    per_lel: int
    """How many of the concentration's number make 1 %LEL."""
    status: int
    alarm: int
    """Mask of the status bits that mean alarm, low or high."""
    fault: int
    tells: Quantity = Quantity.GAS_ALARM


GENERIC, GENERIC_CO = "modbus_gas_generic", "modbus_co_generic"
PROFILES = {
    # Register 0: 0.1 %LEL; register 1: bit 0 low alarm, bit 1 high alarm, bit 2 sensor fault.
    GENERIC: Profile(3, 0, 2, concentration=0, per_lel=10, status=1, alarm=0b011, fault=0b100),
    # The same with ppm of CO in register 0.
    GENERIC_CO: Profile(
        3,
        0,
        2,
        concentration=None,
        per_lel=1,
        status=1,
        alarm=0b011,
        fault=0b100,
        tells=Quantity.CO_ALARM,
    ),
}
KINDS = {DeviceKind.GAS_ALARM: Quantity.GAS_ALARM, DeviceKind.CO_ALARM: Quantity.CO_ALARM}


def _profile(device: Device) -> Profile:
    """Raises BadFrame if nobody has checked the device."""
    profile = PROFILES.get(_named(device))
    if profile is None:
        raise BadFrame("profile")
    return profile


def _named(device: Device) -> str:
    """The plan's profile, else the generic one of its kind."""
    generic = GENERIC_CO if device.kind is DeviceKind.CO_ALARM else GENERIC
    return str(device.options.get("profile", generic))


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
    alarm = Reading(device.id, profile.tells, bool(status & profile.alarm), frame.at)
    if status & profile.fault:
        # What a broken sensor measures is no measurement, and its "no alarm" is no all-clear; but
        # an alarm that it raises all the same is not held back.
        fault = Reading(device.id, Quantity.FAULT, True, frame.at)
        return [alarm, fault] if alarm.value else [fault]
    well = Reading(device.id, Quantity.FAULT, False, frame.at, implied=True)
    if profile.concentration is None:
        return [alarm, well]
    lel = registers[profile.concentration] / profile.per_lel
    # The concentration first: it belongs to the evidence of the alarm beside it.
    return [Reading(device.id, Quantity.GAS_LEL, lel, frame.at), alarm, well]


def poll(device: Device) -> Generator[bytes, bytes, None]:
    profile = _profile(device)
    yield request(int(device.address), profile.function, profile.first, profile.count)


def check(device: Device) -> str:
    if not is_number(device.address, among=SLAVE_NUMBERS):
        return "the address is the alarm's slave number, 1 to 247"
    name = _named(device)
    if name not in PROFILES:
        return f"there is no profile {name!r}; known are {', '.join(PROFILES)}"
    if KINDS.get(device.kind, PROFILES[name].tells) is not PROFILES[name].tells:
        return f"the profile {name} is not that of a {device.kind}"
    return ""


def context(mapping: Mapping[str, object]) -> list[Device]:
    slave, profile = str(mapping.get("slave", 1)), str(mapping.get("profile", GENERIC))
    options: dict[str, str | float | bool] = {"profile": profile}
    carbon = profile in PROFILES and PROFILES[profile].tells is Quantity.CO_ALARM
    kind = DeviceKind.CO_ALARM if carbon else DeviceKind.GAS_ALARM
    return [Device(slave, DRIVER.name, slave, kind, options=options)]


DRIVER = Driver(
    name="modbus_gas",
    transport="serial",
    title="Gas and CO alarms on Modbus-RTU, by profile",
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
