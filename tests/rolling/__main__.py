"""`python -m tests.rolling --seconds 180`: replace every process in turn under load. Exit code 0: no request failed.

In one round the successor is ready before the old process is told to stop, as a Kubernetes Deployment with maxSurge
does it; in the next one the old process goes first, as the supervisor of a machine does it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from db.engine import Database
from holdfast.bench.report import commit_of_checkout, machine_facts
from holdfast.demo.news import open_newsroom
from tests.reports import keep_report
from tests.rolling.fleet import Fleet, Replacement, running_fleet
from tests.rolling.judge import SHOWN_MAX, findings
from tests.rolling.load import PIECES, Diary, Shop, customers, keep_ordering
from tests.rolling.report import as_text, summary
from tests.stocking import add_stock, add_warehouse

CUSTOMERS = {"rest": 8, "grpc": 4, "kafka": 3, "staff": 1}
SKUS = 40
CALM_SECONDS = (1.0, 2.5)
"""Between two replacements, so that there is something to compare with."""


def main() -> int:
    """Parse, replace, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.rolling", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="how long, at least, once everything runs")
    parser.add_argument("--seed", type=int, default=7, help="of customers and of the order of replacements")
    parser.add_argument("--report", type=Path, help="a file for the JSON; a text of the same name stands beside it")
    given = parser.parse_args()
    found = asyncio.run(rolled(given.seconds, given.seed))
    text = as_text(found)
    if given.report:
        keep_report(given.report, found, text)
    sys.stdout.write(text)
    return 1 if found["wrongCount"] else 0


async def rolled(seconds: float, seed: int) -> dict[str, Any]:
    """Everything that was found in at least `seconds` of replacing, and whole rounds of it."""
    async with running_fleet() as fleet:
        database = Database.connect(fleet.settings, process="tests")
        async with open_newsroom(fleet.settings) as news:
            shop, diary = await _furnished(database), Diary()
            async with customers(fleet.settings, shop, diary, news, counts=CUSTOMERS, seed=seed) as people:
                began = time.perf_counter()
                replacements = await _under_load(people, fleet, seconds, seed)
            wrong = await findings(database, news, diary)
        wrong += [f"{it.process} ended with {it.code} when told to stop" for it in replacements if it.code]
        wrong += [f"{name} died" for name in fleet.died()] + fleet.complaints()
        await database.close()
        return {
            "measuredAt": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit_of_checkout(),
            "machine": machine_facts(),
            "seconds": round(time.perf_counter() - began),
            "seed": seed,
            "customers": CUSTOMERS,
            "wrongCount": len(wrong),
            "wrong": wrong[:SHOWN_MAX],
            "events": len(news.seen),
            **summary(diary, replacements, began),
        }


async def _under_load(people: list[Any], fleet: Fleet, seconds: float, seed: int) -> list[Replacement]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(keep_ordering(person, stop))
        replacements = await _rounds(fleet, seconds, random.Random(seed))
        stop.set()
    return replacements


async def _rounds(fleet: Fleet, seconds: float, dice: random.Random) -> list[Replacement]:
    """Whole rounds until the time is up; in each, every process once, in an order of its own."""
    replacements: list[Replacement] = []
    deadline = time.perf_counter() + seconds
    successor_first = True
    while time.perf_counter() < deadline:
        for name in dice.sample(sorted(fleet.running), k=len(fleet.running)):
            await asyncio.sleep(dice.uniform(*CALM_SECONDS))
            replacements.append(await fleet.replace(name, successor_first=successor_first))
        successor_first = not successor_first
    return replacements


async def _furnished(database: Database) -> Shop:
    """Ample stock: shortage is not what is looked for."""
    place = await add_warehouse(database)
    rows = [await add_stock(database, PIECES, sku=f"ROLL-{number}", warehouse=place) for number in range(SKUS)]
    return Shop(tuple(row.sku for row in rows), tuple(str(row.inventory_id) for row in rows))


if __name__ == "__main__":
    sys.exit(main())
