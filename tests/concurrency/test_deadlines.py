"""A deadline that passes while somebody waits for the lock has passed: no outcome would show it, so it is asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from runtime.settings import Settings
from tests.concurrency.explorer import Explorer, explorer
from tests.concurrency.races import CANCELS, COMMITS, EXTENDS, Act, a_hold, an_hour_passes, returns


@pytest.fixture(scope="module")
async def races(database: Settings) -> AsyncIterator[Explorer]:
    async with explorer(database) as opened:
        yield opened


@pytest.mark.parametrize("late", [COMMITS, CANCELS, EXTENDS], ids=["commit", "cancel", "extend"])
async def test_whoever_has_waited_past_the_deadline_expires_the_hold(races: Explorer, late: Act) -> None:
    """Somebody looks at the reservation under its lock; the other comes, waits, and meets another hour."""
    world = await races.world(a_hold())
    looking, waiting, clock = range(3)
    wanted = iter([looking, looking, waiting, clock])
    acts = [lambda database, act=act: act(world, database) for act in (returns("one", 1), late, an_hour_passes)]
    ran = await races.stage.run(acts, lambda able: next(wanted, able[0]))
    assert [number for number, _ in ran.steps[:4]] == [looking, looking, waiting, clock]
    assert ran.answers[0] == "reservation_not_sold"
    assert ran.answers[1][:2] == ("EXPIRED", True)
    assert await races.violations() == []
