"""Whether anybody is in, as far as the front door and what follows it can tell.

The door was used and within ten minutes nothing was switched on inside: out. From then on a stray
trigger brings nobody home: it takes the door, or three triggers of two sensors in ten minutes.
"""

from __future__ import annotations

import msgspec

from gateway.detect._signs import Trigger

WAIT_S = 600.0
PASSING_S = 3.0
"""What moves within this time of the door is still the way out."""
BACK, BACK_SENSORS, BACK_S = 3, 2, 600.0


class Whereabouts(msgspec.Struct):
    door: float | None = None
    """When the door was last used (timeline), as long as nobody was noticed inside since."""
    strays: list[Trigger] = []

    def out(self, line: float) -> bool:
        return self.door is not None and line - self.door >= WAIT_S

    def door_used(self, line: float) -> None:
        self.door = line
        self.strays = []

    def noticed(self, device: str, line: float) -> None:
        """Something was switched on inside."""
        if self.door is None or line <= self.door + PASSING_S:
            return
        if line - self.door < WAIT_S:
            self.door = None
            return
        recent = [t for t in self.strays if line - t.line <= BACK_S]
        self.strays = [*recent, Trigger(device, line)][-20:]
        if len(self.strays) >= BACK and len({t.device for t in self.strays}) >= BACK_SENSORS:
            self.door = None
