"""Work that is ordered within a lane and parallel across lanes, a bounded number at a time. Knows nothing of the work.

A job must deal with its own errors: one that escapes is our mistake and stops whoever waits on `failed`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Job = Callable[[], Awaitable[None]]


class Lanes:
    """Lanes come and go with their jobs."""

    def __init__(self, *, jobs_at_once: int) -> None:
        self._slots = asyncio.Semaphore(jobs_at_once)
        self._lanes: dict[str, deque[Job]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count = 0

    def __len__(self) -> int:
        """Jobs waiting or running."""
        return self._count

    def __contains__(self, lane: str) -> bool:
        """Whether a lane has work."""
        return lane in self._lanes

    def submit(self, lane: str, job: Job) -> None:
        """Put a job at the end of its lane."""
        self._count += 1
        if lane in self._lanes:
            self._lanes[lane].append(job)
            return
        self._lanes[lane] = deque([job])
        task = asyncio.create_task(self._run(lane))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def failed(self) -> None:
        """Wait for a job to fail; raises what it raised."""
        await asyncio.shield(self._failure)

    async def close(self) -> None:
        """Cancel everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._failure.cancel()

    async def _run(self, lane: str) -> None:
        jobs = self._lanes[lane]
        try:
            while jobs:
                async with self._slots:
                    await jobs[0]()
                jobs.popleft()
                self._count -= 1
        finally:
            self._count -= len(jobs)
            del self._lanes[lane]

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._failure.done():
            self._failure.set_exception(error)
