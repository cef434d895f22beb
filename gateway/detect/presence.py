"""Whether anybody is at home, from the front door, silence and return.

The door opened, closed, and then nothing moved: away. The door opening again, or several
activations of several sensors, is a return; one ghost trigger is not. Without a door contact, or
with too few sensors to tell a person from a ghost, nobody is ever taken to be away for certain.
It gives no findings of its own: other detectors ask it, so it hears every reading before them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from gateway.detect._memory import Watched, later, recall
from gateway.records import (
    HUB,
    Code,
    Device,
    DeviceKind,
    Fact,
    Finding,
    Instant,
    Quantity,
    Reading,
    Role,
)
from gateway.rules import PresenceRules

Where = Literal["home", "away", "unsure"]
HOME: Where = "home"
AWAY: Where = "away"
UNSURE: Where = "unsure"
SIGNS = frozenset(
    {
        Quantity.MOTION,
        Quantity.PRESENCE,
        Quantity.BED_OCCUPIED,
        Quantity.CONTACT_OPEN,
        Quantity.SWITCH_ON,
    }
)
SENSING = frozenset(
    {
        DeviceKind.MOTION,
        DeviceKind.PRESENCE,
        DeviceKind.RADAR,
        DeviceKind.BED,
        DeviceKind.DOOR_CONTACT,
    }
)
KEPT = 20
"""Activations remembered; the plan asks for at most so many."""


class _Sign(msgspec.Struct):
    device: str
    at: Instant


class _State(msgspec.Struct):
    where: Where = HOME
    since: Instant | None = None
    certainty: float = 0.5
    stay: Instant | None = None
    """When this stay at home began; None: longer ago than we know."""
    door: Instant | None = None
    """The last opening of the front door."""
    quiet: Instant | None = None
    """Since when nothing moved, while somebody was watching."""
    values: dict[str, bool] = {}
    recent: list[_Sign] = []
    blind: dict[str, Instant] = {}
    last: Instant | None = None


class Presence:
    name = "presence"

    def __init__(self, rules: PresenceRules, devices: Sequence[Device]) -> None:
        self._rules = rules
        self._doors = {d.id for d in devices if d.role is Role.FRONT_DOOR}
        sensing = [d for d in devices if d.kind in SENSING and d.id not in self._doors]
        self._sensors = {d.id for d in sensing}
        self._ports = {d.port for d in devices if d.id in self._sensors | self._doors}
        self._state = _State()
        self._watched = Watched()

    # ------------------------------------------------------------ what others ask

    @property
    def where(self) -> str:
        """home, away or unsure."""
        return self._state.where

    @property
    def away(self) -> bool:
        return self._state.where == AWAY

    @property
    def since(self) -> Instant | None:
        return self._state.since

    @property
    def certainty(self) -> float:
        """0 to 1: how much speaks for `where`."""
        return self._state.certainty

    @property
    def stay_since(self) -> Instant | None:
        """The last return; what was not done before it says nothing about this stay."""
        return self._state.stay

    def doubts(self) -> tuple[Fact, ...]:
        """What speaks against an alert about somebody who is at home."""
        if self._state.where == HOME:
            return ()
        door = self._state.door
        opened = (Fact(Code.DOOR_OPENED, since=door),) if door else ()
        return (*opened, Fact(Code.PERHAPS_AWAY))

    # ------------------------------------------------------------ the detector's duties

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        if reading.device == HUB:
            self._hub(reading)
        elif reading.quantity in SIGNS:
            self._resume(reading.at)
            known = self._state.values.get(reading.device)
            self._state.values[reading.device] = bool(reading.value)
            if reading.device in self._doors:
                self._door(reading, known)
            elif reading.device in self._sensors and reading.value and not known:
                self._moved(reading)
        return ()

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        self._resume(now)
        state = self._state
        if state.where == UNSURE and self._left(now):
            self._enter(AWAY, state.door or now, 0.8)
        elif state.where == AWAY and self._disbelieved(now):
            self._enter(UNSURE, now, 0.5)
            state.quiet = None
        return ()

    def state(self) -> object:
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, _State)
        self._watched.resume()

    # ------------------------------------------------------------ inside

    def _door(self, reading: Reading, known: bool | None) -> None:
        state = self._state
        if known is bool(reading.value):
            return  # a wired contact says the same all day
        if state.quiet is not None:  # in or out, whoever it was: what moved before is history
            state.quiet = later(state.quiet, reading.at)
            state.recent.clear()
        if not reading.value or known is not False:
            return
        state.door = reading.at
        if self._gone():
            self._return(reading.at)
        elif state.stay is None or reading.at.since(state.stay) > 60 * self._rules.settle_min:
            self._enter(UNSURE, reading.at, 0.5)
            state.quiet = reading.at
            state.recent.clear()

    def _moved(self, reading: Reading) -> None:
        state, rules = self._state, self._rules
        if state.where == HOME:
            return
        gone = self._gone()
        # To come home takes several sensors; to have stayed after all, a few signs of any.
        window = rules.return_window_min if gone else rules.quiet_min
        recent = [s for s in state.recent if reading.at.since(s.at) <= 60 * window]
        state.recent = [*recent, _Sign(reading.device, reading.at)][-KEPT:]
        sensors = len({sign.device for sign in state.recent})
        if len(state.recent) < rules.return_activations:
            state.quiet = reading.at if state.quiet is not None else None
        elif not gone:
            self._enter(HOME, reading.at, 0.95)
        elif sensors >= rules.return_sensors:
            self._return(reading.at)

    def _gone(self) -> bool:
        """Away, or away for longer than is believed."""
        return self._state.where == AWAY or (
            self._state.where == UNSURE and self._state.quiet is None
        )

    def _disbelieved(self, now: Instant) -> bool:
        since = self._state.since
        return since is not None and now.since(since) > 3600 * self._rules.believed_h

    def _return(self, at: Instant) -> None:
        self._enter(HOME, at, 0.9)
        self._state.stay = at

    def _left(self, now: Instant) -> bool:
        state = self._state
        return (
            state.quiet is not None
            and len(self._sensors) >= self._rules.return_sensors
            and not any(state.values.get(door) for door in self._doors)
            and not state.blind
            and now.since(state.quiet) >= 60 * self._rules.quiet_min
        )

    def _hub(self, reading: Reading) -> None:
        if reading.quantity is Quantity.RADIO_ALIVE and reading.channel in self._ports:
            if not reading.value:
                self._state.blind.setdefault(reading.channel, reading.at)
            elif since := self._state.blind.pop(reading.channel, None):
                self._unheard(reading.at.since(since), reading.at)

    def _resume(self, now: Instant) -> None:
        self._unheard(self._watched.missed_s(self._state.last, now), now)
        self._state.last = now

    def _unheard(self, seconds: float, now: Instant) -> None:
        """Silence while nobody could hear is no silence."""
        quiet = self._state.quiet
        if quiet is not None and seconds > 0:
            seconds = min(seconds, now.since(quiet))
            self._state.quiet = Instant(quiet.line + seconds, quiet.wall + seconds, quiet.trusted)

    def _enter(self, where: Where, at: Instant, certainty: float) -> None:
        self._state.where = where
        self._state.since = at
        self._state.certainty = certainty
