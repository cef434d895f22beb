"""A radar finds a pulse in every curtain: only that of somebody in bed counts."""

from __future__ import annotations

import msgspec
import pytest

from gateway.alerts import AlertBook
from gateway.pipeline import Pipeline
from gateway.records import Device, DeviceKind, Frame, Quantity, Reading
from gateway.vitals import Vitals
from tests.fakes import at, numbered
from tests.vector_files import DRIVERS_BY_NAME

RADAR = Device("radar", "seeed_mr60", "bed", DeviceKind.RADAR, room="bedroom", port="bed")
MAT = Device("mat", "gpio", "17", DeviceKind.BED, room="bedroom")
OTHER_MAT = Device("sofa", "gpio", "18", DeviceKind.BED, room="living-room")

HEART = Reading("radar", Quantity.HEART_RATE, 62.0, at(1))
BREATH = Reading("radar", Quantity.BREATH_RATE, 15.0, at(1))


def bed(device: str, occupied: bool) -> Reading:
    return Reading(device, Quantity.BED_OCCUPIED, occupied, at(0))


@pytest.mark.parametrize("reading", [HEART, BREATH])
def test_heart_and_breath_count_only_in_bed_and_out_of_it_the_sensor_was_merely_seen(
    reading: Reading,
) -> None:
    vitals = Vitals([RADAR])
    seen = Reading("radar", Quantity.SEEN, True, at(1))
    assert vitals.weighed(reading) == seen, "nobody has said yet that somebody is in bed"
    assert vitals.weighed(bed("radar", True)) == bed("radar", True)
    assert vitals.weighed(reading) == reading
    vitals.weighed(bed("radar", False))
    assert vitals.weighed(reading) == seen


def test_the_mat_of_the_room_says_for_a_radar_that_somebody_is_in_bed() -> None:
    vitals = Vitals([RADAR, MAT, OTHER_MAT])
    vitals.weighed(bed("sofa", True))
    assert vitals.weighed(HEART) != HEART, "another room"
    vitals.weighed(bed("mat", True))
    assert vitals.weighed(HEART) == HEART


def test_a_capture_from_the_middle_of_a_night_counts_until_the_bed_is_left() -> None:
    vitals = Vitals([RADAR], unknown=True)
    assert vitals.weighed(HEART) == HEART
    vitals.weighed(bed("radar", False))
    assert vitals.weighed(HEART) != HEART


def test_who_is_in_bed_is_known_after_a_restart_and_strangers_are_forgotten() -> None:
    vitals = Vitals([RADAR, MAT])
    vitals.weighed(bed("radar", True))
    vitals.weighed(bed("stranger", True))
    kept = msgspec.json.decode(msgspec.json.encode(vitals.state()))
    assert kept == {"radar": True}
    after = Vitals([RADAR])
    after.restore(kept | {"gone": True})
    assert after.weighed(HEART) == HEART
    assert after.state() == {"radar": True}


def message(body: str) -> bytes:
    plain = bytes.fromhex("5359" + body)
    return plain + bytes([sum(plain) & 0xFF]) + b"\x54\x43"


def test_in_the_running_hub_a_pulse_without_a_sleeper_reaches_nobody() -> None:
    drivers = {"seeed_mr60": DRIVERS_BY_NAME["seeed_mr60"]}
    pipeline = Pipeline([RADAR], drivers, [], AlertBook(numbered(), 10, 30))

    def heard(body: str, seconds: float) -> list[Quantity]:
        frame = Frame("seeed_mr60", "bed", message(body), at(seconds))
        return [reading.quantity for reading in pipeline.on_frame(frame).readings]

    assert heard("8502 0001 3e", 0) == [Quantity.SEEN]
    assert heard("8401 0001 01", 1) == [Quantity.BED_OCCUPIED]
    assert heard("8502 0001 3e", 2) == [Quantity.HEART_RATE]
    after = Pipeline([RADAR], drivers, [], AlertBook(numbered(), 10, 30))
    assert after.restore(pipeline.snapshot()) == []
    assert after.vitals.state() == {"radar": True}
