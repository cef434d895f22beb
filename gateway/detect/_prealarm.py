"""First the home is asked, then the platform is told.

What a rule of daily life says becomes a pre-alarm: for a while it is only in the home, where it is
to be spoken. A sign of life or the cancel key withdraws it, and nobody outside ever hears of it; if
nobody answers it is passed on. Emergencies never wait.

It stands in front of a detector and is one itself, so that what waits survives a restart with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from gateway.detect._memory import recall
from gateway.records import (
    AlertType,
    Detector,
    Device,
    DeviceKind,
    Evidence,
    Finding,
    Instant,
    Quantity,
    Reading,
    Severity,
    Signal,
)
from gateway.rules import PreAlarmRules


class Pre(msgspec.Struct):
    """One pre-alarm: for the annunciator to speak, and for the page."""

    type: AlertType
    cause: str
    since: Instant
    evidence: Evidence
    withdrawn: Instant | None = None
    told: bool = False


class _State(msgspec.Struct):
    pre: dict[str, Pre] = {}
    inner: object = None


class PreAlarm:
    def __init__(self, rules: PreAlarmRules, devices: Sequence[Device], inner: Detector) -> None:
        """`inner`: the rule whose opinions wait."""
        self.name = inner.name
        self._rules, self._inner = rules, inner
        self._cancels = {d.id for d in devices if d.kind is DeviceKind.CANCEL_BUTTON}
        self._pre: dict[str, Pre] = {}

    def waiting(self) -> list[Pre]:
        """What is asked in the home now and not yet told."""
        return [pre for pre in self._pre.values() if not pre.told and pre.withdrawn is None]

    def on_reading(self, reading: Reading) -> Iterable[Finding]:
        if reading.quantity is Quantity.BUTTON and self._is_cancel(reading):
            for pre in self.waiting():
                pre.withdrawn = reading.at
        return self._passed(self._inner.on_reading(reading))

    def on_tick(self, now: Instant) -> Iterable[Finding]:
        return self._passed(self._inner.on_tick(now))

    def state(self) -> object:
        return msgspec.to_builtins(_State(self._pre, self._inner.state()))

    def restore(self, state: object) -> None:
        known = recall(state, _State)
        self._pre = known.pre
        self._inner.restore(known.inner)

    # ------------------------------------------------------------ inside

    def _is_cancel(self, reading: Reading) -> bool:
        pressed = reading.device in self._cancels and bool(reading.value)
        return pressed or reading.value == "cancel"

    def _passed(self, findings: Iterable[Finding]) -> list[Finding]:
        return [finding for finding in findings if self._passes(finding)]

    def _passes(self, finding: Finding) -> bool:
        key = f"{finding.type}/{finding.cause}"
        if finding.signal is Signal.ENDED:
            pre = self._pre.pop(key, None)
            return pre is None or pre.told
        if finding.signal is not Signal.HOLDS or finding.severity is Severity.S1:
            return True
        pre = self._pre.get(key)
        if pre is None or self._asked_again(pre, finding.at):
            pre = Pre(finding.type, finding.cause, finding.at, finding.evidence)
            self._pre[key] = pre
        waited = finding.at.since(pre.since) >= self._rules.answer_s
        pre.told = pre.told or (waited and pre.withdrawn is None)
        return pre.told

    def _asked_again(self, pre: Pre, now: Instant) -> bool:
        """The cancel key was believed for long enough, and it still holds."""
        withdrawn = pre.withdrawn
        return withdrawn is not None and now.since(withdrawn) >= 60 * self._rules.believed_min
