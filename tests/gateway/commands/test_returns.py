"""Taking back what was sold: whole or in parts, sellable or damaged, once for each id, and never more than was sold."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from db import movements, stock
from db.engine import Database
from db.paging import PageRequest
from domain.errors import NotFound, ReservationNotSold, ReturnExceedsSale, ReturnMismatch, Unprocessable
from domain.limits import STOCK_TOTAL_MAX
from domain.reservations import Item, Reservation, ReservationStatus
from domain.returns import Condition, Return, ReturnItem, ReturnRequest
from domain.stock import MovementType
from gateway.auth import Caller
from gateway.commands.returns import ReturnCommands, TakenBack
from gateway.views import Views
from tests.stocking import (
    TESTER,
    add_stock,
    add_warehouse,
    assert_invariants,
    hold,
    ledger_of,
    news_of,
    reservation_now,
    return_sold,
    sell,
    settle,
    stock_now,
    unique,
    want,
)

DAMAGED = Condition.DAMAGED
COMMITTED, CANCELLED = ReservationStatus.COMMITTED, ReservationStatus.CANCELLED


@pytest.fixture(scope="module")
def returns(db: Database) -> ReturnCommands:
    return ReturnCommands(db)


class Desk:
    """Where customers bring things back."""

    def __init__(self, returns: ReturnCommands, caller: Caller) -> None:
        self._returns = returns
        self._caller = caller

    async def take(self, sold: Reservation | UUID, *items: ReturnItem, **fields: Any) -> TakenBack:
        """Take items back; `fields` of ReturnRequest."""
        reservation_id = sold if isinstance(sold, UUID) else sold.reservation_id
        request = ReturnRequest(**{"return_id": uuid.uuid4(), "items": items, **fields})
        return await self._returns.take_back(reservation_id, request, self._caller)

    async def taken(self, sold: Reservation, *items: ReturnItem, **fields: Any) -> Return:
        """What was recorded."""
        return (await self.take(sold, *items, **fields)).recorded


@pytest.fixture
def desk(returns: ReturnCommands, caller: Caller) -> Desk:
    return Desk(returns, caller)


async def totals(db: Database, item: Any) -> tuple[int, int]:
    row = await stock_now(db, item)
    return row.quantity_total, row.quantity_reserved


def back(item: Any, quantity: int, condition: Condition = Condition.SELLABLE) -> ReturnItem:
    return ReturnItem(sku=item.sku, quantity=quantity, condition=condition)


async def test_everything_comes_back_with_its_lines_in_the_ledger_and_its_news(
    db: Database, desk: Desk, caller: Caller
) -> None:
    one, other = await add_stock(db, 10), await add_stock(db, 10)
    sold = await sell(db, want(one, 4), want(other, 1), order_id=(order := unique("ORDER")))
    made = await desk.taken(sold, reason="wrong size")
    row = await reservation_now(db, sold)
    assert (await totals(db, one), await totals(db, other)) == ((10, 0), (10, 0))
    assert (row.status, row.sequence, row.returned_at is not None) == (COMMITTED, sold.sequence + 1, True)
    assert [line.quantity_returned for line in row.lines] == [line.quantity for line in row.lines]
    line = (await ledger_of(db, one))[-1]
    assert (line.type, line.quantity, line.total_after, line.reference, line.reason) == (
        "RETURN",
        4,
        10,
        order,
        "wrong size",
    )
    assert (line.performed_by, line.performed_by_name) == (caller.actor.actor_id, "clerk")
    assert line.movement_id in {each.movement_id for each in made.lines}
    news = (await news_of(db, sold.reservation_id))[-1]
    assert (news.type, news.key, news.sequence) == ("inventory.returned", order, row.sequence)
    assert (news.data["returnId"], news.data["isComplete"]) == (str(made.return_id), True)
    assert {(each["sku"], each["quantity"], each["condition"]) for each in news.data["lines"]} == {
        (one.sku, 4, "sellable"),
        (other.sku, 1, "sellable"),
    }
    await assert_invariants(db)


async def test_parts_come_back_one_after_another_until_all_is_back(db: Database, desk: Desk) -> None:
    item = await add_stock(db, 10)
    sold = await sell(db, want(item, 4))
    first = await desk.taken(sold, back(item, 1))
    halfway = await reservation_now(db, sold)
    assert (first.is_complete, halfway.returned_at, halfway.lines[0].quantity_returned) == (False, None, 1)
    with pytest.raises(ReturnExceedsSale) as refused:
        await desk.take(sold, back(item, 4))
    assert refused.value.extra["errors"][0]["returnable"] == 3
    last = await desk.taken(sold)
    assert (last.is_complete, [line.quantity for line in last.lines]) == (True, [3])
    assert await totals(db, item) == (10, 0)
    with pytest.raises(ReturnExceedsSale):
        await desk.take(sold)
    await assert_invariants(db)


async def test_a_damaged_piece_comes_back_and_goes(db: Database, desk: Desk) -> None:
    item = await add_stock(db, 10)
    sold = await sell(db, want(item, 4), order_id=(order := unique("ORDER")))
    made = await desk.taken(sold, back(item, 1), back(item, 2, DAMAGED), reason="torn")
    assert await totals(db, item) == (7, 0)
    damaged, sellable = made.lines
    lines = {line.movement_id: line for line in await ledger_of(db, item)}
    assert (damaged.quantity, sellable.quantity, sellable.damage_movement_id) == (2, 1, None)
    came, went = lines[damaged.movement_id], lines[damaged.damage_movement_id]
    assert (came.type, came.quantity, came.total_after) == ("RETURN", 2, 8)
    assert (went.type, went.quantity, went.total_after, went.reference) == ("DAMAGE", -2, 6, order)
    assert (await reservation_now(db, sold)).lines[0].quantity_returned == 3
    await assert_invariants(db)


async def test_a_damaged_piece_is_never_news_of_a_shelf_that_empties(db: Database, desk: Desk) -> None:
    item = await add_stock(db, 4, reorder_point=2)
    sold = await sell(db, want(item, 4))
    before = len(await news_of(db, item.inventory_id))
    await desk.take(sold, back(item, 4, DAMAGED))
    news = (await news_of(db, item.inventory_id))[before:]
    assert [(each.type, each.data["oldTotal"], each.data["newTotal"]) for each in news] == [
        ("inventory.stock_updated", 0, 4),
        ("inventory.stock_updated", 4, 0),
    ]
    assert [each.sequence for each in news] == [(await stock_now(db, item)).sequence + n for n in (-1, 0)]


async def test_a_repeat_answers_what_was_recorded_first(db: Database, desk: Desk) -> None:
    item = await add_stock(db, 10)
    sold = await sell(db, want(item, 4))
    return_id = uuid.uuid4()
    first = await desk.take(sold, back(item, 2), return_id=return_id, reason="first")
    await desk.take(sold, back(item, 1))
    again = await desk.take(sold, back(item, 2), return_id=return_id, reason="second")
    assert (first.is_new, again.is_new, again.recorded) == (True, False, first.recorded)
    assert (await totals(db, item))[0] == 9
    with pytest.raises(ReturnMismatch):
        await desk.take(sold, back(item, 1), return_id=return_id)
    other = await sell(db, want(item, 1))
    assert (await desk.take(other, return_id=return_id)).is_new
    await assert_invariants(db)


@pytest.mark.parametrize("status", [ReservationStatus.PENDING, CANCELLED, ReservationStatus.EXPIRED])
async def test_only_what_was_sold_comes_back(db: Database, desk: Desk, status: ReservationStatus) -> None:
    item = await add_stock(db, 10)
    held = await hold(db, want(item, 4), hold_seconds=0 if status is ReservationStatus.EXPIRED else 60)
    if status is not ReservationStatus.PENDING:
        await settle(db, held, status)
    with pytest.raises(ReservationNotSold) as refused:
        await desk.take(held)
    assert refused.value.extra["reservationStatus"] == status
    assert (await totals(db, item))[0] == 10


async def test_nothing_comes_back_of_what_does_not_exist(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await desk.take(uuid.uuid4())


async def test_a_return_with_wrong_fields_is_refused_before_anything_is_looked_up(desk: Desk) -> None:
    with pytest.raises(Unprocessable):
        await desk.take(uuid.uuid4(), ReturnItem(sku="A", quantity=0))


async def test_a_sku_sold_from_two_warehouses_goes_back_to_both(db: Database, desk: Desk) -> None:
    near, far = await add_warehouse(db, priority=1), await add_warehouse(db, priority=2)
    first = await add_stock(db, 3, warehouse=near)
    second = await add_stock(db, 5, warehouse=far, sku=first.sku)
    sold = await sell(db, Item(sku=first.sku, quantity=5))
    made = await desk.taken(sold, back(first, 4))
    assert sum(line.quantity for line in made.lines) == 4
    assert (await totals(db, first))[0] + (await totals(db, second))[0] == 7
    bound = ReturnItem(inventory_id=second.inventory_id, quantity=9)
    with pytest.raises(ReturnExceedsSale):
        await desk.take(sold, bound)
    await desk.take(sold)
    assert (await totals(db, first), await totals(db, second)) == ((3, 0), (5, 0))


async def test_an_order_that_is_cancelled_after_a_part_is_back_brings_the_rest(db: Database, desk: Desk) -> None:
    item = await add_stock(db, 10)
    sold = await sell(db, want(item, 4))
    await desk.take(sold, back(item, 1, DAMAGED))
    assert (await return_sold(db, sold)).returned
    assert await totals(db, item) == (9, 0)
    released = (await news_of(db, sold.reservation_id))[-1]
    assert (released.type, [line["quantity"] for line in released.data["lines"]]) == ("inventory.released", [3])
    assert not (await return_sold(db, sold)).returned
    with pytest.raises(ReturnExceedsSale):
        await desk.take(sold)
    await assert_invariants(db)


async def test_an_order_whose_pieces_are_all_back_already_has_nothing_to_bring(db: Database, desk: Desk) -> None:
    item = await add_stock(db, 10)
    sold = await sell(db, want(item, 4))
    await desk.take(sold)
    assert not (await return_sold(db, sold)).returned
    assert await totals(db, item) == (10, 0)


async def test_a_retired_row_takes_back_what_was_sold_from_it(db: Database, desk: Desk) -> None:
    item = await add_stock(db, 10)
    sold = await sell(db, want(item, 4))
    await db.writing(lambda session: stock.retire(session, item.inventory_id))
    await desk.take(sold, back(item, 1), back(item, 1, DAMAGED))
    assert (await reservation_now(db, sold)).lines[0].quantity_returned == 2
    assert [line.quantity for line in await ledger_of(db, item)] == [10, -4, 1, -1, 1]
    await assert_invariants(db)


async def test_a_shelf_that_would_be_fuller_than_can_be_counted_takes_nothing_back(db: Database, desk: Desk) -> None:
    item = await add_stock(db, STOCK_TOTAL_MAX)
    sold = await sell(db, want(item, 1))
    delivered = movements.Change(
        inventory_id=item.inventory_id, delta=1, type=MovementType.INBOUND, reason="a delivery meanwhile"
    )
    await db.writing(lambda session: movements.apply(session, [delivered], TESTER, None))
    with pytest.raises(Unprocessable, match="would hold more than"):
        await desk.take(sold)
    assert (await stock_now(db, item)).quantity_total == STOCK_TOTAL_MAX


async def test_the_returns_of_a_sale_tell_what_when_by_whom_and_why(
    db: Database, desk: Desk, views: Views, caller: Caller
) -> None:
    item = await add_stock(db, 10)
    sold = await sell(db, want(item, 4))
    made = [await desk.taken(sold, back(item, 1), reason=f"number {number}") for number in range(3)]
    await return_sold(db, sold)
    first = await views.returns_of_reservation(sold.reservation_id, PageRequest(size=2))
    rest = await views.returns_of_reservation(sold.reservation_id, PageRequest(size=2, token=first.next_token))
    assert [*first.items, rest.items[0]] == made
    assert [each.reason for each in (*first.items, *rest.items)] == [
        "number 0",
        "number 1",
        "number 2",
        "order_cancelled",
    ]
    assert (made[0].performed_by, made[0].performed_by_name) == (caller.actor.actor_id, "clerk")
    assert [each.is_complete for each in rest.items] == [False, True]
    assert await views.sale_return(sold.reservation_id, made[1].return_id) == made[1]


async def test_a_sale_without_returns_has_none_and_an_unknown_one_is_not_found(db: Database, views: Views) -> None:
    sold = await sell(db, want(await add_stock(db, 10), 4))
    assert (await views.returns_of_reservation(sold.reservation_id, PageRequest())).items == ()
    with pytest.raises(NotFound):
        await views.returns_of_reservation(uuid.uuid4(), PageRequest())
    with pytest.raises(NotFound):
        await views.sale_return(sold.reservation_id, uuid.uuid4())


async def test_the_same_return_sent_many_times_at_once_is_recorded_once(db: Database, desk: Desk) -> None:
    item = await add_stock(db, 10)
    sold = await sell(db, want(item, 4))
    return_id = uuid.uuid4()
    answers = await asyncio.gather(*(desk.take(sold, back(item, 2), return_id=return_id) for _ in range(6)))
    assert sum(answer.is_new for answer in answers) == 1
    assert len({answer.recorded.created_at for answer in answers}) == 1
    assert (await totals(db, item))[0] == 8


@pytest.mark.parametrize(
    "statement",
    [
        "update reservation_returns set reason = 'another'",
        "delete from reservation_return_lines",
        "update reservation_return_lines set quantity = 1",
        "truncate reservation_returns, reservation_return_lines",
    ],
)
async def test_what_was_recorded_is_never_changed(db: Database, desk: Desk, statement: str) -> None:
    await desk.take(await sell(db, want(await add_stock(db, 10), 4)))
    with pytest.raises(Exception, match="is allowed"):
        async with db.write() as session:
            await session.execute(text(statement))
