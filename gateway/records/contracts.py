"""The contracts between the rooms: what a driver, a radio, a detector and a clock must offer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping
from typing import Protocol

import msgspec

from gateway.records.incidents import Finding
from gateway.records.readings import Device, Frame, Instant, Motion, Reading


class BadFrame(Exception):
    """A frame that yields no reading. `reason` is short and fixed, because reasons are counted.

    `span`: how many bytes the rejected message claimed, where its header could be read, so that
    one damaged message counts once however many false starts lie inside it.
    """

    def __init__(self, reason: str, span: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.span = span


class Stranger(BadFrame):
    """A sound frame from somebody who is not enrolled here."""

    def __init__(self) -> None:
        super().__init__("stranger")


class Echo(Exception):
    """Our own request heard back on a half-duplex bus: no fault, and no sign of the device."""


class Enrolled:
    """The devices of one driver, by address. A driver asks `find`, or raises Stranger."""

    def __init__(self, devices: Iterable[Device] = ()) -> None:
        self._by_address: dict[tuple[str, str], Device] = {}
        for device in devices:
            self._by_address[device.port, device.address] = device

    def find(self, frame: Frame, address: str) -> Device:
        """The device with this address on the frame's port (or on any). Raises Stranger."""
        found = self._by_address.get((frame.port, address)) or self._by_address.get(("", address))
        if found is None:
            raise Stranger
        return found

    def __iter__(self) -> Iterator[Device]:
        return iter(self._by_address.values())


Decode = Callable[[Frame, Enrolled], list[Reading]]
"""A pure function. Returns at least one reading for a sound frame (SEEN if there is nothing else)
and raises BadFrame, Stranger or Echo otherwise; nothing else may leave it."""

Measure = Callable[[bytes | bytearray, int], int | None]
"""`measure(pending, start)`: the whole length of the message that begins at `start`, None if more
bytes are needed to know or to finish it, 0 if what is there is mere noise. Raises BadFrame if no
message begins there. Bounded: never asks for more than the protocol's longest message."""

Poll = Callable[[Device], Generator[bytes, bytes, None]]
"""One conversation without I/O: yields a request, is sent the reply's payload, ends when done.
A time-out is the bus's affair: the generator is closed."""


class SerialLine(msgspec.Struct, frozen=True):
    """How a protocol speaks on a wire by default; a `[[port]]` may say otherwise."""

    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1
    timeout_s: float = 1.0
    idle_gap_s: float = 0.5
    """Silence after which an unfinished message is dropped."""


class Driver(msgspec.Struct, frozen=True):
    """All there is to one protocol or device family. Its name is a contract: what a named driver
    emits never changes meaning."""

    name: str
    transport: str
    """serial, ble, zigbee, pipe"""
    title: str
    """One line for the table of devices in the README."""
    decode: Decode
    starts: bytes = b""
    """The bytes a message may begin with (serial)."""
    measure: Measure | None = None
    longest: int = 0
    """The longest message in bytes; bounds the memory of the splitter."""
    poll: Poll | None = None
    line: SerialLine = SerialLine()
    protocol: str = ""
    """The name in vector files, where it differs from `name`."""
    aliases: tuple[str, ...] = ()
    """Further names of its protocol in vector files."""
    context: Callable[[Mapping[str, object]], list[Device]] | None = None
    """Enrols the devices that a vector's `context` describes."""
    check: Callable[[Device], str] | None = None
    """What is wrong with a device of the plan, its address or its options, in a person's words;
    empty if nothing is. Whoever passes it can be polled and decoded."""
    checked: bool = True
    """Whether a checksum covers every bit that means something. Where none does, nothing that a
    message says may be an emergency by itself."""
    motion: Callable[[Frame, Device], Motion | None] | None = None
    """The accelerometer samples of one message; None if it has none (a battery level). Raises
    BadFrame. Such messages need not all go through `decode`: one a minute says enough."""
    greeting: Callable[[Device], list[tuple[str, bytes]]] | None = None
    """What is written to which characteristic after connecting (BLE GATT)."""
    low_assurance: bool = False
    """No counter, no encryption, no supervision on its way: never the only call for help."""
    services: tuple[str, ...] = ()
    """What a BLE radio brings it (ble): the service data of advertisements under these 16-bit UUIDs
    ("fcd2"), or notifications of these GATT characteristics (128-bit UUIDs, small letters)."""


class Detector(Protocol):
    """A small pure object. Gives its opinion each time; never asks the clock; explains itself."""

    name: str

    def on_reading(self, reading: Reading) -> Iterable[Finding]: ...

    def on_tick(self, now: Instant) -> Iterable[Finding]: ...

    def state(self) -> object:
        """Plain data (dict, list, str, numbers) that `restore` takes back; JSON can hold it."""

    def restore(self, state: object) -> None:
        """Raises nothing on an older state: what it does not know it starts afresh."""


class Clock(Protocol):
    def now(self) -> Instant: ...

    async def sleep(self, seconds: float) -> None:
        """Wait for that long on the timeline (a simulated night passes faster)."""


class RadioState(msgspec.Struct, frozen=True):
    """What a transport says of itself."""

    name: str
    alive: bool
    why: str = ""
    """In a person's words, when it is not alive; with what to do about it."""
    rejected: dict[str, int] = {}
    """Counted noise, by reason."""
    ordinary: dict[str, int] = {}
    """What else it heard and did not pass on, by reason: neighbours, repetitions."""
    signals: dict[str, tuple[float, float]] = {}
    """By device: its strength when last heard and the weakest of late (dBm), for the installer's
    walk through the home."""


class Radio(Protocol):
    """The only kind of code that touches hardware."""

    name: str

    def frames(self) -> AsyncIterator[Frame]: ...

    def state(self) -> RadioState: ...
