"""CJ/T 188-2004 and -2018: water meters on RS-485 or M-Bus wiring, the Chinese standard.

    FE FE FE 68 TT AAAAAAAAAAAAAA CC LL DDDD NN VVVVVVVV UU vvvvvvvv uu zzzzzzzzzzzzzz ffff SS 16

- FE  wake-up bytes, no part of the message
- T   kind of meter: 10h..19h water (cold, hot, drinking, grey), 20h.. heat, 30h.. gas
- A   address, 14 BCD digits, low byte first; AA.. asks whoever hears it
- C   control: 01 read, 81 its answer, C1 refused
- L   length of the data: 64h at most by the standard, more in makers' own frames
- D   data identifier 901Fh "current totals"; meters send it in either byte order
- N   serial number of the exchange
- V U volume so far, 8 BCD digits of which two are decimals, low byte first, and its unit
- v u the same at the last settlement day; z: the meter's clock; both are left
- f   status ST: bits 0-1 valve (0 open, 1 closed, 3 abnormal), bit 2 battery low
- S   sum of all bytes from 68 on, modulo 256

The valve is told only where the plan says that the meter has one
(`valve = true`): meters without one leave or fill its bits as they like.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

from drivers._bits import (
    address,
    address_bytes,
    bcd,
    cubic_metres,
    flag,
    is_number,
    sum8,
    summed,
    whole,
)
from gateway.records import (
    BadFrame,
    Device,
    DeviceKind,
    Driver,
    Echo,
    Enrolled,
    Frame,
    Quantity,
    Reading,
    SerialLine,
)

START, END = 0x68, 0x16
OVERHEAD = 13
LONGEST_DATA = 0xFF
METERS = range(0x10, 0x50)
WATER = range(0x10, 0x1A)
FROM_METER, REFUSED = 0x80, 0x40
READ, ANSWER = 0x01, 0x81
CURRENT = (b"\x90\x1f", b"\x1f\x90")
VOLUME_END, STATUS_AT = 8, 20
VALVE, VALVE_CLOSED, VALVE_ABNORMAL, BATTERY = 0b011, 0b001, 0b011, 0b100


def measure(pending: bytes | bytearray, start: int) -> int | None:
    """How long the message at `start` is. Raises BadFrame."""
    if pending[start] != START:
        raise BadFrame("start")
    if len(pending) > start + 1 and pending[start + 1] not in METERS:
        raise BadFrame("meter_type")
    if len(pending) <= start + 10:
        return None
    return summed(pending, start, OVERHEAD + pending[start + 10], END)


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    data = whole(measure, frame.payload)
    control = data[9]
    if not control & FROM_METER:
        raise Echo
    device = devices.find(frame, address(data[2:9]))
    if data[1] not in WATER:
        raise BadFrame("meter_type")
    if control & REFUSED:
        raise BadFrame("refused")
    body = data[11:-2]
    if control != ANSWER or body[:2] not in CURRENT:
        return [Reading(device.id, Quantity.SEEN, True, frame.at)]
    return _totals(body, device, frame)


def _totals(body: bytes, device: Device, frame: Frame) -> list[Reading]:
    if len(body) < VOLUME_END:
        raise BadFrame("length")
    volume = cubic_metres(bcd(body[3:7]), body[7]) / 100
    readings = [Reading(device.id, Quantity.WATER_TOTAL, volume, frame.at)]
    if len(body) >= STATUS_AT + 2:
        readings += _status(body[STATUS_AT], device, frame)
    return readings


def _status(status: int, device: Device, frame: Frame) -> list[Reading]:
    valve = status & VALVE
    # An abnormal valve is the valve's fault, not the register's: the volume stays.
    readings = [
        flag(device, Quantity.BATTERY_LOW, status & BATTERY, frame),
        flag(device, Quantity.FAULT, valve == VALVE_ABNORMAL, frame),
    ]
    if device.options.get("valve") and valve != VALVE_ABNORMAL:
        readings.append(Reading(device.id, Quantity.VALVE_OPEN, valve != VALVE_CLOSED, frame.at))
    return readings


def request(meter: str, identifier: bytes, meter_type: int = 0x10) -> bytes:
    """A request for the current totals, with its wake-up bytes."""
    head = bytes([START, meter_type, *address_bytes(meter, 7), READ, 3])
    message = head + identifier + b"\x00"
    return b"\xfe" * 3 + message + bytes([sum8(message), END])


def poll(device: Device) -> Generator[bytes, bytes, None]:
    """Asks for the current totals; `data_id = "901f"` in the options turns its bytes round,
    `meter_type = 17` asks a meter that is not for cold water."""
    identifier = bytes.fromhex(str(device.options.get("data_id", "1f90")))
    yield request(device.address, identifier, int(device.options.get("meter_type", 0x10)))


def check(device: Device) -> str:
    if not is_number(device.address, 14):
        return "the address is the meter's number of 14 digits"
    if str(device.options.get("data_id", "1f90")).lower() not in ("1f90", "901f"):
        return 'data_id is "1f90" or "901f"'
    if device.options.get("meter_type", WATER.start) not in WATER:
        return f"meter_type is {WATER.start} to {WATER.stop - 1}, a water meter"
    return ""


def context(mapping: Mapping[str, object]) -> list[Device]:
    meter = str(mapping.get("meter", "")).upper()
    options: dict[str, str | float | bool] = {"valve": bool(mapping.get("valve", False))}
    return [Device(meter, DRIVER.name, meter, DeviceKind.WATER_METER, options=options)]


DRIVER = Driver(
    name="cjt188",
    transport="serial",
    title="CJ/T 188 water meters (RS-485)",
    decode=decode,
    starts=bytes([START]),
    measure=measure,
    longest=OVERHEAD + LONGEST_DATA,
    poll=poll,
    line=SerialLine(baud=2400, parity="E"),
    context=context,
    check=check,
)
