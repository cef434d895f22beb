"""Who is on the air while an installer pairs: the strongest few, and who has just spoken anew.

Only ever filled in pairing mode. Bounded: in a street of thousands the nearest stay.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

MOST = 24
"""More than an installer reads."""
LATELY_S = 5.0
"""A press is on top of the list for so long."""
FORGOTTEN_S = 20.0
"""Who was silent for so long makes room for anybody."""


class Stranger(msgspec.Struct):
    """One device that is not enrolled, or is: as it was heard last."""

    address: str
    name: str
    rssi: float
    first_at: float
    """Seconds of the loop, like all moments here."""
    heard_at: float
    spoke_at: float
    """When what it says last changed: a button that was pressed."""
    changes: int = 0
    services: dict[str, bytes] = {}
    """Service data by full UUID."""


class Strangers:
    def __init__(self, most: int = MOST) -> None:
        self.overlooked = 0
        """Advertisements of those for whom there was no room."""
        self._most = most
        self._heard: dict[str, Stranger] = {}

    def hear(
        self, address: str, name: str, services: Mapping[str, bytes], rssi: float, now: float
    ) -> Stranger | None:
        """Returns who it was, unless others are nearer."""
        known = self._heard.get(address)
        if known is None:
            if not self._has_room(rssi, now):
                self.overlooked += 1
                return None
            known = Stranger(address, name, rssi, now, now, now, services=dict(services))
            self._heard[address] = known
            return known
        known.rssi, known.heard_at, known.name = rssi, now, name or known.name
        if services and services != known.services:
            known.services, known.spoke_at = dict(services), now
            known.changes += 1
        return known

    def nearest(self) -> list[Stranger]:
        """Whoever spoke anew lately first, then by strength."""
        return sorted(self._heard.values(), key=_order)

    def _has_room(self, rssi: float, now: float) -> bool:
        """Makes room, if somebody is silent or further away."""
        if len(self._heard) < self._most:
            return True
        silent = min(self._heard.values(), key=lambda each: each.heard_at)
        weakest = min(self._heard.values(), key=lambda each: each.rssi)
        if now - silent.heard_at > FORGOTTEN_S:
            del self._heard[silent.address]
        elif weakest.rssi < rssi:
            del self._heard[weakest.address]
        else:
            return False
        return True


def _order(stranger: Stranger) -> tuple[bool, float]:
    spoke_lately = stranger.changes and stranger.heard_at - stranger.spoke_at < LATELY_S
    return not spoke_lately, -stranger.rssi
