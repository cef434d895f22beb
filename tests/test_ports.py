"""Ports are found by what they are, not by the number they were given today."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from gateway.home import Port
from gateway.radio.ports import PortMissing, Roots, advice, find_port, list_ports

CH340 = ("1a86", "7523", "")
FTDI_A = ("0403", "6001", "A10KZP45")
FTDI_B = ("0403", "6001", "B20MMP11")


class Machine:
    """A tree like /dev and /sys, with adapters plugged into it."""

    def __init__(self, root: Path) -> None:
        self.roots = Roots(dev=str(root / "dev"), sys=str(root / "sys"))
        self._dev = root / "dev"
        self._sys = root / "sys"
        (self._sys / "class" / "tty").mkdir(parents=True)
        self._dev.mkdir()

    def plug(self, tty: str, socket: str, usb: tuple[str, str, str], by_id: str = "") -> None:
        vendor, product, serial = usb
        device = self._sys / "devices" / "usb1" / socket
        interface = device / f"{socket}:1.0" / tty
        interface.mkdir(parents=True)
        (interface / "driver").mkdir()
        for name, text in (("idVendor", vendor), ("idProduct", product), ("serial", serial)):
            if text:
                (device / name).write_text(text + "\n")
        (device / "product").write_text("USB Serial\n")
        self._tty(tty, interface)
        if by_id:
            self._link("by-id", by_id, tty)
        self._link("by-path", f"platform-usb-0:{socket}:1.0-port0", tty)

    def built_in(self, tty: str, soldered: bool) -> None:
        interface = self._sys / "devices" / "platform" / tty
        (interface / "driver").mkdir(parents=True)
        self._tty(tty, interface)
        kind = self._sys / "class" / "tty" / tty / "type"
        kind.write_text("4\n" if soldered else "0\n")

    def _tty(self, tty: str, interface: Path) -> None:
        (self._dev / tty).touch()
        shown = self._sys / "class" / "tty" / tty
        shown.mkdir()
        (shown / "device").symlink_to(interface)

    def _link(self, folder: str, name: str, tty: str) -> None:
        links = self._dev / "serial" / folder
        links.mkdir(parents=True, exist_ok=True)
        link = links / name
        link.unlink(missing_ok=True)
        link.symlink_to(self._dev / tty)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def usb(text: str) -> Port:
    return Port(name="bus", usb=text)


def test_an_adapter_is_found_by_id_whatever_its_number(machine: Machine) -> None:
    machine.plug("ttyUSB0", "1-1", CH340, "usb-1a86_USB_Serial-if00-port0")
    machine.plug("ttyUSB7", "1-2", FTDI_A, "usb-FTDI_A10KZP45-if00-port0")
    assert find_port(usb("0403:6001"), machine.roots).endswith("by-id/usb-FTDI_A10KZP45-if00-port0")


def test_of_two_of_one_model_the_serial_number_says_which(machine: Machine) -> None:
    machine.plug("ttyUSB0", "1-1", FTDI_A, "usb-FTDI_A10KZP45-if00-port0")
    machine.plug("ttyUSB1", "1-2", FTDI_B, "usb-FTDI_B20MMP11-if00-port0")
    found = find_port(usb("0403:6001:B20MMP11"), machine.roots)
    assert found.endswith("usb-FTDI_B20MMP11-if00-port0")


def test_twins_are_named_by_their_sockets(machine: Machine) -> None:
    machine.plug("ttyUSB0", "1-1", CH340, "usb-1a86_USB_Serial-if00-port0")
    machine.plug("ttyUSB1", "1-2", CH340, "usb-1a86_USB_Serial-if00-port0")
    with pytest.raises(PortMissing) as missing:
        find_port(usb("1a86:7523"), machine.roots)
    assert "2 adapters are 1a86:7523" in missing.value.advice
    assert "by-path/platform-usb-0:1-1:1.0-port0" in missing.value.advice
    assert [Path(seen.best).parent.name for seen in list_ports(machine.roots)] == ["by-path"] * 2


def test_an_adapter_without_a_by_id_link_is_named_by_its_socket(machine: Machine) -> None:
    machine.plug("ttyUSB0", "1-1", CH340)
    assert "by-path" in find_port(usb("1A86:7523"), machine.roots)


def test_a_plain_path_is_used_as_it_is(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "bus1"
    path.touch()
    assert find_port(Port(name="bus", device=str(path)), machine.roots) == str(path)


def test_a_missing_adapter_names_the_ports_that_are_there(machine: Machine) -> None:
    machine.plug("ttyUSB0", "1-1", CH340, "usb-1a86_USB_Serial-if00-port0")
    with pytest.raises(PortMissing, match=r"no adapter 0403:6001 .*by-id/usb-1a86.*1a86:7523"):
        find_port(usb("0403:6001"), machine.roots)


def test_a_machine_without_any_port_says_plug_in(machine: Machine) -> None:
    with pytest.raises(PortMissing, match="plug in the adapter"):
        find_port(Port(name="bus", device="/dev/serial/by-id/gone"), machine.roots)


def test_uarts_that_are_not_soldered_in_are_not_listed(machine: Machine) -> None:
    machine.built_in("ttyS0", soldered=True)
    machine.built_in("ttyS1", soldered=False)
    assert [Path(seen.path).name for seen in list_ports(machine.roots)] == ["ttyS0"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "add the user to group dialout"),
        (errno.EBUSY, "another program holds"),
        (errno.EIO, "plug it in again"),
        (errno.EINVAL, "cannot be used"),
    ],
)
def test_every_failure_says_what_to_do(number: int, words: str) -> None:
    assert words in advice(OSError(number, "x"), "/dev/ttyUSB0")
