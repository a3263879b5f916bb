"""Races of transfers, with each other, with other staff and with buyers."""

from __future__ import annotations

from typing import Any

from activities.transfers import TransferActivities
from db.engine import Database
from domain.operations import Step
from runtime.settings import Settings
from tests.concurrency.operation_races import ANNA, adjusts, counted_in_a_file, decision, row_deleted, told
from tests.concurrency.races import Act, Prepare, Race
from tests.concurrency.world import World
from tests.transferring import Road, lines

SETTINGS = Settings(transfer_approval_threshold=100)


def a_road(*, at_target: int | None = 5, shipped: bool = False, pieces: int = 5) -> Prepare:
    """Before the race: 3 pieces to go from W to V, or on the road already; `at_target` None: no such row there."""

    async def prepare(world: World) -> None:
        await world.shelf("A", pieces)
        target = await world.warehouse("V")
        if at_target is not None:
            await world.shelf("A", at_target, at="V")
        activities = TransferActivities(world.database, SETTINGS)
        road = Road(world.database, world.warehouses["W"], target, {}, activities)
        request = await (road.shipped if shipped else road.opened)(**{world.sku("A"): 3})
        world.things["transfer"] = request.transfer_id

    return prepare


def transfers(step: Step, pieces: int | None = None, **said: Any) -> Act:
    """A step of the transfer; all of it, unless pieces are said."""

    async def act(world: World, database: Database) -> Any:
        some = {"lines": lines(**{world.sku("A"): pieces})} if pieces else {}
        request = decision(step, world.things["transfer"], **some, **said)
        return told(await TransferActivities(database, SETTINGS).take(request))

    return act


async def _two_roads_crossing(world: World) -> None:
    for place in ("W", "V"):
        for name in ("A", "B"):
            await world.shelf(name, 3, at=place)
    for name, there, back in (("there", "W", "V"), ("back", "V", "W")):
        road = Road(
            world.database,
            world.warehouses[there],
            world.warehouses[back],
            {},
            TransferActivities(world.database, SETTINGS),
        )
        wanted = ("A", "B") if name == "there" else ("B", "A")
        request = await road.shipped(**{world.sku(one): 2 for one in wanted})
        world.things[name] = request.transfer_id


def arrives(name: str) -> Act:
    """All of one of two transfers."""

    async def act(world: World, database: Database) -> Any:
        request = decision(Step.RECEIVE, world.things[name])
        return told(await TransferActivities(database, SETTINGS).take(request))

    return act


TRANSFER_RACES = (
    Race("transfer ship, adjustment", a_road(), {"ship": transfers(Step.SHIP), "adjust": adjusts(-3)}),
    Race("transfer ship, hold", a_road(at_target=0), {"ship": transfers(Step.SHIP), "hold": ANNA}),
    Race("transfer ship, cancel", a_road(), {"ship": transfers(Step.SHIP), "cancel": transfers(Step.CANCEL)}),
    Race(
        "transfer receive, adjustment",
        a_road(shipped=True),
        {"receive": transfers(Step.RECEIVE), "adjust": adjusts(-3, shelf="A@V")},
    ),
    Race(
        "transfer receive, hold",
        a_road(shipped=True, pieces=3, at_target=0),
        {"receive": transfers(Step.RECEIVE), "hold": ANNA},
    ),
    Race(
        "transfer receive, receive: too much together",
        a_road(shipped=True),
        {"receive": transfers(Step.RECEIVE, 2), "receive again": transfers(Step.RECEIVE, 2)},
    ),
    Race(
        "transfer receive, the same receipt",
        a_road(shipped=True),
        {name: transfers(Step.RECEIVE, 1, receipt_id="slip") for name in ("receive", "receive again")},
    ),
    Race(
        "transfer receive, cancel",
        a_road(shipped=True),
        {"receive": transfers(Step.RECEIVE, 1), "cancel": transfers(Step.CANCEL)},
    ),
    Race("transfers crossing", _two_roads_crossing, {"there": arrives("there"), "back": arrives("back")}),
    Race(
        "transfer receive, import: the same new row",
        a_road(shipped=True, at_target=None),
        {"receive": transfers(Step.RECEIVE), "import": counted_in_a_file("V")},
    ),
    Race(
        "row deleted, transfer ship",
        a_road(pieces=3, at_target=0),
        {"delete": row_deleted, "ship": transfers(Step.SHIP)},
    ),
)
