"""How far a partition may be committed: up to the first record whose effect is not durable yet. Commits nothing."""

from __future__ import annotations

import asyncio
from collections import deque


class OffsetTracker:
    """The records of one partition while it is ours, in the order they were read."""

    def __init__(self) -> None:
        self._open: deque[int] = deque()
        self._done: set[int] = set()
        self._next: int | None = None
        self._committed: int | None = None
        self._empty = asyncio.Event()
        self._empty.set()
        self.is_ours = True

    def take(self, offset: int) -> None:
        """A record was read."""
        self._open.append(offset)
        self._empty.clear()

    def finish(self, offset: int) -> None:
        """Its effect is durable; records may finish in any order."""
        self._done.add(offset)
        while self._open and self._open[0] in self._done:
            self._done.discard(self._open[0])
            self._next = self._open.popleft() + 1
        if not self._open:
            self._empty.set()

    def to_commit(self) -> int | None:
        """The offset to continue from after a restart, when it is further than what was committed."""
        return self._next if self._next != self._committed else None

    def committed(self, offset: int) -> None:
        """The broker has it."""
        self._committed = offset

    async def finished(self) -> None:
        """Wait until everything that was read is done."""
        await self._empty.wait()
