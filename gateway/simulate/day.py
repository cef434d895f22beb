"""An ordinary day of somebody who lives alone: when water runs, what is switched on, who passes.

Every day is a little different and the same date is always the same: `day(date, seed)`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime

import msgspec

HOUR, MINUTE = 3600, 60

LAMP, TELEVISION, KETTLE, COOKER, HEATER = 12.0, 90.0, 1800.0, 750.0, 1500.0
"""Watts."""


class Act(msgspec.Struct, frozen=True):
    """One thing the resident does, at this second of the local day."""

    second: float
    motion: str = ""
    """The room whose sensor sees it."""
    litres: float = 0.0
    """Water drawn, over `seconds`; `hot` of it from the hot tap."""
    hot: float = 0.0
    seconds: float = 0.0
    appliance: str = ""
    watts: float = 0.0
    """What the appliance takes from now on; 0 = switched off."""
    door: str = ""
    """out or in: through the front door."""


def day(today: date, seed: int) -> list[Act]:
    """The acts of one local day, in order."""
    chance = random.Random(f"{seed} {today.isoformat()}")
    about = _Hours(chance)
    acts = [
        *_toilet(about(2.7, 40)),
        *_rise(about(6.6, 20)),
        *_meal(about(7.1, 10), chance),
        *_errand(about(9.2, 30), about(10.8, 20)),
        *_toilet(about(11.0, 5)),
        *_meal(about(11.6, 15), chance),
        *_television(about(14.4, 20), about(16.6, 20)),
        *_toilet(about(14.2, 10)),
        *_meal(about(17.6, 15), chance),
        *_evening(about(18.6, 15), about(21.7, 15)),
        *_toilet(about(21.9, 5)),
        *_sitting(about(8.0, 10), about(9.0, 5), chance),
        *_sitting(about(14.4, 10), about(17.2, 10), chance),
        *_sitting(about(18.7, 10), about(21.4, 10), chance),
    ]
    return sorted(acts, key=lambda act: act.second)


def acts_between(start: datetime, end: datetime, seed: int) -> list[Act]:
    """What an ordinary day holds after `start`, up to and with `end`; at most a day apart."""
    dates: list[date] = sorted({start.date(), end.date()})
    return [
        act
        for today in dates
        for act in day(today, seed)
        if (today, act.second) > (start.date(), second_of_day(start))
        and (today, act.second) <= (end.date(), second_of_day(end))
    ]


def second_of_day(moment: datetime) -> float:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return (moment - midnight).total_seconds()


class _Hours:
    """An hour of the day, give or take some minutes."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def __call__(self, hour: float, minutes: float) -> float:
        return hour * HOUR + self._chance.uniform(-minutes, minutes) * MINUTE


def _toilet(at: float) -> Iterator[Act]:
    yield Act(at, motion="bathroom")
    yield Act(at + 150, motion="bathroom", litres=6.0, seconds=40)
    yield Act(at + 200, litres=1.5, hot=0.5, seconds=12)


def _rise(at: float) -> Iterator[Act]:
    yield Act(at, appliance="bedroom lamp", watts=LAMP)
    yield from _toilet(at + 60)
    yield Act(at + 300, motion="bathroom", litres=7.0, hot=4.0, seconds=90)
    yield Act(at + 600, motion="living-room", appliance="bedroom lamp")


def _meal(at: float, chance: random.Random) -> Iterator[Act]:
    """Kettle, rice cooker, and the washing-up."""
    yield Act(at, motion="kitchen", litres=1.2, seconds=15)
    yield Act(at + 30, appliance="kettle", watts=KETTLE)
    yield Act(at + 240, appliance="kettle")
    yield Act(at + 260, motion="kitchen", appliance="cooker", watts=COOKER)
    yield Act(at + 900, motion="kitchen")
    yield Act(at + 1500, appliance="cooker")
    yield Act(at + 2100, motion="kitchen", litres=chance.uniform(6, 14), hot=4.0, seconds=240)


def _errand(leaves: float, returns: float) -> Iterator[Act]:
    yield Act(leaves - 60, motion="living-room")
    yield Act(leaves, door="out")
    yield Act(returns, door="in")


def _television(on: float, off: float) -> Iterator[Act]:
    yield Act(on, motion="living-room", appliance="television", watts=TELEVISION)
    yield Act(off, motion="living-room", appliance="television")


def _evening(lamp_on: float, to_bed: float) -> Iterator[Act]:
    yield Act(lamp_on, motion="living-room", appliance="living-room lamp", watts=LAMP * 3)
    yield from _television(lamp_on + 600, to_bed - 1500)
    yield Act(to_bed - 1400, motion="bathroom", appliance="heater", watts=HEATER)
    yield Act(to_bed - 1300, litres=45.0, hot=25.0, seconds=480)
    yield Act(to_bed - 700, motion="bathroom", appliance="heater")
    yield Act(to_bed, motion="living-room", appliance="living-room lamp")


def _sitting(start: float, end: float, chance: random.Random) -> Iterator[Act]:
    at = start
    while at < end:
        yield Act(at, motion="living-room")
        at += chance.uniform(4, 13) * MINUTE
