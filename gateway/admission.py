"""How many new holds may be in flight: a sale that is paid for comes before a new hold.

The limit follows what commits and holds experience: additive increase while they are quick, multiplicative decrease
when they are slow (Chiu & Jain, 1989). Commits, cancels and reads never pass here.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.errors import Saturated
from runtime import metrics

LIMIT_MIN = 4
DECREASE = 0.8
DECREASE_PAUSE_SECONDS = 0.25
"""One decrease answers one episode of slowness, not every request in it."""


class Admission:
    """A gate for holds of one serving process."""

    def __init__(self, *, holds_max: int, target_seconds: float) -> None:
        self._holds_max = holds_max
        self._target_seconds = target_seconds
        self._limit = float(holds_max)
        self._in_flight = 0
        self._decreased_at = 0.0
        metrics.ADMISSION_LIMIT.set(holds_max)

    @property
    def limit(self) -> int:
        """Holds allowed in flight at this moment."""
        return int(self._limit)

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Pass with one hold, or raise Saturated at once; its duration is observed."""
        if self._in_flight >= self.limit:
            metrics.ADMISSION_SHED.inc()
            raise Saturated(retry_after_seconds=1)
        self._in_flight += 1
        metrics.ADMISSION_INFLIGHT.set(self._in_flight)
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._in_flight -= 1
            metrics.ADMISSION_INFLIGHT.set(self._in_flight)
            self.observe(time.perf_counter() - begin)

    def observe(self, seconds: float) -> None:
        """Learn from how long a commit or a hold took."""
        now = time.monotonic()
        if seconds <= self._target_seconds:
            self._limit = min(float(self._holds_max), self._limit + 1 / self._limit)
        elif now - self._decreased_at > DECREASE_PAUSE_SECONDS:
            self._decreased_at = now
            self._limit = max(float(LIMIT_MIN), self._limit * DECREASE)
        metrics.ADMISSION_LIMIT.set(self.limit)
