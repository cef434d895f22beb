"""How long one kind of quiet stretch lasts: its distribution in bins, with a fitted tail.

Above the top tenth the tail is a generalised Pareto one (a little heavier than exponential), its
scale shrunk towards a prior, so that a few stretches do not say too much. Lengths are seconds.
"""

from __future__ import annotations

import math

import msgspec

DAY = 86400.0
HOUR = 3600.0
SHORTEST = 600.0
"""Shorter stretches are only counted and summed."""
STEP = math.log(1.06)
BINS = int(math.log(60 * HOUR / SHORTEST) / STEP) + 2
"""Lengths from SHORTEST to 60 h, each bin 6 % longer than the one before."""
EDGES = tuple(SHORTEST * math.exp(STEP * n) for n in range(BINS + 1))

XI = 0.05
"""Shape of the tail: a little heavier than exponential."""
TAIL_PRIOR = 1.0
TAIL_SHARE, TAIL_LEAST = 0.1, 3.0


class Tail(msgspec.Struct, frozen=True):
    """The stretches like one that begins now."""

    mass: float
    mean: float
    above: list[float]
    """Weight of the stretches at least as long as each bin's lower edge."""
    cut: int
    scale: float

    def log_share(self, length: float) -> float:
        """Log of the share of its like that last at least so long."""
        if length <= EDGES[self.cut]:
            return math.log(max(self.above[bin_of(length)], 1e-9) / self.mass)
        beyond = (length - EDGES[self.cut]) / self.scale
        return self._log_cut() - math.log1p(XI * beyond) / XI

    def length(self, log_share: float) -> float:
        """The length that this share exceeds."""
        at_cut = self._log_cut()
        if at_cut > log_share:
            return EDGES[self.cut] + self.scale / XI * math.expm1(XI * (at_cut - log_share))
        n = self.cut
        while n > 0 and math.log(max(self.above[n], 1e-9) / self.mass) < log_share:
            n -= 1
        return EDGES[n]

    def worth(self) -> float:
        """Log of what an hour of delay is worth here, against a false alarm."""
        return math.log(max(self.mean, 1.0) / HOUR) + math.log(self.scale / HOUR)

    def _log_cut(self) -> float:
        return math.log(max(self.above[self.cut], 1e-9) / self.mass)


def bin_of(length: float) -> int:
    return min(max(int(math.log(max(length, SHORTEST) / SHORTEST) / STEP), 0), BINS - 1)


def tail_of(mass: float, mean: float, bins: list[float]) -> Tail:
    above = [0.0] * (BINS + 1)
    for n in range(BINS - 1, -1, -1):
        above[n] = above[n + 1] + bins[n]
    least = max(TAIL_SHARE * above[0], TAIL_LEAST)
    cut = 0
    while cut < BINS - 1 and above[cut + 1] >= least:
        cut += 1
    edge = EDGES[cut]
    excess = sum(bins[n] * (EDGES[n] * 1.03 - edge) for n in range(cut, BINS))
    prior = TAIL_PRIOR * (0.35 * edge + 900)
    scale = (max(excess, 0.0) + prior) / (above[cut] + TAIL_PRIOR)
    return Tail(mass, mean, above, cut, scale)
