"""What a closed circuit means: dry contacts, whatever reads them (a Modbus module, the hub's GPIO).

The device's kind says what its being active means; `active = "open"` turns it round (a break
contact, or a loop that a cut wire shall trip).
"""

from __future__ import annotations

from gateway.records import Device, DeviceKind, Frame, Quantity, Reading

STATES = {
    DeviceKind.CALL_BUTTON: Quantity.EMERGENCY,
    DeviceKind.PENDANT: Quantity.EMERGENCY,
    DeviceKind.DOOR_CONTACT: Quantity.CONTACT_OPEN,
    DeviceKind.MOTION: Quantity.MOTION,
    DeviceKind.PRESENCE: Quantity.PRESENCE,
    DeviceKind.RADAR: Quantity.PRESENCE,
    DeviceKind.BED: Quantity.BED_OCCUPIED,
    DeviceKind.LEAK_SENSOR: Quantity.WATER_LEAK,
    DeviceKind.GAS_ALARM: Quantity.GAS_ALARM,
    DeviceKind.SMOKE_ALARM: Quantity.SMOKE_ALARM,
    DeviceKind.CO_ALARM: Quantity.CO_ALARM,
    DeviceKind.PLUG: Quantity.SWITCH_ON,
}
PRESSES = {DeviceKind.HELP_BUTTON: "press", DeviceKind.CANCEL_BUTTON: "cancel"}


def contact(device: Device, closed: bool, frame: Frame) -> Reading:
    """What the circuit says of its device: a state, a press, or only that it is there."""
    active = closed != (device.options.get("active") == "open")
    state = STATES.get(device.kind)
    if state is not None:
        return Reading(device.id, state, active, frame.at)
    if active and device.kind in PRESSES:
        return Reading(device.id, Quantity.BUTTON, PRESSES[device.kind], frame.at)
    return Reading(device.id, Quantity.SEEN, True, frame.at)


def wiring(device: Device) -> str:
    """What is wrong with a device as a contact, in a person's words."""
    if device.kind not in STATES and device.kind not in PRESSES:
        return f"a {device.kind} cannot be wired to an input"
    if device.options.get("active", "closed") not in ("open", "closed"):
        return 'active is "open" or "closed"'
    return ""
