"""433 MHz and other sub-GHz sensors as `rtl_433 -F json` tells them: one line, one message.

    {"time": .., "model": "Generic-Remote", "id": 10330, "cmd": 8, ..}
    {"time": .., "model": "Kerui-Security", "id": 74565, "cmd": 14, "opened": 1, "state": "open"}

A device's address is what was learnt from its lines: "<model>/<id>", or "<model>/<id>/<cmd>" for
one key of a remote control; "*" stands for any model. Sensors that explain themselves do so in the
fields of rtl_433's docs/DATA_FORMAT.md. The others (EV1527, SC2262 and their like) send bare codes:
what a code means is the device's kind; one that sends several has their numbers in its options
(`on = 10`, `off = 14`, `tamper = 7`, `battery_low = 1`).

Such a radio has no counter, no encryption and no supervision, and many codes have no checksum. So
what calls for help must be checked (`mic`), repeated within its message (`count`), or be heard a
second time. Lines about the receiver itself (statistics) say nothing about anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from drivers._bits import flag
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
    Stranger,
    Value,
)

LONGEST = 8192
REPEAT_S = 2.0
"""A remote control sends its code while its key is held, several times a second."""
CHECKS = frozenset({"CRC", "CHECKSUM", "DIGEST"})
"""Integrity checks that count; a parity bit misses every second error."""
CODES = ("cmd", "button", "code")
MOST = 1e6
"""No measurement of these sensors is larger."""
LOW_BATTERY = 0.2
"""`battery_ok` is 0 or 1, or a level between them."""

Meaning = tuple[Quantity, Value, Value | None]
"""The quantity, its value when the code is active, and when it has ended (None: never told)."""

KINDS: dict[DeviceKind, Meaning] = {
    DeviceKind.CALL_BUTTON: (Quantity.BUTTON, "press", None),
    DeviceKind.PENDANT: (Quantity.BUTTON, "press", None),
    DeviceKind.HELP_BUTTON: (Quantity.BUTTON, "press", None),
    DeviceKind.CANCEL_BUTTON: (Quantity.BUTTON, "cancel", None),
    DeviceKind.DOOR_CONTACT: (Quantity.CONTACT_OPEN, True, False),
    DeviceKind.MOTION: (Quantity.MOTION, True, False),
    DeviceKind.PRESENCE: (Quantity.PRESENCE, True, False),
    DeviceKind.BED: (Quantity.BED_OCCUPIED, True, False),
    DeviceKind.LEAK_SENSOR: (Quantity.WATER_LEAK, True, False),
    DeviceKind.GAS_ALARM: (Quantity.GAS_ALARM, True, False),
    DeviceKind.SMOKE_ALARM: (Quantity.SMOKE_ALARM, True, False),
    DeviceKind.CO_ALARM: (Quantity.CO_ALARM, True, False),
}
GRAVE = frozenset({kind for kind in DeviceKind if kind.safety} | {DeviceKind.CANCEL_BUTTON})
"""Whose word starts or ends an emergency."""

STATES = {
    "opened": Quantity.CONTACT_OPEN,
    "open": Quantity.CONTACT_OPEN,
    "contact_open": Quantity.CONTACT_OPEN,
    "reed_open": Quantity.CONTACT_OPEN,
    "motion": Quantity.MOTION,
    "water": Quantity.WATER_LEAK,
    "leak": Quantity.WATER_LEAK,
    "detect_wet": Quantity.WATER_LEAK,
    "smoke": Quantity.SMOKE_ALARM,
    "tamper": Quantity.TAMPER,
}
MEASUREMENTS = {
    "temperature_C": Quantity.TEMPERATURE,
    "humidity": Quantity.HUMIDITY,
    "battery_V": Quantity.BATTERY_VOLTAGE,
}
EVENTS = {
    ("event", "Water Leak"): Quantity.WATER_LEAK,
    ("event", "Open"): Quantity.CONTACT_OPEN,
    ("state", "smoke"): Quantity.SMOKE_ALARM,
}
MOMENTARY = frozenset(
    {
        Quantity.BUTTON,
        Quantity.MOTION,
        Quantity.GAS_ALARM,
        Quantity.SMOKE_ALARM,
        Quantity.CO_ALARM,
    }
)
"""Told when it happens and, mostly, never taken back."""
GRAVE_QUANTITIES = MOMENTARY - {Quantity.MOTION}

_Line = dict[str, object]


def decode(frame: Frame, devices: Enrolled) -> list[Reading]:
    line = _line(frame.payload)
    if "model" not in line:
        if "stats" in line or "enabled" in line or "noise" in line:
            raise Echo
        raise BadFrame("model")
    code = next((_text(line[name]) for name in CODES if name in line), "")
    device = _find(frame, devices, _text(line["model"]), _text(line.get("id", "")), code)
    readings = [*_told(line, device, frame), *_meant(code, device, frame)]
    if not _agreed(line):
        readings = [_doubted(reading, device) for reading in readings]
    if all(reading.unsure for reading in readings):
        readings.append(Reading(device.id, Quantity.SEEN, True, frame.at))
    return readings


def _line(payload: bytes) -> _Line:
    if len(payload) > LONGEST:
        raise BadFrame("length")
    try:
        return msgspec.json.decode(payload, type=_Line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise BadFrame("json") from None


def _text(value: object) -> str:
    """A number or a word of a line, as addresses and options write it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadFrame("type")
    return str(value)


def _find(frame: Frame, devices: Enrolled, model: str, number: str, code: str) -> Device:
    for name in (model, "*"):
        for address in (f"{name}/{number}/{code}", f"{name}/{number}"):
            try:
                return devices.find(frame, address)
            except Stranger:
                continue
    raise Stranger


# ---------------------------------------------------------------- what the line says by itself


def _told(line: _Line, device: Device, frame: Frame) -> Iterator[Reading]:
    for name, quantity in STATES.items():
        if name in line:
            yield _state(device, quantity, _number(line[name]) > 0, frame)
    for name, quantity in MEASUREMENTS.items():
        if name in line:
            yield Reading(device.id, quantity, _number(line[name]), frame.at)
    for (name, word), quantity in EVENTS.items():
        if line.get(name) == word:
            yield _state(device, quantity, True, frame)
    if "battery_ok" in line:
        low = _number(line["battery_ok"]) < LOW_BATTERY
        yield flag(device, Quantity.BATTERY_LOW, low, frame)


def _number(value: object) -> float:
    if not isinstance(value, bool | int | float):
        raise BadFrame("type")
    if not -MOST < value < MOST:
        raise BadFrame("value")
    return float(value)


def _state(device: Device, quantity: Quantity, value: Value, frame: Frame) -> Reading:
    lasting = quantity not in MOMENTARY or value is False
    repeat_s = 0.0 if lasting else REPEAT_S
    return Reading(device.id, quantity, value, frame.at, repeat_s=repeat_s)


# ---------------------------------------------------------------- what the plan says of its code


def _meant(code: str, device: Device, frame: Frame) -> Iterator[Reading]:
    """What a bare code means by the plan."""
    if not code or device.kind not in KINDS:
        return
    quantity, active, ended = KINDS[device.kind]
    if code == _option(device, "on") or device.address.count("/") > 1:
        yield _state(device, quantity, active, frame)
    elif code == _option(device, "off") and ended is not None:
        yield _state(device, quantity, ended, frame)
    elif code == _option(device, "tamper"):
        yield Reading(device.id, Quantity.TAMPER, True, frame.at)
    elif code == _option(device, "battery_low"):
        yield Reading(device.id, Quantity.BATTERY_LOW, True, frame.at)


def _option(device: Device, name: str) -> str:
    return _text(device.options.get(name, ""))


# ---------------------------------------------------------------- whether to believe it


def _agreed(line: _Line) -> bool:
    """Whether the message was checked, or repeated within itself."""
    count = line.get("count")
    mic = line.get("mic")
    return (isinstance(mic, str) and mic in CHECKS) or (isinstance(count, int) and count >= 2)


def _doubted(reading: Reading, device: Device) -> Reading:
    grave = device.kind in GRAVE and reading.quantity in GRAVE_QUANTITIES
    return msgspec.structs.replace(reading, unsure=True) if grave else reading


def check(device: Device) -> str:
    parts = device.address.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        return 'the address is "<model>/<id>" or "<model>/<id>/<cmd>", as rtl_433 prints them'
    if len(parts) == 3 and device.kind not in KINDS:
        return f"a bare code cannot say what a {device.kind} says"
    for name in ("on", "off", "tamper", "battery_low"):
        if isinstance(device.options.get(name), bool):
            return f"the option {name} is the number of a code"
    return ""


def context(mapping: Mapping[str, object]) -> list[Device]:
    """`learned`: one device or a list of them, each with id and, where they are known, model, cmd,
    kind and options."""
    learned = mapping.get("learned", [])
    entries = learned if isinstance(learned, list) else [learned]
    return [_enrolled(entry) for entry in entries if isinstance(entry, dict)]


def _enrolled(entry: Mapping[str, object]) -> Device:
    parts = [str(entry.get("model", "*")), str(entry.get("id", "")), str(entry.get("cmd", ""))]
    address = "/".join(part for part in parts if part)
    kind = DeviceKind(str(entry.get("kind", DeviceKind.HELP_BUTTON.value)))
    options = entry.get("options", {})
    return Device(
        str(entry.get("name", address)),
        DRIVER.name,
        address,
        kind,
        options=msgspec.convert(options, dict[str, str | float | bool]),
    )


DRIVER = Driver(
    name="rtl433_json",
    transport="pipe",
    title="433 MHz and other sub-GHz sensors that rtl_433 knows, and learnt EV1527 codes",
    decode=decode,
    longest=LONGEST,
    context=context,
    check=check,
    checked=False,
    low_assurance=True,
)
