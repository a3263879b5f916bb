"""Holding stock: all or nothing, never more than there is, and the same answer however often it is asked for."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import text

from db import holding, stock, warehouses
from db.engine import Database
from domain.allocation import Plan
from domain.errors import Shortage
from domain.reservations import Item, ReservationStatus
from domain.warehouses import WarehouseChanges
from tests.stocking import (
    add_stock,
    add_warehouse,
    assert_invariants,
    hold,
    hold_request,
    news_of,
    reservation_now,
    settle,
    stock_now,
    unique,
    wait_until_blocked,
    want,
)


async def test_a_hold_takes_stock_aside_and_says_so(db: Database) -> None:
    item = await add_stock(db, 10)

    held = await hold(db, want(item, 4), order_id="order-1")

    after = await stock_now(db, item)
    assert held.status is ReservationStatus.PENDING
    assert [(line.inventory_id, line.quantity) for line in held.lines] == [(item.inventory_id, 4)]
    assert (after.quantity_total, after.quantity_reserved, after.quantity_available) == (10, 4, 6)
    assert (after.sequence, after.version) == (item.sequence + 1, item.version + 1)
    [news] = await news_of(db, held.reservation_id)
    assert (news.type, news.key, news.sequence) == ("inventory.reserved", "order-1", 1)
    assert news.data["lines"] == [
        {
            "inventoryId": str(item.inventory_id),
            "warehouseId": str(item.warehouse_id),
            "sku": item.sku,
            "quantity": 4,
        }
    ]


async def test_what_a_hold_answers_is_what_the_row_says(db: Database) -> None:
    one, other = await add_stock(db, 5), await add_stock(db, 5)
    held = await hold(db, want(one, 2), want(other, 3))
    assert await reservation_now(db, held) == held


async def test_every_hold_is_news_of_its_stock_too(db: Database) -> None:
    item = await add_stock(db, 10)
    await hold(db, want(item, 4))
    news = (await news_of(db, item.inventory_id))[-1]
    assert (news.type, news.key, news.sequence) == ("inventory.stock_updated", item.sku, item.sequence + 1)
    assert (news.data["oldStock"], news.data["newStock"]) == (10, 6)
    assert (news.data["oldTotal"], news.data["newTotal"], news.data["reserved"]) == (10, 10, 4)


async def test_low_stock_is_told_once_for_each_crossing_and_out_of_stock_when_nothing_is_left(db: Database) -> None:
    item = await add_stock(db, 10, reorder_point=5)
    first, _, last = [await hold(db, want(item, quantity)) for quantity in (5, 2, 3)]
    await settle(db, last, ReservationStatus.CANCELLED)
    await settle(db, first, ReservationStatus.CANCELLED)
    await hold(db, want(item, 4))
    alerts = [(n.type, n.sequence) for n in await news_of(db, item.inventory_id) if n.type != "inventory.stock_updated"]
    assert alerts == [("inventory.low_stock", 2), ("inventory.out_of_stock", 4), ("inventory.low_stock", 7)]


async def test_a_repeated_hold_answers_the_row_and_changes_nothing(db: Database) -> None:
    item = await add_stock(db, 10)
    request = hold_request([want(item, 4)])
    first = await holding.hold(db, request)
    again = await holding.hold(db, request)
    assert again == first
    assert (await stock_now(db, item)).quantity_reserved == 4
    assert len(await news_of(db, request.reservation_id)) == 1


@pytest.mark.parametrize("status", [ReservationStatus.COMMITTED, ReservationStatus.CANCELLED])
async def test_a_repeated_hold_of_a_settled_reservation_answers_what_became_of_it(
    db: Database, status: ReservationStatus
) -> None:
    item = await add_stock(db, 10)
    request = hold_request([want(item, 4)])
    await settle(db, await holding.hold(db, request), status)
    assert (await holding.hold(db, request)).status is status
    assert (await stock_now(db, item)).quantity_reserved == 0


async def test_a_repeated_hold_is_answered_even_when_the_stock_is_gone_meanwhile(db: Database) -> None:
    item = await add_stock(db, 4)
    request = hold_request([want(item, 4)])
    first = await holding.hold(db, request)
    assert await holding.hold(db, request) == first


async def test_the_same_hold_asked_for_many_times_at_once_holds_once(db: Database) -> None:
    item = await add_stock(db, 100)
    request = hold_request([want(item, 4)])
    answers = await asyncio.gather(*(holding.hold(db, request) for _ in range(10)))
    assert {answer.status for answer in answers} == {ReservationStatus.PENDING}
    assert (await stock_now(db, item)).quantity_reserved == 4


async def test_two_lines_of_one_sku_are_one_demand(db: Database) -> None:
    item = await add_stock(db, 5)
    refused = await hold(db, want(item, 3), want(item, 3))
    assert refused.status is ReservationStatus.REJECTED
    assert refused.shortages == (Shortage(item.sku, 6, 5),)
    held = await hold(db, want(item, 3), want(item, 2))
    assert [line.quantity for line in held.lines] == [5]


async def test_a_row_named_by_sku_and_by_id_is_one_demand(db: Database) -> None:
    item = await add_stock(db, 5)
    by_id = Item(inventory_id=item.inventory_id, quantity=3)
    assert (await hold(db, want(item, 3), by_id)).status is ReservationStatus.REJECTED
    assert (await hold(db, want(item, 2), by_id)).status is ReservationStatus.PENDING


async def test_every_shortage_is_listed(db: Database) -> None:
    plenty, short, none = await add_stock(db, 50), await add_stock(db, 2), await add_stock(db)
    refused = await hold(db, want(plenty, 1), want(short, 3), want(none, 1))
    assert set(refused.shortages) == {Shortage(short.sku, 3, 2), Shortage(none.sku, 1, 0)}
    assert refused.lines == ()


async def test_a_refused_hold_is_a_row_and_news_and_holds_nothing(db: Database) -> None:
    short, plenty = await add_stock(db, 2), await add_stock(db, 50)
    refused = await hold(db, want(short, 3), want(plenty, 1))
    assert (await reservation_now(db, refused)).status is ReservationStatus.REJECTED
    [news] = await news_of(db, refused.reservation_id)
    assert news.type == "inventory.reservation_rejected"
    assert news.data["shortages"] == [{"sku": short.sku, "requested": 3, "available": 2}]
    assert [(await stock_now(db, item)).quantity_reserved for item in (short, plenty)] == [0, 0]


async def test_a_refusal_stays_a_refusal_when_stock_has_come(db: Database) -> None:
    item = await add_stock(db, 2)
    blocking = await hold(db, want(item, 2))
    request = hold_request([want(item, 1)])
    await holding.hold(db, request)
    await settle(db, blocking, ReservationStatus.CANCELLED)
    assert (await holding.hold(db, request)).status is ReservationStatus.REJECTED


async def test_a_refusal_recorded_by_a_caller_is_the_answer_to_a_later_hold(db: Database) -> None:
    item = await add_stock(db, 2)
    request = hold_request([want(item, 9)])
    short = Plan(shortages=(Shortage(item.sku, 9, 2),))
    for _ in range(2):
        await db.writing(lambda session: holding.reject(session, request, short))
    assert (await holding.hold(db, request)).shortages == (Shortage(item.sku, 9, 2),)
    assert len(await news_of(db, request.reservation_id)) == 1


async def test_a_split_takes_what_remains_and_never_the_whole_again(db: Database) -> None:
    near, far = await add_warehouse(db, priority=1), await add_warehouse(db, priority=2)
    first = await add_stock(db, 10, warehouse=near)
    second = await add_stock(db, 15, warehouse=far, sku=first.sku, product_id=first.product_id)
    held = await hold(db, want(first, 13))
    assert {line.inventory_id: line.quantity for line in held.lines} == {first.inventory_id: 10, second.inventory_id: 3}


async def test_without_splitting_one_warehouse_serves_all_or_none_does(db: Database) -> None:
    first = await add_stock(db, 10)
    second = await add_stock(db, 15, sku=first.sku)
    held = await hold(db, want(first, 13), allow_split=False)
    assert [line.inventory_id for line in held.lines] == [second.inventory_id]
    refused = await hold(db, want(first, 12), allow_split=False)
    assert refused.shortages == (Shortage(first.sku, 12, 10),)


async def test_an_item_bound_to_a_warehouse_comes_from_there_or_not_at_all(db: Database) -> None:
    first = await add_stock(db, 10)
    second = await add_stock(db, 15, sku=first.sku)
    bound = want(first, 12, warehouse_id=second.warehouse_id)
    held = await hold(db, bound)
    assert [(line.inventory_id, line.quantity) for line in held.lines] == [(second.inventory_id, 12)]
    assert (await hold(db, bound)).shortages == (Shortage(first.sku, 12, 3),)


async def test_only_active_warehouses_serve(db: Database) -> None:
    closed = await add_warehouse(db)
    item = await add_stock(db, 10, warehouse=closed)
    changes = WarehouseChanges(is_active=False)
    await db.writing(lambda s: warehouses.change(s, closed.warehouse_id, changes, expected_version=None))
    assert (await hold(db, want(item, 1))).shortages == (Shortage(item.sku, 1, 0),)


async def test_only_the_region_that_was_asked_for_serves(db: Database) -> None:
    europe, asia = await add_warehouse(db, region="eu"), await add_warehouse(db, region="asia")
    first = await add_stock(db, 5, warehouse=europe)
    second = await add_stock(db, 5, warehouse=asia, sku=first.sku)
    held = await hold(db, want(first, 5), region="asia")
    assert [line.inventory_id for line in held.lines] == [second.inventory_id]
    assert (await hold(db, want(first, 1), region="asia")).shortages == (Shortage(first.sku, 1, 0),)


async def test_a_retired_row_serves_nobody(db: Database) -> None:
    item = await add_stock(db, 10)
    await db.writing(lambda session: stock.retire(session, item.inventory_id))
    assert (await hold(db, want(item, 1))).status is ReservationStatus.REJECTED


async def test_an_item_that_nobody_has_is_a_shortage_of_everything(db: Database) -> None:
    nowhere = unique("SKU")
    refused = await hold(db, Item(sku=nowhere, quantity=2))
    assert refused.shortages == (Shortage(nowhere, 2, 0),)


async def test_a_product_with_its_variant_means_their_sku(db: Database) -> None:
    variant = uuid.uuid4()
    item = await add_stock(db, 3, variant_id=variant)
    held = await hold(db, Item(product_id=item.product_id, variant_id=variant, quantity=3))
    assert [line.sku for line in held.lines] == [item.sku]
    assert (await hold(db, Item(product_id=item.product_id, quantity=1))).status is ReservationStatus.REJECTED


class TestReclaim:
    """A buyer who is short takes stock from holds that are past their deadline."""

    async def test_an_overdue_hold_gives_way_at_once(self, db: Database) -> None:
        item = await add_stock(db, 5)
        overdue = await hold(db, want(item, 5), hold_seconds=0)
        held = await hold(db, want(item, 4))
        assert held.status is ReservationStatus.PENDING
        assert (await reservation_now(db, overdue)).status is ReservationStatus.EXPIRED
        assert (await stock_now(db, item)).quantity_reserved == 4
        released = (await news_of(db, overdue.reservation_id))[-1]
        assert (released.type, released.data["reason"]) == ("inventory.released", "expired")

    async def test_a_live_hold_never_gives_way(self, db: Database) -> None:
        item = await add_stock(db, 5)
        live = await hold(db, want(item, 5), hold_seconds=30)
        assert (await hold(db, want(item, 1))).shortages == (Shortage(item.sku, 1, 0),)
        assert (await reservation_now(db, live)).status is ReservationStatus.PENDING

    async def test_nobody_is_disturbed_while_there_is_enough(self, db: Database) -> None:
        item = await add_stock(db, 5)
        overdue = await hold(db, want(item, 2), hold_seconds=0)
        await hold(db, want(item, 3))
        assert (await reservation_now(db, overdue)).status is ReservationStatus.PENDING

    async def test_an_overdue_hold_of_several_rows_gives_all_of_them_back(self, db: Database) -> None:
        wanted, other = await add_stock(db, 5), await add_stock(db, 5)
        await hold(db, want(wanted, 5), want(other, 5), hold_seconds=0)
        await hold(db, want(wanted, 5))
        assert (await stock_now(db, other)).quantity_reserved == 0
        await assert_invariants(db)

    async def test_what_is_still_short_after_reclaiming_is_refused_and_the_reclaimed_stays_free(
        self, db: Database
    ) -> None:
        item = await add_stock(db, 5)
        await hold(db, want(item, 3), hold_seconds=0)
        refused = await hold(db, want(item, 6))
        assert refused.shortages == (Shortage(item.sku, 6, 5),)
        assert (await stock_now(db, item)).quantity_reserved == 0


class TestRaces:
    """Many at once: never more than there is, and nobody waits for ever."""

    async def test_exactly_as_many_buyers_win_as_there_are_pieces(self, db: Database) -> None:
        item = await add_stock(db, 25)
        answers = await asyncio.gather(*(hold(db, want(item, 1)) for _ in range(60)))
        won = [answer for answer in answers if answer.status is ReservationStatus.PENDING]
        assert len(won) == 25
        assert (await stock_now(db, item)).quantity_available == 0
        await assert_invariants(db)

    async def test_the_last_five_cannot_be_allocated_twice(self, db: Database) -> None:
        for _ in range(10):
            item = await add_stock(db, 5)
            answers = await asyncio.gather(hold(db, want(item, 5)), hold(db, want(item, 5)))
            assert sorted(answer.status for answer in answers) == ["PENDING", "REJECTED"]

    async def test_orders_that_name_their_items_in_opposite_order_do_not_block_each_other(self, db: Database) -> None:
        one, other = await add_stock(db, 200), await add_stock(db, 200)
        there, back = [want(one, 2), want(other, 1)], [want(other, 1), want(one, 2)]
        answers = await asyncio.gather(*(hold(db, *(there, back)[turn % 2]) for turn in range(60)))
        assert {answer.status for answer in answers} == {ReservationStatus.PENDING}
        assert ((await stock_now(db, one)).quantity_reserved, (await stock_now(db, other)).quantity_reserved) == (
            120,
            60,
        )

    async def test_a_contended_split_never_takes_more_than_there_is(self, db: Database) -> None:
        first = await add_stock(db, 20)
        second = await add_stock(db, 20, sku=first.sku)
        answers = await asyncio.gather(*(hold(db, want(first, 3)) for _ in range(25)))
        held = [answer for answer in answers if answer.status is ReservationStatus.PENDING]
        assert len(held) == 13
        rows = [await stock_now(db, first), await stock_now(db, second)]
        assert sum(row.quantity_reserved for row in rows) == 39
        await assert_invariants(db)

    @pytest.mark.parametrize("reclaimed_at_once", [1, 20])
    async def test_many_who_are_short_share_out_what_overdue_holds_give_back(
        self, db: Database, monkeypatch: pytest.MonkeyPatch, reclaimed_at_once: int
    ) -> None:
        monkeypatch.setattr("db.locks.RECLAIM_RESERVATIONS_LEAST", reclaimed_at_once)
        item = await add_stock(db, 12)
        for _ in range(6):
            await hold(db, want(item, 2), hold_seconds=0)
        answers = await asyncio.gather(*(hold(db, want(item, 1)) for _ in range(20)))
        assert sum(answer.status is ReservationStatus.PENDING for answer in answers) == 12
        await assert_invariants(db)

    async def test_a_plan_that_went_stale_is_made_again_under_locks(self, db: Database) -> None:
        item = await add_stock(db, 5)
        other = await add_stock(db, 5, sku=item.sku, warehouse=await add_warehouse(db, priority=9))
        async with db.write() as session:
            await session.execute(
                text("select change_stock(array[cast(:id as uuid)], array[-4], array[0], null)"),
                {"id": item.inventory_id},
            )
            waiting = asyncio.create_task(hold(db, want(item, 5)))
            await wait_until_blocked(db)
            await _note(session, item.inventory_id, -4)
        held = await waiting
        assert {line.inventory_id: line.quantity for line in held.lines} == {
            item.inventory_id: 1,
            other.inventory_id: 4,
        }
        await assert_invariants(db)


async def _note(session: Any, inventory_id: uuid.UUID, quantity: int) -> None:
    """The ledger line that belongs to a change made by hand."""
    await session.execute(
        text("""
            insert into stock_movements (inventory_id, type, quantity, total_after, sequence, performed_by,
                                         performed_by_name)
            select inventory_id, 'ADJUSTMENT', :quantity, quantity_total, sequence, uuidv7(), 'test'
            from inventory where inventory_id = :id
        """),
        {"id": inventory_id, "quantity": quantity},
    )
