"""Keep a job running: whatever it dies of is counted, logged once, and it is started again."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
STEADY_S = 300.0
"""A job that ran this long before it died starts again at the shortest wait."""


class Supervisor:
    """`restarts` counts by job; the heartbeat carries it."""

    def __init__(self, first_wait_s: float = FIRST_WAIT_S) -> None:
        self.restarts: Counter[str] = Counter()
        self._first_wait_s = first_wait_s

    async def forever(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        """Runs `job` until cancelled. A job that returns is started again like one that raised."""
        loop = asyncio.get_running_loop()
        wait = self._first_wait_s
        while True:
            started = loop.time()
            try:
                await job()
            except (OSError, TimeoutError) as world:
                log.warning("%s: %s; trying again", name, world)
            except Exception:
                log.exception("%s failed; starting it again", name)
            if loop.time() - started > STEADY_S:
                wait = self._first_wait_s
            self.restarts[name] += 1
            await asyncio.sleep(wait * random.uniform(0.8, 1.2))
            wait = min(wait * 2, LONGEST_WAIT_S)
