"""Lists by key: every row once, in order, whatever is asked for and whatever happens meanwhile."""

from __future__ import annotations

import base64
import json
import unicodedata
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db import movements, reservation_listing, stock, warehouses
from db.engine import Database
from db.movements import MovementFilter
from db.paging import Page, PageRequest
from db.reservation_listing import ReservationFilter
from db.stock import LISTING, StockFilter
from db.warehouses import WarehouseFilter
from domain.errors import InvalidPageToken, Unprocessable
from domain.reservations import ReservationStatus
from domain.stock import MovementType, NewStockItem
from domain.stock_fields import check_new_item
from tests.stocking import (
    TESTER,
    add_stock,
    add_warehouse,
    hold,
    ledger_of,
    settle,
    unique,
    want,
)

UNSEEN = (
    "\N{NO-BREAK SPACE}",
    "\N{IDEOGRAPHIC SPACE}",
    "\N{ZERO WIDTH SPACE}",
    "\N{SOFT HYPHEN}",
    "\N{ZERO WIDTH JOINER}",
)
"""Signs that input takes although nothing is printed for them."""


async def everything(listed: Any, *, size: int = 2, order_by: str | None = None) -> list[Any]:
    """All rows of a list, page by page; `listed` takes a PageRequest."""
    rows: list[Any] = []
    token = None
    while True:
        page: Page[Any] = await listed(PageRequest(size=size, token=token, order_by=order_by))
        assert len(page.items) <= size
        rows += page.items
        if page.next_token is None:
            return rows
        assert len(page.items) == size
        token = page.next_token


def inventory(db: Database, **filters: Any) -> Any:
    """The inventory list with these filters."""

    async def listed(page: PageRequest) -> Page[Any]:
        return await db.reading(lambda session: stock.listed(session, StockFilter(**filters), page))

    return listed


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 200])
@pytest.mark.parametrize("order_by", ["inventoryId", "inventoryId desc", "sku", "sku desc", "sku asc"])
async def test_every_row_comes_once_and_in_order(db: Database, size: int, order_by: str) -> None:
    region = unique("region")
    places = [await add_warehouse(db, region=region) for _ in range(2)]
    made = [await add_stock(db, warehouse=place, sku=f"SKU-{n}") for n in range(4) for place in places]
    expected = sorted(
        (item.inventory_id for item in made)
        if order_by.startswith("inventoryId")
        else ((item.sku, item.warehouse_id) for item in made),
        reverse=order_by.endswith("desc"),
    )
    rows = await everything(inventory(db, region=region), size=size, order_by=order_by)
    keys = [row.inventory_id if order_by.startswith("inventoryId") else (row.sku, row.warehouse_id) for row in rows]
    assert keys == expected


async def test_filters_narrow_and_combine(db: Database) -> None:
    place, other = await add_warehouse(db, region=unique("r")), await add_warehouse(db)
    item = await add_stock(db, warehouse=place)
    elsewhere = await add_stock(db, warehouse=other, sku=item.sku, product_id=item.product_id)
    neighbour = await add_stock(db, warehouse=place)

    async def found(**filters: Any) -> set[Any]:
        return {row.inventory_id for row in await everything(inventory(db, **filters))}

    assert await found(sku=item.sku) == {item.inventory_id, elsewhere.inventory_id}
    assert await found(product_id=item.product_id) == {item.inventory_id, elsewhere.inventory_id}
    assert await found(warehouse_id=place.warehouse_id) == {item.inventory_id, neighbour.inventory_id}
    assert await found(region=place.region) == {item.inventory_id, neighbour.inventory_id}
    assert await found(region=place.region, sku=item.sku) == {item.inventory_id}
    assert await found(warehouse_id=other.warehouse_id, product_id=item.product_id) == {elsewhere.inventory_id}
    assert await found(warehouse_id=other.warehouse_id, region=place.region) == set()
    assert await found(sku="NOWHERE") == set()


async def test_retired_rows_are_not_listed(db: Database) -> None:
    item = await add_stock(db)
    await db.writing(lambda session: stock.retire(session, item.inventory_id))
    assert await everything(inventory(db, sku=item.sku)) == []


async def test_rows_that_come_or_go_between_pages_move_no_other(db: Database) -> None:
    place = await add_warehouse(db)
    made = [await add_stock(db, warehouse=place, sku=f"M-{n}") for n in range(6)]
    listed = inventory(db, warehouse_id=place.warehouse_id)
    first = await listed(PageRequest(size=3, order_by="sku"))
    await add_stock(db, warehouse=place, sku="A-0")
    await db.writing(lambda session: stock.retire(session, made[1].inventory_id))
    second = await listed(PageRequest(size=3, order_by="sku", token=first.next_token))
    assert [row.sku for row in (*first.items, *second.items)] == [f"M-{n}" for n in range(6)]


class TestTokens:
    """A token belongs to its list, its filters and its order, and a forged one is refused."""

    async def token(self, db: Database) -> tuple[Any, str]:
        place = await add_warehouse(db)
        for _ in range(3):
            await add_stock(db, warehouse=place)
        listed = inventory(db, warehouse_id=place.warehouse_id)
        page = await listed(PageRequest(size=1))
        assert page.next_token
        return listed, page.next_token

    async def test_it_holds_for_another_page_size(self, db: Database) -> None:
        listed, token = await self.token(db)
        assert len((await listed(PageRequest(size=2, token=token))).items) == 2

    async def test_it_does_not_hold_for_another_order_or_other_filters(self, db: Database) -> None:
        listed, token = await self.token(db)
        for request in (
            PageRequest(token=token, order_by="sku"),
            PageRequest(token=token, order_by="inventoryId desc"),
        ):
            with pytest.raises(InvalidPageToken):
                await listed(request)
        with pytest.raises(InvalidPageToken):
            await inventory(db)(PageRequest(token=token))

    async def test_it_does_not_hold_for_another_list(self, db: Database) -> None:
        _, token = await self.token(db)
        with pytest.raises(InvalidPageToken):
            await db.reading(lambda s: warehouses.listed(s, WarehouseFilter(), PageRequest(token=token)))

    def test_one_of_another_shape_is_refused(self) -> None:
        cursor = LISTING.cursor(PageRequest(), StockFilter())
        shapes: list[list[Any]] = [[], ["x"], [1], [None], [[]], ["a", "b"], [{"a": 1}], [True], ["00000000"]]
        for keys in shapes:
            forged = base64.urlsafe_b64encode(json.dumps([cursor.binding, *keys]).encode()).decode()
            with pytest.raises(InvalidPageToken):
                LISTING.cursor(PageRequest(token=forged), StockFilter())

    @pytest.mark.parametrize("sign", UNSEEN, ids=unicodedata.name)
    async def test_it_holds_after_a_row_with_any_sign_that_a_sku_and_a_code_may_have(
        self, db: Database, sign: str
    ) -> None:
        region = unique("region")
        place = await add_warehouse(db, region=region, code=f"{unique('W')}{sign}1")
        other = await add_warehouse(db, region=region, code=f"{unique('X')}{sign}1")
        skus = [f"TEA{sign}{number}" for number in range(3)]
        for sku in skus:
            check_new_item(NewStockItem(sku=sku, product_id=uuid.uuid4(), warehouse_id=place.warehouse_id))
            await add_stock(db, warehouse=place, sku=sku)
        rows = await everything(inventory(db, warehouse_id=place.warehouse_id), size=1, order_by="sku")
        assert [row.sku for row in rows] == skus

        async def places(page: PageRequest) -> Page[Any]:
            return await db.reading(lambda session: warehouses.listed(session, WarehouseFilter(region=region), page))

        assert [row.code for row in await everything(places, size=1)] == [place.code, other.code]

    @pytest.mark.parametrize("key", ["a\x00b", "\ud800", "line\nbreak", "c1\x85"])
    def test_a_key_that_no_row_can_have_is_refused(self, key: str) -> None:
        cursor = LISTING.cursor(PageRequest(order_by="sku"), StockFilter())
        identity = "00000000-0000-0000-0000-000000000000"
        forged = base64.urlsafe_b64encode(json.dumps([cursor.binding, key, identity]).encode()).decode()
        with pytest.raises(InvalidPageToken):
            LISTING.cursor(PageRequest(order_by="sku", token=forged), StockFilter())

    @given(st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
    def test_garbage_is_refused(self, token: str) -> None:
        request = PageRequest(token=token)
        if not token:
            assert LISTING.cursor(request, StockFilter()).after is None
            return
        with pytest.raises(InvalidPageToken):
            LISTING.cursor(request, StockFilter())

    def test_one_that_is_too_long_to_be_ours_is_refused(self) -> None:
        nested = base64.urlsafe_b64encode(b"[" * 100_000).decode()
        with pytest.raises(InvalidPageToken):
            LISTING.cursor(PageRequest(token=nested), StockFilter())


@pytest.mark.parametrize("size", [0, -1, 201])
def test_a_page_has_1_to_200_rows(size: int) -> None:
    with pytest.raises(Unprocessable):
        LISTING.cursor(PageRequest(size=size), StockFilter())


@pytest.mark.parametrize("order_by", ["quantity", "sku down", "sku;drop", "inventory_id", " sku", "sku desc desc"])
def test_only_orders_with_an_index_are_offered(order_by: str) -> None:
    with pytest.raises(Unprocessable):
        LISTING.cursor(PageRequest(order_by=order_by), StockFilter())


async def test_the_ledger_is_listed_newest_first_and_by_what_one_looks_for(db: Database) -> None:
    item = await add_stock(db, 10)
    for number, kind in enumerate((MovementType.DAMAGE, MovementType.ADJUSTMENT, MovementType.DAMAGE), start=1):
        change = movements.Change(
            inventory_id=item.inventory_id, delta=-number, type=kind, reason="r", reference=f"ref-{number}"
        )
        await db.writing(partial(movements.apply, changes=[change], actor=TESTER, traceparent=None))
    lines = await ledger_of(db, item)

    async def listed(**filters: Any) -> list[int]:
        async def page_of(page: PageRequest) -> Page[Any]:
            return await db.reading(
                lambda session: movements.listed(session, item.inventory_id, MovementFilter(**filters), page)
            )

        return [line.sequence for line in await everything(page_of)]

    assert await listed() == [4, 3, 2, 1]
    assert await listed(type=MovementType.DAMAGE) == [4, 2]
    assert await listed(reference="ref-2") == [3]
    assert await listed(since=lines[1].created_at) == [4, 3, 2]
    assert await listed(until=lines[1].created_at) == [1]
    assert await listed(since=lines[1].created_at, until=lines[3].created_at, type=MovementType.DAMAGE) == [2]
    assert await listed(since=datetime.now(UTC) + timedelta(hours=1)) == []


async def test_warehouses_are_listed_by_code_or_priority(db: Database) -> None:
    region = unique("R")
    made = [await add_warehouse(db, region=region, priority=n % 2, is_active=n != 3) for n in range(4)]

    async def codes(order_by: str | None = None, **filters: Any) -> list[str]:
        async def page_of(page: PageRequest) -> Page[Any]:
            filter_ = WarehouseFilter(region=region, **filters)
            return await db.reading(lambda session: warehouses.listed(session, filter_, page))

        return [row.code for row in await everything(page_of, order_by=order_by)]

    by_priority = sorted(made, key=lambda warehouse: (warehouse.priority, warehouse.code))
    assert await codes() == sorted(warehouse.code for warehouse in made)
    assert await codes("priority") == [warehouse.code for warehouse in by_priority]
    assert await codes("priority desc") == [warehouse.code for warehouse in reversed(by_priority)]
    assert await codes(is_active=False) == [made[3].code]


async def test_reservations_are_listed_newest_first_with_their_lines(db: Database) -> None:
    item, order = await add_stock(db, 50), unique("ORDER")
    held = [await hold(db, want(item, n), order_id=order if n % 2 else unique("ORDER")) for n in range(1, 7)]
    await settle(db, held[0], ReservationStatus.COMMITTED)

    async def listed(order_by: str | None = None, **filters: Any) -> list[int]:
        async def page_of(page: PageRequest) -> Page[Any]:
            return await db.reading(
                lambda session: reservation_listing.listed(session, ReservationFilter(**filters), page)
            )

        return [row.lines[0].quantity for row in await everything(page_of, order_by=order_by)]

    assert (await listed())[:6] == [6, 5, 4, 3, 2, 1]
    assert (await listed("createdAt"))[-6:] == [1, 2, 3, 4, 5, 6]
    assert await listed(order_id=order) == [5, 3, 1]
    assert await listed(order_id=order, status=ReservationStatus.COMMITTED) == [1]
    assert await listed(status=ReservationStatus.COMMITTED) == [1]
    assert (await listed(status=ReservationStatus.PENDING))[:5] == [6, 5, 4, 3, 2]
