"""Lists of purchase orders, and what is on order for a shelf, stay quick when there are many."""

from __future__ import annotations

import hashlib
import itertools
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from db import incoming, operations, purchase_order_rows, restock, supplier_items
from db.engine import Database, WriteSession
from db.paging import PageRequest
from db.purchase_order_rows import LISTING, PurchaseOrderFilter, page_statement
from db.restock import RestockFilter
from db.tables import purchase_orders
from domain.purchase_orders import PurchaseOrderStatus
from tests.db.test_query_plans import assert_reads_little

BIG = ("purchase_orders", "purchase_order_lines", "supplier_items")

_FILL = """
insert into warehouses (warehouse_id, code, name)
    select md5('w' || n)::uuid, 'W-' || n, 'w' from generate_series(1, 20) n;
insert into suppliers (supplier_id, code, name, currency)
    select md5('s' || n)::uuid, 'S-' || n, 's', 'EUR' from generate_series(0, 49) n;
insert into supplier_items (supplier_id, sku, unit_cost)
    select md5('s' || n % 50)::uuid, 'SKU-' || n / 5, 1 from generate_series(0, 9999) n on conflict do nothing;
insert into inventory (inventory_id, product_id, warehouse_id, sku)
    select md5('i' || n)::uuid, md5('p' || n)::uuid, md5('w' || 1 + n % 20)::uuid, 'SKU-' || n
    from generate_series(0, 999) n;
insert into purchase_orders (purchase_order_id, status, requested_by, requested_by_name, requested_at, closed_at,
                             decided_by, decided_at, sent_at, expected_at, late_since, supplier_id, warehouse_id,
                             currency)
    select md5('o' || n)::uuid, case when n % 50 = 0 then 'SENT' else 'RECEIVED' end, uuidv7(), 'test',
           timestamptz '2026-01-01 00:00 UTC' + n * interval '1 minute', case when n % 50 > 0 then now() end,
           uuidv7(), now(), now(), now(), case when n % 200 = 0 then now() end, md5('s' || n % 50)::uuid,
           md5('w' || 1 + n % 20)::uuid, 'EUR'
    from generate_series(0, 29999) n;
insert into purchase_order_lines (purchase_order_id, sku, position, quantity, unit_cost, quantity_received,
                                  quantity_outstanding)
    select md5('o' || n)::uuid, 'SKU-' || (n + 7 * l) % 1000, l, 5, 1, case when n % 50 = 0 then 1 else 5 end,
           case when n % 50 = 0 then 4 else 0 end
    from generate_series(0, 29999) n, generate_series(0, 1) l;
analyze
"""

ONE = uuid.UUID(hashlib.md5(b"o50", usedforsecurity=False).hexdigest())
PLACE = uuid.UUID(hashlib.md5(b"w3", usedforsecurity=False).hexdigest())
SUPPLIER = uuid.UUID(hashlib.md5(b"s3", usedforsecurity=False).hexdigest())
KEYS: dict[type, Any] = {uuid.UUID: ONE, datetime: datetime(2026, 1, 2, tzinfo=UTC)}

FILTERS = (
    PurchaseOrderFilter(),
    PurchaseOrderFilter(status=PurchaseOrderStatus.SENT),
    PurchaseOrderFilter(status=PurchaseOrderStatus.DRAFT),
    PurchaseOrderFilter(supplier_id=SUPPLIER),
    PurchaseOrderFilter(warehouse_id=PLACE),
    PurchaseOrderFilter(warehouse_id=PLACE, status=PurchaseOrderStatus.RECEIVED),
    PurchaseOrderFilter(sku="SKU-70"),
    PurchaseOrderFilter(sku="SKU-none"),
    PurchaseOrderFilter(late=True),
    PurchaseOrderFilter(late=False),
)


@pytest.fixture(scope="module")
async def big(db: Database) -> Database:
    """A database with tens of thousands of orders, most of them over."""
    async with db.single() as session:
        for statement in _FILL.split(";"):
            await session.execute(text(statement))
    return db


def pages() -> Iterator[Any]:
    """The list with every kind of filter, both ways, at its start and further on."""
    for chosen, direction in itertools.product(FILTERS, ("asc", "desc")):
        start = LISTING.cursor(PageRequest(order_by=f"requestedAt {direction}"), chosen)
        further = replace(start, after=tuple(KEYS[column.type.python_type] for column in start.columns))
        for place, cursor in (("start", start), ("further on", further)):
            yield pytest.param(page_statement(cursor, chosen), id=f"{direction} {place} {chosen}")


@pytest.mark.parametrize("statement", list(pages()))
async def test_a_page_reads_little_more_than_the_page(big: Database, statement: Any) -> None:
    async with big.read() as session:
        await assert_reads_little(session, statement, tables=BIG)


class Explained(WriteSession):
    """A session that looks at the plan of everything it is asked before it answers."""

    async def execute(self, statement: Any, values: Any = None) -> Any:
        await assert_reads_little(self, statement, values, tables=BIG)
        return await super().execute(statement, values)


async def test_looking_things_up_reads_little(big: Database) -> None:
    places = [(f"SKU-{number}", PLACE) for number in range(0, 1000, 5)]
    async with big.read() as plain:
        session = Explained(plain.connection)
        assert await purchase_order_rows.get(session, ONE) is not None
        assert len(await incoming.to_places(session, places)) == len(places)
        assert await purchase_order_rows.of_restock_run(session, "restock-1") == []
        assert len(await supplier_items.of_supplier(session, SUPPLIER, [f"SKU-{n}" for n in range(100)])) > 0
        assert await operations.open_ones(session, purchase_orders, older_than_seconds=0, most=20)


async def test_low_rows_ask_for_what_is_coming_by_index(big: Database) -> None:
    """The rows of stock themselves are read one after the other: an index of what is low would cost every sale."""
    async with big.read() as plain:
        session = Explained(plain.connection)
        page = await restock.low_rows(session, RestockFilter(warehouse_id=PLACE), PageRequest(size=20))
        assert len(page.items) == 20
