"""Where the timeline is tied to the machine: saved, so that the next start goes on from there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Known(msgspec.Struct, frozen=True):
    """A moment at which both times were known, and the boot in which that was."""

    line: float
    wall: float
    boot_id: str


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """One moment on the timeline and on the machine's own clocks.

    Save it in the transaction of whatever carries a `line`: after a power cut without a trusted
    clock the timeline goes on from here.
    """

    line: float
    wall: float
    trusted: bool
    boot_id: str
    boottime: float
    known: Known | None = None
    """When the wall was last trusted; from it the downtime is reckoned once it is trusted again."""


def boot_id() -> str:
    """Random per boot; empty where there is none, and then every start counts as a boot."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def newest(anchors: Iterable[Anchor | None]) -> Anchor | None:
    """Of several saved anchors the one that is furthest along the timeline."""
    return max((a for a in anchors if a is not None), key=lambda a: a.line, default=None)


def encode_anchor(anchor: Anchor) -> bytes:
    return msgspec.json.encode(anchor)


def decode_anchor(saved: bytes | None) -> Anchor | None:
    """None for what is missing or damaged: then the timeline begins anew."""
    try:
        return msgspec.json.decode(saved, type=Anchor) if saved else None
    except msgspec.DecodeError:
        return None


def load_anchor(file: Path) -> Anchor | None:
    return decode_anchor(file.read_bytes() if file.exists() else None)


def save_anchor(file: Path, anchor: Anchor) -> None:
    """All of it or nothing, also when the power fails. Raises OSError."""
    replace(file, encode_anchor(anchor), durable=True)


def replace(file: Path, content: bytes, *, durable: bool = False) -> None:
    """Puts a new file in the place of the old one in one step. Raises OSError."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    with fresh.open("wb") as out:
        out.write(content)
        if durable:
            out.flush()
            os.fsync(out.fileno())
    fresh.replace(file)
