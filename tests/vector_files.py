"""The vector files of tests/vectors, and the messages in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

import drivers
from gateway.decode import Said, Step, decode_file
from gateway.radio.framing import Splitter
from gateway.records import BadFrame, Device, Driver, Echo, Enrolled, Frame, Instant, Reading

VECTORS = Path(__file__).parent / "vectors"
DRIVERS_BY_NAME = drivers.load()
NOW = Instant(100.0, 1_790_000_000.0)


class Example(msgspec.Struct, frozen=True):
    """One sound message of one vector, the home it belongs to and what it says."""

    vector: str
    driver: Driver
    devices: list[Device]
    payload: bytes
    readings: list[Reading]

    def decode(self, payload: bytes) -> list[Reading]:
        address = self.devices[0].address if len(self.devices) == 1 else ""
        frame = Frame(self.driver.name, "", payload, NOW, address)
        return self.driver.decode(frame, Enrolled(self.devices))

    def readings_of(self, payloads: Sequence[bytes]) -> list[Reading]:
        """What a home hears of these: rejected ones say nothing; any other error is let out."""
        heard: list[Reading] = []
        for payload in payloads:
            try:
                heard += self.decode(payload)
            except (BadFrame, Echo):
                continue
        return heard


def document(driver: str, folder: Path = VECTORS) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / f"{driver}.json").read_text(encoding="utf-8"))
    return loaded


def examples(driver: Driver, folder: Path = VECTORS) -> list[Example]:
    """Each different sound message with a reading, once for each home."""
    found: dict[tuple[str, bytes], Example] = {}
    for vector in document(driver.name, folder)["vectors"]:
        assert driver.context is not None, f"{driver.name} cannot enrol what its vectors describe"
        devices = driver.context(vector["context"])
        for payload in sound(driver, [payload_of(step) for step in vector["steps"]]):
            example = Example(vector["id"], driver, devices, payload, [])
            readings = example.readings_of([payload])
            if readings:
                example = msgspec.structs.replace(example, readings=readings)
                found.setdefault((repr(vector["context"]), payload), example)
    return list(found.values())


def payload_of(step: dict[str, Any]) -> bytes:
    return msgspec.convert(step, Step).payload()


def sound(driver: Driver, chunks: Sequence[bytes]) -> list[bytes]:
    """The messages in these chunks, with a pause after each that is not an answer in pieces."""
    if driver.measure is None:
        return list(chunks)
    splitter = Splitter(driver)
    whole = [message for chunk in chunks for message in splitter.feed(chunk)]
    return whole + splitter.idle()


def mismatches(driver: Driver, loaded: dict[str, Any], drivers: dict[str, Driver]) -> list[str]:
    """Where the vectors and what comes out of them differ, in words."""
    wanted = {(v["id"], at): s for v in loaded["vectors"] for at, s in enumerate(v["steps"])}
    wrong = []
    for result in decode_file(loaded, drivers):
        step = wanted.pop((result.id, result.step))
        expected = [msgspec.convert(each, Said) for each in step["readings"]]
        if result.problem or _sorted(result.readings) != _sorted(expected):
            wrong.append(f"{result.id} step {result.step}: {result.readings} {result.problem}")
        if bool(result.errors) != bool(step["errors"]) or result.errors > 8:
            wrong.append(f"{result.id} step {result.step}: {result.errors} errors")
    return wrong + [f"{id} step {at}: nothing came" for id, at in wanted]


def _sorted(readings: Sequence[Said]) -> list[Said]:
    return sorted(readings, key=repr)


__all__ = [
    "DRIVERS_BY_NAME",
    "NOW",
    "VECTORS",
    "Example",
    "Step",
    "document",
    "examples",
    "mismatches",
    "sound",
]
