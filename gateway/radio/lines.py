"""What a receiver program prints becomes messages: one JSON object a line, of bounded length."""

from __future__ import annotations

from collections import Counter

LONGEST = 8192
"""A longer line is no message; it is counted once and skipped to its end."""
KEPT_REMARK = 200
FLOOD_LINES = 500
FLOOD_S = 1.0
"""More lines than this in so many seconds are no radio: a burst of a remote control has ten."""


class Lines:
    """Cuts one child's output. Holds less than one longest line."""

    def __init__(self) -> None:
        self.rejected: Counter[str] = Counter()
        self.remark = ""
        """The last line that was no JSON object: what the program has to say about itself."""
        self.flooded = False
        self._pending = bytearray()
        self._skipping = False
        self._since = 0.0
        self._count = 0

    @property
    def pending(self) -> int:
        return len(self._pending)

    def begin(self, now: float) -> None:
        """A new child: nothing of the last one counts."""
        self._pending.clear()
        self.remark, self.flooded, self._skipping = "", False, False
        self._since, self._count = now, 0

    def feed(self, chunk: bytes, now: float) -> list[bytes]:
        """The messages that these bytes complete. `now`: seconds of any steady clock."""
        *lines, rest = chunk.split(b"\n")
        self._watch(len(lines), now)
        messages = []
        for line in lines:
            self._append(line)
            messages += self._take()
        self._append(rest)
        return messages

    def end(self) -> None:
        """The child is gone: a line that it did not finish is lost."""
        if self._pending and not self._skipping:
            said = bytes(self._pending)
            if said.startswith(b"{"):
                self.rejected["cut_short"] += 1
            else:
                self._note(said)
        self._pending.clear()

    def _append(self, piece: bytes) -> None:
        if self._skipping:
            return
        self._pending += piece
        if len(self._pending) > LONGEST:
            self.rejected["too_long"] += 1
            self._pending.clear()
            self._skipping = True

    def _take(self) -> list[bytes]:
        """The line that has just ended, if it is a message."""
        line = bytes(self._pending).strip()
        self._pending.clear()
        self._skipping, skipped = False, self._skipping
        if skipped or not line:
            return []
        if line.startswith(b"{"):
            return [line]
        self._note(line)
        return []

    def _note(self, line: bytes) -> None:
        self.remark = line.decode(errors="replace")[:KEPT_REMARK]

    def _watch(self, lines: int, now: float) -> None:
        if now - self._since > FLOOD_S:
            self._since, self._count = now, 0
        self._count += lines
        self.flooded |= self._count > FLOOD_LINES
