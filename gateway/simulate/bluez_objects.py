"""The objects of a simulated bluetoothd, and the signals that tell of their changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dbus_fast import Message, Variant

OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"
ADAPTER, DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"
SERVICE, CHARACTERISTIC = "org.bluez.GattService1", "org.bluez.GattCharacteristic1"

Properties = dict[str, Variant]
Reply = tuple[str, list[object]]
"""Signature and body of what a method returns."""
NOTHING: Reply = ("", [])


class Refused(Exception):
    """What a method call is answered with; `name` is the D-Bus error."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


class Objects:
    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._tree: dict[str, dict[str, Properties]] = {}

    def clear(self) -> None:
        self._tree.clear()

    def properties(self, path: str, interface: str) -> Properties | None:
        return self._tree.get(path, {}).get(interface)

    def managed(self, message: Message) -> Reply:
        return "a{oa{sa{sv}}}", [self._tree]

    def add(self, path: str, interfaces: Mapping[str, Properties]) -> None:
        self._tree.setdefault(path, {}).update(interfaces)
        self._signal("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", path, dict(interfaces))

    def change(self, path: str, interface: str, changed: Properties) -> None:
        properties = self.properties(path, interface)
        if properties is not None and changed:
            properties.update(changed)
            body = (interface, changed, list[str]())
            self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", *body)

    def remove_below(self, path: str) -> None:
        """The object and all that belongs to it, the innermost first."""
        gone = [each for each in self._tree if each == path or each.startswith(f"{path}/")]
        for each in sorted(gone, reverse=True):
            names = list(self._tree.pop(each))
            self._signal("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", each, names)

    def _signal(
        self, path: str, interface: str, member: str, signature: str, *body: object
    ) -> None:
        self._send(Message.new_signal(path, interface, member, signature, list(body)))


def full_uuid(uuid: str) -> str:
    """The 128-bit form of a 16-bit UUID ("fcd2")."""
    return f"0000{uuid}-0000-1000-8000-00805f9b34fb" if len(uuid) == 4 else uuid


def device_path(adapter: str, address: str) -> str:
    return f"{adapter}/dev_{address.replace(':', '_')}"


def characteristic_path(device: str, number: int) -> str:
    """All of them in one service; the handles of the standard's order."""
    return f"{device}/service0001/char{2 * number + 2:04x}"


def device_properties(
    adapter: str, address: str, name: str, rssi: int, service_data: Properties
) -> Properties:
    made = {
        "Adapter": Variant("o", adapter),
        "Address": Variant("s", address),
        "AddressType": Variant("s", "public"),
        "Alias": Variant("s", name or address.replace(":", "-")),
        "Connected": Variant("b", False),
        "Paired": Variant("b", False),
        "ServicesResolved": Variant("b", False),
        "UUIDs": Variant("as", []),
        "RSSI": Variant("n", rssi),
    }
    if name:
        made["Name"] = Variant("s", name)
    if service_data:
        made["ServiceData"] = Variant("a{sv}", service_data)
    return made
