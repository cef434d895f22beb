"""The one thread that owns the outbox's database: everything that waits becomes one transaction.

It sleeps on a queue. A caller hands in work and awaits a future; the thread takes all there is by
then, commits once, and settles all of them. Nothing waits for the next round and nobody polls.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

import msgspec

from gateway.database import FaultKind, StorageFault
from gateway.outbox.store import Store, Work
from gateway.records.messages import Row

QUIET_S = 1.0
"""Without work for that long, after much of it: time to copy the log back."""
FIRST_RETRY_S = 2.0
LONGEST_RETRY_S = 30.0
TOGETHER_AT_MOST = 256


class Unsaved(StorageFault):
    """The commit could not be made durable. `rows` are in memory all the same and will be sent."""

    def __init__(self, fault: StorageFault, rows: Sequence[Row]) -> None:
        Exception.__init__(self, str(fault))
        self.kind, self.remedy = fault.kind, fault.remedy
        self.rows = [msgspec.structs.replace(row, durable=False) for row in rows]


class StorageState(msgspec.Struct, frozen=True):
    """`ok`: what is accepted is on the disk."""

    ok: bool
    why: str = ""
    """With its remedy, when it is not."""
    kind: FaultKind | None = None
    incidents: tuple[str, ...] = ()
    """What happened since the start, the newest last."""


class Figures(msgspec.Struct, frozen=True):
    """What the heartbeat says of the outbox."""

    epoch: str
    seq_last: int
    seq_unreceived: int
    """The lowest number without a receipt; 0 = everything was received."""
    depth: dict[int, int]
    """Waiting messages by priority, 0 to 3."""
    size: dict[int, int]
    """Bytes of their bodies."""
    oldest_line: float | None
    """Moment on the timeline at which the longest waiting one was accepted."""
    storage: StorageState


class Job(msgspec.Struct, eq=False):
    """One caller that waits. `failed` is set instead of `result`."""

    work: Work
    future: asyncio.Future[Any]
    result: Any = None
    failed: BaseException | None = None

    def settle(self) -> None:
        if self.future.done():
            return
        if self.failed is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.failed)


class Together:
    """The jobs of one transaction. What it dies of reaches those who wait, not the thread."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self.failed = False

    def __enter__(self) -> Together:
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> bool:
        self.failed = error is not None
        for job in self._jobs:
            job.failed = error
        return True


class Writer:
    """`figures` are those after the last transaction; they may be read from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._retry_s = FIRST_RETRY_S
        self._retry_at = 0.0
        self.figures = figures(store)
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    async def do(self, work: Work) -> Any:
        """The result of `work`. Raises Unsaved if it should have been durable and is not."""
        if not self._thread.is_alive():
            raise RuntimeError("the outbox is closed")
        job = Job(work, asyncio.get_running_loop().create_future())
        self._queue.put(job)
        return await job.future

    def close(self) -> None:
        """Everything handed in so far is done, then the thread ends."""
        self._queue.put(None)
        self._thread.join()

    # ------------------------------------------------------------ on the thread

    def _run(self) -> None:
        going = True
        while going:
            taken = self._take()
            jobs = [job for job in taken if job is not None]
            going = len(jobs) == len(taken)
            if jobs:
                self._serve(jobs)
            if going and (not taken or self._overdue()):
                self._quiet()
        self._store.close()

    def _take(self) -> list[Job | None]:
        """Sleeps until there is work, then takes all of it; nothing if it was quiet for long."""
        taken: list[Job | None] = []
        with suppress(Empty):
            taken.append(self._queue.get(timeout=self._patience()))
            while taken[-1] is not None and len(taken) < TOGETHER_AT_MOST:
                taken.append(self._queue.get_nowait())
        return taken

    def _patience(self) -> float | None:
        if not self._store.on_disk:
            return max(0.0, self._retry_at - time.monotonic())
        return QUIET_S if self._store.unsettled else None

    def _overdue(self) -> bool:
        return not self._store.on_disk and time.monotonic() >= self._retry_at

    def _quiet(self) -> None:
        self._store.quiet()
        self._note()

    def _serve(self, jobs: Sequence[Job]) -> None:
        with Together(jobs) as together:
            results = self._store.run([job.work for job in jobs])
            for job, result in zip(jobs, results, strict=True):
                job.result = result
        if together.failed and len(jobs) > 1:
            # One of them is a mistake of ours; the others shall not suffer for it.
            for job in jobs:
                self._serve([job])
            return
        self._note()
        self._settle(jobs)

    def _note(self) -> None:
        """A fault starts the retries, a long one makes them rarer."""
        if self._store.on_disk:
            self._retry_s = FIRST_RETRY_S
        elif self._overdue():
            self._retry_at = time.monotonic() + self._retry_s
            self._retry_s = min(self._retry_s * 2, LONGEST_RETRY_S)
        with suppress(sqlite3.Error):  # the next transaction meets the fault and deals with it
            self.figures = figures(self._store)

    def _settle(self, jobs: Sequence[Job]) -> None:
        fault = self._store.fault
        for job in jobs:
            if fault is not None and job.work.durable and job.failed is None:
                job.failed = Unsaved(fault, job.result)
            with suppress(RuntimeError):  # its loop is gone, and nobody waits any more
                job.future.get_loop().call_soon_threadsafe(job.settle)


def figures(store: Store) -> Figures:
    rows, fault = store.rows, store.fault
    oldest = rows.oldest()
    return Figures(
        epoch=rows.epoch,
        seq_last=rows.seq_last,
        seq_unreceived=min((seq for seq, _ in oldest), default=0),
        depth=dict(rows.depth),
        size=dict(rows.size),
        oldest_line=min((line for _, line in oldest), default=None),
        storage=StorageState(
            fault is None,
            "" if fault is None else str(fault),
            None if fault is None else fault.kind,
            tuple(store.incidents),
        ),
    )
