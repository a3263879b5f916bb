"""Work that two parts of one process want done, each as soon as it can, and neither a second time.

Saves work and waiting, nothing more: whatever must not happen twice is guarded where it happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Once(Generic[T]):
    """The first who asks begins the work, all get its outcome; after a failure the next who asks begins it again."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._work = work
        self._begun: asyncio.Task[T] | None = None

    async def outcome(self) -> T:
        """What the work answers, or raises. Whoever gives up waiting leaves it to the others."""
        if self._begun is None or _has_failed(self._begun):
            self._begun = asyncio.create_task(self._work())
        return await asyncio.shield(self._begun)


class SharedWork(Generic[K, T]):
    """Work by key: offered by one side, which may do it itself, and taken by the other, within `kept_seconds`."""

    def __init__(self, *, kept_seconds: float) -> None:
        self._kept_seconds = kept_seconds
        self._offered: dict[K, Once[T]] = {}

    def __len__(self) -> int:
        return len(self._offered)

    def offer(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> Once[T]:
        """Let the other side take this; an older offer of the same key is forgotten."""
        once = self._offered[key] = Once(work)
        asyncio.get_running_loop().call_later(self._kept_seconds, self._forget, key, once)
        return once

    def take(self, key: K) -> Once[T] | None:
        """What was offered, for one taker: who asks again is told nothing that may have grown old."""
        return self._offered.pop(key, None)

    def _forget(self, key: K, once: Once[T]) -> None:
        if self._offered.get(key) is once:
            del self._offered[key]


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
