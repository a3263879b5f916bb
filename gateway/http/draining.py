"""Stopping without dropping anybody: each answer is the last on its connection, and what is in flight ends.

Nobody who is connected is refused: after an announcement a connection can bring one more request, and no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager

from domain.errors import HoldfastError
from gateway.idempotency import Answer
from runtime.logs import get_logger

_log = get_logger(__name__)


class Unfinished:
    """Work that goes on whether or not its caller still waits."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Future[Answer]] = set()

    def start(self, work: Awaitable[Answer]) -> asyncio.Future[Answer]:
        """Begin work that only the end of the process interrupts."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def __len__(self) -> int:
        return len(self._tasks)

    async def wait(self, seconds_max: float) -> None:
        """Wait until everything has ended, at most so long."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds_max)

    def abandon(self, task: asyncio.Future[Answer]) -> None:
        """Nobody waits for this any more: should it fail, the log is told."""
        task.add_done_callback(_log_failure)


def _log_failure(task: asyncio.Future[Answer]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, HoldfastError):
        _log.error("http_work_failed", exc_info=error)


class Draining:
    """Where a process stands between serving and gone, and what it still has in hand."""

    def __init__(self) -> None:
        self.announced = False
        self.unfinished = Unfinished()
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request while it is being answered."""
        self._in_flight += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if self._in_flight == 0:
                self._idle.set()

    def announce(self) -> None:
        """Close each connection with its next answer, so that callers come back to somebody else."""
        self.announced = True

    async def wait(self, seconds_max: float) -> bool:
        """Wait until nothing is in hand any more, at most so long; answers whether that is so."""
        try:
            async with asyncio.timeout(seconds_max):
                await self._idle.wait()
                await self.unfinished.wait(seconds_max)
        except TimeoutError:
            return False
        return len(self.unfinished) == 0
