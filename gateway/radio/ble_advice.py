"""What a person can do when Bluetooth cannot be used."""

from __future__ import annotations

from bleak.exc import BleakDBusError
from dbus_fast.errors import DBusError


def advice(error: BaseException, adapter: str) -> str:
    """What is wrong, and after a colon what to do."""
    name = _name(error)
    for part, said in KNOWN.items():
        if part in name:
            return said.format(adapter=adapter)
    if isinstance(error, TimeoutError):
        return "bluetoothd does not answer: systemctl restart bluetooth"
    if isinstance(error, FileNotFoundError | ConnectionError | EOFError):
        return "there is no system bus: apt-get install dbus, or systemctl start dbus"
    if isinstance(error, PermissionError):
        return "no permission for the system bus: add the hub's user to the group bluetooth"
    return f"Bluetooth cannot be used ({name or error}): systemctl status bluetooth"


def _name(error: BaseException) -> str:
    if isinstance(error, BleakDBusError):
        return f"{error.dbus_error} {error.dbus_error_details or ''}"
    if isinstance(error, DBusError):
        return f"{error.type} {error.text}"
    return str(error)


KNOWN = {
    "ServiceUnknown": "bluetoothd does not run: apt-get install bluez",
    "NameHasNoOwner": "bluetoothd does not run: systemctl start bluetooth",
    "not found": "there is no adapter {adapter}: plug one in (bluetoothctl list shows them)",
    "UnknownObject": "there is no adapter {adapter}: plug one in (bluetoothctl list shows them)",
    "AccessDenied": "bluetoothd refuses us: add the hub's user to the group bluetooth",
    "NotReady": "{adapter} is switched off: rfkill unblock bluetooth",
    "Blocked": "{adapter} is switched off: rfkill unblock bluetooth",
}
"""By part of the D-Bus error."""
