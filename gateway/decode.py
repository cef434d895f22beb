"""What captured bytes say: vector files (schema 2) through the same splitters and drivers as live.

{"schema": 2, "vectors": [{"id", "protocol", "transport", "context": {..},
                           "steps": [{"dt_s": pause before, "hex" or "line": ..}, ..]}, ..]}
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping

import msgspec

from gateway.counters import Counters
from gateway.radio.framing import Splitter
from gateway.records import (
    BadFrame,
    Driver,
    Echo,
    Enrolled,
    Frame,
    Instant,
    Quantity,
    Reading,
    Value,
)
from gateway.repeats import Repeats
from gateway.vitals import Vitals

SCHEMA = 2
DECIMALS = 9


class BadFile(ValueError):
    """The file is no vector file. Its text says where, and what to do."""


class Said(msgspec.Struct, frozen=True):
    """One reading as vector files write it."""

    kind: str
    value: Value
    unit: str | None


class StepResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came out of one step. `errors`: by how much the error counter moved."""

    id: str
    step: int
    readings: list[Said]
    errors: int
    problem: str = ""
    """Why this vector could not be tried at all."""


class Step(msgspec.Struct, frozen=True):
    dt_s: float = 0.0
    hex: str | None = None
    line: str | None = None

    def payload(self) -> bytes:
        """Raises BadFile."""
        if self.line is not None:
            return self.line.encode()
        if self.hex is None:
            raise BadFile('give the bytes as "hex", or a text as "line"')
        try:
            return binascii.unhexlify("".join(self.hex.split()))
        except ValueError as why:
            raise BadFile(f'"hex" is not hexadecimal ({why}): {self.hex[:40]!r}') from None


class Vector(msgspec.Struct, frozen=True):
    id: str
    steps: list[Step]
    protocol: str = ""
    transport: str = "serial"
    context: dict[str, object] = {}


class _File(msgspec.Struct):
    schema: int
    vectors: list[object]


def decode_file(document: object, drivers: Mapping[str, Driver]) -> Iterator[StepResult]:
    """One result for each step of each vector. Raises BadFile before the first one."""
    vectors = read(document)
    spoken = {driver.protocol or driver.name: driver for driver in drivers.values()}
    # A protocol several drivers speak is told apart by the driver's own name.
    spoken |= {alias: driver for driver in drivers.values() for alias in driver.aliases}
    spoken |= drivers
    for vector in vectors:
        driver = spoken.get(vector.protocol)
        yield from _play(vector, driver) if driver else _unspoken(vector, spoken)


def read(document: object) -> list[Vector]:
    """The vectors of a parsed file. Raises BadFile."""
    try:
        file = msgspec.convert(document, _File)
    except msgspec.ValidationError as why:
        raise BadFile(
            f'not a vector file ({why}); it begins {{"schema": {SCHEMA}, "vectors": [...'
        ) from None
    if file.schema != SCHEMA:
        raise BadFile(f'"schema" is {file.schema}; this program reads schema {SCHEMA}')
    return [_vector(raw, number) for number, raw in enumerate(file.vectors)]


def _vector(raw: object, number: int) -> Vector:
    name = f"vector {number}"
    if isinstance(raw, dict) and isinstance(raw.get("id"), str):
        name += f" ({raw['id']})"
    try:
        vector = msgspec.convert(raw, Vector)
    except msgspec.ValidationError as why:
        raise BadFile(f"{name}: {why}") from None
    for at, step in enumerate(vector.steps):
        try:
            step.payload()
        except BadFile as why:
            raise BadFile(f"{name}, step {at}: {why}") from None
    return vector


def _unspoken(vector: Vector, spoken: Mapping[str, Driver]) -> Iterator[StepResult]:
    why = f"no driver speaks {vector.protocol!r}; those there are: {', '.join(sorted(spoken))}"
    for at in range(len(vector.steps)):
        yield StepResult(vector.id, at, [], 0, why)


def _play(vector: Vector, driver: Driver) -> Iterator[StepResult]:
    try:
        home = _Home(vector, driver)
    except (ValueError, TypeError, LookupError) as why:
        for at in range(len(vector.steps)):
            yield StepResult(vector.id, at, [], 0, f"its context cannot be enrolled: {why}")
        return
    for at, step in enumerate(vector.steps):
        before = home.errors
        said = home.hear(step)
        yield StepResult(vector.id, at, said, home.errors - before)


class _Home:
    """The home of one vector: its devices, one line, and what was heard before."""

    def __init__(self, vector: Vector, driver: Driver) -> None:
        devices = driver.context(vector.context) if driver.context else []
        gap = vector.context.get("idle_gap_s", driver.line.idle_gap_s)
        if not isinstance(gap, int | float):
            raise TypeError('"idle_gap_s" is a number of seconds')
        self._driver = driver
        self._enrolled = Enrolled(devices)
        self._address = devices[0].address if len(devices) == 1 else ""
        self._splitter = Splitter(driver) if driver.transport == "serial" else None
        self._idle_gap_s = gap
        self._now = 0.0
        self._rejected = 0
        self._counters = Counters()
        self._repeats = Repeats()
        # A capture may begin in the middle of a night.
        self._vitals = Vitals(devices, unknown=True)

    @property
    def errors(self) -> int:
        """Everything that was rejected so far, on the line or by the driver."""
        return self._rejected + (self._splitter.rejected.total() if self._splitter else 0)

    def hear(self, step: Step) -> list[Said]:
        self._now += step.dt_s
        return [
            _said(reading)
            for payload in self._messages(step)
            for reading in map(self._vitals.weighed, self._decode(payload))
            if _is_told(reading) and self._is_first(reading)
        ]

    def _messages(self, step: Step) -> list[bytes]:
        if self._splitter is None:
            return [step.payload()]
        before = self._splitter.idle() if step.dt_s > self._idle_gap_s else []
        return before + self._splitter.feed(step.payload())

    def _decode(self, payload: bytes) -> list[Reading]:
        at = Instant(self._now, self._now)
        frame = Frame(self._driver.name, "", payload, at, self._address)
        try:
            return self._counters.news(self._driver.decode(frame, self._enrolled), frame)
        except Echo:
            return []
        except BadFrame:
            self._rejected += 1
            return []

    def _is_first(self, reading: Reading) -> bool:
        """A radio says one event several times; it is one event."""
        return not reading.repeat_s or self._repeats.is_news(reading)


def _is_told(reading: Reading) -> bool:
    """Vector files list what a device says, not that it spoke or which warnings it left out."""
    return reading.quantity is not Quantity.SEEN and not reading.implied


def _said(reading: Reading) -> Said:
    value = reading.value
    if isinstance(value, float):
        value = round(value, DECIMALS)
    return Said(reading.quantity.value, value, reading.quantity.unit)
