"""Which path a configured port has right now, and what to do when it has none.

A port's number (ttyUSB0) says in which order adapters were plugged in, so it names nothing. The
by-id link names the adapter, unless two adapters carry the same identity; then the by-path link
names the socket it is plugged into.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path

import msgspec

from gateway.home import Port


class PortMissing(OSError):
    """The port is not there (ENOENT); the text says what to do about it."""

    def __init__(self, advice: str) -> None:
        super().__init__(errno.ENOENT, advice)
        self.advice = advice


class Roots(msgspec.Struct, frozen=True):
    """Where the kernel shows its devices; a test lays out a tree of its own."""

    dev: str = "/dev"
    sys: str = "/sys"


class SeenPort(msgspec.Struct, frozen=True):
    """A serial port of this machine, under all of its names."""

    path: str
    vendor: str = ""
    """USB vendor and product, four lower-case hex digits each; empty for a built-in UART."""
    product: str = ""
    serial: str = ""
    title: str = ""
    by_id: str = ""
    """Empty where the name is shared, and so says nothing."""
    by_path: str = ""

    @property
    def best(self) -> str:
        """The most lasting name: by-id when unique, else by-path, else the bare path."""
        return self.by_id or self.by_path or self.path

    @property
    def usb(self) -> str:
        return ":".join(part for part in (self.vendor, self.product, self.serial) if part)


def list_ports(roots: Roots | None = None) -> list[SeenPort]:
    """Every serial port with a device behind it, in the order of their paths."""
    roots = roots or Roots()
    ttys = Path(roots.sys, "class", "tty")
    names = sorted(entry.name for entry in ttys.iterdir()) if ttys.is_dir() else []
    seen = [_seen(roots, name) for name in names if _real(roots, name)]
    return [_named(roots, port, seen) for port in seen]


def find_port(port: Port, roots: Roots | None = None) -> str:
    """The path to open now. Raises PortMissing with an advice."""
    roots = roots or Roots()
    if port.device:
        if Path(port.device).exists():
            return port.device
        raise PortMissing(f"{port.device} is not there: {_plug_in(list_ports(roots))}")
    matches = [seen for seen in list_ports(roots) if _matches(seen, port.usb)]
    if not matches:
        raise PortMissing(f"no adapter {port.usb} is there: {_plug_in(list_ports(roots))}")
    if len(matches) > 1:
        raise PortMissing(
            f"{len(matches)} adapters are {port.usb}: name one by its socket instead, "
            f"device = {_either(seen.by_path or seen.path for seen in matches)}"
        )
    return matches[0].best


def advice(error: OSError, path: str) -> str:
    """What a person can do when `path` cannot be opened or went away."""
    if isinstance(error, PortMissing):
        return error.advice
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission for {path}: add the user to group dialout, then start again"
    if error.errno in (errno.EBUSY, errno.EAGAIN):
        return f"another program holds {path}: stop it (fuser -v {path} names it)"
    if error.errno in (errno.EIO, errno.ENXIO, errno.ENODEV, errno.ENOENT, errno.EBADF):
        return f"{path} was unplugged: plug it in again"
    return f"{path} cannot be used: {error.strerror or error}"


def _real(roots: Roots, name: str) -> bool:
    """Whether hardware is behind the name; a PC lists 32 UARTs and most are not soldered in."""
    tty = Path(roots.sys, "class", "tty", name)
    if not (tty / "device" / "driver").exists() or not Path(roots.dev, name).exists():
        return False
    return _line(tty / "type") != "0"  # PORT_UNKNOWN of linux/serial_core.h


def _seen(roots: Roots, name: str) -> SeenPort:
    """What sysfs says about one tty: its USB device is the nearest one above it."""
    path = str(Path(roots.dev, name))
    device = Path(roots.sys, "class", "tty", name, "device").resolve()
    for above in list(device.parents)[:3]:
        if (above / "idVendor").exists():
            return SeenPort(
                path=path,
                vendor=_line(above / "idVendor"),
                product=_line(above / "idProduct"),
                serial=_line(above / "serial"),
                title=_line(above / "product"),
            )
    return SeenPort(path=path)


def _named(roots: Roots, port: SeenPort, all_seen: list[SeenPort]) -> SeenPort:
    """The port with its lasting names; a by-id link of twins points at whichever came last."""
    twins = port.usb and sum(other.usb == port.usb for other in all_seen) > 1
    return msgspec.structs.replace(
        port,
        by_id="" if twins else _link(roots, "by-id", port.path),
        by_path=_link(roots, "by-path", port.path),
    )


def _link(roots: Roots, folder: str, path: str) -> str:
    target = Path(path).resolve()
    links = Path(roots.dev, "serial", folder)
    entries = sorted(links.iterdir()) if links.is_dir() else []
    return next((str(link) for link in entries if link.resolve() == target), "")


def _matches(seen: SeenPort, usb: str) -> bool:
    """Whether the adapter is `vendor:product[:serial]`, in either case of the hex digits."""
    vendor, _, rest = usb.partition(":")
    product, _, serial = rest.partition(":")
    same_model = (seen.vendor, seen.product) == (vendor.lower(), product.lower())
    return same_model and serial in ("", seen.serial)


def _plug_in(seen: list[SeenPort]) -> str:
    if not seen:
        return "no serial port is plugged in; plug in the adapter"
    names = ", ".join(f"{port.best} ({port.usb or 'built in'})" for port in seen)
    return f"plug in the adapter, or name one of these in the plan: {names}"


def _either(paths: Iterable[str]) -> str:
    return " or ".join(f'"{path}"' for path in sorted(paths))


def _line(path: Path) -> str:
    """The first line of a sysfs file, or nothing: adapters vanish while we read about them."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
