"""Holds that are under way in this process: what each is about to take, and when its fate is known.

A hint for planning and nothing more: only Postgres says what there is, and other processes have holds of their own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID

from domain.allocation import Level, Plan


class UnderWay:
    """Plans whose holds have begun and not ended."""

    def __init__(self) -> None:
        self._plans: dict[asyncio.Future[None], Plan] = {}

    @contextmanager
    def taking(self, planned: Plan) -> Iterator[None]:
        """The plan is under way while the context is open."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._plans[ended] = planned
        try:
            yield
        finally:
            del self._plans[ended]
            ended.set_result(None)

    def left_of(self, levels: Sequence[Level]) -> Sequence[Level]:
        """The same shelves without the pieces that somebody is about to take; themselves when nobody takes any."""
        taken: Counter[UUID] = Counter()
        for planned in self._plans.values():
            for pick in planned.picks:
                taken[pick.inventory_id] += pick.quantity
        if taken.keys().isdisjoint(level.inventory_id for level in levels):
            return levels
        return [
            replace(level, quantity_available=max(0, level.quantity_available - pieces))
            if (pieces := taken[level.inventory_id])
            else level
            for level in levels
        ]

    async def ended(self, levels: Sequence[Level], *, seconds_max: float) -> None:
        """Wait until everything that is under way at these shelves now has ended, at most `seconds_max`."""
        shelves = {level.inventory_id for level in levels}
        rivals = [end for end, it in self._plans.items() if any(pick.inventory_id in shelves for pick in it.picks)]
        if rivals:
            await asyncio.wait(rivals, timeout=seconds_max)
