"""What was recorded comes back as it was."""

from __future__ import annotations

import json

from gateway.radio.replay import Replay, record_line
from gateway.records import Frame, Instant

FRAMES = [
    Frame("modbus_gas", "bus3", b"\x01\x03\x04\x00\xfa\x00\x01\x1b\xc2", Instant(5.25, 1e9, True)),
    Frame("bthome2", "hci0", b"\x40\x11\x01", Instant(6.0, 0.0, False), "A4:C1:38:00:00:01", -71.0),
]


async def heard(radio: Replay) -> list[Frame]:
    return [frame async for frame in radio.frames()]


async def test_a_recording_yields_the_frames_that_were_recorded() -> None:
    radio = Replay("tape", [record_line(frame) for frame in FRAMES])
    assert await heard(radio) == FRAMES
    assert radio.state().alive


async def test_a_damaged_line_is_counted_and_the_next_one_is_read() -> None:
    good = record_line(FRAMES[0])
    odd_hex = good.replace("010304", "01030")
    radio = Replay("tape", [good[:20], "", odd_hex, '{"at": 1}', good])
    assert await heard(radio) == FRAMES[:1]
    assert radio.state().rejected == {"recording": 3}


def test_a_recorded_line_is_one_json_object_with_the_payload_in_hex() -> None:
    line = record_line(FRAMES[1])
    assert "\n" not in line
    assert json.loads(line)["payload"] == "401101"
