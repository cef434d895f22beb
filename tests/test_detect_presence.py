"""Whether anybody is at home, from the front door, silence and return."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.detect.power_no_use import PowerNoUse
from gateway.detect.presence import Presence
from gateway.records import HUB, Code, Device, Quantity, Severity
from gateway.rules import PowerRules, PresenceRules
from tests.household import DEVICES, Household, local

MINUTE, HOUR = 60.0, 3600.0


def home(devices: Sequence[Device] = DEVICES) -> tuple[Household, Presence]:
    presence = Presence(PresenceRules(), devices)
    house = Household(local("2026-09-22 10:00"), presence)
    house.hear("door", Quantity.CONTACT_OPEN, False)
    return house, presence


def door(house: Household, open_s: float = 20) -> None:
    house.hear("door", Quantity.CONTACT_OPEN, True)
    house.pass_time(open_s, 10)
    house.hear("door", Quantity.CONTACT_OPEN, False)


def moves(house: Household, *sensors: str, apart_s: float = 60) -> None:
    for sensor in sensors:
        house.hear(sensor, Quantity.MOTION, True)
        house.pass_time(apart_s / 2, 30)
        house.hear(sensor, Quantity.MOTION, False)
        house.pass_time(apart_s / 2, 30)


def gone(hours: float = 3) -> tuple[Household, Presence]:
    house, presence = home()
    moves(house, "living", "kitchen")
    door(house)
    house.pass_time(hours * HOUR)
    assert presence.where == "away"
    return house, presence


def test_the_door_and_then_silence_is_away_since_the_door() -> None:
    house, presence = home()
    opened = house.now
    door(house)
    assert presence.where == "unsure"
    house.pass_time(25 * MINUTE)
    assert presence.where == "unsure"
    house.pass_time(10 * MINUTE)
    assert (presence.where, presence.since) == ("away", opened)


def test_a_wired_door_that_says_closed_every_minute_does_not_hold_anybody_back() -> None:
    house, presence = home()
    door(house)
    for _ in range(40):
        house.pass_time(MINUTE)
        house.hear("door", Quantity.CONTACT_OPEN, False)
    assert presence.where == "away"


def test_whoever_moves_after_the_door_has_stayed() -> None:
    house, presence = home()
    door(house)
    house.pass_time(3 * MINUTE)
    moves(house, "living", "living", "living", apart_s=600)
    house.pass_time(10 * HOUR)
    assert presence.where == "home"
    assert presence.doubts() == ()


def test_the_door_left_open_is_nobody_gone() -> None:
    house, presence = home()
    door(house, open_s=5 * HOUR)
    assert presence.where == "unsure"


def test_the_door_brings_them_home() -> None:
    house, presence = gone()
    back = house.now
    door(house)
    house.pass_time(12 * HOUR)
    assert (presence.where, presence.stay_since) == ("home", back)


def test_coming_in_twice_with_the_shopping_is_one_return() -> None:
    house, presence = gone()
    door(house)
    house.pass_time(2 * MINUTE)
    door(house)
    house.pass_time(2 * HOUR)
    assert presence.where == "home"


def test_who_comes_back_for_the_keys_has_still_left() -> None:
    house, presence = home()
    door(house)
    house.pass_time(2 * MINUTE)
    door(house)
    house.pass_time(40 * MINUTE)
    assert presence.where == "away"


@pytest.mark.parametrize(
    ("sensors", "apart_s", "home_again"),
    [
        (("living",), 60, False),
        (("living", "living", "living", "living"), 60, False),
        (("living", "kitchen"), 60, False),
        (("living", "kitchen", "living"), 60, True),
        (("living", "kitchen", "bath"), 60, True),
        (("living", "kitchen", "living"), 600, False),
    ],
)
def test_ghosts_bring_nobody_home_but_several_sensors_do(
    sensors: tuple[str, ...], apart_s: float, home_again: bool
) -> None:
    house, presence = gone()
    moves(house, *sensors, apart_s=apart_s)
    assert presence.away is not home_again


def test_a_sensor_repeating_that_it_is_active_is_one_activation() -> None:
    house, presence = gone()
    for _ in range(5):
        for sensor in ("living", "kitchen"):
            house.hear(sensor, Quantity.MOTION, True)
            house.pass_time(10, 10)
    assert presence.away


def test_an_absence_that_nobody_announced_is_not_believed_for_ever() -> None:
    house, presence = gone(47)
    house.pass_time(2 * HOUR)
    assert presence.where == "unsure"
    assert [fact.code for fact in presence.doubts()] == [Code.DOOR_OPENED, Code.PERHAPS_AWAY]
    house.pass_time(48 * HOUR)
    assert presence.where == "unsure"
    back = house.now
    door(house)
    assert (presence.where, presence.stay_since) == ("home", back)


@pytest.mark.parametrize("devices", [DEVICES[:5], DEVICES[:6]])
def test_with_too_few_sensors_nobody_is_ever_away_for_certain(devices: Sequence[Device]) -> None:
    house, presence = home(devices)
    door(house)
    house.pass_time(24 * HOUR)
    assert presence.where == "unsure"


def test_without_a_door_contact_somebody_is_always_at_home() -> None:
    house, presence = home([device for device in DEVICES if device.id != "door"])
    house.hear("living", Quantity.MOTION, True)
    house.pass_time(48 * HOUR)
    assert presence.where == "home"


def test_silence_while_a_radio_is_blind_is_no_absence() -> None:
    house, presence = home()
    door(house)
    house.hear(HUB, Quantity.RADIO_ALIVE, False, channel="radio")
    house.pass_time(5 * HOUR)
    assert presence.where == "unsure"
    house.hear(HUB, Quantity.RADIO_ALIVE, True, channel="radio")
    house.pass_time(29 * MINUTE)
    assert presence.where == "unsure"
    house.pass_time(2 * MINUTE)
    assert presence.where == "away"


def test_silence_while_the_hub_was_off_is_no_absence() -> None:
    house, presence = home()
    door(house)
    house.pass_time(10 * MINUTE)
    house.restart(off_s=8 * HOUR)
    house.tick()
    house.pass_time(19 * MINUTE)
    assert presence.where == "unsure"
    house.pass_time(2 * MINUTE)
    assert presence.where == "away"


def test_who_was_away_before_a_restart_is_away_after_it() -> None:
    house, _ = gone()
    fresh = Presence(PresenceRules(), DEVICES)
    house.restart(off_s=60, fresh=[fresh])
    house.tick()
    assert fresh.away


def test_a_door_first_heard_of_while_it_is_open_was_not_opened() -> None:
    presence = Presence(PresenceRules(), DEVICES)
    house = Household(local("2026-09-22 10:00"), presence)
    house.hear("door", Quantity.CONTACT_OPEN, True)
    assert presence.where == "home"


def test_steps_to_the_door_are_not_steps_behind_it() -> None:
    house, presence = home()
    house.hear("door", Quantity.CONTACT_OPEN, True)
    moves(house, "living", "kitchen")
    house.hear("door", Quantity.CONTACT_OPEN, False)
    house.pass_time(4 * MINUTE)
    moves(house, "living")  # a ghost
    house.pass_time(1 * HOUR)
    assert presence.where == "away"


# ---------------------------------------------------------------- power


IDLE, SWITCHED = ("holds", "power.no_use", "home"), ("ended", "power.no_use", "home")


class Electricity:
    """A meter read every minute, and the appliances behind it."""

    def __init__(self, energy_only: bool = False) -> None:
        self.presence = Presence(PresenceRules(), DEVICES)
        self.house = Household(
            local("2026-09-22 06:00"),
            self.presence,
            PowerNoUse(PowerRules(), DEVICES, self.presence),
        )
        self.energy_only = energy_only
        self.kwh = 4321.0

    def run(self, hours: float, watts: float, every: float = 60) -> None:
        for _ in range(round(hours * 3600 / every)):
            self.house.pass_time(every, every)
            self.kwh += watts * every / 3_600_000
            self.house.hear("power", Quantity.ENERGY_TOTAL, round(self.kwh, 2))
            if not self.energy_only:
                self.house.hear("power", Quantity.POWER, watts)
            self.house.tick()


@pytest.mark.parametrize("energy_only", [False, True])
def test_no_appliance_for_twelve_hours_is_a_concern_until_one_is_switched(
    energy_only: bool,
) -> None:
    home = Electricity(energy_only)
    home.run(11.5, 60)
    assert home.house.news == []
    home.run(1, 60)
    assert home.house.news == [IDLE]
    assert home.house.said[0].severity is Severity.S3
    home.run(1, 1500)
    assert home.house.news == [IDLE, SWITCHED]


@pytest.mark.parametrize("energy_only", [False, True])
def test_cooking_twice_a_day_is_life(energy_only: bool) -> None:
    home = Electricity(energy_only)
    for _ in range(3):
        home.run(11, 60)
        home.run(1, 900)
    assert home.house.news == []


def test_the_refrigerator_switching_is_nobody() -> None:
    home = Electricity()
    for _ in range(26):
        home.run(0.25, 60)
        home.run(0.25, 170)
    assert home.house.news == [IDLE]


def test_a_silent_electricity_meter_proves_nothing() -> None:
    home = Electricity()
    home.run(8, 60)
    home.house.pass_time(6 * HOUR)
    home.run(8, 60)
    assert home.house.news == []


def test_nobody_at_home_switches_nothing_and_that_is_fine() -> None:
    home = Electricity()
    home.house.hear("door", Quantity.CONTACT_OPEN, False)
    door(home.house)
    home.run(20, 60)
    assert home.house.news == []
    door(home.house)
    home.run(11, 60)
    assert home.house.news == []
    home.run(1.5, 60)
    assert home.house.news == [IDLE]


def test_hours_in_which_the_hub_was_off_do_not_count_as_idle() -> None:
    home = Electricity()
    home.run(6, 60)
    home.house.restart(off_s=10 * HOUR)
    home.run(6, 60)
    assert home.house.news == []


def test_while_the_electricity_meter_is_silent_nothing_is_said() -> None:
    home = Electricity()
    home.run(13, 60)
    last = home.house.now
    home.house.pass_time(5 * HOUR)
    assert home.house.said[-1].at.since(last) <= 61 * MINUTE
    assert home.house.news == [IDLE]
