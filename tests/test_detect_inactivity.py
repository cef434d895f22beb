"""Nobody lies on the floor unnoticed, and nobody who sleeps, sits or goes out is called about."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec

from gateway.detect.inactivity import Inactivity
from gateway.records import (
    HUB,
    AlertType,
    Device,
    DeviceKind,
    Finding,
    Instant,
    Quantity,
    Reading,
    Role,
    Severity,
    Signal,
    Value,
)
from gateway.rules import InactivityRules
from tests.household import SHANGHAI, after, local

HOUR = 3600.0
ROOMS = ("bedroom", "bathroom", "kitchen", "living")
DEVICES = (
    *(Device(room, "test", room, DeviceKind.MOTION, room, port="bus") for room in ROOMS),
    Device("door", "test", "door", DeviceKind.DOOR_CONTACT, "hall", Role.FRONT_DOOR, "bus"),
    Device("bed", "test", "bed", DeviceKind.BED, "bedroom", port="bus"),
)
MONDAY = local("2026-09-21 00:00")


class Life:
    """One person who gets up at seven, cooks, rests, shops at ten and sleeps at half past ten."""

    def __init__(self, devices: tuple[Device, ...] = DEVICES) -> None:
        self.rules = Inactivity(InactivityRules(), devices, SHANGHAI)
        self.now = MONDAY
        self.said: list[Finding] = []

    def hear(self, device: str, quantity: Quantity, value: Value = True, channel: str = "") -> None:
        reading = Reading(device, quantity, value, self.now, channel)
        self.said += self.rules.on_reading(reading)

    def move(self, room: str) -> None:
        self.hear(room, Quantity.MOTION)

    def wait(self, hours: float) -> None:
        end = after(self.now, hours * HOUR)
        while end.since(self.now) > 0:
            self.now = after(self.now, min(300.0, end.since(self.now)))
            self.said += self.rules.on_tick(self.now)

    def until(self, day: int, hour: float) -> None:
        self.wait(after(MONDAY, (24 * day + hour) * HOUR).since(self.now) / HOUR)

    def door(self) -> None:
        self.hear("door", Quantity.CONTACT_OPEN)
        self.now = after(self.now, 5)
        self.hear("door", Quantity.CONTACT_OPEN, False)

    def lives(self, days: int, first: int = 0) -> None:
        for day in range(first, first + days):
            for hour, deed in deeds(day):
                self.until(day, hour)
                self.do(deed)

    def morning(self, day: int) -> None:
        """Lives that day until two in the afternoon."""
        for hour, deed in deeds(day):
            if hour < 14.0:
                self.until(day, hour)
                self.do(deed)
        self.until(day, 14.0)

    def do(self, deed: str) -> None:
        if deed == "door":
            self.door()
        elif deed in ("to bed", "up"):
            self.hear("bed", Quantity.BED_OCCUPIED, deed == "to bed")
            self.move("bedroom")
        else:
            self.move(deed)
            self.now = after(self.now, 30)
            self.move("living" if deed != "living" else "kitchen")

    def alerts(self) -> list[Finding]:
        return [f for f in self.said if f.signal is Signal.HOLDS]


def deeds(day: int) -> Iterator[tuple[float, str]]:
    """The hours and deeds of one day, a few minutes different each day."""
    shift = (day * 7 % 11) / 30
    yield 7.0 + shift, "up"
    for number in range(5):
        yield 7.2 + shift + number * 0.45, "kitchen" if number % 2 else "bathroom"
    yield 10.0 + shift, "door"
    yield 11.5 + shift, "door"
    for number in range(24):
        yield 11.6 + shift + number * 0.42, ("kitchen", "living", "bathroom")[number % 3]
    yield 22.5 + shift, "to bed"


def test_who_lives_as_always_is_left_alone() -> None:
    life = Life()
    life.lives(30)
    assert life.alerts() == []


def test_a_new_hub_waits_for_the_plain_hours_of_the_plan() -> None:
    life = Life()
    life.lives(2)
    life.until(2, 8.2 + 0.1)
    life.move("kitchen")
    life.move("living")
    life.wait(9.9)
    assert life.alerts() == []
    life.wait(0.2)
    assert life.alerts()[0].type is AlertType.ACTIVITY_INACTIVITY


def test_what_was_learnt_notices_a_fall_in_the_afternoon_much_sooner() -> None:
    life = Life()
    life.lives(28)
    life.morning(28)
    life.do("kitchen")
    life.wait(4.0)
    first = life.alerts()[0]
    assert first.severity is Severity.S2
    assert 1.0 * HOUR <= first.at.since(life_began(first)) <= 4.0 * HOUR


def life_began(finding: Finding) -> Instant:
    since = finding.evidence.observed[0].since
    assert since is not None
    return since


def test_a_night_in_bed_is_not_as_short_as_an_afternoon() -> None:
    life = Life()
    life.lives(28)
    life.wait(8.6)
    assert life.alerts() == []


def test_one_stray_trigger_after_a_fall_hides_nothing() -> None:
    def told_after(strays: tuple[float, ...]) -> float:
        life = Life()
        life.lives(28)
        life.morning(28)
        life.do("kitchen")
        fell = life.now
        for pause in strays:
            life.wait(pause)
            life.move("bathroom")
        life.wait(8.0)
        return life.alerts()[0].at.since(fell) / HOUR

    plain = told_after(())
    assert told_after((0.9,)) <= 1.5 * plain
    assert told_after((0.9,)) < 0.9 + plain + 0.5


def test_a_lone_trigger_does_not_end_what_was_told_but_life_does() -> None:
    life = Life()
    life.lives(28)
    life.morning(28)
    life.do("kitchen")
    life.wait(6.0)
    life.move("bathroom")
    assert [f for f in life.said if f.signal is Signal.ENDED] == []
    life.wait(0.01)
    life.move("kitchen")
    assert life.said[-1].signal is Signal.ENDED


def test_who_went_out_is_not_missed_for_a_day_and_then_it_is_only_a_concern() -> None:
    life = Life()
    life.lives(28)
    life.morning(28)
    life.door()
    life.wait(23.5)
    assert life.alerts() == []
    life.wait(1.0)
    assert life.alerts()[0].type is AlertType.ACTIVITY_NOT_RETURNED
    assert life.alerts()[0].severity is Severity.S3
    life.door()
    assert life.said[-1].signal is Signal.ENDED


def test_a_ghost_in_the_empty_home_brings_nobody_back() -> None:
    life = Life()
    life.lives(28)
    life.morning(28)
    life.door()
    for _ in range(4):
        life.wait(2.0)
        life.move("living")
    life.wait(6.0)
    assert life.alerts() == []


def test_without_a_contact_on_the_door_inactivity_is_a_concern_only() -> None:
    life = Life(tuple(d for d in DEVICES if d.id != "door"))
    life.lives(28)
    life.morning(28)
    life.do("kitchen")
    life.wait(24.5)
    assert {f.severity for f in life.alerts()} == {Severity.S3}


def test_while_the_receiver_is_blind_nobody_is_inactive() -> None:
    life = Life()
    life.lives(28)
    life.morning(28)
    life.hear(HUB, Quantity.RADIO_ALIVE, False, "bus")
    life.wait(20.0)
    life.hear(HUB, Quantity.RADIO_ALIVE, True, "bus")
    life.wait(0.9)
    assert life.alerts() == []


def test_a_sensor_that_is_stuck_on_is_no_sign_of_life() -> None:
    life = Life()
    life.lives(28)
    life.morning(28)
    life.hear("living", Quantity.MOTION, False)
    life.do("kitchen")
    for _ in range(60):
        life.wait(0.1)
        life.move("living")
    assert life.alerts()


def test_what_was_learnt_survives_a_restart_and_stays_small() -> None:
    life, again = Life(), Life()
    life.lives(28)
    kept = msgspec.json.encode(life.rules.state())
    assert len(kept) < 100_000
    again.rules.restore(json.loads(kept))
    again.now = life.now
    for each in (life, again):
        each.lives(1, first=28)
        each.morning(29)
        each.do("kitchen")
        each.wait(5.0)
    moments = [each.alerts()[0].at.line for each in (life, again)]
    assert moments[0] == moments[1]


def test_an_untrusted_clock_teaches_nothing_and_the_plain_hours_count() -> None:
    life = Life()
    life.now = Instant(MONDAY.line, 5.0, trusted=False)
    life.move("kitchen")
    life.move("living")
    life.wait(9.9)
    assert life.alerts() == []
    life.wait(0.2)
    assert life.alerts()
    assert life.rules.days_learnt == 0
