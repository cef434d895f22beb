"""The home's own wall clock in seconds, without asking the time zone's tables each time."""

from __future__ import annotations

from datetime import tzinfo

from gateway.records import Instant
from gateway.rules import TimeOfDay, within

DAY = 86400.0


class Wall:
    def __init__(self, zone: tzinfo) -> None:
        self._zone, self._quarter, self._offset = zone, -1, 0.0

    def local(self, at: Instant) -> float:
        """Seconds since 1970 as the clock on the wall counts them."""
        quarter = int(at.wall // 900)
        if quarter != self._quarter:
            offset = at.local(self._zone).utcoffset()
            self._quarter, self._offset = quarter, offset.total_seconds() if offset else 0.0
        return at.wall + self._offset

    def minute(self, at: Instant) -> int:
        """Minute of the day."""
        return int(self.local(at) % DAY // 60)

    def day(self, at: Instant) -> int:
        """Days since 1 January 1970 in the home."""
        return int(self.local(at) // DAY)

    def within(self, at: Instant, start: TimeOfDay, end: TimeOfDay) -> bool:
        """Whether it is known to be that time of day."""
        return at.trusted and within(self.minute(at), start, end)
