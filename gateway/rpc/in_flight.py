"""What a server has in hand: calls being answered, and changes that go on after their caller has gone.

A change is never broken off because somebody stopped waiting: half of it may have happened already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from domain.errors import HoldfastError
from runtime.logs import get_logger

T = TypeVar("T")

_log = get_logger(__name__)


class InFlight:
    """Counts what is in hand."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: set[asyncio.Task[Any]] = set()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Something in hand, as long as the context is open."""
        self._count += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._idle.set()

    async def to_the_end(self, work: Coroutine[Any, Any, T], *, seconds: float) -> T:
        """Do `work` and wait for it at most so long: then TimeoutError, while the work goes on. So it does when the
        wait is cancelled."""
        task = asyncio.create_task(self._counted(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.wait_for(asyncio.shield(task), seconds)
        except (TimeoutError, asyncio.CancelledError):
            task.add_done_callback(_log_failure)
            raise

    async def wait_until_idle(self) -> None:
        """Return when nothing is in hand."""
        await self._idle.wait()

    async def _counted(self, work: Coroutine[Any, Any, T]) -> T:
        with self.call():
            return await work


def _log_failure(task: asyncio.Task[Any]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, HoldfastError):
        _log.error("rpc_work_failed", exc_info=error)
