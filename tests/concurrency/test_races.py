"""Each race, in some of its schedules; `make races` tries all of them. The names are the table of what is covered."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from runtime.settings import Settings
from tests.concurrency.explorer import Explorer, explorer
from tests.concurrency.operation_races import OPERATION_RACES
from tests.concurrency.races import RACES, Race
from tests.concurrency.transfer_races import TRANSFER_RACES

SCHEDULES = 4
SEED = 20261128


@pytest.fixture(scope="module")
async def races(database: Settings) -> AsyncIterator[Explorer]:
    async with explorer(database) as opened:
        yield opened


@pytest.mark.parametrize("race", [*RACES, *OPERATION_RACES, *TRANSFER_RACES], ids=lambda race: race.name)
async def test_nothing_comes_of_doing_it_at_once_that_does_not_come_of_one_after_the_other(
    races: Explorer, race: Race
) -> None:
    found = await races.explore(race, interruptions_max=2, schedules_max=SCHEDULES, dice=random.Random(SEED))
    assert found.wrong == []
    assert found.met <= found.legal
