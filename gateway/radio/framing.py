"""A byte stream off a wire becomes complete, checksum-valid messages; what is not one is counted.

    pending:  fe fe | 68 .. damaged .. | 68 .. good .. 16 | 68 .. unfinished
              skipped   counted once     returned            kept until more comes, or `idle()`

Rules, in the order they are applied:

- A byte that starts no message (wake-up bytes, noise) is skipped and is no error.
- A message that is damaged is counted once, and the search goes on at its second byte: its length
  cannot be believed, and a good message may lie inside.
- A message that is not complete yet is waited for, unless a complete one lies after its beginning:
  then its beginning was false (noise, or a length that lies) and must not hold the good one back.
- When the line falls silent, whatever is unfinished never will be: it is counted once and dropped.
"""

from __future__ import annotations

from collections import Counter

from gateway.records import BadFrame, Driver, Measure

WEAK = 5
"""Messages up to this length (an M-Bus acknowledgement is one byte, E5) carry too little redundancy
to be believed inside another message that has not ended."""

HEADER = 2
"""A rejected start whose length nobody knows claims its neighbour too: adjacent ones are one."""


class Splitter:
    """Cuts one driver's messages out of one line. Holds less than one longest message."""

    def __init__(self, driver: Driver) -> None:
        if driver.measure is None or not driver.starts or driver.longest < 1:
            raise ValueError(f"driver {driver.name} does not say how its messages are split")
        self.rejected: Counter[str] = Counter()
        self._measure: Measure = driver.measure
        self._starts = frozenset(driver.starts)
        self._longest = driver.longest
        self._pending = bytearray()
        self._spent = 0
        """Up to here (an index into pending) the damage is counted already."""

    @property
    def pending(self) -> int:
        """How many bytes wait for their message to be completed."""
        return len(self._pending)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that these bytes complete, in order."""
        found: list[bytes] = []
        for at in range(0, len(data), self._longest):
            self._pending += data[at : at + self._longest]
            found += self._take(final=False)
        return found

    def idle(self) -> list[bytes]:
        """The line was silent for the idle gap: give up what is unfinished, keep what is good."""
        found = self._take(final=True)
        self._spent = 0
        return found

    def _take(self, final: bool) -> list[bytes]:
        found: list[bytes] = []
        at = 0
        while (at := self._next_start(at)) < len(self._pending):
            size = self._size(at)
            if size is None:
                end = len(self._pending) if final else self._complete_after(at)
                if end is None:
                    break
                self._reject(at, "cut_short", end - at)
                at += 1
            elif size == 0 or (size == 1 and at < self._spent):
                at += 1
            else:
                found.append(bytes(self._pending[at : at + size]))
                at += size
                self._spent = 0
        del self._pending[:at]
        self._spent = max(0, self._spent - at)
        return found

    def _next_start(self, at: int) -> int:
        while at < len(self._pending) and self._pending[at] not in self._starts:
            at += 1
        return at

    def _size(self, at: int) -> int | None:
        """The length of the message at `at`, None if unfinished, 0 if there is none (counted)."""
        try:
            return self._measure(self._pending, at)
        except BadFrame as bad:
            self._reject(at, bad.reason, bad.span)
            return 0

    def _complete_after(self, at: int) -> int | None:
        """Where, after a beginning that waits for more, a complete message lies."""
        while (at := self._next_start(at + 1)) < len(self._pending):
            try:
                size = self._measure(self._pending, at)
            except BadFrame:
                continue
            if size is not None and size > WEAK:
                return at
        return None

    def _reject(self, at: int, reason: str, span: int) -> None:
        if at >= self._spent:
            self.rejected[reason] += 1
        self._spent = max(self._spent, at + max(span, HEADER))
