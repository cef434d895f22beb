"""The far end of a BLE radio: bluetoothd on a bus of ours, and what is on the air around it.

Written from the documents of BlueZ (doc/org.bluez.Adapter.rst, Device.rst, GattCharacteristic.rst)
and from what its source does with advertisements: an unchanged advertisement is no news unless a
client asked for duplicates; a change of the signal's strength tells everybody again of the device,
not of its bytes; what is not heard is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio.message_bus import MessageBus

from gateway.simulate.bluez_gatt import Gatt
from gateway.simulate.bluez_objects import (
    ADAPTER,
    DEVICE,
    NOTHING,
    Objects,
    Refused,
    Reply,
    device_path,
    device_properties,
    full_uuid,
)

NAME = "org.bluez"
BUS = "org.freedesktop.DBus"
PROPERTIES = f"{BUS}.Properties"

Deaf = Literal["", "scan", "power", "usb"]


class Adapter:
    """One radio: who scans with it, and what would cure its deafness."""

    def __init__(self, name: str) -> None:
        self.path = f"/org/bluez/{name}"
        self.clients: dict[str, bool] = {}
        """Who scans, and whether with duplicates."""
        self.filters: dict[str, bool] = {}
        self.deaf: Deaf = ""
        self.scans = 0
        """How often scanning began."""


class Bluetoothd:
    """`start` and `stop` are systemd's; `hear` and `gatt` are the air."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._bus: MessageBus | None = None
        self._objects = Objects(self._send)
        self.adapters: dict[str, Adapter] = {}
        self.gatt = Gatt(self._objects)
        self.calls: list[str] = []
        self._methods: dict[tuple[str, str], Callable[[Message], Reply]] = {
            (f"{BUS}.ObjectManager", "GetManagedObjects"): self._objects.managed,
            (PROPERTIES, "Set"): self._set,
            (ADAPTER, "SetDiscoveryFilter"): self._filter,
            (ADAPTER, "StartDiscovery"): self._start_discovery,
            (ADAPTER, "StopDiscovery"): self._stop_discovery,
            **self.gatt.methods,
        }

    # ------------------------------------------------------------ the daemon

    async def start(self, *adapters: str) -> None:
        self._bus = await MessageBus(bus_address=self._address).connect()
        self._bus.add_message_handler(self._handle)
        rule = f"type='signal',sender='{BUS}',member='NameOwnerChanged'"
        match = Message(BUS, f"/{BUS.replace('.', '/')}", BUS, "AddMatch")
        match.signature, match.body = "s", [rule]
        await self._bus.call(match)
        await self._bus.request_name(NAME)
        for name in adapters:
            self.plug(name)

    def stop(self) -> None:
        """As a crash: nothing is said, all is forgotten."""
        bus, self._bus = self._bus, None
        self._objects.clear()
        self.adapters.clear()
        self.gatt.forget()
        if bus is not None:
            bus.disconnect()

    def plug(self, name: str, powered: bool = True) -> None:
        adapter = self.adapters[name] = Adapter(name)
        properties = {
            "Address": Variant("s", "00:1A:7D:DA:71:13"),
            "Powered": Variant("b", powered),
            "Discovering": Variant("b", False),
            "Roles": Variant("as", ["central", "peripheral"]),
        }
        self._objects.add(adapter.path, {ADAPTER: properties})

    def pull(self, name: str) -> None:
        adapter = self.adapters.pop(name)
        self.gatt.drop_all()
        self._objects.remove_below(adapter.path)

    # ------------------------------------------------------------ the air

    def hear(
        self,
        address: str,
        services: Mapping[str, bytes] | None = None,
        rssi: int = -60,
        name: str = "",
        adapter: str = "hci0",
    ) -> bool:
        """One advertisement arrives. `services`: service data by 16-bit UUID. Returns whether
        anybody was scanning."""
        radio = self.adapters.get(adapter)
        if self._bus is None or radio is None or not radio.clients or radio.deaf:
            return False
        path = device_path(radio.path, address)
        said = {
            full_uuid(uuid): Variant("ay", bytes(data)) for uuid, data in (services or {}).items()
        }
        known = self._objects.properties(path, DEVICE)
        if known is None:
            made = device_properties(radio.path, address, name, rssi, said)
            self._objects.add(path, {DEVICE: made})
            return True
        changed: dict[str, Variant] = {}
        if "RSSI" not in known or known["RSSI"].value != rssi:
            changed["RSSI"] = Variant("n", rssi)
        if said and (any(radio.clients.values()) or known.get("ServiceData") != said):
            changed["ServiceData"] = Variant("a{sv}", said)
        self._objects.change(path, DEVICE, changed)
        return True

    def replay(self, address: str, rssi: int, adapter: str = "hci0") -> None:
        """The strength changes, or somebody looks: the device is told of again, unheard."""
        path = device_path(f"/org/bluez/{adapter}", address)
        self._objects.change(path, DEVICE, {"RSSI": Variant("n", rssi)})

    def forget(self, address: str, adapter: str = "hci0") -> None:
        """Not heard for half a minute."""
        self._objects.remove_below(device_path(f"/org/bluez/{adapter}", address))

    # ------------------------------------------------------------ the bus

    def _send(self, message: Message) -> None:
        if self._bus is not None and self._bus.connected:
            self._bus.send(message)

    def _handle(self, message: Message) -> Message | None:
        if message.message_type is MessageType.SIGNAL and message.member == "NameOwnerChanged":
            self._left(*message.body)
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        method = self._methods.get((message.interface or "", message.member or ""))
        if method is None:
            return None
        self.calls.append(message.member or "")
        try:
            return Message.new_method_return(message, *method(message))
        except Refused as refused:
            return Message.new_error(message, refused.name, str(refused))

    def _left(self, name: str, before: str, after: str) -> None:
        """A client that is gone scans no longer."""
        for adapter in self.adapters.values():
            if not after and adapter.clients.pop(name, None) is not None:
                self._discovering(adapter)

    # ------------------------------------------------------------ org.bluez.Adapter1

    def _adapter(self, message: Message) -> Adapter:
        for adapter in self.adapters.values():
            if adapter.path == message.path:
                return adapter
        raise Refused(f"{BUS}.Error.UnknownObject", "no such adapter")

    def _filter(self, message: Message) -> Reply:
        duplicates = message.body[0].get("DuplicateData", Variant("b", False)).value
        self._adapter(message).filters[message.sender or ""] = bool(duplicates)
        return NOTHING

    def _start_discovery(self, message: Message) -> Reply:
        adapter, client = self._adapter(message), message.sender or ""
        if not self._powered(adapter):
            raise Refused("org.bluez.Error.NotReady", "Resource Not Ready")
        if client in adapter.clients:
            raise Refused("org.bluez.Error.InProgress", "Operation already in progress")
        if not adapter.clients:
            adapter.scans += 1
            adapter.deaf = "" if adapter.deaf == "scan" else adapter.deaf
        adapter.clients[client] = adapter.filters.get(client, False)
        self._discovering(adapter)
        return NOTHING

    def _stop_discovery(self, message: Message) -> Reply:
        adapter = self._adapter(message)
        if adapter.clients.pop(message.sender or "", None) is None:
            raise Refused("org.bluez.Error.Failed", "No discovery started")
        self._discovering(adapter)
        return NOTHING

    def _discovering(self, adapter: Adapter) -> None:
        on = Variant("b", bool(adapter.clients))
        self._objects.change(adapter.path, ADAPTER, {"Discovering": on})

    def _powered(self, adapter: Adapter) -> bool:
        properties = self._objects.properties(adapter.path, ADAPTER) or {}
        return "Powered" in properties and bool(properties["Powered"].value)

    def _set(self, message: Message) -> Reply:
        adapter = self._adapter(message)
        _, name, value = message.body
        if name == "Powered":
            self.power(adapter.path.rpartition("/")[2], bool(value.value))
        return NOTHING

    def power(self, name: str, on: bool) -> None:
        adapter = self.adapters[name]
        if on and adapter.deaf == "power":
            adapter.deaf = ""
        if not on:
            adapter.clients.clear()
        self._objects.change(adapter.path, ADAPTER, {"Powered": Variant("b", on)})
        self._discovering(adapter)
