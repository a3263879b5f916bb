"""Races of staff, suppliers, files and those who wait in line, with each other and with buyers."""

from __future__ import annotations

import uuid
from typing import Any

from temporalio.exceptions import ApplicationError

from activities.adjustments import AdjustmentActivities
from activities.purchase_orders import PurchaseOrderActivities
from db import products, waitlist, waitlist_offers
from db.availability_view import AvailabilityView
from db.engine import Database
from domain.contracts.adjustments import AdjustmentRequest
from domain.contracts.events import ProductDeleted
from domain.contracts.operations import StaffDecision, StepOutcome, StepRequest
from domain.errors import HoldfastError
from domain.imports import ImportLine
from domain.operations import Step
from domain.stock import MovementType
from gateway.commands.imports import ImportCommands
from gateway.commands.stock import StockCommands
from runtime.settings import Settings
from tests import buying
from tests.concurrency.races import COMMITS, Act, Prepare, Race, a_hold, a_sale, buys, returns, shelves
from tests.concurrency.world import World
from tests.gateway.commands.desk import CALLER
from tests.lines import join
from tests.stocking import TESTER
from tests.transferring import BOSS

SETTINGS = Settings(adjustment_approval_threshold=100)
NOWHERE = Settings(redis_port=1)
"""A view that nobody answers for: what is committed does not depend on it."""


def told(outcome: StepOutcome) -> Any:
    """What a step answers, without ids and times."""
    return outcome.status, outcome.changed, outcome.refusal_code


def decision(step: Step, operation_id: uuid.UUID, **said: Any) -> StepRequest:
    """A step of somebody who did not ask for the operation; `said` are fields of the decision."""
    said_by_boss = StaffDecision(decision_id=str(uuid.uuid4()), actor_id=BOSS.actor_id, actor_name=BOSS.name, **said)
    return StepRequest(operation_id=operation_id, step=step, decision=said_by_boss)


# Adjustments


def _adjustment(world: World, name: str, delta: int, shelf: str = "A") -> AdjustmentRequest:
    return AdjustmentRequest(
        adjustment_id=world.id(name),
        inventory_id=world.stock[shelf].inventory_id,
        delta=delta,
        type=MovementType.ADJUSTMENT,
        reason="counted",
        actor_id=TESTER.actor_id,
        actor_name=TESTER.name,
    )


def adjusts(delta: int, *, shelf: str = "A") -> Act:
    """A change by hand that one person may make."""

    async def act(world: World, database: Database) -> Any:
        try:
            outcome = await AdjustmentActivities(database, SETTINGS).open(_adjustment(world, "small", delta, shelf))
        except ApplicationError as refusal:
            return refusal.type
        return told(outcome)

    return act


def waits_for_approval(delta: int, *, pieces: int, free: int) -> Prepare:
    """Before the race: a shelf, some of it held, and a change that somebody else has to approve."""

    async def prepare(world: World) -> None:
        await world.shelf("A", pieces)
        await world.held("holder", ("A", pieces - free))
        await AdjustmentActivities(world.database, SETTINGS).open(_adjustment(world, "large", delta))

    return prepare


def decides(step: Step) -> Act:
    """A decision about the change that waits."""

    async def act(world: World, database: Database) -> Any:
        return told(await AdjustmentActivities(database, SETTINGS).take(decision(step, world.id("large"))))

    return act


# Purchase orders


def an_order(*, pieces: int = 0, wish: int = 0) -> Prepare:
    """Before the race: 3 pieces ordered for a shelf, and perhaps somebody who waits for some."""

    async def prepare(world: World) -> None:
        item = await world.shelf("A", pieces)
        order = await buying.sent(world.database, await buying.draft_of(world.database, item, quantity=3))
        world.things["order"] = order
        if wish:
            await _stand_in_line(world, "waiter", wish)

    return prepare


def delivered(receipt: str, pieces: int = 3) -> Act:
    """What was ordered arrives, or some of it."""

    async def act(world: World, database: Database) -> Any:
        request = buying.arrival(world.things["order"], receipt, **{world.sku("A"): pieces})
        return told(await PurchaseOrderActivities(database, Settings(purchase_over_receipt_percent=0)).take(request))

    return act


async def order_cancelled(world: World, database: Database) -> Any:
    """The order is taken back."""
    request = buying.step(world.things["order"], Step.CANCEL)
    return told(await PurchaseOrderActivities(database, Settings()).take(request))


# The waitlist


async def _stand_in_line(world: World, who: str, quantity: int) -> None:
    await join(world.database, world.sku("A"), quantity, entry_id=world.id(who), order_id=f"{world.key}{who}")


def a_line(*, pieces: int, **wishes: int) -> Prepare:
    """Before the race: some pieces, and those who wait for them, in this order."""

    async def prepare(world: World) -> None:
        await world.shelf("A", pieces)
        for who, quantity in wishes.items():
            await _stand_in_line(world, who, quantity)

    return prepare


async def offers(world: World, database: Database) -> None:
    """The waker serves the line. What it answers is not told: it passes by while another has the line."""
    while await waitlist_offers.offer_next(database, world.sku("A")):
        pass


def withdraws(who: str) -> Act:
    """Somebody leaves the line."""

    async def act(world: World, database: Database) -> Any:
        return await database.writing(lambda session: waitlist.withdraw(session, [world.id(who)], None))

    return act


# Rows


def counted_in_a_file(where: str = "W") -> Act:
    """A file says that there are four in a warehouse, whatever there was, if anything."""

    async def act(world: World, database: Database) -> Any:
        line = ImportLine(
            line=1,
            sku=world.sku("A"),
            product_id=world.stock["A"].product_id,
            warehouse=world.warehouses[where].code,
            quantity=4,
        )
        commands = ImportCommands(database, AvailabilityView.connect(NOWHERE), SETTINGS)
        [outcome] = await commands.apply(world.id("import"), [line], CALLER)
        return outcome.result, [problem.code for problem in outcome.problems]

    return act


async def product_deleted(world: World, database: Database) -> Any:
    """The product is no longer sold."""
    deleted = ProductDeleted(product_id=world.stock["A"].product_id)
    return (await database.writing(lambda session: products.retire_rows(session, deleted, CALLER.actor, None))).name


async def row_deleted(world: World, database: Database) -> Any:
    """Somebody takes the row out of use."""
    commands = StockCommands(database, AvailabilityView.connect(NOWHERE), SETTINGS)
    try:
        await commands.delete(world.stock["A"].inventory_id, CALLER, expected_version=None)
    except HoldfastError as refusal:
        return refusal.code
    return "deleted"


ANNA = buys("anna", ("A", 3))

OPERATION_RACES = (
    Race(
        "adjustment approve, hold",
        waits_for_approval(-150, pieces=160, free=152),
        {"approve": decides(Step.APPROVE), "hold": ANNA},
    ),
    Race(
        "adjustment approve, approve",
        waits_for_approval(-150, pieces=160, free=152),
        {"approve": decides(Step.APPROVE), "approve again": decides(Step.APPROVE)},
    ),
    Race(
        "adjustment approve, reject",
        waits_for_approval(-150, pieces=160, free=152),
        {"approve": decides(Step.APPROVE), "reject": decides(Step.REJECT)},
    ),
    Race("count by a file, hold", shelves(A=5), {"import": counted_in_a_file(), "hold": ANNA}),
    Race("count by a file, commit", a_hold(2), {"import": counted_in_a_file(), "commit": COMMITS}),
    Race("purchase receipt, hold", an_order(pieces=1), {"receive": delivered("slip"), "hold": ANNA}),
    Race(
        "purchase receipt, waitlist offer",
        an_order(wish=2),
        {"receive": delivered("slip"), "offer": offers},
        then=offers,
    ),
    Race(
        "purchase receipt, receipt: too much together",
        an_order(),
        {"receive": delivered("one", 2), "receive again": delivered("other", 2)},
    ),
    Race(
        "purchase receipt, the same receipt",
        an_order(),
        {"receive": delivered("slip", 1), "again": delivered("slip", 1)},
    ),
    Race("purchase receipt, row deleted", an_order(), {"receive": delivered("slip", 1), "delete": row_deleted}),
    Race("purchase receipt, cancel", an_order(), {"receive": delivered("slip", 1), "cancel": order_cancelled}),
    Race("waitlist offer, hold", a_line(pieces=3, waiter=2), {"offer": offers, "hold": ANNA}, then=offers),
    Race(
        "waitlist offer, offer",
        a_line(pieces=3, waiter=2, next=2),
        {"offer": offers, "other offer": offers},
        then=offers,
    ),
    Race(
        "waitlist offer, withdraw",
        a_line(pieces=3, waiter=2, next=2),
        {"offer": offers, "withdraw": withdraws("waiter")},
        then=offers,
    ),
    Race("product deleted, hold", shelves(A=5), {"delete": product_deleted, "hold": ANNA}),
    Race("row deleted, hold", shelves(A=5), {"delete": row_deleted, "hold": ANNA}),
    Race(
        "row deleted, return, hold",
        a_sale(4),
        {"hold": buys("anna", ("A", 1)), "delete": row_deleted, "return": returns("one", 4)},
    ),
    Race(
        "row deleted, waitlist offer", a_line(pieces=3, waiter=2), {"delete": row_deleted, "offer": offers}, then=offers
    ),
)
