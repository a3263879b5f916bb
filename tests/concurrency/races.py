"""Races of buyers: who commits, cancels, extends, expires, reclaims, sweeps, holds and returns at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from activities.reservations import ReservationActivities
from db import holding, reservations
from db.engine import Database
from domain.contracts.reservations import Decision
from domain.errors import HoldfastError
from domain.reservations import ReleaseReason
from domain.returns import ReturnItem, ReturnRequest
from gateway.commands.returns import ReturnCommands
from runtime.settings import Settings
from tests.concurrency.world import World
from tests.gateway.commands.desk import CALLER
from tests.stocking import settle_request

Act = Callable[[World, Database], Awaitable[Any]]
Prepare = Callable[[World], Awaitable[None]]
HOUR = 3600
SETTINGS = Settings()


@dataclass(frozen=True, slots=True)
class Race:
    """What is there before, and who does what at once. Whatever comes of it must come of doing one after the other.

    `then` is done afterwards in any case: what looks again after a moment anyhow, and may have been disturbed. Where
    the sweeper passes by some of a batch, shelves change in more steps than they would have: with `batches` how many,
    and so their news, is not compared.
    """

    name: str
    prepare: Prepare
    acts: dict[str, Act]
    then: Act | None = None
    batches: bool = False


def settles(decision: Decision, **said: Any) -> Act:
    """What the workflow of the hold that is there before does."""

    async def act(world: World, database: Database) -> Any:
        request = settle_request(world.things["held"].reservation_id, decision, **said)
        outcome = await ReservationActivities(database, SETTINGS).settle(request)
        return outcome.status, outcome.changed, outcome.returned

    return act


def buys(who: str, *wanted: tuple[str, int]) -> Act:
    """A hold for somebody."""

    async def act(world: World, database: Database) -> Any:
        row = await holding.hold(database, world.request(who, wanted))
        return row.status, sorted(line.quantity for line in row.lines)

    return act


async def sweeps(_world: World, database: Database) -> None:
    """The sweeper's batch. How many it found is not told: whom somebody else is settling it leaves to him."""
    async with database.single() as session:
        await reservations.expire_overdue(session, grace_seconds=0, batch_rows=100)


async def an_hour_passes(_world: World, database: Database) -> None:
    """The database's clock goes on, for everybody at once."""
    async with database.single() as session:
        await session.execute(
            text(f"select setval('races.ahead_seconds', last_value + {HOUR}) from races.ahead_seconds")
        )


def returns(name: str, quantity: int) -> Act:
    """Some of what was sold comes back."""

    async def act(world: World, database: Database) -> Any:
        request = ReturnRequest(
            return_id=world.id(f"return {name}"), items=(ReturnItem(sku=world.sku("A"), quantity=quantity),)
        )
        try:
            taken = await ReturnCommands(database).take_back(world.things["held"].reservation_id, request, CALLER)
        except HoldfastError as refusal:
            return refusal.code
        return taken.is_new

    return act


def a_hold(pieces: int = 4, *, on_shelf: int = 5, hold_seconds: int = 600) -> Prepare:
    """Before the race: a shelf, and somebody who holds some of it."""

    async def prepare(world: World) -> None:
        await world.shelf("A", on_shelf)
        world.things["held"] = await world.held("holder", ("A", pieces), hold_seconds=hold_seconds)

    return prepare


def a_sale(pieces: int) -> Prepare:
    """Before the race: a shelf, and somebody who has bought some of it."""

    async def prepare(world: World) -> None:
        await world.shelf("A", pieces + 1)
        world.things["held"] = await world.sold("holder", ("A", pieces))

    return prepare


def shelves(**pieces: int) -> Prepare:
    """Before the race: shelves, in the order of their rows' ids."""

    async def prepare(world: World) -> None:
        for name, quantity in pieces.items():
            await world.shelf(name, quantity)

    return prepare


async def _two_overdue_on_two_shelves(world: World) -> None:
    await world.shelf("A", 2)
    await world.shelf("B", 2)
    world.things["held"] = await world.held("holder", ("A", 1), ("B", 1), hold_seconds=0)
    await world.held("other", ("B", 1), ("A", 1), hold_seconds=-60)  # the later id is overdue for longer


async def _two_overdue_on_two_shelves_with_room(world: World) -> None:
    for name in ("A", "B"):
        await world.shelf(name, 3)
    await world.held("holder", ("A", 1), ("B", 1), hold_seconds=0)


async def _two_lines_held(world: World) -> None:
    await world.shelf("A", 3)
    await world.shelf("B", 3)
    world.things["held"] = await world.held("holder", ("A", 2), ("B", 2))


COMMITS, CANCELS = settles(Decision.COMMIT), settles(Decision.CANCEL)
EXPIRES, EXTENDS = settles(Decision.EXPIRE), settles(Decision.EXTEND, hold_seconds=2 * HOUR, number=1)
ORDER_CANCELLED = settles(Decision.CANCEL, reason=ReleaseReason.ORDER_CANCELLED)
OVERDUE = a_hold(hold_seconds=0)

RACES = (
    Race("commit, expiry", a_hold(), {"commit": COMMITS, "expire": EXPIRES, "clock": an_hour_passes}),
    Race("commit, cancel", a_hold(), {"commit": COMMITS, "cancel": CANCELS, "clock": an_hour_passes}),
    Race("commit, the same commit", a_hold(), {"workflow": COMMITS, "serve": COMMITS, "clock": an_hour_passes}),
    Race("commit, extend", a_hold(), {"commit": COMMITS, "extend": EXTENDS, "clock": an_hour_passes}),
    Race("extend, expiry", a_hold(), {"extend": EXTENDS, "expire": EXPIRES, "clock": an_hour_passes}),
    Race("cancel, expiry", a_hold(), {"cancel": CANCELS, "expire": EXPIRES, "clock": an_hour_passes}),
    Race("payment, cancelled order", a_hold(), {"commit": COMMITS, "cancel": ORDER_CANCELLED, "clock": an_hour_passes}),
    Race("sweeper, commit", a_hold(), {"sweep": sweeps, "commit": COMMITS, "clock": an_hour_passes}),
    Race("sweeper, extend", a_hold(), {"sweep": sweeps, "extend": EXTENDS, "clock": an_hour_passes}),
    Race("sweeper, sweeper", _two_overdue_on_two_shelves, {"sweep": sweeps, "other sweep": sweeps}),
    Race("hold, hold: the last piece", shelves(A=1), {"anna": buys("anna", ("A", 1)), "ben": buys("ben", ("A", 1))}),
    Race(
        "hold, hold: two lines crossing",
        shelves(A=1, B=1),
        {"anna": buys("anna", ("A", 1), ("B", 1)), "ben": buys("ben", ("B", 1), ("A", 1))},
    ),
    Race(
        "hold, hold, hold: two pieces",
        shelves(A=2),
        {name: buys(name, ("A", 1)) for name in ("anna", "ben", "cora")},
    ),
    Race("hold, hold: the same one", shelves(A=5), {"first": buys("anna", ("A", 2)), "again": buys("anna", ("A", 2))}),
    Race("hold, cancel", a_hold(), {"cancel": CANCELS, "hold": buys("anna", ("A", 3))}),
    Race("hold, commit", a_hold(), {"commit": COMMITS, "hold": buys("anna", ("A", 1))}),
    Race("reclaim, commit", a_hold(), {"hold": buys("anna", ("A", 3)), "commit": COMMITS, "clock": an_hour_passes}),
    Race("reclaim, extend", a_hold(), {"hold": buys("anna", ("A", 3)), "extend": EXTENDS, "clock": an_hour_passes}),
    Race("reclaim, cancel", OVERDUE, {"hold": buys("anna", ("A", 3)), "cancel": CANCELS}),
    Race("reclaim, sweeper", OVERDUE, {"hold": buys("anna", ("A", 3)), "sweep": sweeps}),
    Race(
        "reclaim, sweeper: two holds",
        _two_overdue_on_two_shelves,
        {"hold": buys("anna", ("A", 2), ("B", 1)), "sweep": sweeps},
    ),
    Race(
        "reclaim, sweeper, early return",
        _two_overdue_on_two_shelves,
        {"hold": buys("anna", ("A", 2), ("B", 1)), "sweep": sweeps, "return": returns("one", 1)},
        batches=True,
    ),
    Race(
        "sweeper, hold: two lines crossing",
        _two_overdue_on_two_shelves_with_room,
        {"sweep": sweeps, "hold": buys("anna", ("B", 1), ("A", 1))},
    ),
    Race(
        "reclaim, reclaim",
        _two_overdue_on_two_shelves,
        {"anna": buys("anna", ("A", 2), ("B", 1)), "ben": buys("ben", ("B", 2), ("A", 1))},
    ),
    Race("commit, early return", a_hold(), {"commit": COMMITS, "return": returns("one", 1), "clock": an_hour_passes}),
    Race("cancel, early return", a_hold(), {"cancel": CANCELS, "return": returns("one", 1), "clock": an_hour_passes}),
    Race("extend, early return", a_hold(), {"extend": EXTENDS, "return": returns("one", 1), "clock": an_hour_passes}),
    Race(
        "hold, commit: two lines crossing",
        _two_lines_held,
        {"commit": COMMITS, "hold": buys("anna", ("B", 1), ("A", 1))},
    ),
    Race("return, return", a_sale(4), {"return": returns("one", 3), "other return": returns("other", 3)}),
    Race("return, the same return", a_sale(4), {"return": returns("one", 2), "again": returns("one", 2)}),
    Race("return, cancelled order", a_sale(4), {"return": returns("one", 3), "cancel": ORDER_CANCELLED}),
)
