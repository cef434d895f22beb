"""Pendants with an accelerometer: from a notification to samples in g."""

from __future__ import annotations

import math
import struct

import pytest

import drivers
from gateway.records import BadFrame, Device, DeviceKind, Driver, Frame, Motion, Quantity
from tests.vector_files import NOW, examples

PENDANTS = [driver for driver in drivers.load().values() if driver.motion is not None]
each_pendant = pytest.mark.parametrize("driver", PENDANTS, ids=lambda driver: driver.name)


def pendant(driver: str, **options: float) -> Device:
    address = "C6:05:9A:1B:22:31"
    return Device("p", driver, address, DeviceKind.PENDANT, options=dict(options))


def samples(driver: str, payload: bytes, **options: float) -> Motion:
    motion = drivers.load([driver])[driver].motion
    assert motion is not None
    got = motion(Frame(driver, "hci0", payload, NOW), pendant(driver, **options))
    assert got is not None
    return got


def test_there_are_pendants_that_stream_and_one_that_sleeps() -> None:
    assert {driver.name for driver in PENDANTS} == {"thingy52", "movesense", "impact_pendant"}


def test_a_thingy_at_rest_feels_one_g() -> None:
    motion = samples("thingy52", bytes.fromhex("000000000004") + bytes(12))
    assert motion == Motion("p", NOW, 50, ((0.0, 0.0, 1.0),))


def test_a_thingys_numbers_are_signed_and_have_ten_bits_after_the_point() -> None:
    motion = samples("thingy52", struct.pack("<9h", -1, 1536, -32768, *[0] * 6), rate_hz=25)
    assert motion.samples == ((-1 / 1024, 1.5, -32.0),)
    assert motion.rate_hz == 25


def test_a_movesense_tells_several_samples_and_its_clock() -> None:
    values = (0.0, 0.0, 9.80665, -9.80665, 19.6133, 4.903325)
    motion = samples("movesense", b"\x02\x4c" + struct.pack("<I6f", 123456, *values))
    flat = [value for sample in motion.samples for value in sample]
    assert flat == pytest.approx([0, 0, 1, -1, 2, 0.5], abs=1e-6)
    assert (motion.rate_hz, motion.sequence, motion.burst) == (52, 123456, False)


def test_a_sleeping_pendant_tells_the_samples_around_an_impact_in_parts() -> None:
    parts = [
        samples("impact_pendant", struct.pack("<2BH2B3h", 1, 50, 7, part, 3, 0, 0, 1024 * part))
        for part in range(3)
    ]
    assert [part.sequence for part in parts] == [7 * 256, 7 * 256 + 1, 7 * 256 + 2]
    assert [part.complete for part in parts] == [False, False, True]
    assert all(part.burst and part.rate_hz == 50 for part in parts)
    assert [part.samples[0][2] for part in parts] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e6])
def test_a_number_that_no_sensor_measures_is_rejected(bad: float) -> None:
    with pytest.raises(BadFrame, match="value"):
        samples("movesense", b"\x02\x4c" + struct.pack("<I3f", 0, bad, 0.0, 9.8))


def test_what_is_written_after_connecting() -> None:
    def greeted(driver: str, **options: float) -> list[tuple[str, bytes]]:
        greeting = drivers.load([driver])[driver].greeting
        assert greeting is not None
        return greeting(pendant(driver, **options))

    assert greeted("movesense") == [
        ("34800001-7185-4d5d-b431-630e7050e8f0", b"\x01\x4c/Meas/Acc/52")
    ]
    [(where, what)] = greeted("thingy52", rate_hz=25)
    assert where.startswith("ef680401")
    assert struct.unpack("<4HB", what)[3] == 25


@each_pendant
def test_a_battery_level_is_a_reading_and_no_motion(driver: Driver) -> None:
    assert driver.motion is not None
    [example] = [each for each in examples(driver) if len(each.payload) == 1][:1]
    assert Quantity.BATTERY in {reading.quantity for reading in example.readings}
    assert driver.motion(Frame(driver.name, "", example.payload, NOW), example.devices[0]) is None


@each_pendant
def test_motion_makes_no_readings_but_that_it_was_heard(driver: Driver) -> None:
    for example in examples(driver):
        if len(example.payload) > 1:
            assert [reading.quantity for reading in example.readings] == [Quantity.SEEN]


@each_pendant
def test_every_cut_of_a_notification_is_sound_or_rejected(driver: Driver) -> None:
    assert driver.motion is not None
    for example in examples(driver):
        for size in range(len(example.payload)):
            frame = Frame(driver.name, "", example.payload[:size], NOW)
            try:
                driver.motion(frame, example.devices[0])
            except BadFrame:
                continue
            assert size in (1, 4) or (size - 6) % 6 == 0


@each_pendant
def test_a_plan_learns_which_rates_there_are(driver: Driver) -> None:
    assert driver.check is not None
    assert driver.check(pendant(driver.name)) == ""
    assert driver.check(pendant(driver.name, rate_hz=52)) == ""
    assert "rate_hz" in driver.check(pendant(driver.name, rate_hz=3))
    assert "rate_hz" in driver.check(pendant(driver.name, rate_hz=26.5))


@each_pendant
def test_its_characteristics_are_whole_uuids_in_small_letters(driver: Driver) -> None:
    assert all(len(uuid) == 36 and uuid == uuid.lower() for uuid in driver.services)
