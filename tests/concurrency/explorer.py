"""Runs a race in its schedules and judges each: nothing may come of it that does not come of one after the other.

The orders are tried first, by nobody but the product itself: what it answers and leaves, news and ledger included, is
what is legal. So a lost update, two winners, a half effect or an error that nobody would have met alone all show.
"""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db import invariants
from db.engine import Database
from domain.errors import HoldfastError
from runtime.settings import Settings
from tests.concurrency.races import HOUR, Prepare, Race
from tests.concurrency.schedules import Follow, Frontier
from tests.concurrency.stage import Ran, Stage, stage
from tests.concurrency.world import World

YEARS = timedelta(days=10_000)
"""The clock of a stage is soon days ahead: no news is too old to be looked at there, and nothing waits too long."""

WRONG_MAX = 3
"""Schedules that went wrong are told in full up to so many; all are counted."""

_LATER = text(f"select setval('races.ahead_seconds', last_value + {2 * HOUR}) from races.ahead_seconds")
_SWEEP = text("select count(*) from expire_overdue(interval '0', 1000, null)")


@dataclass(slots=True)
class Explored:
    """What came of a race: schedules tried and left untried, outcomes that are legal and those met, what was wrong."""

    name: str
    acts: tuple[str, ...]
    legal: frozenset[str]
    schedules: int = 0
    untried: int = 0
    stops_max: int = 0
    met: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    wrong_count: int = 0
    seconds: float = 0.0

    def blame(self, what: str) -> None:
        """Something that must not be."""
        self.wrong_count += 1
        if len(self.wrong) < WRONG_MAX:
            self.wrong.append(what)

    def summary(self) -> dict[str, Any]:
        """For a report."""
        return {
            "race": self.name,
            "acts": list(self.acts),
            "schedules": self.schedules,
            "untried": self.untried,
            "stopsMax": self.stops_max,
            "legalOutcomes": len(self.legal),
            "outcomesMet": len(self.met),
            "wrongCount": self.wrong_count,
            "wrong": self.wrong,
            "seconds": round(self.seconds, 2),
        }


@dataclass(slots=True)
class Explorer:
    """One stage, and a referee who sets it and looks at it."""

    stage: Stage
    referee: Database
    _worlds: Any = field(default_factory=lambda: itertools.count(1))
    _legal: dict[str, frozenset[str]] = field(default_factory=dict)

    async def explore(
        self,
        race: Race,
        *,
        interruptions_max: int,
        schedules_max: int | None = None,
        dice: random.Random | None = None,
        until_wrong: bool = False,
    ) -> Explored:
        """Try schedules with up to so many interruptions, all of them or as many as `schedules_max`."""
        began = time.monotonic()
        found = Explored(race.name, tuple(race.acts), legal=await self.legal(race))
        frontier = Frontier(interruptions_max, dice)
        while len(frontier) and (schedules_max is None or found.schedules < schedules_max):
            followed = Follow(frontier.pop())
            await self._try(race, followed, found)
            frontier.learn(followed)
            if until_wrong and found.wrong:
                break
        found.untried = len(frontier)
        if not until_wrong:
            for violation in await self.violations():
                found.blame(f"invariant: {violation}")
        found.seconds = time.monotonic() - began
        return found

    async def legal(self, race: Race) -> frozenset[str]:
        """What comes of a race's acts one after the other, in every order; found out once."""
        if race.name not in self._legal:
            orders = itertools.permutations(race.acts)
            self._legal[race.name] = frozenset([await self._in_order(race, order) for order in orders])
        return self._legal[race.name]

    async def violations(self) -> list[invariants.Violation]:
        """What must always be true and is not, of everything that was ever done on this stage."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(invariants, "OUTBOX_KEPT", YEARS)
            return await invariants.violations_of(self.referee, overdue_lag_seconds=YEARS.total_seconds())

    async def _in_order(self, race: Race, order: Sequence[str]) -> str:
        world = await self.world(race.prepare)
        answers = {name: _told(await _alone(race, name, world)) for name in order}
        return _outcome(answers, await self._afterwards(race, world))

    async def _try(self, race: Race, followed: Follow, found: Explored) -> None:
        world = await self.world(race.prepare)
        acts = [lambda database, act=act: act(world, database) for act in race.acts.values()]
        ran = await self.stage.run(acts, followed.choose)
        answers = dict(zip(race.acts, map(_told, ran.answers), strict=True))
        outcome = _outcome(answers, await self._afterwards(race, world))
        found.schedules += 1
        found.stops_max = max(found.stops_max, len(ran.steps))
        found.met.add(outcome)
        if outcome not in found.legal:
            found.blame(f"{_story(race, ran)}\n    comes to {outcome}")
        if ran.deadlocked:
            found.blame(f"{_story(race, ran)}\n    ends in a deadlock")

    async def world(self, prepare: Prepare) -> World:
        """A world of its own in which everything is ready."""
        world = World(next(self._worlds), self.referee)
        await prepare(world)
        return world

    async def _afterwards(self, race: Race, world: World) -> Any:
        """What is left of it; and what still holds something is swept away, so that no later race meets it."""
        if race.then:
            await race.then(world, self.referee)
        seen = await world.seen()
        if race.batches:
            for shelf in seen["stock"]:
                del shelf["news"], shelf["alerts"]
        async with self.referee.single() as session:
            await session.execute(_LATER)
            await session.execute(_SWEEP)
        return seen


@asynccontextmanager
async def explorer(settings: Settings) -> AsyncIterator[Explorer]:
    """An explorer in a migrated database of its own, which nobody is connected to yet."""
    async with stage(settings) as staged:
        referee = Database.connect(settings, process="referee")
        try:
            yield Explorer(staged, referee)
        finally:
            await referee.close()


async def _alone(race: Race, name: str, world: World) -> Any:
    try:
        return await race.acts[name](world, world.database)
    except HoldfastError as error:
        return error


def _told(answer: Any) -> Any:
    return f"{type(answer).__name__}: {answer}"[:300] if isinstance(answer, BaseException) else answer


def _outcome(answers: dict[str, Any], seen: Any) -> str:
    return json.dumps({"answers": answers, **seen}, sort_keys=True, default=str)


def _story(race: Race, ran: Ran) -> str:
    """Who went on from where, in order."""
    names = tuple(race.acts)
    told: Sequence[str] = [f"{names[number]}: {where}" for number, where in ran.steps]
    return " → ".join(told)
