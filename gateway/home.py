"""The plan of one home: who lives how, what is mounted where, and whom the hub calls.

The shapes only. `plan_file.load` makes them from TOML, `plan.check` says what does not fit
together. Every bound that one value can break by itself stands here, as its type.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field

from gateway.records import Device, Room, RoomKind
from gateway.rules import Rules

NAME = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
"""Ids end up in MQTT topics, file names and links, so they stay plain."""

_PLAIN = "small letters, digits and - (as in kitchen-leak)"

# Tenant and hub together are the certificate's CN `tenant/hub`, which X.509 limits to 64
# characters (RFC 5280 appendix A, ub-common-name).
Tenant = Annotated[str, Meta(pattern=NAME, max_length=31, description=f"{_PLAIN}, at most 31")]
HubId = Annotated[str, Meta(pattern=NAME, max_length=32, description=f"{_PLAIN}, at most 32")]
Name = Annotated[str, Meta(pattern=NAME, max_length=32, description=f"{_PLAIN}, at most 32")]
TcpPort = Annotated[int, Meta(ge=1, le=65535)]
Date = Annotated[
    str,
    Meta(
        pattern=r"^(\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))?$",
        description='a day such as "2026-03-01"',
    ),
]
"""A day, "2026-03-01"; empty = not said."""


UsbId = Annotated[
    str,
    Meta(
        pattern=r"^([0-9a-fA-F]{4}:[0-9a-fA-F]{4}(:.+)?)?$",
        description='vendor:product or vendor:product:serial as lsusb shows them ("1a86:7523")',
    ),
]
Phone = Annotated[
    str,
    Meta(
        pattern=r"^\+?[0-9][0-9 -]{1,18}[0-9]$",
        description='a telephone number such as "+86 21 5555 0100"',
    ),
]


class Mistake(Struct, frozen=True):
    """One thing that is wrong with a plan, for the person who wrote it."""

    key: str
    """`device[3].address`: tables that repeat are counted from 1, as people do."""
    wrong: str
    remedy: str
    line: int = 0
    """Where in the file; 0 = nowhere in particular."""

    def __str__(self) -> str:
        line = f"line {self.line}: " if self.line else ""
        return f"{line}{self.key}: {self.wrong}; {self.remedy}"


class PlanError(Exception):
    """A plan that cannot be used. `mistakes` holds every one of them."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


class Hub(Struct, frozen=True, kw_only=True):
    """The machine in the home, as the platform knows it."""

    tenant: Tenant
    """The street or operator; the first level under `v1/`."""
    id: HubId
    timezone: str = "Asia/Shanghai"
    language: Literal["zh", "en"] = "zh"
    data: Annotated[str, Meta(min_length=1)] = "/var/lib/lamplight"
    """The directory of the outbox, the journal and the clock's anchor."""


class Port(Struct, frozen=True, kw_only=True):
    """One wire into the hub. What is 0 or empty is as the driver says."""

    name: Name
    device: str = ""
    """A path that survives a reboot, such as /dev/serial/by-id/..."""
    usb: UsbId = ""
    """vendor:product[:serial], in place of `device`."""
    baud: Annotated[int, Meta(ge=0, le=4_000_000)] = 0
    parity: Literal["", "N", "E", "O"] = ""
    stop_bits: Literal[0, 1, 2] = 0
    timeout_s: Annotated[float, Meta(ge=0, le=30)] = 0.0
    """How long a silent device may hold up the bus."""
    driver: str = ""
    """For a port that only listens: the one driver whose devices speak by themselves."""
    frequency_mhz: Annotated[float, Meta(ge=0, le=6000)] = 0.0
    """What a radio receiver is tuned to; 0 = 433.92."""
    dongle: Literal["", "im871a", "iu891a", "amb8465", "amb3665", "cul", "rc1180"] = ""
    """Which receiver for wireless M-Bus hangs on `device`."""


class Adapter(Struct, frozen=True, kw_only=True):
    """One Bluetooth adapter. A plan with BLE devices and without an adapter means one, hci0."""

    name: Annotated[
        str, Meta(pattern=r"^hci\d{1,2}$", description="a name such as hci0 (see hciconfig)")
    ] = "hci0"
    silent_s: Annotated[float, Meta(ge=30, le=3600)] = 45.0
    """No advertisement from anybody for so long, and the adapter is taken for deaf. More only
    where there are no neighbours and every device of the home is silent for longer."""


class UplinkSettings(Struct, frozen=True, kw_only=True):
    """One route to a platform. Their order in the file is the order in which they are tried."""

    name: Name
    host: Annotated[str, Meta(min_length=1, max_length=253)]
    port: TcpPort = 8883
    ca: str = ""
    """PEM file of the authority that signed the broker's certificate; empty = the system's."""
    certificate: str = ""
    """PEM file; its CN is `tenant/hub`."""
    key: str = ""
    username: str = ""
    password_file: str = ""
    tls: bool = True
    version: Literal["5", "3.1.1", "auto"] = "auto"
    heartbeat_s: Annotated[float, Meta(ge=1, le=300)] = 300.0
    """The platform calls a hub offline after three missed heartbeats of five minutes. Every minute
    is possible, and costs some 30 MB a month."""
    keepalive_s: Annotated[int, Meta(ge=5, le=1200)] = 240
    """Seconds between two signs of life of the connection itself; each costs some 200 bytes."""


class WebSettings(Struct, frozen=True, kw_only=True):
    """The local page."""

    listen: str = "127.0.0.1:8377"
    """address:port; [::1]:port for IPv6."""
    token: str = ""


class ClockSettings(Struct, frozen=True, kw_only=True):
    source: Literal["system", "simulated"] = "system"
    file: str = ""
    """What a simulated clock is read from."""
    trust: Literal["ntp", "always"] = "ntp"
    """`always`: the machine has a clock battery and somebody set it."""


class Contact(Struct, frozen=True, kw_only=True):
    """Somebody whom the hub may call. Names and numbers never leave the hub."""

    name: Annotated[str, Meta(min_length=1, max_length=40)]
    role: Literal["first_carer", "family", "neighbour", "street"]
    phone: Phone
    note: str = ""


class Consent(Struct, frozen=True, kw_only=True):
    """What the person agreed to, or did not."""

    to: Literal["alerts", "meters", "activity", "learning", "voice", "camera"]
    given: bool
    by: Literal["self", "guardian"] = "self"
    on: Date = ""


class PlanInfo(Struct, frozen=True, kw_only=True):
    """Which plan this is (one person, one plan; 一人一方案)."""

    version: Annotated[int, Meta(ge=1)] = 1
    """Rises with every change."""
    person: Annotated[str, Meta(max_length=40)] = ""
    """The platform's number for the person; never a name."""
    agreed_on: Date = ""
    consents: tuple[Consent, ...] = field(default=(), name="consent")


class Home(Struct, frozen=True, kw_only=True, dict=True):
    """Everything that is particular to one home. (`dict` makes room for the two look-up tables.)"""

    hub: Hub
    rooms: tuple[Room, ...] = field(default=(), name="room")
    devices: tuple[Device, ...] = field(default=(), name="device")
    ports: tuple[Port, ...] = field(default=(), name="port")
    adapters: tuple[Adapter, ...] = field(default=(), name="adapter")
    rules: Rules = field(default_factory=Rules)
    uplinks: tuple[UplinkSettings, ...] = field(default=(), name="uplink")
    web: WebSettings = WebSettings()
    clock: ClockSettings = ClockSettings()
    contacts: tuple[Contact, ...] = field(default=(), name="contact")
    plan: PlanInfo = PlanInfo()

    @cached_property
    def _devices(self) -> dict[str, Device]:
        return {device.id: device for device in self.devices}

    @cached_property
    def _rooms(self) -> dict[str, Room]:
        return {room.id: room for room in self.rooms}

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.hub.timezone)

    def device(self, device_id: str) -> Device | None:
        return self._devices.get(device_id)

    def room(self, room_id: str) -> Room | None:
        return self._rooms.get(room_id)

    def room_kind(self, device_id: str) -> RoomKind:
        """The kind of room a device is in, as it may be named outside; OTHER if nobody said."""
        device = self.device(device_id)
        room = self.room(device.room) if device else None
        return room.kind if room else RoomKind.OTHER
