"""When the workflows of a crowd wake that is due at one instant: one after the other, not all at once.

Thousands of timers in one second keep a Temporal server from everything else for minutes, new reservations included.
Their stock does not wait for them: the sweeper frees it on time, and a buyer in need takes it. So only the first of
those who are due within a few seconds are woken by the clock, the others behind them. Known to this process alone, and
forgotten with it: an order that is kept loosely is enough.
"""

from __future__ import annotations

import math
from datetime import datetime

WAKES_PER_SECOND = 20
"""About a third of what one process can close; the rest is for those who buy."""

CROWD_SECONDS = 10
"""Deadlines of one such span are one crowd: a herd takes some seconds to be made, and does not wake twice as fast."""

LATE_SECONDS_MAX = 3_600.0
CROWDS_KEPT_MAX = 10_000


class Crowd:
    """Counts by span of deadlines."""

    def __init__(self, *, wakes_per_second: int = WAKES_PER_SECOND) -> None:
        self._wakes_per_second = wakes_per_second
        self._counts: dict[int, int] = {}

    def late_seconds(self, due_at: datetime) -> float:
        """Join those who are due then; answers how long after `due_at` to wake, in seconds, 0 unless it is crowded."""
        span = math.floor(due_at.timestamp() / CROWD_SECONDS)
        before = self._counts.pop(span, 0)
        if len(self._counts) >= CROWDS_KEPT_MAX:
            del self._counts[next(iter(self._counts))]
        self._counts[span] = before + 1
        behind = max(0, before - self._wakes_per_second * CROWD_SECONDS + 1)
        return min(LATE_SECONDS_MAX, behind / self._wakes_per_second)
