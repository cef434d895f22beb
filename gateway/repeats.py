"""Radios say things several times. Keep the first.

Only enrolled devices come this far, so strangers cannot fill the memory.
"""

from __future__ import annotations

import msgspec

from gateway.records import Instant, Quantity, Reading, Value

REFRESH_S = 60.0
"""An unchanged state is passed on this often, so that whoever counts on it knows it is fresh."""
RUN_GAP_S = 2.0
"""A wired key that is still held after this long without a word was pressed again."""
AGREE_S = 10.0
"""What nothing checks is believed when it is heard a second time within this long."""
REMEMBERED = 32
"""Event keys kept for each device: counters are small and wrap around."""

_Key = tuple[str, Quantity, str]


class _Last(msgspec.Struct):
    value: Value
    at: Instant


class _Heard(msgspec.Struct):
    """An event of a radio without a counter: when it was heard last, and whether it was told."""

    value: Value
    at: Instant
    told: bool


class _State(msgspec.Struct):
    last: list[tuple[_Key, _Last]] = []
    events: list[tuple[_Key, list[str]]] = []
    heard: list[tuple[_Key, _Heard]] = []


class Repeats:
    """`is_news(reading)`: whether the pipeline shall hear of it. Persisted with the alerts, so
    that a press is one press also across a restart."""

    def __init__(self) -> None:
        self._last: dict[_Key, _Last] = {}
        self._events: dict[_Key, list[str]] = {}
        self._heard: dict[_Key, _Heard] = {}

    def is_news(self, reading: Reading) -> bool:
        key = (reading.device, reading.quantity, reading.channel)
        if reading.event:
            return self._new_event(key, reading.event)
        if reading.repeat_s:
            return self._heard_anew(key, reading)
        if reading.quantity is Quantity.BUTTON:
            return self._new_run(key, reading)
        if reading.quantity is Quantity.SEEN:
            self._last.pop((reading.device, Quantity.BUTTON, reading.channel), None)
        last = self._last.get(key)
        if (
            last is not None
            and last.value == reading.value
            and reading.at.since(last.at) < REFRESH_S
        ):
            return False
        self._last[key] = _Last(reading.value, reading.at)
        return True

    def state(self) -> object:
        return msgspec.to_builtins(
            _State(self._runs(), list(self._events.items()), list(self._heard.items())),
            str_keys=False,
        )

    def _runs(self) -> list[tuple[_Key, _Last]]:
        return [(key, last) for key, last in self._last.items() if key[1] is Quantity.BUTTON]

    def restore(self, state: object) -> None:
        """Presses are remembered; states are heard anew, for whoever listens may remember an older
        moment than we do, and would miss that a door has opened since."""
        restored = msgspec.convert(state, _State)
        self._last = dict(restored.last)
        self._events = dict(restored.events)
        self._heard = dict(restored.heard)

    def _new_event(self, key: _Key, event: str) -> bool:
        known = self._events.setdefault(key, [])
        if event in known:
            return False
        known.append(event)
        del known[:-REMEMBERED]
        return True

    def _new_run(self, key: _Key, reading: Reading) -> bool:
        """A held key without a counter is reported at every poll: one unbroken run, one press."""
        last = self._last.get(key)
        self._last[key] = _Last(reading.value, reading.at)
        return last is None or last.value != reading.value or reading.at.since(last.at) > RUN_GAP_S

    def _heard_anew(self, key: _Key, reading: Reading) -> bool:
        """No counter on the air: what follows closely is the same event. What is unsure is told
        when a second message agrees."""
        before = self._heard.get(key)
        heard = self._heard[key] = _Heard(reading.value, reading.at, told=True)
        if before is not None and before.value == reading.value:
            silence = reading.at.since(before.at)
            if silence <= (reading.repeat_s if before.told else AGREE_S):
                return not before.told
        heard.told = not reading.unsure
        return heard.told
