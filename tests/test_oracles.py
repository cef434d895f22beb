"""Our codecs against other people's: pyMeterBus, dlt645 and pymodbus must say the same."""

from __future__ import annotations

import meterbus
import pytest
from dlt645.protocol.protocol import DLT645Protocol
from pymodbus.framer.rtu import FramerRTU

import drivers
from drivers import dlt645_2007, mbus
from drivers._modbus import request
from gateway.records import Device, DeviceKind, Quantity
from tests.vector_files import Example, examples

DRIVERS = drivers.load()
WATER = DeviceKind.WATER_METER


def of(driver: str) -> list[Example]:
    return examples(DRIVERS[driver])


def test_pymeterbus_finds_every_water_total_of_ours_among_its_records() -> None:
    compared = 0
    for example in of("mbus"):
        totals = [r.value for r in example.readings if r.quantity is Quantity.WATER_TOTAL]
        if not totals or example.payload[6] != 0x72:
            continue
        records = meterbus.TelegramLong.parse(list(example.payload)).records
        volumes = [float(r.value) for r in records if r.unit == "m^3" and r.value is not None]
        assert any(volume == pytest.approx(totals[0]) for volume in volumes), example.vector
        compared += 1
    assert compared > 20


def test_pymeterbus_writes_the_same_requests() -> None:
    device = Device("m", "mbus", "7", WATER)
    conversation = mbus.poll(device)
    assert next(conversation) == bytes(meterbus.TelegramShort([0x10, 0x40, 7, 0x47, 0x16]))
    reset = meterbus.TelegramShort.parse(list(mbus.short(0x7B, 7)))
    assert reset.check_crc()
    conversation.close()


def test_dlt645_reads_the_same_data_out_of_our_messages() -> None:
    for example in of("dlt645_2007"):
        frame = DLT645Protocol.deserialize(example.payload)
        assert frame is not None, example.vector
        assert bytes(frame.addr)[::-1].hex() == example.devices[0].address
        ours = bytes((byte - 0x33) & 0xFF for byte in example.payload[10:-2])
        assert bytes(frame.data) == ours


def test_dlt645_writes_the_same_request() -> None:
    meter = "202611230042"
    theirs = DLT645Protocol.build_frame(
        bytes.fromhex(meter)[::-1], 0x11, (0x02010100).to_bytes(4, "little")
    )
    ours = dlt645_2007.request(meter, 0x02010100)
    assert bytes(theirs).lstrip(b"\xfe") == ours.lstrip(b"\xfe")


def test_pymodbus_computes_the_same_checksums() -> None:
    for example in of("modbus_gas") + of("modbus_inputs"):
        body, crc = example.payload[:-2], example.payload[-2:]
        assert FramerRTU.compute_CRC(body).to_bytes(2, "big") == crc, example.vector
    ours = request(3, 2, 0, 8)
    assert FramerRTU.compute_CRC(ours[:-2]).to_bytes(2, "big") == ours[-2:]
