"""How many new holds may be in flight: a sale that is paid for comes before a new hold.

Commits, cancels and reads never wait here, but commits and cancels in work take up room: what a hold brings is not
done when it is answered, and a gate that forgot the rest would let in waves. The limit follows what holds and commits
experience: additive increase while they are quick, multiplicative decrease when they are slow (Chiu & Jain, 1989).
A burst is let in whole; a queue that stays is not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import Saturated
from runtime import metrics

LIMIT_MIN = 8
DECREASE = 0.8
DECREASE_PAUSE_SECONDS = 0.25
"""One decrease answers one episode of slowness, not every request in it."""

RETURNS_PER_SECOND = 100.0
"""How many of those who were sent away may come back in a second: to send them away again costs a tenth of a core."""

RETURN_SECONDS_MIN, RETURN_SECONDS_MAX = 1.0, 30.0


class Admission:
    """A gate for holds of one serving process."""

    def __init__(self, *, in_work_max: int, target_seconds: float) -> None:
        self._in_work_max = in_work_max
        self._target_seconds = target_seconds
        self._limit_min = float(min(LIMIT_MIN, in_work_max))
        self._limit = float(in_work_max)
        self._begun: dict[object, float] = {}
        self._waiting = 0
        self._decreased_at = 0.0
        self._next_return_at = 0.0
        metrics.ADMISSION_LIMIT.set(in_work_max)

    @property
    def limit(self) -> int:
        """Holds, commits and cancels that may be in work at this moment before a hold is sent away."""
        return int(self._limit)

    def check(self) -> None:
        """Raise Saturated while no hold would be let in: asked before anything is read for one."""
        self._notice_waiting()
        if len(self._begun) >= self.limit:
            raise self._sent_away()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Pass with one hold, or raise Saturated at once; its duration is observed."""
        self.check()
        with self.settling():
            yield

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Pass with one who waits for others before his own hold, or raise Saturated: no more wait than may work.

        Without end they would be a queue of their own, which asks again all at once whenever it moves.
        """
        if self._waiting >= self._in_work_max:
            raise self._sent_away()
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    @contextmanager
    def settling(self) -> Iterator[None]:
        """Pass with a commit or a cancel, always; it takes up room, and its duration is observed."""
        ticket = object()
        begin = self._begun[ticket] = time.perf_counter()
        metrics.ADMISSION_INFLIGHT.set(len(self._begun))
        try:
            yield
        finally:
            self.observe(time.perf_counter() - begin)
            del self._begun[ticket]
            metrics.ADMISSION_INFLIGHT.set(len(self._begun))

    def observe(self, seconds: float) -> None:
        """Learn from how long a hold, a commit or a cancel took."""
        if seconds > self._target_seconds:
            self._decrease()
        else:
            self._limit = min(float(self._in_work_max), self._limit + 1 / self._limit)
            metrics.ADMISSION_LIMIT.set(self.limit)

    def _sent_away(self) -> Saturated:
        metrics.ADMISSION_SHED.inc()
        return Saturated(retry_after_seconds=self._return_seconds())

    def _return_seconds(self) -> float:
        """When to come back: one after the other, or a crowd that was sent away comes back as a crowd."""
        now = time.monotonic()
        turn = max(now + RETURN_SECONDS_MIN, min(now + RETURN_SECONDS_MAX, self._next_return_at))
        self._next_return_at = turn + 1 / RETURNS_PER_SECOND
        return turn - now

    def _notice_waiting(self) -> None:
        """What is slow already counts before it is done: a queue is seen while it grows."""
        oldest = next(iter(self._begun.values()), None)
        if oldest is not None and time.perf_counter() - oldest > self._target_seconds:
            self._decrease()

    def _decrease(self) -> None:
        """From what is in work, when that is less than the limit: a limit that was never met says nothing."""
        now = time.monotonic()
        if now - self._decreased_at > DECREASE_PAUSE_SECONDS:
            self._decreased_at = now
            met = min(self._limit, float(len(self._begun)))
            self._limit = max(self._limit_min, met * DECREASE)
            metrics.ADMISSION_LIMIT.set(self.limit)
