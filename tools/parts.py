"""System parts: programs outside Python that some tests use for real.

One table says what each part is called in Debian and how to see that it is there. `make test`
installs what is missing where it may; a test says what it needs with `@pytest.mark.needs("...")`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

SYSTEM_PATHS = ("/usr/sbin", "/sbin")
"""Where Debian puts daemons; an ordinary user's PATH has neither."""


class Part(NamedTuple):
    packages: tuple[str, ...]
    present: Callable[[], bool]
    service: str = ""
    """What the package starts by itself, and a test machine has no use for."""


def find(*names: str) -> str | None:
    """The first of these programs that is here."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_PATHS])
    return next(filter(None, (shutil.which(name, path=path) for name in names)), None)


def find_browser() -> str | None:
    return find("chromium", "chromium-browser")


def has_chinese_font() -> bool:
    return any(Path("/usr/share/fonts").glob("**/*CJK*"))


PARTS: dict[str, Part] = {
    "mosquitto": Part(("mosquitto",), lambda: find("mosquitto") is not None, "mosquitto"),
    "chromium": Part(
        ("chromium", "fonts-noto-cjk"), lambda: bool(find_browser()) and has_chinese_font()
    ),
    "rtl_433": Part(("rtl-433",), lambda: find("rtl_433") is not None),
    "dbus": Part(("dbus-daemon",), lambda: find("dbus-daemon") is not None),
    "cc": Part(("gcc", "libc6-dev"), lambda: find("cc") is not None),
    "systemd": Part(("systemd",), lambda: find("systemd-analyze") is not None),
}


def missing(names: Iterable[str] | None = None) -> list[str]:
    """Which of these parts (or of all) are not here. KeyError on a part that nobody knows."""
    return [name for name in (PARTS if names is None else names) if not PARTS[name].present()]


def install_line(names: Iterable[str]) -> str:
    """The one line that installs these parts."""
    packages = [package for name in names for package in PARTS[name].packages]
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y {' '.join(dict.fromkeys(packages))}"


def rights() -> list[str] | None:
    """What to put before apt-get without asking anybody, or None where that may not be."""
    if find("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    passwordless = ["sudo", "-n"]
    if find("sudo") is None:
        return None
    asked = subprocess.run([*passwordless, "true"], stdin=subprocess.DEVNULL, capture_output=True)
    return passwordless if asked.returncode == 0 else None


def succeeds(command: list[str]) -> bool:
    """Run it with nobody at the keyboard; only what goes wrong is printed."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return done.returncode == 0


def install(names: list[str]) -> None:
    """Try to install these parts; `missing` says afterwards how far that came."""
    before = rights()
    if before is None or not names:
        return
    print(f"Installing for the tests: {', '.join(names)} ...", flush=True)
    apt = [*before, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    apt += ["-o", "DPkg::Lock::Timeout=120"]
    packages = [package for name in names for package in PARTS[name].packages]
    succeeds([*apt, "update"])
    done = succeeds([*apt, "install", "-y", "--no-install-recommends", *packages])
    for name in names:
        if done and PARTS[name].service:
            switch_off(before, PARTS[name].service)


def switch_off(before: list[str], service: str) -> None:
    """The tests start their own; a machine that had none shall not serve one from now on."""
    if Path("/run/systemd/system").is_dir():
        succeeds([*before, "systemctl", "--quiet", "disable", "--now", service])
        print(f"{service} was installed for the tests; its service is switched off.")
