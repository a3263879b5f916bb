"""Waiting in line by command: what is wanted is known, a repeat keeps its place, and leaving has its rules."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from db.engine import Database
from db.paging import PageRequest
from db.waitlist import WaitlistFilter
from db.waitlist_offers import offer_next
from domain.errors import NotFound, StaleVersion, UnknownItem, Unprocessable, WaitlistSettled
from domain.reservations import Item
from domain.waitlist import InLine, WaitlistStatus, Wish
from gateway.auth import Caller
from gateway.commands.waitlist import WaitlistCommands
from gateway.views import Views
from runtime.settings import Settings
from tests.lines import age
from tests.stocking import add_stock, assert_invariants, news_of, unique

HOLD_SECONDS = 321


@pytest.fixture(scope="module")
def commands(db: Database) -> WaitlistCommands:
    settings = Settings(reservation_hold_seconds=HOLD_SECONDS, reservation_hold_seconds_max=1000)
    return WaitlistCommands(db, settings)


@pytest.fixture
def join(commands: WaitlistCommands, caller: Caller) -> Any:
    async def work(item: Item, entry_id: UUID | None = None, **fields: Any) -> InLine:
        wish = Wish(**{"order_id": unique("ORDER"), "item": item, **fields})
        return await commands.join(wish, caller, entry_id=entry_id or uuid.uuid4())

    return work


async def test_what_is_wanted_may_be_named_in_every_way(db: Database, join: Any, caller: Caller) -> None:
    item = await add_stock(db)
    by_sku = await join(Item(sku=item.sku, quantity=2), region="eu")
    by_row = await join(Item(inventory_id=item.inventory_id, quantity=1))
    by_product = await join(Item(product_id=item.product_id, quantity=1, warehouse_id=item.warehouse_id))
    assert [waits.entry.sku for waits in (by_sku, by_row, by_product)] == [item.sku] * 3
    assert [waits.position for waits in (by_sku, by_row, by_product)] == [1, 2, 3]
    assert [waits.entry.warehouse_id for waits in (by_sku, by_row, by_product)] == [None, *[item.warehouse_id] * 2]
    assert (by_sku.entry.region, by_sku.entry.hold_seconds) == ("eu", HOLD_SECONDS)
    assert (by_sku.entry.performed_by, by_sku.entry.performed_by_name) == (caller.actor.actor_id, "clerk")


async def test_a_repeat_with_its_id_keeps_its_place_and_answers_it_as_it_is_now(db: Database, join: Any) -> None:
    item, entry_id = await add_stock(db, 2), uuid.uuid4()
    wish = {"item": Item(sku=item.sku, quantity=1), "entry_id": entry_id, "order_id": "repeated"}
    made = await asyncio.gather(*(join(**wish) for _ in range(4)))
    assert all(each == made[0] for each in made)
    await offer_next(db, item.sku)
    again = await join(**wish)
    assert (again.entry.status, again.position) == (WaitlistStatus.OFFERED, None)
    assert len(await news_of(db, entry_id)) == 2


@pytest.mark.parametrize(
    ("item", "pointer"),
    [
        (Item(sku="NO-SUCH", quantity=1), "/sku"),
        (Item(inventory_id=UUID(int=1), quantity=1), "/inventoryId"),
        (Item(product_id=UUID(int=1), quantity=1), "/productId"),
    ],
)
async def test_what_nobody_knows_is_not_waited_for(join: Any, item: Item, pointer: str) -> None:
    with pytest.raises(UnknownItem) as refused:
        await join(item)
    assert [error["pointer"] for error in refused.value.extra["errors"]] == [pointer]


async def test_a_warehouse_that_nobody_knows_is_refused(db: Database, join: Any) -> None:
    item = await add_stock(db)
    with pytest.raises(UnknownItem) as refused:
        await join(Item(sku=item.sku, quantity=1, warehouse_id=uuid.uuid4()))
    assert refused.value.extra["errors"][0]["pointer"] == "/warehouseId"


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"hold_seconds": 1001}, ["/holdSeconds"]),
        ({"hold_seconds": 0, "wait_seconds": 0}, ["/holdSeconds", "/waitSeconds"]),
        ({"wait_seconds": 30 * 86_400 + 1}, ["/waitSeconds"]),
        ({"wait_seconds": 60, "expires_at": datetime.now(UTC) + timedelta(hours=1)}, ["/expiresAt"]),
        ({"expires_at": datetime.now(UTC) - timedelta(seconds=1)}, ["/expiresAt"]),
        ({"expires_at": datetime.now(UTC) + timedelta(days=31)}, ["/expiresAt"]),
        ({"order_id": " ", "region": "x" * 51}, ["/orderId", "/region"]),
        ({"item": Item(sku="A", quantity=0)}, ["/quantity"]),
    ],
)
async def test_a_wish_that_contradicts_itself_is_told_all_that_is_wrong(
    join: Any, fields: dict[str, Any], pointers: list[str]
) -> None:
    with pytest.raises(Unprocessable) as refused:
        await join(**{"item": Item(sku="A", quantity=1), **fields})
    assert [error["pointer"] for error in refused.value.extra["errors"]] == pointers


async def test_who_leaves_has_left_however_often_he_says_so(
    db: Database, commands: WaitlistCommands, views: Views, join: Any, caller: Caller
) -> None:
    entry_id = (await join(Item(sku=(await add_stock(db)).sku, quantity=1))).entry.entry_id
    traced = replace(caller, traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    with pytest.raises(StaleVersion):
        await commands.withdraw(entry_id, caller, expected_version=2)
    for version in (1, None):
        await commands.withdraw(entry_id, traced, expected_version=version)
    assert (await views.waitlist_entry(entry_id)).entry.status is WaitlistStatus.WITHDRAWN
    assert [news.traceparent for news in await news_of(db, entry_id)] == [None, traced.traceparent]


async def test_who_was_offered_something_or_came_too_late_cannot_leave(
    db: Database, commands: WaitlistCommands, join: Any, caller: Caller
) -> None:
    item = await add_stock(db, 1)
    offered, late = [(await join(Item(sku=item.sku, quantity=1))).entry.entry_id for _ in range(2)]
    offer = await offer_next(db, item.sku)
    assert offer is not None
    with pytest.raises(WaitlistSettled) as refused:
        await commands.withdraw(offered, caller, expected_version=None)
    assert refused.value.extra == {"entryStatus": "OFFERED", "reservationId": str(offer.request.reservation_id)}
    await age(db, late)
    await commands.withdraw(late, caller, expected_version=None)
    await assert_invariants(db)


async def test_who_never_waited_is_not_there(commands: WaitlistCommands, views: Views, caller: Caller) -> None:
    with pytest.raises(NotFound):
        await commands.withdraw(uuid.uuid4(), caller, expected_version=None)
    with pytest.raises(NotFound):
        await views.waitlist_entry(uuid.uuid4())


async def test_the_line_is_seen_in_its_order(db: Database, views: Views, join: Any) -> None:
    item = await add_stock(db)
    line = [(await join(Item(sku=item.sku, quantity=1))).entry for _ in range(3)]
    page = await views.waitlist_entries(WaitlistFilter(sku=item.sku), PageRequest())
    assert list(page.items) == line
    with pytest.raises(Unprocessable):
        await views.waitlist_entries(WaitlistFilter(order_id="x" * 101), PageRequest())
