"""When the workflows of a crowd wake that is due at one instant: one after the other, not all at once.

Thousands of timers in one second keep a Temporal server from everything else for minutes, new reservations included.
Their stock does not wait for them: the sweeper frees it on time, and a buyer in need takes it. So each second of a
crowd has room for some, and whoever finds his full wakes after a breath, in the next that has room. Known to this
process alone, and forgotten with it: an order that is kept loosely is enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

WAKES_PER_SECOND = 30
"""What one process closes beside its customers: at 36 a second their holds took 28 ms (p95), not 18, on two cores."""

WAKES_PER_SECOND_BESIDE = 5
"""Of a process that is given only what a serving one was too busy for: its crowd wakes beside that one's."""

BREATH_SECONDS = 20
"""Between the second of who is late and his waking: the sweeper has his stock free meanwhile, and nobody stands in its
way, nor in that of customers who come for it."""

CROWD_SECONDS = 10
"""Who is due so near to the first of a crowd is of it. The next begins after that, whatever is left of this one: in a
stream that is a little too quick nobody gets later and later."""

LATE_SECONDS_MAX = 3_600.0
CROWDS_KEPT_MAX = 10_000


@dataclass(slots=True)
class _Seconds:
    """Of one crowd, counted from its first deadline: how many wake in each, where there is room behind a full one."""

    first: float
    taken: dict[int, int] = field(default_factory=dict)
    behind: dict[int, int] = field(default_factory=dict)

    def take(self, second: int, room: int) -> float:
        """Take a place in this second or, with a breath between, behind it; answers its instant, in seconds from the
        first deadline.
        """
        if second in self.behind:
            second += BREATH_SECONDS
        passed = []
        while (onward := self.behind.get(second)) is not None:
            passed.append(second)
            second = onward
        self.behind.update(dict.fromkeys(passed, second))
        before = self.taken.get(second, 0)
        if before + 1 < room:
            self.taken[second] = before + 1
        else:
            self.taken.pop(second, None)
            self.behind[second] = second + 1
        return second + before / room


class Crowd:
    """The crowds of a process, each known by the deadline of who came first."""

    def __init__(self, *, wakes_per_second: int) -> None:
        self._wakes_per_second = wakes_per_second
        self._crowds: dict[int, _Seconds] = {}

    def late_seconds(self, due_at: datetime) -> float:
        """Join those who are due then; answers how long after `due_at` to wake, in seconds, 0 unless it is crowded."""
        due = due_at.timestamp()
        crowd = self._crowd_of(due)
        waited = due - crowd.first
        second = math.floor(waited)
        wakes = crowd.take(second, self._wakes_per_second)
        return min(LATE_SECONDS_MAX, wakes - waited) if wakes >= second + 1 else 0.0

    def _crowd_of(self, due: float) -> _Seconds:
        place = math.floor(due / CROWD_SECONDS)
        for near in (place - 1, place, place + 1):
            crowd = self._crowds.get(near)
            if crowd is not None and abs(crowd.first - due) < CROWD_SECONDS:
                self._crowds[near] = self._crowds.pop(near)
                return crowd
        if len(self._crowds) >= CROWDS_KEPT_MAX:
            del self._crowds[next(iter(self._crowds))]
        return self._crowds.setdefault(place, _Seconds(due))
