"""Where the request that starts a reservation meets, in one process, the local activity that commits it.

An answer that reaches nobody is dropped and a wait that nobody answers ends with its owner: the truth is the
committed row, and this is only the shortest way to it. Holds no value for later and must not be relied on across
processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Rendezvous(Generic[T]):
    """Futures by key. Each expecter waits on its own, so that one that gives up does not take the others along."""

    def __init__(self) -> None:
        self._expected: dict[str, set[asyncio.Future[T]]] = {}

    def __len__(self) -> int:
        return len(self._expected)

    @contextmanager
    def expect(self, key: str) -> Iterator[asyncio.Future[T]]:
        """A future of the running loop that `resolve` with the same key sets, while the context is open."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._expected.setdefault(key, set()).add(future)
        try:
            yield future
        finally:
            future.cancel()
            self._forget(key, future)

    def resolve(self, key: str, value: T) -> bool:
        """Hand `value` to everyone who expects `key` now; whether anyone did. Callable from any thread."""
        waiting = [future for future in self._expected.get(key, ()) if not future.done()]
        for future in waiting:
            _set_in_its_loop(future, value)
        return bool(waiting)

    def _forget(self, key: str, future: asyncio.Future[T]) -> None:
        futures = self._expected[key]
        futures.discard(future)
        if not futures:
            del self._expected[key]


def _set_in_its_loop(future: asyncio.Future[T], value: T) -> None:
    loop = future.get_loop()
    if _running_loop() is loop:
        future.set_result(value)
    elif not loop.is_closed():
        loop.call_soon_threadsafe(_set_if_waiting, future, value)


def _set_if_waiting(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
