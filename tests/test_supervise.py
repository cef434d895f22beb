"""A job that dies is started again, whatever it died of."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.supervise import Supervisor


async def test_a_job_that_raises_or_returns_is_counted_and_started_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    deaths: list[Exception | None] = [OSError("adapter gone"), KeyError("our mistake"), None]
    alive = asyncio.Event()

    async def job() -> None:
        if deaths:
            death = deaths.pop(0)
            if death is not None:
                raise death
            return
        alive.set()
        await asyncio.Event().wait()

    supervisor = Supervisor(first_wait_s=0.001)
    with caplog.at_level(logging.WARNING):
        task = asyncio.create_task(supervisor.forever("radio", job))
        await asyncio.wait_for(alive.wait(), 5)
    task.cancel()
    assert supervisor.restarts == {"radio": 3}
    # The world's faults are one line; our own come with a traceback.
    assert [bool(r.exc_info) for r in caplog.records] == [False, True]


async def test_a_cancelled_job_stays_down() -> None:
    supervisor = Supervisor(first_wait_s=0.001)

    async def job() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(supervisor.forever("radio", job))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert supervisor.restarts == {}
