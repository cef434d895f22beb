"""What the quiet stretches of one home look like, by clock time, by room and by kind of day.

Each stretch is counted where and when it began. How long a stretch may last before it is a reason
to worry is read off the tail of its like: those that began around the same time of day (a Gaussian
over the clock), in the same place (others count less, the less the more is known of this one), on
the same kind of day, lately (a half-life). Long stretches end by the clock rather than by their
length, as sleep does, so they are shifted by the difference of their beginnings.

How unlikely a stretch must be is not a constant but a budget: so many of this home's own stretches
a month may be as unusual as that. Every long stretch is first judged by what was known before it;
the tail of those judgements, extrapolated, gives the limit. Budget is spent where it buys most: a
stretch is as unusual as its probability over the mean stretch of its like (the condition of
Lagrange for the least delay at a given number of false alarms).

All moments here are seconds of the home's own wall clock ("local"), all lengths are seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import msgspec

from gateway.detect._tails import BINS, DAY, EDGES, HOUR, SHORTEST, STEP, Tail, bin_of, tail_of

SLOT = 1800.0
SLOTS = 48
WIDTH_H = 1.4
"""Standard deviation of the kernel over the clock."""
HALF_LIFE_DAYS = 60.0
KEPT_DAYS = 120
OTHER_PLACE = 0.3
OTHER_PLACE_MASS = 60.0
"""So many long stretches of the place itself halve the weight of the other places."""
OTHER_DAY = 0.6
"""What a free day says about workdays, and the other way round."""
CLOCK_FROM, CLOCK_FULL = 2 * HOUR, 5 * HOUR
"""Between these lengths a stretch turns from one that has a length into one that has an end."""
LEAST_KNOWN = 20
"""Fewer long stretches say nothing."""
TOP = 10
"""So many of the most unusual stretches make the tail of the judgements."""
TOP_SCALE, TOP_PRIOR = 0.6, 3.0
USUAL_LIMIT, USUAL_DAYS = 6.0, 20.0
"""The limit of most homes, and for how many days of this home's own record it counts."""
REBASE = 30
"""Half-lives after which the growing weights are scaled down."""

_SPAN = int(3 * WIDTH_H * 2)
KERNEL = tuple(
    (k, math.exp(-0.5 * (k * SLOT / HOUR / WIDTH_H) ** 2)) for k in range(-_SPAN, _SPAN + 1)
)
Key = tuple[str, bool]
"""Place, and whether the day is a free one."""


class _Place(msgspec.Struct):
    """What began in one place on one kind of day, by half-hour of the clock."""

    counts: list[float] = msgspec.field(default_factory=lambda: [0.0] * SLOTS)
    sums: list[float] = msgspec.field(default_factory=lambda: [0.0] * SLOTS)
    lengths: list[dict[int, float]] = msgspec.field(
        default_factory=lambda: [{} for _ in range(SLOTS)]
    )


class _Kept(msgspec.Struct):
    """The state as JSON can hold it: rows of place, free, slot, count, sum, bins, weights."""

    rows: list[tuple[str, bool, int, float, float, list[int], list[float]]] = []
    judged: list[tuple[int, float]] = []
    known: int = 0
    first: int = -1
    base: int = -1


class Gaps:
    def __init__(self, budget: float, floor_s: float, extra: float = 0.0) -> None:
        """`budget`: stretches in 30 days that may be as unusual as the limit. Those shorter than
        `floor_s` are never judged. `extra`: added to the limit (log of the risk)."""
        self._budget, self._floor_s, self._extra = budget, floor_s, extra
        self._places: dict[Key, _Place] = {}
        self._judged: list[tuple[int, float]] = []
        self._known = 0
        self._first = self._base = self._day = -1
        self._weight = 1.0
        self._tails: dict[tuple[int, str, bool], Tail | None] = {}
        self._limit: float | None = None

    # ------------------------------------------------------------ learning

    def learn(self, start: float, length: float, place: str) -> None:
        """One stretch is over that began at `start`."""
        day = int((start + length) // DAY)
        if day != self._day:
            self._new_day(day)
        if length >= self._floor_s:
            self._judge(start, length, place)
        key = (place, free_day(start))
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = _Place()
        slot = int(start % DAY / SLOT)
        found.counts[slot] += self._weight
        found.sums[slot] += self._weight * length
        if length >= SHORTEST:
            self._known += 1
            lengths, n = found.lengths[slot], bin_of(length)
            lengths[n] = lengths.get(n, 0.0) + self._weight

    def _judge(self, start: float, length: float, place: str) -> None:
        tail = self._tail(start, place)
        if tail is not None:
            self._judged.append((self._day, tail.worth() - tail.log_share(length)))

    def _new_day(self, day: int) -> None:
        if self._first < 0 or day < self._first:
            self._first = self._base = day
        self._day = day
        self._weight = 2.0 ** ((day - self._base) / HALF_LIFE_DAYS)
        if self._weight > 2.0**REBASE:
            self._rebase()
        self._judged = [item for item in self._judged if item[0] > day - KEPT_DAYS]
        self._tails.clear()
        self._limit = None

    def _rebase(self) -> None:
        """Scales the weights down and forgets what has none left."""
        for place in self._places.values():
            place.counts = [count / self._weight for count in place.counts]
            place.sums = [total / self._weight for total in place.sums]
            place.lengths = [
                {n: w / self._weight for n, w in lengths.items() if w > 1e-3 * self._weight}
                for lengths in place.lengths
            ]
        self._base, self._weight = self._day, 1.0

    # ------------------------------------------------------------ asking

    @property
    def days(self) -> int:
        """How long this home has been learnt from."""
        return self._day - self._first if self._first >= 0 else 0

    def limit_s(self, start: float, place: str) -> float | None:
        """How long a stretch that began then and there may last; None: too little is known."""
        tail = self._tail(start, place)
        if tail is None:
            return None
        return tail.length(tail.worth() - self._unusual() - self._extra)

    def usual_s(self, start: float, place: str) -> float | None:
        """What only one in twenty of its like exceeds."""
        tail = self._tail(start, place)
        if tail is None or tail.above[0] <= 0:
            return None
        return tail.length(math.log(0.05 * tail.above[0] / tail.mass))

    def _unusual(self) -> float:
        if self._limit is None:
            self._limit = self._reckon()
        return self._limit

    def _reckon(self) -> float:
        """The judgement that `budget` stretches a month exceed, by the tail of those made."""
        days = max(7.0, min(self.days, KEPT_DAYS) - 3.0)
        made = sorted((judgement for _, judgement in self._judged), reverse=True)
        if len(made) <= TOP:
            return USUAL_LIMIT
        excess = sum(made[:TOP]) - TOP * made[TOP]
        scale = (excess + TOP_PRIOR * TOP_SCALE) / (TOP + TOP_PRIOR)
        own = made[TOP] + scale * math.log(TOP / (self._budget / 30 * days))
        return (days * own + USUAL_DAYS * USUAL_LIMIT) / (days + USUAL_DAYS)

    # ------------------------------------------------------------ the tail

    def _tail(self, start: float, place: str) -> Tail | None:
        if self._known < LEAST_KNOWN:
            return None
        key = (int(start % DAY / SLOT), place, free_day(start))
        if key not in self._tails:
            self._tails[key] = self._fit(*key)
        return self._tails[key]

    def _fit(self, slot: int, place: str, free: bool) -> Tail | None:
        mass = total = 0.0
        bins = [0.0] * BINS
        for known, share in self._shares(slot, place, free):
            for k, near in KERNEL:
                other = (slot - k) % SLOTS
                weight = share * near
                mass += weight * known.counts[other]
                total += weight * known.sums[other]
                for n, count in known.lengths[other].items():
                    bins[_aligned(n, k)] += weight * count
        if mass <= 0:
            return None
        return tail_of(mass, total / mass, bins)

    def _shares(self, slot: int, place: str, free: bool) -> Iterator[tuple[_Place, float]]:
        """Every place on every kind of day, with what it says about this one."""
        known = self._places.items()
        own = sum(
            self._mass(there, slot) * (1.0 if key[1] == free else OTHER_DAY)
            for key, there in known
            if key[0] == place
        )
        elsewhere = OTHER_PLACE * OTHER_PLACE_MASS / (OTHER_PLACE_MASS + own)
        for (where, kind), there in known:
            share = (1.0 if where == place else elsewhere) * (1.0 if kind == free else OTHER_DAY)
            yield there, share / self._weight

    def _mass(self, there: _Place, slot: int) -> float:
        near = (w * sum(there.lengths[(slot - k) % SLOTS].values()) for k, w in KERNEL)
        return sum(near) / self._weight

    # ------------------------------------------------------------ memory

    def state(self) -> object:
        rows = [
            (
                place,
                free,
                slot,
                round(there.counts[slot], 4),
                round(there.sums[slot], 1),
                list(there.lengths[slot]),
                [round(w, 4) for w in there.lengths[slot].values()],
            )
            for (place, free), there in self._places.items()
            for slot in range(SLOTS)
            if there.counts[slot]
        ]
        judged = [(day, round(judgement, 4)) for day, judgement in self._judged]
        return msgspec.to_builtins(_Kept(rows, judged, self._known, self._first, self._base))

    def restore(self, state: object) -> None:
        kept = msgspec.convert(state, _Kept)
        self._places = {}
        for place, free, slot, count, total, bins, weights in kept.rows:
            there = self._places.setdefault((place, free), _Place())
            there.counts[slot], there.sums[slot] = count, total
            there.lengths[slot] = dict(zip(bins, weights, strict=True))
        self._judged, self._known = kept.judged, kept.known
        self._first, self._base, self._day = kept.first, kept.base, -1
        self._tails.clear()
        self._limit = None
        if kept.first >= 0:
            self._new_day(max([kept.first, kept.base, *(day for day, _ in kept.judged)]))


def free_day(start: float) -> bool:
    """Whether the night or day that begins then belongs to a weekend (1 January 1970 was a
    Thursday; from 18:00 on it is the next day's evening)."""
    return (int((start + 6 * HOUR) // DAY) + 3) % 7 >= 5


@cache
def _aligned(n: int, later: int) -> int:
    """The bin of a stretch that begins `later` half-hours later and is otherwise the same."""
    length = EDGES[n] * math.exp(STEP / 2)
    share = min(max((length - CLOCK_FROM) / (CLOCK_FULL - CLOCK_FROM), 0.0), 1.0)
    return bin_of(length - share * later * SLOT)
