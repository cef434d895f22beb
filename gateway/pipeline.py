"""Frames and ticks in, alerts out. Counts what it rejects.

Pure: no I/O and no clock. One call runs to its end before the next begins, so nothing here locks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec

from gateway.alerts import SHELVES, AlertBook
from gateway.counters import Counters
from gateway.records import (
    Alert,
    AlertType,
    Answer,
    BadFrame,
    Code,
    Detector,
    Device,
    Driver,
    Echo,
    Enrolled,
    Evidence,
    Fact,
    Finding,
    Frame,
    Instant,
    Reading,
    Severity,
    Signal,
)
from gateway.repeats import Repeats
from gateway.vitals import Vitals


class Step(msgspec.Struct, frozen=True):
    """What one frame, tick or answer led to."""

    readings: list[Reading] = []
    """What is new, for the journal."""
    alerts: list[Alert] = []
    """New revisions, for the outbox."""
    spoke: frozenset[str] = frozenset()
    """The detectors whose opinion made them: what these remember belongs to the alerts."""


NOTHING = Step()


class News(msgspec.Struct):
    """A Step in the making."""

    alerts: list[Alert] = []
    spoke: set[str] = set()


class Pipeline:
    def __init__(
        self,
        devices: Iterable[Device],
        drivers: Mapping[str, Driver],
        detectors: Sequence[Detector],
        book: AlertBook,
        clean_s: float = 3600.0,
    ) -> None:
        """`detectors` are asked in order: emergencies first. A detector that failed counts as well
        again after `clean_s` without a failure."""
        devices = tuple(devices)
        self.book = book
        self.counters = Counters()
        self.repeats = Repeats()
        self.vitals = Vitals(devices)
        self.rejected: Counter[str] = Counter()
        self.last_pass: Instant | None = None
        self._drivers = dict(drivers)
        self._enrolled = {
            name: Enrolled(device for device in devices if device.driver == name)
            for name in self._drivers
        }
        self._detectors = tuple(detectors)
        self._stalled: dict[str, Instant] = {}
        self._clean_s = clean_s

    def on_frame(self, frame: Frame) -> Step:
        heard = map(self.vitals.weighed, self._decode(frame))
        readings = [reading for reading in heard if self.repeats.is_news(reading)]
        return self._heard(readings) if readings else NOTHING

    def on_hub(self, reading: Reading) -> Step:
        """The hub reports on itself: mains, storage, a radio, a route."""
        if not self.repeats.is_news(reading):
            return NOTHING
        return self._heard([reading])

    def on_reading(self, reading: Reading) -> Step:
        """From the journal, in replay: decoded and filtered once already."""
        return self._heard([reading])

    def on_tick(self, now: Instant) -> Step:
        """One pass of every rule."""
        news = News()
        for detector in self._detectors:
            self._ask(detector, lambda d: d.on_tick(now), now, news)
        news.alerts += self._recovered(now)
        news.alerts += self.book.on_tick(now)
        self.last_pass = now
        return Step([], news.alerts, frozenset(news.spoke))

    def on_answer(self, answer: Answer) -> Step:
        return Step([], self.book.on_answer(answer))

    # ------------------------------------------------------------ state

    def snapshot(self, of: Collection[str] | None = None) -> dict[str, bytes]:
        """What a restart must not forget, in parts, for the outbox's transaction. Of the
        detectors all, or those named in `of`."""
        asked = [d for d in self._detectors if of is None or d.name in of]
        parts = {f"detect.{d.name}": d.state() for d in asked}
        parts |= {
            "counters": self.counters.state(),
            "repeats": self.repeats.state(),
            "vitals": self.vitals.state(),
        }
        return self.book.parts() | {n: msgspec.json.encode(part) for n, part in parts.items()}

    def restore(self, snapshot: Mapping[str, bytes]) -> list[str]:
        """Takes back what it can. Returns the parts that could not be read: those start afresh."""
        owners: dict[str, Callable[[object], None]] = {
            "counters": self.counters.restore,
            "repeats": self.repeats.restore,
            "vitals": self.vitals.restore,
        }
        owners |= {f"alerts.{shelf}": self.book.restore for shelf in range(SHELVES)}
        owners |= {f"alerts.{shelf}": self.book.restore for shelf in range(SHELVES)}
        owners |= {f"detect.{d.name}": d.restore for d in self._detectors}
        unread = []
        for name in owners.keys() & snapshot.keys():
            try:
                owners[name](msgspec.json.decode(snapshot[name]))
            except (msgspec.MsgspecError, ValueError, TypeError, KeyError):
                unread.append(name)
        return unread

    # ------------------------------------------------------------ inside

    def _decode(self, frame: Frame) -> list[Reading]:
        driver = self._drivers.get(frame.driver)
        if driver is None:
            self.rejected[f"{frame.driver}: no such driver"] += 1
            return []
        try:
            return self.counters.news(driver.decode(frame, self._enrolled[driver.name]), frame)
        except BadFrame as bad:
            self.rejected[f"{driver.name}: {bad.reason}"] += 1
        except Echo:
            pass
        except Exception:  # noqa: BLE001 - one frame must not take the radio down; it is counted
            self.rejected[f"{driver.name}: decoder failed"] += 1
        return []

    def _heard(self, readings: list[Reading]) -> Step:
        news = News()
        for reading in readings:
            for detector in self._detectors:
                self._ask(detector, lambda d, r=reading: d.on_reading(r), reading.at, news)  # type: ignore[misc]
        return Step(readings, news.alerts, frozenset(news.spoke))

    def _ask(
        self,
        detector: Detector,
        question: Callable[[Detector], Iterable[Finding]],
        at: Instant,
        news: News,
    ) -> None:
        """A detector that fails is counted and told of; the others, and emergencies, go on."""
        try:
            for finding in question(detector):
                alerts = self.book.on_finding(finding)
                if alerts:
                    news.alerts += alerts
                    news.spoke.add(detector.name)
        except Exception:  # noqa: BLE001 - the guard that keeps one rule from silencing the others
            self.rejected[f"detector {detector.name}: failed"] += 1
            first = detector.name not in self._stalled
            self._stalled[detector.name] = at
            if first:
                news.alerts += self._evaluator(detector.name, Signal.HOLDS, at)

    def _recovered(self, now: Instant) -> list[Alert]:
        well = [n for n, at in self._stalled.items() if now.since(at) > self._clean_s]
        alerts: list[Alert] = []
        for name in well:
            del self._stalled[name]
            alerts += self._evaluator(name, Signal.ENDED, now)
        return alerts

    def _evaluator(self, name: str, signal: Signal, at: Instant) -> list[Alert]:
        # Straight to the book: the detector that reports on the hub may be the one that failed.
        finding = Finding(
            type=AlertType.HUB_EVALUATOR_STALLED,
            cause=name,
            signal=signal,
            severity=Severity.S2,
            at=at,
            evidence=Evidence(observed=(Fact(Code.RULES_STALLED, since=at),)),
        )
        return self.book.on_finding(finding)
