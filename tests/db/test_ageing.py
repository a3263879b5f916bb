"""What is on its way is told from its shipping or sending to its end, with its age by the database's clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from db import ageing
from db.ageing import AgeingFilter
from db.engine import Database
from db.paging import PageRequest
from domain.ageing import AgeCounts, Ageing, OnTheWay
from domain.operations import Step
from tests.buying import activities_of, arrival, draft_of, order_now, sent, step
from tests.stocking import add_stock, add_warehouse, unique
from tests.transferring import lines, road, sku

FIRST = PageRequest()
TRANSFER, ORDER = Ageing.TRANSFER, Ageing.PURCHASE_ORDER


async def listed(db: Database, page: PageRequest = FIRST, **filters: Any) -> Any:
    return await db.reading(lambda session: ageing.listed(session, AgeingFilter(**filters), page))


async def told(db: Database, operation_id: UUID, **filters: Any) -> OnTheWay | None:
    page = await listed(db, PageRequest(size=200), **filters)
    return next((one for one in page.items if one.operation_id == operation_id), None)


async def groups(db: Database, **filters: Any) -> dict[tuple[Ageing, int], AgeCounts]:
    """What is in each group that has anything."""
    found = await db.reading(lambda session: ageing.totalled(session, AgeingFilter(**filters)))
    return {
        (group.kind, group.age_days_min): AgeCounts(
            operations=group.operations,
            operations_late=group.operations_late,
            quantity_outstanding=group.quantity_outstanding,
        )
        for group in found
        if group.operations
    }


async def age(db: Database, table: str, operation_id: UUID, days: float, *, expected_days: float | None = None) -> None:
    """As if it had been shipped, sent or asked for `days` ago; expected so many days ago."""
    key, moment = {"transfers": ("transfer_id", "shipped_at"), "purchase_orders": ("purchase_order_id", "sent_at")}[
        table
    ]
    statement = f"""
        update {table} set {moment} = {moment} - cast(:ago as interval),
            requested_at = requested_at - cast(:ago as interval),
            expected_at = coalesce(clock_timestamp() - cast(:late as interval), expected_at)
        where {key} = :id
    """
    late = None if expected_days is None else timedelta(days=expected_days)
    async with db.write() as session:
        await session.execute(text(statement), {"ago": timedelta(days=days), "late": late, "id": operation_id})


async def test_a_transfer_is_told_while_it_is_on_the_road(db: Database) -> None:
    tea = sku()
    way = await road(db, **{tea: 50})
    request = await way.opened(**{tea: 10})
    assert await told(db, request.transfer_id) is None, "nothing has left yet"
    await way.take(request, Step.SHIP)
    await age(db, "transfers", request.transfer_id, 9.5, expected_days=2.5)
    await way.take(request, Step.RECEIVE, receipt_id="r1", lines=lines(**{tea: 4}))
    found = await told(db, request.transfer_id)
    assert found is not None
    assert (found.kind, found.status, found.age_days, found.days_late) == (TRANSFER, "PARTLY_RECEIVED", 9, 2)
    assert (found.quantity_outstanding, found.is_cross_region) == (6, False)
    assert (found.from_warehouse_code, found.warehouse_code) == (way.source.code, way.target.code)
    assert (found.from_region, found.region, found.supplier_id) == ("eu", "eu", None)
    await way.take(request, Step.RECEIVE, receipt_id="r2", lines=lines(**{tea: 6}))
    assert await told(db, request.transfer_id) is None, "everything has arrived"


async def test_a_purchase_order_is_told_from_its_draft_to_its_end(db: Database) -> None:
    item = await add_stock(db, 1)
    order = await draft_of(db, item, quantity=10)
    draft = await told(db, order.purchase_order_id)
    assert draft is not None
    assert (draft.kind, draft.status, draft.quantity_outstanding) == (ORDER, "DRAFT", 10)
    assert (draft.since, draft.expected_at, draft.days_late) == (order.requested_at, None, None)
    await sent(db, order)
    await activities_of(db).take(arrival(order, "r1", **{item.sku: 3}))
    now = await order_now(db, order)
    found = await told(db, order.purchase_order_id, kind=ORDER)
    assert found is not None
    assert (found.status, found.quantity_outstanding, found.since) == ("PARTIALLY_RECEIVED", 7, now.sent_at)
    assert (found.supplier_id, found.from_warehouse_id, found.is_cross_region) == (order.supplier_id, None, False)
    assert found.days_late is not None
    assert found.days_late < 0, "not late"
    await activities_of(db).take(step(order, Step.CLOSE, reason="the rest never comes"))
    assert await told(db, order.purchase_order_id) is None


async def test_they_are_chosen_by_where_they_go_and_whether_they_cross(db: Database) -> None:
    region, tea, mug = unique("R"), sku(), sku()
    target = await add_warehouse(db, region=region)
    far = await (await road(db, target=target, **{tea: 9})).opened(**{tea: 1})
    way = await road(db, target=target, **{mug: 9})
    for request in (far, crossing := await way.opened(**{mug: 2})):
        await way.take(request, Step.APPROVE)
        await way.take(request, Step.SHIP)
    order = await draft_of(db, await add_stock(db, 1, warehouse=target))
    both = {far.transfer_id, crossing.transfer_id}
    everything = both | {order.purchase_order_id}

    async def ids(**filters: Any) -> set[UUID]:
        return {one.operation_id for one in (await listed(db, PageRequest(size=200), **filters)).items}

    assert await ids(region=region) == everything
    assert await ids(warehouse_id=target.warehouse_id) == everything
    assert await ids(region=region, kind=TRANSFER) == both
    assert await ids(region=region, is_cross_region=True) == both
    assert await ids(region=region, is_cross_region=False) == {order.purchase_order_id}
    assert await ids(region=unique("R")) == set()


async def test_the_oldest_come_first_a_page_at_a_time(db: Database) -> None:
    place = await add_warehouse(db, region=unique("R"))
    items = [await add_stock(db, 1, warehouse=place) for _ in range(3)]
    orders = [await sent(db, await draft_of(db, item)) for item in items]
    for order, days in zip(orders, (3, 90, 20), strict=True):
        await age(db, "purchase_orders", order.purchase_order_id, days)
    first = await listed(db, PageRequest(size=2), region=place.region)
    second = await listed(db, PageRequest(size=2, token=first.next_token), region=place.region)
    assert [one.age_days for one in (*first.items, *second.items)] == [90, 20, 3]
    assert second.next_token is None


async def test_groups_count_what_is_as_old_and_what_of_it_is_late(db: Database) -> None:
    place = await add_warehouse(db, region=unique("R"))
    for days, expected_days in ((0.1, -1), (7.9, 0.1), (8.1, 1), (30.9, 5), (31, 6), (400, 300)):
        order = await sent(db, await draft_of(db, await add_stock(db, 1, warehouse=place), quantity=10))
        await age(db, "purchase_orders", order.purchase_order_id, days, expected_days=expected_days)
    assert await groups(db, region=place.region) == {
        (ORDER, 0): AgeCounts(operations=2, operations_late=1, quantity_outstanding=20),
        (ORDER, 8): AgeCounts(operations=1, operations_late=1, quantity_outstanding=10),
        (ORDER, 15): AgeCounts(operations=1, operations_late=1, quantity_outstanding=10),
        (ORDER, 31): AgeCounts(operations=2, operations_late=2, quantity_outstanding=20),
    }
    assert await groups(db, region=place.region, kind=TRANSFER) == {}
