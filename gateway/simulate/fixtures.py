"""What is built into the simulated home: pipes, mains and wired circuits, and how they stand now.

Time on the timeline is an argument in seconds; nothing here waits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

FRIDGE_W = 92.0
FRIDGE_ON_S, FRIDGE_CYCLE_S = 900.0, 2700.0
STANDBY_W = 38.0


class Pipe:
    """A water register that turns while water is drawn."""

    def __init__(self, litres: float) -> None:
        self._register = litres
        self._draws: list[tuple[float, float, float]] = []

    def draw(self, now: float, litres: float, seconds: float) -> None:
        self._draws.append((now, max(seconds, 1.0), litres))

    def litres(self, now: float) -> float:
        running = [draw for draw in self._draws if now < draw[0] + draw[1]]
        done = [draw for draw in self._draws if now >= draw[0] + draw[1]]
        self._register += sum(litres for _, _, litres in done)
        self._draws = running
        return self._register + sum(
            litres * max(0.0, now - start) / seconds for start, seconds, litres in running
        )

    def shut(self, now: float) -> None:
        """Every tap is closed; what has run so far has run."""
        self._register = self.litres(now)
        self._draws = []


class Mains:
    """Appliances behind one electricity meter, with a refrigerator that switches by itself."""

    def __init__(self, kwh: float, now: float) -> None:
        self._kwh = kwh
        self._since = now
        self._on: dict[str, float] = {}

    def switch(self, now: float, appliance: str, watts: float) -> None:
        """0 watts switches it off."""
        self._count(now)
        self._on[appliance] = watts

    def all_off(self, now: float) -> None:
        self._count(now)
        self._on = {}

    def watts(self, now: float) -> float:
        fridge = FRIDGE_W if now % FRIDGE_CYCLE_S < FRIDGE_ON_S else 0.0
        return self._steady() + fridge

    def kwh(self, now: float) -> float:
        self._count(now)
        return self._kwh

    def _steady(self) -> float:
        return STANDBY_W + sum(self._on.values())

    def _count(self, now: float) -> None:
        mean = self._steady() + FRIDGE_W * FRIDGE_ON_S / FRIDGE_CYCLE_S
        self._kwh += mean * (now - self._since) / 3.6e6
        self._since = now


class Circuits:
    """Buttons, contacts and relays wired to an input module, in the order of its inputs."""

    def __init__(self, names: Sequence[str], normally_closed: Collection[str] = ()) -> None:
        self._names = tuple(names)
        self._normally_closed = frozenset(normally_closed)
        self._held: set[str] = set()
        self._until: dict[str, tuple[float, float]] = {}

    def hold(self, name: str) -> None:
        """Active until it is released."""
        self._held.add(name)

    def release(self, name: str) -> None:
        self._held.discard(name)
        self._until.pop(name, None)

    def pulse(self, name: str, line: float, real: float) -> None:
        """Active until both these times have come: of the timeline, and of the real world. In a
        night that passes in a minute a press lasts a millisecond; no finger is that quick."""
        before = self._until.get(name, (0.0, 0.0))
        self._until[name] = max(before[0], line), max(before[1], real)

    def active(self, name: str, line: float, real: float) -> bool:
        until = self._until.get(name, (0.0, 0.0))
        return name in self._held or line < until[0] or real < until[1]

    def closed(self, line: float, real: float) -> list[bool]:
        """Which circuits are closed, input 1 first."""
        return [
            self.active(name, line, real) != (name in self._normally_closed) for name in self._names
        ]
