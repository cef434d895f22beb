"""Gas and carbon monoxide alarms on one RS-485 bus whose other end is pymodbus, not ours."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

import drivers
from gateway.home import Port
from gateway.radio.serial_port import SerialPort
from gateway.records import Device, DeviceKind, Quantity
from tests.hearing import Ear, QuickClock

DRIVERS = drivers.load(["modbus_gas"])
PATIENCE_S = 20.0
GAS = Device("gas", "modbus_gas", "1", DeviceKind.GAS_ALARM, port="bus", poll_s=0.1)
CO = Device("co", "modbus_gas", "2", DeviceKind.CO_ALARM, port="bus", poll_s=0.1)
ABSENT = Device("absent", "modbus_gas", "9", DeviceKind.GAS_ALARM, port="bus", poll_s=0.1)


class Registers:
    """What a slave of pymodbus shows; a test changes it while the hub polls."""

    def __init__(self, slave: int) -> None:
        self.shown = [0, 0]
        self.refusal: ExcCodes | None = None
        block = SimData(0, count=1, values=[0, 0], datatype=DataType.REGISTERS)
        self.device = SimDevice(id=slave, simdata=[block], action=self._show)

    async def _show(
        self, function: int, start: int, address: int, count: int, now: list[int], new: object
    ) -> ExcCodes | None:
        now[:2] = self.shown
        return self.refusal


class Cable:
    """Two pseudo-terminals end to end: what one side writes, the other reads."""

    def __init__(self) -> None:
        self._pairs = (os.openpty(), os.openpty())
        for master, slave in self._pairs:
            tty.setraw(slave)
            os.set_blocking(master, False)
        self.hub, self.far = (os.ttyname(slave) for _, slave in self._pairs)
        (here, _), (there, _) = self._pairs
        loop = asyncio.get_running_loop()
        loop.add_reader(here, lambda: os.write(there, os.read(here, 4096)))
        loop.add_reader(there, lambda: os.write(here, os.read(there, 4096)))

    def cut(self) -> None:
        for master, slave in self._pairs:
            asyncio.get_running_loop().remove_reader(master)
            os.close(master)
            os.close(slave)


@asynccontextmanager
async def bus(*slaves: Registers) -> AsyncIterator[str]:
    """The path of a bus on which pymodbus answers for these slaves."""
    cable = Cable()
    server = ModbusSerialServer(
        [slave.device for slave in slaves],
        framer=FramerType.RTU,
        port=cable.far,
        baudrate=9600,
    )
    serving = asyncio.create_task(server.serve_forever())
    try:
        yield cable.hub
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]
        serving.cancel()
        await asyncio.wait([serving])
        cable.cut()


def hub(path: str, *devices: Device) -> Ear:
    port = Port(name="bus", device=path, timeout_s=0.3)
    return Ear(SerialPort(port, devices, DRIVERS, QuickClock()), devices, DRIVERS)


async def test_gas_and_carbon_monoxide_are_read_from_slaves_that_are_not_ours() -> None:
    gas, co = Registers(1), Registers(2)
    gas.shown = [250, 1]
    async with bus(gas, co) as path:
        ear = hub(path, GAS, CO)
        await ear.until(
            lambda: ear.count("gas") > 0 and False in ear.values("co", Quantity.CO_ALARM),
            PATIENCE_S,
        )
        assert ear.values("gas", Quantity.GAS_LEL)[0] == 25.0
        assert ear.values("gas", Quantity.GAS_ALARM)[0] is True
        co.shown = [300, 2]
        later = hub(path, GAS, CO)
        await later.until(lambda: True in later.values("co", Quantity.CO_ALARM), PATIENCE_S)
    assert ear.values("co", Quantity.GAS_ALARM) == []


@pytest.mark.parametrize("refusal", [ExcCodes.DEVICE_BUSY, ExcCodes.ILLEGAL_ADDRESS])
async def test_a_slave_that_refuses_and_one_that_nobody_connected_stop_nobody_else(
    refusal: ExcCodes,
) -> None:
    gas, co = Registers(1), Registers(2)
    gas.refusal = refusal
    async with bus(gas, co) as path:
        ear = hub(path, GAS, CO, ABSENT)
        await ear.until(
            lambda: len(ear.values("co", Quantity.CO_ALARM)) >= 5 and len(ear.refused) >= 4,
            PATIENCE_S,
        )
        assert ear.count("gas") == ear.count("absent") == 0
        assert "BadFrame('exception')" in ear.refused


@pytest.mark.parametrize(
    ("kind", "profile", "told"),
    [
        (DeviceKind.CO_ALARM, "", ""),
        (DeviceKind.GAS_ALARM, "modbus_gas_generic", ""),
        (DeviceKind.CO_ALARM, "modbus_gas_generic", "not that of a co_alarm"),
        (DeviceKind.GAS_ALARM, "modbus_co_generic", "not that of a gas_alarm"),
    ],
)
def test_a_profile_of_one_gas_is_not_taken_for_another(
    kind: DeviceKind, profile: str, told: str
) -> None:
    check = DRIVERS["modbus_gas"].check
    assert check is not None
    device = Device("a", "modbus_gas", "1", kind, options={"profile": profile} if profile else {})
    assert told in check(device)
    assert bool(check(device)) == bool(told)
