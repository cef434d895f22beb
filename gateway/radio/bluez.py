"""Our own ear at bluetoothd's door: it hears at once when the daemon or an adapter comes and goes.

bleak keeps a connection to the system bus too, but tells nobody that its scanner has gone deaf.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio.message_bus import MessageBus
from dbus_fast.errors import DBusError
from dbus_fast.unpack import unpack_variants

NAME = "org.bluez"
BUS, BUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"
PROPERTIES = "org.freedesktop.DBus.Properties"
ADAPTER, DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"

DAEMON_RULE = f"type='signal',sender='{BUS}',member='NameOwnerChanged',arg0='{NAME}'"
ADAPTER_RULES = (
    f"type='signal',sender='{NAME}',member='InterfacesAdded',arg0path='{{path}}'",
    f"type='signal',sender='{NAME}',member='InterfacesRemoved',arg0path='{{path}}'",
    f"type='signal',sender='{NAME}',member='PropertiesChanged',path='{{path}}',arg0='{ADAPTER}'",
)

Interfaces = Mapping[str, Mapping[str, Any]]


class Bluez:
    """One connection to the system bus. `stir` is called with what happened, in a person's words;
    it says nothing of devices."""

    def __init__(self, adapter: str, stir: Callable[[str], None]) -> None:
        self._stir = stir
        self._followed: set[str] = set()
        self._path = f"/org/bluez/{adapter}"
        self._bus: MessageBus | None = None

    @property
    def connected(self) -> bool:
        return self._bus is not None and self._bus.connected

    async def open(self) -> None:
        """Connects, unless it is connected. Raises OSError, and DBusFastError if refused."""
        if self.connected:
            return
        self.close()
        bus = MessageBus(bus_type=BusType.SYSTEM)
        self._bus = bus
        try:
            await bus.connect()
            bus.add_message_handler(self._hear)
            await self._match(DAEMON_RULE)
            await self.follow(self._path)
        except BaseException:
            self.close()
            raise

    async def follow(self, path: str) -> None:
        """From now on it is about this adapter ("/org/bluez/hci0")."""
        if path not in self._followed:
            for rule in ADAPTER_RULES:
                await self._match(rule.format(path=path))
            self._followed.add(path)
        self._path = path

    async def _match(self, rule: str) -> None:
        message = Message(BUS, BUS_PATH, BUS, "AddMatch", signature="s", body=[rule])
        await self._call(message)

    def close(self) -> None:
        bus, self._bus = self._bus, None
        self._followed.clear()
        if bus is not None:
            bus.disconnect()

    async def objects(self) -> Mapping[str, Interfaces]:
        """Everything that bluetoothd knows now. Raises DBusError where there is none."""
        manager = "org.freedesktop.DBus.ObjectManager"
        reply = await self._call(Message(NAME, "/", manager, "GetManagedObjects"))
        found: Mapping[str, Interfaces] = unpack_variants(reply.body[0])
        return found

    async def power(self, on: bool) -> None:
        """Raises DBusError where it may not, or cannot (rfkill)."""
        message = Message(NAME, self._path, PROPERTIES, "Set", signature="ssv")
        message.body = [ADAPTER, "Powered", Variant("b", on)]
        await self._call(message)

    async def _call(self, message: Message) -> Message:
        if self._bus is None:
            raise ConnectionError("the system bus is gone")
        return _checked(await self._bus.call(message))

    def _hear(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL or not message.body:
            return
        ours = message.sender == BUS or self._path in (message.path, message.body[0])
        said = _news(message) if ours else ""
        if said:
            self._stir(said)


def _checked(reply: Message | None) -> Message:
    if reply is None:
        raise ConnectionError("the system bus is gone")
    if reply.message_type is MessageType.ERROR:
        text = str(reply.body[0]) if reply.body else ""
        raise DBusError(reply.error_name or "", text, reply)
    return reply


def _news(message: Message) -> str:
    """What a signal means for whoever scans; nothing, if it means nothing."""
    body = message.body
    if message.member == "NameOwnerChanged":
        return "bluetoothd has started" if body[2] else "bluetoothd has stopped"
    if message.member == "InterfacesAdded":
        return "the adapter was plugged in" if ADAPTER in body[1] else ""
    if message.member == "InterfacesRemoved":
        return "the adapter was pulled out" if ADAPTER in body[1] else ""
    if message.member == "PropertiesChanged" and "Powered" in body[1]:
        return "" if body[1]["Powered"].value else "the adapter was switched off"
    return ""
