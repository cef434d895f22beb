"""Resets a Bluetooth adapter on USB, as if it were unplugged and plugged in again."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

USBDEVFS_RESET = ord("U") << 8 | 20
"""_IO('U', 20) of linux/usbdevice_fs.h."""


def _reset(path: str) -> None:
    handle = os.open(path, os.O_WRONLY)
    try:
        fcntl.ioctl(handle, USBDEVFS_RESET, 0)
    finally:
        os.close(handle)


def usb_path(adapter: str, sys: str = "/sys") -> str:
    """The device file of the adapter's USB device; empty where it is soldered to a UART."""
    here = Path(sys, "class", "bluetooth", adapter, "device")
    for above in (here.resolve(), *list(here.resolve().parents)[:3]):
        try:
            bus = int((above / "busnum").read_text())
            number = int((above / "devnum").read_text())
        except (OSError, ValueError):
            continue
        return f"/dev/bus/usb/{bus:03d}/{number:03d}"
    return ""


def reset(adapter: str, sys: str = "/sys", ioctl: Callable[[str], None] = _reset) -> bool:
    """Whether there was something to reset. Raises OSError where the rights are missing."""
    path = usb_path(adapter, sys)
    if path:
        ioctl(path)
    return bool(path)
