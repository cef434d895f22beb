"""Whom to ask next on a shared bus: emergencies before meters, the silent ever more rarely."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence

from drivers import spokesmen
from gateway.records import (
    BadFrame,
    Device,
    DeviceKind,
    Driver,
    Echo,
    Enrolled,
    Frame,
    Poll,
    Stranger,
)

METERS = frozenset(
    {
        DeviceKind.WATER_METER,
        DeviceKind.ELECTRICITY_METER,
        DeviceKind.THERMOMETER,
        DeviceKind.PLUG,
    }
)
BUTTONS = frozenset(
    {DeviceKind.CALL_BUTTON, DeviceKind.HELP_BUTTON, DeviceKind.CANCEL_BUTTON, DeviceKind.PENDANT}
)
# Paces where the plan gives none. A press lasts half a second if it is short.
METER_S, BUTTON_S, URGENT_S = 60.0, 0.25, 1.0

SHORTEST_S = 0.05
"""Real seconds between two polls of one device, however fast a simulated clock runs."""
RETRY_S = 5.0
"""A damaged reply is asked for again this soon."""
RAREST_S = 60.0
"""A silent device is still asked this often, or at its own pace if that is slower."""
SILENT = 3
"""Polls in a row without an answer, after which a device counts as silent and not as disturbed."""
SHARE = 3.0
"""A silent device leaves the bus alone for this many times the time-out it cost."""
PATIENCE_S = 5.0
"""Overdue by this much, a meter is served like an emergency, so that nobody starves."""


class Asked:
    """One conversation, and the devices it is about: eight inputs of one module are one poll."""

    def __init__(self, driver: Driver, poll: Poll, devices: Sequence[Device]) -> None:
        self.driver = driver
        self._poll = poll
        self._last = b""
        self.devices = tuple(devices)
        self.enrolled = Enrolled(self.devices)
        self._spokesman = spokesmen(self.devices)[0]
        self.period = min(pace(device) for device in self.devices)
        self.urgent = any(device.kind not in METERS for device in self.devices)
        self.due = 0.0
        """On the timeline."""
        self.not_before = 0.0
        """In real seconds."""
        self.misses = 0
        """Polls without an answer since the last answer."""

    @property
    def name(self) -> str:
        return self.devices[0].id

    def begin(self) -> Generator[bytes, bytes, None]:
        """The conversation; the device with the highest input speaks for the others."""
        return self._poll(self._spokesman)

    def answered_by(self, frame: Frame) -> bool:
        """Whether the frame comes from whom we asked. A refusal does, and so does an
        acknowledgement, which names nobody; a late answer of another device, or a stranger's,
        does not end the wait."""
        if frame.payload == self._last:  # a quiet home says the same all day
            return True
        try:
            self.driver.decode(frame, self.enrolled)
        except Stranger:
            return False
        except (BadFrame, Echo):
            return True
        self._last = frame.payload
        return True

    @property
    def silent(self) -> bool:
        return self.misses >= SILENT


def pace(device: Device) -> float:
    """Seconds on the timeline between two polls."""
    if device.poll_s > 0:
        return device.poll_s
    if device.kind in BUTTONS:
        return BUTTON_S
    return METER_S if device.kind in METERS else URGENT_S


def group(devices: Iterable[Device], drivers: Mapping[str, Driver]) -> list[Asked]:
    """The conversations of a bus: what hangs on one unit ("3/1".."3/8") shares one."""
    units: dict[tuple[str, str], list[Device]] = {}
    for device in devices:
        unit = device.address.partition("/")[0]
        units.setdefault((device.driver, unit), []).append(device)
    conversations = []
    for (name, _), members in units.items():
        poll = drivers[name].poll
        if poll is not None:
            conversations.append(Asked(drivers[name], poll, members))
    return conversations


class Schedule:
    """Due times, on the timeline (`line`) and never faster than SHORTEST_S in real seconds."""

    def __init__(self, conversations: Sequence[Asked]) -> None:
        self.conversations = conversations

    def restart(self, line: float) -> None:
        """The port was opened: everybody is due, and has a clean slate."""
        for asked in self.conversations:
            asked.due, asked.not_before, asked.misses = line, 0.0, 0

    def next(self, line: float, real: float) -> Asked | None:
        """Whom to ask now, if anybody is due."""
        due = [one for one in self.conversations if one.due <= line and one.not_before <= real]
        return min(due, key=lambda one: self._rank(one, line), default=None)

    def pause(self, line: float, real: float) -> tuple[float, float]:
        """How long nobody is due: (seconds on the timeline, 0) or (0, real seconds)."""
        held = [one.not_before - real for one in self.conversations if one.due <= line]
        waits = [one.due - line for one in self.conversations if one.due > line]
        if held and (not waits or min(held) < min(waits)):
            return 0.0, max(min(held), 0.001)
        return min(waits, default=METER_S), 0.0

    def answered(self, asked: Asked, line: float, real: float) -> None:
        asked.misses = 0
        asked.due = _on_beat(asked, line)
        asked.not_before = real + SHORTEST_S

    def missed(self, asked: Asked, line: float, real: float, cost: float) -> None:
        """Nobody answered for `cost` real seconds. Emergencies keep their pace as far as the
        others on the bus keep theirs."""
        asked.misses += 1
        asked.due = _on_beat(asked, line) if asked.urgent else line + _retry(asked)
        rest = SHARE * cost if asked.silent or not asked.urgent else 0.0
        asked.not_before = real + max(SHORTEST_S, rest)

    def _rank(self, asked: Asked, line: float) -> tuple[bool, float]:
        patient = not asked.urgent and line - asked.due < PATIENCE_S
        return patient, asked.due


def _on_beat(asked: Asked, line: float) -> float:
    """The next due time on the device's own beat; beats that passed meanwhile are skipped."""
    behind = (line - asked.due) // asked.period
    return asked.due + (max(behind, 0.0) + 1) * asked.period


def _retry(asked: Asked) -> float:
    soon = min(asked.period, RETRY_S)
    doubled: float = soon * 2.0 ** min(asked.misses - 1, 20)
    return min(doubled, max(asked.period, RAREST_S))
