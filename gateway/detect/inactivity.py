"""No sign of life for longer than this home's own quiet stretches last.

Two silences are watched. One begins anew with every sign of life; the other only when there is no
doubt that somebody is there, so that one stray trigger after a collapse hides nothing. Either ends
in `activity.inactivity` when it outlasts the limit that was learnt for its hour and its room,
within the plan's floor and ceiling; before that, while the hub still learns or its clock is not
trusted, the plan's plain hours count. Nobody is missed while the front door says that they went
out: then only a long absence is told, as a concern. Without a contact on the front door nobody can
know that, and inactivity is a concern as well, not urgent.

Silence that nobody could hear (a blind radio, the hub off) is no silence: both begin anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo

import msgspec

from gateway.detect._gaps import Gaps
from gateway.detect._memory import Watched, recall, rule
from gateway.detect._signs import Company, Sign, Signs
from gateway.detect._silence import Silence, Watching
from gateway.detect._wall import Wall
from gateway.records import (
    HUB,
    AlertType,
    Code,
    Device,
    DeviceKind,
    Evidence,
    Fact,
    Finding,
    Instant,
    Quantity,
    Reading,
    Severity,
    Signal,
)
from gateway.rules import InactivityRules

CAUSE = "home"
IN_BED = "bed"
RESTART_S = 900.0
"""A hub that was off for less has missed nobody's day."""
NEAR_S = 600.0
"""A sign so soon after one beyond doubt is beyond doubt as well."""
SURE_EXTRA = 1.2
"""The silence between signs beyond doubt is judged a little more patiently (log of the risk), as
both silences draw on one budget. Ours."""


class Inactivity:
    name = "inactivity"

    def __init__(self, rules: InactivityRules, devices: Sequence[Device], zone: tzinfo) -> None:
        self._rules = rules
        self._clock = Wall(zone)
        self._signs = Signs(devices)
        self._rooms = {d.id: d.room or d.id for d in devices}
        self._beds = {d.id for d in devices if d.kind is DeviceKind.BED}
        self._ports = {d.port for d in devices}
        self._company = Company()
        budget, floor = rules.false_per_month, 3600 * rules.floor_h
        self._gaps = {
            "any": Gaps(budget, floor),
            "sure": Gaps(budget, floor, SURE_EXTRA),
        }
        self._state = Watching()
        self._limits: dict[str, float] = {}
        self._watched = Watched()

    # ------------------------------------------------------------ the detector's duties

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        if reading.device == HUB:
            self._hub(reading)
            return ()
        sign = self._signs.of(reading)
        if sign is Sign.NONE:
            return ()
        self._resume(reading.at)
        return self._sign(sign, reading)

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        self._resume(now)
        state = self._state
        since = state.any.since
        if since is None or state.blind:
            return ()
        if state.whereabouts.door is not None and self._signs.doors:
            return self._absent(since, now)
        findings = []
        for name, silence in (("any", state.any), ("sure", state.sure)):
            finding = self._judge(name, silence, now)
            if finding is not None:
                findings.append(finding)
        return findings[:1]

    def state(self) -> object:
        self._state.triggers = self._company.triggers
        self._state.memory = self._signs.memory
        self._state.gaps = {name: gaps.state() for name, gaps in self._gaps.items()}
        return msgspec.to_builtins(self._state)

    def restore(self, state: object) -> None:
        self._state = recall(state, Watching)
        self._company.triggers = self._state.triggers
        self._signs.memory = self._state.memory
        for name, gaps in self._gaps.items():
            if name in self._state.gaps:
                gaps.restore(self._state.gaps[name])
        self._state.gaps = {}
        self._limits.clear()
        self._watched.resume()

    @property
    def days_learnt(self) -> int:
        return self._gaps["any"].days

    # ------------------------------------------------------------ signs of life

    def _sign(self, sign: Sign, reading: Reading) -> list[Finding]:
        state, at, device = self._state, reading.at, reading.device
        out = bool(self._signs.doors) and state.whereabouts.out(at.line)
        local = self._clock.local(at) if at.trusted else None
        self._learn("any", state.any, at, out)
        if device in self._signs.doors:
            state.whereabouts.door_used(at.line)
        elif sign >= Sign.TRIGGER and reading.value:
            state.whereabouts.noticed(device, at.line)
        place = self._place(reading)
        sure = self._sure(sign, device, at)
        self._begin("any", state.any, at, local, place)
        if not sure:
            return []
        self._learn("sure", state.sure, at, out)
        ended = self._ended(at)
        self._begin("sure", state.sure, at, local, place)
        self._company.triggers = []
        return ended

    def _sure(self, sign: Sign, device: str, at: Instant) -> bool:
        since = self._state.sure.since
        if sign is Sign.SURE:
            return True
        if since is not None and not self._company.triggers and at.line - since.line <= NEAR_S:
            return True
        if sign is Sign.TAIL:
            return False
        grown, self._signs.grown_m3 = self._signs.grown_m3, 0.0
        return self._company.joined_by(device, at.line, grown)

    def _place(self, reading: Reading) -> str:
        if reading.device in self._beds and reading.quantity is Quantity.BED_OCCUPIED:
            change = self._state.in_bed.add if reading.value else self._state.in_bed.discard
            change(reading.device)
        return IN_BED if self._state.in_bed else self._rooms[reading.device]

    def _learn(self, name: str, silence: Silence, at: Instant, out: bool) -> None:
        if silence.since is None or silence.local is None or out or not at.trusted:
            return
        if not silence.whole:
            return
        self._gaps[name].learn(silence.local, at.line - silence.since.line, silence.place)

    def _begin(
        self, name: str, silence: Silence, at: Instant, local: float | None, place: str
    ) -> None:
        silence.since, silence.local, silence.place = at, local, place
        silence.whole = True
        self._limits.pop(name, None)

    # ------------------------------------------------------------ opinions

    def _judge(self, name: str, silence: Silence, now: Instant) -> Finding | None:
        since = silence.since
        if since is None or now.line - since.line < 3600 * self._rules.floor_h:
            return None
        limit = self._limits.get(name)
        if limit is None:
            limit = self._limits[name] = self._limit_s(name, silence)
        if now.line - since.line < limit:
            return None
        self._state.told = True
        return self._inactive(name, silence, since, limit, now)

    def _limit_s(self, name: str, silence: Silence) -> float:
        rules, gaps = self._rules, self._gaps[name]
        if silence.local is None or gaps.days < rules.shadow_days:
            return 3600 * rules.default_h
        learnt = gaps.limit_s(silence.local, silence.place)
        if learnt is None:
            return 3600 * rules.default_h
        return min(max(learnt, 3600 * rules.floor_h), 3600 * rules.ceiling_h)

    def _inactive(
        self, name: str, silence: Silence, since: Instant, limit: float, now: Instant
    ) -> Finding:
        severity = Severity.S2 if self._signs.doors else Severity.S3
        evidence = Evidence(
            observed=(Fact(Code.NO_SIGN_OF_LIFE, since=since),),
            usual=self._usual(name, silence),
            rule=rule(limit, "s"),
            against=self._doubts(name),
        )
        type_ = AlertType.ACTIVITY_INACTIVITY
        return Finding(type_, CAUSE, Signal.HOLDS, severity, now, evidence)

    def _usual(self, name: str, silence: Silence) -> tuple[Fact, ...]:
        gaps = self._gaps[name]
        if silence.local is None or gaps.days < self._rules.shadow_days:
            return (Fact(Code.NOT_YET_LEARNT),)
        usual = gaps.usual_s(silence.local, silence.place)
        return (Fact(Code.USUAL_QUIET, value=usual, unit="s"),) if usual else ()

    def _doubts(self, name: str) -> tuple[Fact, ...]:
        doubts: list[Fact] = []
        lone = self._state.any.since
        if name == "sure" and lone is not None and lone is not self._state.sure.since:
            doubts.append(Fact(Code.LONE_TRIGGER, since=lone))
        if not self._signs.doors:
            doubts.append(Fact(Code.PERHAPS_AWAY))
        return tuple(doubts)

    def _absent(self, since: Instant, now: Instant) -> list[Finding]:
        if now.since(since) < 3600 * self._rules.not_returned_h:
            return []
        self._state.absent_told = True
        return [self._not_returned(Signal.HOLDS, since, now)]

    def _not_returned(self, signal: Signal, since: Instant, now: Instant) -> Finding:
        evidence = Evidence(
            observed=(Fact(Code.NO_SIGN_OF_LIFE, since=since),),
            rule=rule(3600 * self._rules.not_returned_h, "s"),
            against=(Fact(Code.PERHAPS_AWAY),),
        )
        type_ = AlertType.ACTIVITY_NOT_RETURNED
        return Finding(type_, CAUSE, signal, Severity.S3, now, evidence)

    def _ended(self, at: Instant) -> list[Finding]:
        """Somebody is there: what was told is over."""
        state, sign = self._state, Evidence((Fact(Code.SIGN_OF_LIFE, since=at),))
        ended = []
        if state.told:
            type_ = AlertType.ACTIVITY_INACTIVITY
            ended.append(Finding(type_, CAUSE, Signal.ENDED, Severity.S2, at, sign))
        if state.absent_told:
            type_ = AlertType.ACTIVITY_NOT_RETURNED
            ended.append(Finding(type_, CAUSE, Signal.ENDED, Severity.S3, at, sign))
        state.told = state.absent_told = False
        return ended

    # ------------------------------------------------------------ what nobody could hear

    def _hub(self, reading: Reading) -> None:
        if reading.quantity is Quantity.RADIO_ALIVE and reading.channel in self._ports:
            change = self._state.blind.discard if reading.value else self._state.blind.add
            change(reading.channel)
            self._anew(reading.at)

    def _resume(self, now: Instant) -> None:
        if self._watched.missed_s(self._state.last, now) > RESTART_S:
            self._anew(now)
        self._state.last = now

    def _anew(self, at: Instant) -> None:
        """Both silences begin now, and what came before says nothing about how long they last."""
        local = self._clock.local(at) if at.trusted else None
        for name, silence in (("any", self._state.any), ("sure", self._state.sure)):
            if silence.since is not None:
                self._begin(name, silence, at, local, silence.place)
                silence.whole = False
        self._company.triggers = []
