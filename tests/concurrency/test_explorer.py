"""The explorer itself: it tries each schedule once, and finds what is wrong on purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from db.engine import Database
from runtime.settings import Settings
from tests.concurrency.explorer import Explorer, explorer
from tests.concurrency.races import Act, Race, buys, shelves
from tests.concurrency.schedules import Follow, Frontier
from tests.concurrency.world import World

_LOCK = text("select 1 from inventory where inventory_id = :id for no key update")
_LOCK_NOW = text("select 1 from inventory where inventory_id = :id for no key update nowait")
_READ = text("select reorder_point from inventory where inventory_id = :id")
_WRITE = text("update inventory set reorder_point = :point where inventory_id = :id")


@pytest.fixture(scope="module")
async def races(database: Settings) -> AsyncIterator[Explorer]:
    async with explorer(database) as opened:
        yield opened


def _all_schedules(steps: tuple[int, ...], interruptions_max: int) -> list[tuple[int, ...]]:
    frontier, tried = Frontier(interruptions_max), []
    while len(frontier):
        followed, left = Follow(frontier.pop()), list(steps)
        while able := tuple(number for number, count in enumerate(left) if count):
            left[followed.choose(able)] -= 1
        frontier.learn(followed)
        tried.append(tuple(choice.chosen for choice in followed.choices))
    return tried


@pytest.mark.parametrize(
    ("steps", "interruptions_max", "count"),
    [((2, 2), 9, 6), ((3, 3), 9, 20), ((2, 2, 2), 9, 90), ((3, 3), 0, 2), ((3, 3), 1, 6), ((4, 0), 9, 1)],
)
def test_every_schedule_is_tried_once(steps: tuple[int, ...], interruptions_max: int, count: int) -> None:
    tried = _all_schedules(steps, interruptions_max)
    assert len(tried) == len(set(tried)) == count


def _raises_point(*, under_lock: bool) -> Act:
    async def act(world: World, database: Database) -> None:
        row = {"id": world.stock["A"].inventory_id}
        async with database.write() as session:
            if under_lock:
                await session.execute(_LOCK, row)
            point = (await session.execute(_READ, row)).scalar_one()
            await session.execute(_WRITE, {**row, "point": point + 1})

    return act


def _locks(*names: str) -> Act:
    async def act(world: World, database: Database) -> None:
        async with database.write() as session:
            for name in names:
                await session.execute(_LOCK, {"id": world.stock[name].inventory_id})

    return act


async def test_a_lost_update_is_found_and_told_step_by_step(races: Explorer) -> None:
    acts = {name: _raises_point(under_lock=False) for name in ("anna", "ben")}
    found = await races.explore(Race("lost update", shelves(A=1), acts), interruptions_max=2)
    assert found.untried == 0
    assert found.wrong_count > 0
    assert "anna: select inventory → ben: select inventory → " in found.wrong[0]
    assert found.wrong_count < found.schedules


async def test_the_same_under_a_lock_has_nothing_to_find(races: Explorer) -> None:
    acts = {name: _raises_point(under_lock=True) for name in ("anna", "ben")}
    found = await races.explore(Race("update", shelves(A=1), acts), interruptions_max=9)
    assert (found.wrong, found.untried, len(found.met)) == ([], 0, 1)


async def test_two_that_wait_for_each_other_are_found(races: Explorer) -> None:
    acts = {"anna": _locks("A", "B"), "ben": _locks("B", "A")}
    found = await races.explore(Race("circle", shelves(A=1, B=1), acts), interruptions_max=1, schedules_max=4)
    assert any("ends in a deadlock" in wrong for wrong in found.wrong)


async def test_an_error_that_nobody_would_have_met_alone_is_found(races: Explorer) -> None:
    async def impatient(world: World, database: Database) -> None:
        async with database.write() as session:
            await session.execute(_LOCK_NOW, {"id": world.stock["A"].inventory_id})

    acts = {"anna": buys("anna", ("A", 1)), "ben": impatient}
    found = await races.explore(Race("impatience", shelves(A=1), acts), interruptions_max=1)
    assert any("Unavailable" in wrong for wrong in found.wrong)
