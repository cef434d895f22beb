"""Frames from a recording, in place of a radio: one JSON object a line, as they once arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable

import msgspec

from gateway.records import BadFrame, Frame, Instant, RadioState


class RecordedFrame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A Frame as it stands in a recording; `payload` is hex."""

    at: Instant
    driver: str
    port: str
    payload: str
    address: str = ""
    rssi: float | None = None


def record_line(frame: Frame) -> str:
    """One line of a recording, without the line's end."""
    recorded = RecordedFrame(
        at=frame.at,
        driver=frame.driver,
        port=frame.port,
        payload=frame.payload.hex(),
        address=frame.address,
        rssi=frame.rssi,
    )
    return msgspec.json.encode(recorded).decode()


def recorded_frame(line: str) -> Frame:
    """The frame of one line. Raises BadFrame("recording")."""
    try:
        recorded = msgspec.json.decode(line, type=RecordedFrame)
        payload = bytes.fromhex(recorded.payload)
    except ValueError:  # msgspec.ValidationError and DecodeError are ValueErrors
        raise BadFrame("recording") from None
    return Frame(
        driver=recorded.driver,
        port=recorded.port,
        payload=payload,
        at=recorded.at,
        address=recorded.address,
        rssi=recorded.rssi,
    )


class Replay:
    """A Radio over the lines of a recording; ends with it. A line that is none is counted."""

    def __init__(self, name: str, lines: Iterable[str]) -> None:
        self.name = name
        self._lines = lines
        self._rejected: Counter[str] = Counter()

    async def frames(self) -> AsyncIterator[Frame]:
        for line in self._lines:
            if not line.strip():
                continue
            try:
                frame = recorded_frame(line)
            except BadFrame as bad:
                self._rejected[bad.reason] += 1
            else:
                yield frame

    def state(self) -> RadioState:
        return RadioState(self.name, alive=True, rejected=dict(self._rejected))
