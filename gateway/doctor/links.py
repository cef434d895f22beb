"""What goes in and out: ports, drivers, platforms, the page, systemd."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import drivers
from gateway.doctor.certificate import NoCertificate, validity
from gateway.doctor.check import Check, advised, doubtful, ill, well
from gateway.doctor.disk import HELD
from gateway.home import Home, Hub, Port, UplinkSettings, WebSettings
from gateway.plan.hub import listen_address
from gateway.radio import gpio
from gateway.radio.ports import PortMissing, Roots, advice, find_port
from gateway.radio.receivers import REMEDIES

PATIENCE_S = 5.0
SOON_DAYS = 30


# ---------------------------------------------------------------- ports and drivers


def port(settings: Port, running: bool, roots: Roots | None = None) -> Check:
    """Whether it is there and may be opened, and nobody else has it."""
    name = f"port {settings.name}"
    if settings.driver == gpio.DRIVER:
        return _gpio(name, settings.device, running)
    if settings.driver in REMEDIES:
        return _receiver(name, *REMEDIES[settings.driver])
    try:
        path = find_port(settings, roots)
    except PortMissing as missing:
        return advised(name, missing.advice)
    try:
        _try_lock(path)
    except OSError as error:
        if running and not isinstance(error, PermissionError):
            return well(name, f"{path}, {HELD}")
        return advised(name, advice(error, path))
    if running:
        return doubtful(name, f"{path} is free although the hub runs", "look at lamplight status")
    return well(name, f"{path} can be opened")


def _gpio(name: str, chip: str, running: bool) -> Check:
    """Whether this machine has the chip, and the package that reads its lines. The hub runs
    without them."""
    if find_spec("gpiod") is None:
        return advised(name, gpio.NO_PACKAGE)
    try:
        os.close(os.open(chip, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return advised(name, gpio.advice(error, chip))
    return well(name, f"{chip}, {HELD}" if running else f"{chip} can be opened")


def _receiver(name: str, program: str, remedy: str) -> Check:
    """Whether the program that listens for the hub is installed."""
    path = shutil.which(program)
    if path is None:
        return ill(name, f"{program} is not installed", remedy)
    return well(name, f"{program} is installed ({path})")


def _try_lock(path: str) -> None:
    """Opens and locks it as the hub does, and lets go. Raises OSError."""
    handle = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(handle)


def device_drivers(home: Home) -> Iterator[Check]:
    known = drivers.load()
    counts = Counter(device.driver for device in home.devices)
    for name, count in sorted(counts.items()):
        if name in known:
            yield well(f"driver {name}", f"{known[name].title} ({count} in this home)")
        else:
            remedy = "correct the plan (lamplight plan check), or install the driver's file"
            yield ill(f"driver {name}", "is not installed", remedy)


# ---------------------------------------------------------------- the page and systemd


def page(web: WebSettings, running: bool) -> Check:
    place = listen_address(web.listen)
    if place is None:
        return ill("page", f"{web.listen} is no address", "write address:port in [web] listen")
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    try:
        with closing(socket.socket(family)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        if running and error.errno == errno.EADDRINUSE:
            return well("page", f"http://{web.listen}/, {HELD}")
        remedy = f"stop who is there (ss -tlnp), or choose another address in [web] ({web.listen})"
        return ill("page", f"cannot listen: {error.strerror}", remedy)
    return well("page", f"{web.listen} is free")


def systemd(environment: str | None = None) -> Check:
    """Whether there is somebody to be told that the hub is ready and well."""
    address = os.environ.get("NOTIFY_SOCKET", "") if environment is None else environment
    if not address:
        return well("systemd", "not started by it: no watchdog from here")
    if address.startswith("@") or Path(address).is_socket():
        return well("systemd", f"listens at {address}")
    return ill("systemd", f"{address} is no socket", "start the hub with systemctl start lamplight")


# ---------------------------------------------------------------- platforms


def uplink(settings: UplinkSettings, hub: Hub, running: bool) -> Iterator[Check]:
    """Certificate, name, network and TLS; then the greeting, unless the hub itself is connected:
    a second login under its name would throw it out."""
    from gateway.uplink.dial import LinkLost, dial

    name = f"uplink {settings.name}"
    if settings.certificate:
        yield _certificate(f"{name}, own certificate", Path(settings.certificate))
    try:
        with closing(asyncio.run(dial(settings, PATIENCE_S))) as connected:
            yield _reached(name, settings, connected)
    except LinkLost as lost:
        yield advised(name, str(lost))
        return
    if running:
        yield well(f"{name}, login", "left to the running hub: see lamplight status")
        return
    try:
        yield well(f"{name}, login", f"accepted, MQTT {asyncio.run(_greet(settings, hub))}")
    except LinkLost as lost:
        yield advised(f"{name}, login", str(lost))


def _reached(name: str, settings: UplinkSettings, connected: socket.socket) -> Check:
    where = f"{settings.host}:{settings.port}"
    if not isinstance(connected, ssl.SSLSocket):
        return well(name, f"{where} answers, without TLS")
    dates = connected.getpeercert() or {}
    until = ssl.cert_time_to_seconds(str(dates.get("notAfter", "Jan  1 00:00:00 1970 GMT")))
    left = (until - time.time()) / 86_400
    found = f"{where} answers, {connected.version()}, its certificate is valid for {left:.0f} days"
    if left < SOON_DAYS:
        return doubtful(name, found, "ask the operator of the platform to renew it")
    return well(name, found)


def _certificate(name: str, file: Path, wall: float | None = None) -> Check:
    now = datetime.fromtimestamp(time.time() if wall is None else wall, UTC)
    try:
        begin, end = validity(file)
    except OSError as error:
        return ill(name, f"{file}: {error.strerror}", "put it there, readable by the hub's user")
    except NoCertificate as error:
        return ill(name, str(error), "ask the operator for the file in PEM")
    if now < begin:
        return ill(name, f"not valid before {begin:%Y-%m-%d}", "is the date of this hub right?")
    found = f"valid until {end:%Y-%m-%d}"
    if now >= end:
        return ill(name, found, "ask the operator for a new one")
    if (end - now).days < SOON_DAYS:
        return doubtful(name, found, "ask the operator for a new one in time")
    return well(name, found)


async def _greet(settings: UplinkSettings, hub: Hub) -> str:
    """The version of MQTT in which the broker lets this hub in. Raises LinkLost.

    The session is kept, and what waits in it is not confirmed: the hub will get it again.
    """
    from gateway.uplink.connection import VersionRefused

    if settings.version == "3.1.1":
        return await _log_in(settings, hub, "3.1.1")
    try:
        return await _log_in(settings, hub, "5")
    except VersionRefused:
        if settings.version == "5":
            raise
    return await _log_in(settings, hub, "3.1.1")


async def _log_in(settings: UplinkSettings, hub: Hub, version: str) -> str:
    from paho.mqtt.enums import MQTTProtocolVersion

    from gateway.uplink.connection import Connection, Pace, Sinks

    protocol = MQTTProtocolVersion.MQTTv5 if version == "5" else MQTTProtocolVersion.MQTTv311
    pace = Pace(connect_s=PATIENCE_S)
    connection = Connection(settings, f"{hub.tenant}/{hub.id}", protocol, None, pace)
    deaf = Sinks(passed=lambda token, reason: None, heard=lambda topic, body, done: None)
    try:
        await connection.open(deaf, f"v1/{hub.tenant}/{hub.id}/cmd/#", window=1)
    finally:
        connection.close()
    return version
