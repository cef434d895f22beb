"""What would have happened is what the same rules say of the same past."""

from __future__ import annotations

from gateway.alerts import AlertBook
from gateway.pipeline import Pipeline
from gateway.records import Finding, Instant
from gateway.replay import replay
from tests.fakes import PLAIN, Opinions, at, button, numbered, plain


class Ticks(Opinions):
    """Remembers when it was asked."""

    def __init__(self) -> None:
        super().__init__("ticks")
        self.asked: list[float] = []

    def on_tick(self, now: Instant) -> list[Finding]:
        self.asked.append(now.since(at(0)))
        return []


def test_the_rules_pass_every_minute_between_two_entries_of_the_past() -> None:
    ticks = Ticks()
    pipe = Pipeline([button()], {"plain": PLAIN}, [ticks], AlertBook(numbered()))
    past = [plain("bedside emergency on", at(s)) for s in (0, 150, 160)]
    assert [len(alerts) for _, alerts in replay(pipe, past)] == [0, 0, 0]
    assert ticks.asked == [60, 120]
