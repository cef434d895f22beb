"""The life of an alert: one transition table, and the book that applies it.

Rule 1: everything that changes the state of an alert is in this file, in the table where it fits.
Rule 2: a detector may say the same thing a thousand times; only a change is news (a new revision).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from gateway.records import (
    Alert,
    AlertType,
    Answer,
    Code,
    Condition,
    Evidence,
    Fact,
    Finding,
    Instant,
    Outcome,
    Severity,
    Signal,
    State,
)

# (state now, signal) -> new state. A pair that is not listed changes nothing.
TRANSITIONS: dict[tuple[State | None, Signal], State] = {
    (None, Signal.HOLDS): State.RAISED,
    (None, Signal.HAPPENED): State.RAISED,
    # A condition that ended by itself before anybody took it up closes by itself...
    (State.RAISED, Signal.ENDED): State.CLOSED,
    (State.DELIVERED, Signal.ENDED): State.CLOSED,
    # ... and one that comes back within REOPEN_S is the same incident, not a new one.
    (State.CLOSED, Signal.HOLDS): State.RAISED,
    # The person in the home said: no help needed. Nothing is deleted, and the platform may still
    # send somebody, so CANCELLED goes on below.
    (State.RAISED, Signal.CANCELLED): State.CANCELLED,
    (State.DELIVERED, Signal.CANCELLED): State.CANCELLED,
    (State.ACKNOWLEDGED, Signal.CANCELLED): State.CANCELLED,
    # What comes back from upstream only goes forward: a late receipt undoes nothing.
    (State.RAISED, Signal.RECEIVED): State.DELIVERED,
    **{
        (now, Signal.ACKNOWLEDGED): State.ACKNOWLEDGED
        for now in (State.RAISED, State.DELIVERED, State.CANCELLED)
    },
    **{
        (now, Signal.DISPATCHED): State.DISPATCHED
        for now in (State.RAISED, State.DELIVERED, State.CANCELLED, State.ACKNOWLEDGED)
    },
    (State.DISPATCHED, Signal.DISPATCHED): State.DISPATCHED,  # another team, another eta
    **{
        (now, Signal.ON_SITE): State.ON_SITE
        for now in State
        if (now.open and now is not State.ON_SITE) or now is State.CANCELLED
    },
    **{(now, Signal.CLOSED): State.CLOSED for now in State if now.open or now is State.CANCELLED},
}

LATCHING = frozenset(
    {
        AlertType.SOS_PRESSED,
        AlertType.HELP_REQUESTED,
        AlertType.GAS_LEAK,
        AlertType.SMOKE_DETECTED,
        AlertType.CO_DETECTED,
    }
)
"""Only a person closes these: the end of the condition is told, and help comes all the same."""

REPEATED = frozenset({AlertType.GAS_LEAK, AlertType.SMOKE_DETECTED, AlertType.CO_DETECTED})
"""Told again while they last: after 1, 2, 4... minutes, then every hour, so that a month offline
with a stuck detector stays bounded."""

FIRST_REPEAT_S = 60.0
LONGEST_REPEAT_S = 3600.0
REOPEN_S = 600.0
"""A condition back within this time of closing by itself is the same incident (flapping)."""
ANEW_S = 3600.0
"""A condition back this long after it ended is a new incident, whatever became of the first."""
REMIND_S = 86400.0
"""A condition that the platform closed and that still holds is raised again after a day (an
emergency's after ANEW_S)."""
EXPIRE_S = 7 * 86400.0
"""An incident that is over and that nobody closed is let go after a week."""
RECENT = 200
"""Incidents that are over and still remembered, for late answers and for the page."""

SHELVES = 16
"""The book is kept in so many parts, so that one more revision does not write all of it again."""

EVERY_SOS = "*"
"""The cause of a cancel key: every call for help that is fresh enough to be cancelled."""


class _Incident(msgspec.Struct):
    alert: Alert
    touched: Instant
    repeats: int = 0


class AlertBook:
    """Findings and answers in, new revisions out. Pure: the time is in what it is told."""

    def __init__(
        self,
        new_id: Callable[[Instant], str],
        merge_s: float = 10.0,
        cancel_s: float = 30.0,
    ) -> None:
        """`new_id`: makes the ULID of a new incident. `merge_s`: presses closer than this are one
        incident. `cancel_s`: how long a cancel is honoured (design: 30 s)."""
        self._new_id = new_id
        self._merge_s = merge_s
        self._cancel_s = cancel_s
        self._incidents: dict[str, _Incident] = {}
        self._current: dict[tuple[AlertType, str], str] = {}
        self._shelves = dict.fromkeys(range(SHELVES), b"[]")
        self._changed: set[int] = set()

    # ------------------------------------------------------------ in

    def on_finding(self, finding: Finding) -> list[Alert]:
        """The new revisions that this opinion makes; mostly none."""
        if finding.signal is Signal.CANCELLED:
            return list(self._cancel(finding))
        incident = self._incidents.get(self._current.get((finding.type, finding.cause), ""))
        if finding.signal is Signal.HAPPENED:
            return [self._happened(incident, finding)]
        if finding.signal is Signal.HOLDS:
            return self._holds(incident, finding)
        return self._ended(incident, finding)

    def on_answer(self, answer: Answer) -> list[Alert]:
        """The platform spoke about one alert. Unknown and outdated answers change nothing."""
        incident = self._incidents.get(answer.alert_id)
        if incident is None:
            return []
        alert = incident.alert
        to = TRANSITIONS.get((alert.state, answer.signal))
        if to is None or answer.signal in (Signal.HOLDS, Signal.HAPPENED, Signal.ENDED):
            return []
        if answer.signal is Signal.RECEIVED and alert.severity is Severity.S0:
            to = State.CLOSED  # information is over once it has arrived
        order = answer.work_order or alert.work_order
        if to is alert.state and order == alert.work_order:
            return []
        outcome = answer.outcome if answer.signal is Signal.CLOSED else alert.outcome
        return [self._revise(incident, answer.at, state=to, work_order=order, outcome=outcome)]

    def on_tick(self, now: Instant) -> list[Alert]:
        """Lets go of what nobody closed, and forgets the oldest of what is over."""
        news = [
            self._revise(incident, now, state=State.EXPIRED)
            for incident in self._incidents.values()
            if incident.alert.state.open and self._stale(incident, now)
        ]
        self._forget()
        return news

    # ------------------------------------------------------------ out

    def alerts(self) -> Iterator[Alert]:
        """Every incident remembered, oldest first, each in its newest revision."""
        return (incident.alert for incident in self._incidents.values())

    def open(self) -> list[Alert]:
        return [alert for alert in self.alerts() if alert.state.open]

    def get(self, alert_id: str) -> Alert | None:
        incident = self._incidents.get(alert_id)
        return incident.alert if incident else None

    def parts(self) -> dict[str, bytes]:
        """All that is remembered, in SHELVES parts; a change alters one of them."""
        for shelf in self._changed:
            here = [one for name, one in self._incidents.items() if _shelf(name) == shelf]
            self._shelves[shelf] = msgspec.json.encode(here)
        self._changed.clear()
        return {f"alerts.{shelf}": encoded for shelf, encoded in self._shelves.items()}

    def restore(self, part: object) -> None:
        """Takes back one of the parts, decoded; in any order."""
        for incident in msgspec.convert(part, list[_Incident]):
            self._keep(incident)
        self._incidents = dict(sorted(self._incidents.items(), key=_age))
        self._current = {
            (one.alert.type, one.alert.cause): name for name, one in self._incidents.items()
        }

    # ------------------------------------------------------------ the bits a table cannot hold

    def _holds(self, incident: _Incident | None, finding: Finding) -> list[Alert]:
        if incident is None or self._begins_anew(incident, finding.at):
            return [self._raise(finding)]
        alert = incident.alert
        back = alert.condition is Condition.ENDED
        worse = _urgency(finding.severity) < _urgency(alert.severity)
        if not (back or worse or self._due_again(incident, finding.at)):
            return []
        incident.repeats += not (back or worse)
        state = State.RAISED if alert.state is State.CLOSED else alert.state
        return [
            self._revise(
                incident,
                finding.at,
                state=state,
                condition=Condition.PRESENT,
                severity=finding.severity if worse else alert.severity,
                evidence=finding.evidence,
                outcome=Outcome.NONE,
            )
        ]

    def _begins_anew(self, incident: _Incident, at: Instant) -> bool:
        alert: Alert = incident.alert
        quiet = at.since(incident.touched)
        if alert.state is State.CLOSED:
            if alert.condition is Condition.PRESENT:
                return at.since(alert.changed_at) > _patience_s(alert)
            return alert.outcome is not Outcome.CLEARED or quiet > REOPEN_S
        if alert.state.open:
            return alert.condition is Condition.ENDED and quiet > ANEW_S
        return True

    def _due_again(self, incident: _Incident, at: Instant) -> bool:
        if incident.alert.type not in REPEATED or not incident.alert.state.open:
            return False
        wait = min(FIRST_REPEAT_S * 2.0 ** min(incident.repeats, 10), LONGEST_REPEAT_S)
        return at.since(incident.touched) >= wait

    def _happened(self, incident: _Incident | None, finding: Finding) -> Alert:
        # A second press is a second call for help, whatever became of the first; presses in one
        # breath are one incident, and each is told.
        if (
            incident is None
            or not incident.alert.state.open
            or finding.at.since(incident.touched) >= self._merge_s
        ):
            return self._raise(finding)
        alert = self._revise(
            incident,
            finding.at,
            evidence=finding.evidence,
            presses=incident.alert.presses + 1,
        )
        incident.touched = finding.at
        return alert

    def _ended(self, incident: _Incident | None, finding: Finding) -> list[Alert]:
        if incident is None or incident.alert.condition is Condition.ENDED:
            return []
        alert = incident.alert
        if not alert.state.open:
            # Over for the platform; remember that the condition is too, so that it may return.
            incident.alert = msgspec.structs.replace(alert, condition=Condition.ENDED)
            incident.touched = finding.at
            self._changed.add(_shelf(alert.id))
            return []
        to = alert.state
        if alert.type not in LATCHING:
            to = TRANSITIONS.get((alert.state, Signal.ENDED), alert.state)
        return [
            self._revise(
                incident,
                finding.at,
                state=to,
                condition=Condition.ENDED,
                outcome=Outcome.CLEARED if to is State.CLOSED else alert.outcome,
            )
        ]

    def _cancel(self, finding: Finding) -> Iterable[Alert]:
        for incident in list(self._incidents.values()):
            alert = incident.alert
            if alert.type is not finding.type or not alert.state.open:
                continue
            if finding.cause not in (EVERY_SOS, alert.cause):
                continue
            to = alert.state
            if finding.at.since(alert.raised_at) <= self._cancel_s:
                to = TRANSITIONS.get((alert.state, Signal.CANCELLED), alert.state)
            # A late cancel cancels nothing, but whoever is on the way shall know of it.
            if to is not alert.state or not _cancel_known(alert.evidence):
                evidence = _with_cancel(alert.evidence, finding.at)
                yield self._revise(incident, finding.at, state=to, evidence=evidence)

    # ------------------------------------------------------------ keeping the book

    def _raise(self, finding: Finding) -> Alert:
        alert = Alert(
            id=self._new_id(finding.at),
            rev=1,
            type=finding.type,
            cause=finding.cause,
            severity=finding.severity,
            state=TRANSITIONS[None, finding.signal],
            condition=Condition.PRESENT,
            raised_at=finding.at,
            changed_at=finding.at,
            evidence=finding.evidence,
            presses=int(finding.signal is Signal.HAPPENED),
        )
        self._keep(_Incident(alert, finding.at))
        return alert

    def _revise(self, incident: _Incident, at: Instant, **changes: object) -> Alert:
        alert = msgspec.structs.replace(
            incident.alert, rev=incident.alert.rev + 1, changed_at=at, **changes
        )
        # Answers do not count as touching: they neither merge presses nor put off a repeat.
        if changes.keys() & {"condition", "evidence"}:
            incident.touched = at
        incident.alert = alert
        self._changed.add(_shelf(alert.id))
        return alert

    def _keep(self, incident: _Incident) -> None:
        alert = incident.alert
        self._incidents[alert.id] = incident
        self._current[alert.type, alert.cause] = alert.id
        self._changed.add(_shelf(alert.id))

    def _stale(self, incident: _Incident, now: Instant) -> bool:
        alert = incident.alert
        over = alert.condition is Condition.ENDED or alert.presses > 0
        return over and now.since(alert.changed_at) > EXPIRE_S and alert.state is not State.RAISED

    def _forget(self) -> None:
        if len(self._incidents) <= RECENT:
            return
        over = [i.alert for i in self._incidents.values() if not i.alert.state.open]
        held = [a for a in over if a.condition is Condition.ENDED or a.presses]
        for alert in held[: max(0, len(over) - RECENT)]:
            del self._incidents[alert.id]
            self._changed.add(_shelf(alert.id))
            if self._current.get((alert.type, alert.cause)) == alert.id:
                del self._current[alert.type, alert.cause]


def _shelf(alert_id: str) -> int:
    """The end of an id is chance, so the shelves fill evenly."""
    return ord(alert_id[-1:] or "0") % SHELVES


def _age(named: tuple[str, _Incident]) -> tuple[float, str]:
    """Oldest first; those of one moment in the order of their ids."""
    name, incident = named
    return incident.alert.raised_at.line, name


def _patience_s(alert: Alert) -> float:
    """The platform closed it and it still holds: its decision, but not for ever."""
    return ANEW_S if alert.type in LATCHING else REMIND_S


def _urgency(severity: Severity) -> int:
    """0 is the most urgent; S0 is only information."""
    return ("S1", "S2", "S3", "S4", "S0").index(severity.value)


def _cancel_known(evidence: Evidence) -> bool:
    return any(fact.code is Code.CANCEL_PRESSED for fact in evidence.against)


def _with_cancel(evidence: Evidence, at: Instant) -> Evidence:
    fact = Fact(Code.CANCEL_PRESSED, since=at)
    return msgspec.structs.replace(evidence, against=(*evidence.against, fact))


CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(wall: float, randomness: bytes) -> str:
    """26 characters: 48 bits of milliseconds since 1970, 80 bits of chance (ulid/spec)."""
    number = int.from_bytes(int(max(wall, 0) * 1000).to_bytes(6, "big") + randomness[:10], "big")
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
