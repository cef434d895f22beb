"""Simulated peripherals that can be connected to, as bluetoothd shows them on the bus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from dbus_fast import Message, Variant

from gateway.simulate.bluez_objects import (
    CHARACTERISTIC,
    DEVICE,
    NOTHING,
    SERVICE,
    Objects,
    Properties,
    Refused,
    Reply,
    characteristic_path,
    device_path,
)


class Peer:
    """One peripheral. `values`: what reading a characteristic gives, by 128-bit UUID."""

    def __init__(self, service: str, values: Mapping[str, bytes]) -> None:
        self.service = service
        self.values = dict(values)
        self.uuids = list(values)
        self.path = ""
        self.near = True
        """Whether a connection succeeds."""
        self.connected = False
        self.connections = 0
        self.notifying: set[str] = set()
        self.written: list[tuple[str, bytes]] = []

    def objects(self) -> Iterator[tuple[str, Mapping[str, Properties]]]:
        """What is found when it has been connected."""
        service = f"{self.path}/service0001"
        described = {
            "UUID": Variant("s", self.service),
            "Device": Variant("o", self.path),
            "Primary": Variant("b", True),
        }
        yield service, {SERVICE: described}
        for number, uuid in enumerate(self.uuids):
            found = {
                "UUID": Variant("s", uuid),
                "Service": Variant("o", service),
                "Value": Variant("ay", b""),
                "Flags": Variant("as", ["notify", "read", "write"]),
                "MTU": Variant("q", 185),
            }
            yield characteristic_path(self.path, number), {CHARACTERISTIC: found}

    def uuid_at(self, path: str) -> str:
        """Which characteristic an object path stands for."""
        paths = [characteristic_path(self.path, number) for number in range(len(self.uuids))]
        return self.uuids[paths.index(path)]


class Gatt:
    """org.bluez.Device1 and org.bluez.GattCharacteristic1. `peers` by address."""

    def __init__(self, objects: Objects) -> None:
        self.peers: dict[str, Peer] = {}
        self._objects = objects
        self.methods: Mapping[tuple[str, str], Callable[[Message], Reply]] = {
            (DEVICE, "Connect"): self._connect,
            (DEVICE, "Disconnect"): self._disconnect,
            (CHARACTERISTIC, "StartNotify"): self._start_notify,
            (CHARACTERISTIC, "StopNotify"): self._stop_notify,
            (CHARACTERISTIC, "ReadValue"): self._read,
            (CHARACTERISTIC, "WriteValue"): self._write,
        }

    def notify(self, address: str, uuid: str, value: bytes) -> bool:
        """A connected peer says something. Returns whether anybody listened."""
        peer = self.peers[address]
        if not peer.connected or uuid not in peer.notifying:
            return False
        path = characteristic_path(peer.path, peer.uuids.index(uuid))
        self._objects.change(path, CHARACTERISTIC, {"Value": Variant("ay", value)})
        return True

    def drop(self, address: str) -> None:
        """The connection breaks."""
        peer = self.peers[address]
        peer.connected = False
        peer.notifying.clear()
        changed = {"Connected": Variant("b", False), "ServicesResolved": Variant("b", False)}
        self._objects.change(peer.path, DEVICE, changed)
        self._objects.remove_below(f"{peer.path}/service0001")

    def drop_all(self) -> None:
        for address, peer in self.peers.items():
            if peer.connected:
                self.drop(address)

    def forget(self) -> None:
        """bluetoothd is gone, and with it all connections; nothing is said."""
        for peer in self.peers.values():
            peer.connected = False
            peer.notifying.clear()

    def _peer(self, message: Message) -> Peer:
        path = message.path or ""
        for address, peer in self.peers.items():
            if device_path("", address) in path:
                peer.path = path.partition("/service")[0]
                return peer
        raise Refused("org.bluez.Error.Failed", "page-timeout")

    def _connect(self, message: Message) -> Reply:
        peer = self._peer(message)
        if not peer.near:
            raise Refused("org.bluez.Error.Failed", "le-connection-abort-by-peer")
        self._link(peer)
        return NOTHING

    def link(self, address: str, adapter: str = "hci0") -> None:
        """It is connected, by whomever."""
        peer = self.peers[address]
        peer.path = device_path(f"/org/bluez/{adapter}", address)
        self._link(peer)

    def _link(self, peer: Peer) -> None:
        peer.connected = True
        peer.connections += 1
        self._objects.change(peer.path, DEVICE, {"Connected": Variant("b", True)})
        for path, interfaces in peer.objects():
            self._objects.add(path, interfaces)
        self._objects.change(peer.path, DEVICE, {"ServicesResolved": Variant("b", True)})

    def _disconnect(self, message: Message) -> Reply:
        self._peer(message)
        for address, peer in self.peers.items():
            if peer.path == message.path and peer.connected:
                self.drop(address)
        return NOTHING

    def _start_notify(self, message: Message) -> Reply:
        peer, uuid = self._characteristic(message)
        peer.notifying.add(uuid)
        return NOTHING

    def _stop_notify(self, message: Message) -> Reply:
        peer, uuid = self._characteristic(message)
        peer.notifying.discard(uuid)
        return NOTHING

    def _read(self, message: Message) -> Reply:
        peer, uuid = self._characteristic(message)
        return "ay", [peer.values[uuid]]

    def _write(self, message: Message) -> Reply:
        peer, uuid = self._characteristic(message)
        peer.written.append((uuid, bytes(message.body[0])))
        return NOTHING

    def _characteristic(self, message: Message) -> tuple[Peer, str]:
        """They are there only while the peer is connected."""
        path = message.path or ""
        if self._objects.properties(path, CHARACTERISTIC) is None:
            raise Refused("org.freedesktop.DBus.Error.UnknownObject", path)
        peer = self._peer(message)
        return peer, peer.uuid_at(path)
