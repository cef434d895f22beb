"""The home's own wall clock in seconds, without asking the time zone's tables each time."""

from __future__ import annotations

from datetime import tzinfo

from gateway.records import Instant


class Wall:
    def __init__(self, zone: tzinfo) -> None:
        self._zone, self._quarter, self._offset = zone, -1, 0.0

    def local(self, at: Instant) -> float:
        quarter = int(at.wall // 900)
        if quarter != self._quarter:
            offset = at.local(self._zone).utcoffset()
            self._quarter, self._offset = quarter, offset.total_seconds() if offset else 0.0
        return at.wall + self._offset
