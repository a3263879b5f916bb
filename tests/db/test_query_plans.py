"""Every list and look-up stays quick when the tables are big: no plan reads a big table from end to end."""

from __future__ import annotations

import hashlib
import itertools
import uuid
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from db import (
    alerts,
    availability,
    days_of_cover,
    movements,
    outbox,
    reservation_listing,
    reservations,
    stock,
    stock_as_of,
    waitlist,
    waitlist_offers,
)
from db.alerts import AlertFilter
from db.allocation import candidates, overdue_quantities
from db.days_of_cover import CoverFilter
from db.engine import Database, ReadSession, WriteSession
from db.invariants import check
from db.invariants.rolling import WHOLE
from db.invariants.scopes import BY_RESERVATION, SCOPES, Part, Scope
from db.locks import LockedOverdue, lock_overdue
from db.movements import MovementFilter
from db.paging import PageRequest
from db.reservation_listing import ReservationFilter
from db.stock import StockFilter
from db.stock_as_of import AsOfFilter
from db.waitlist import WaitlistFilter
from domain.alerts import AlertKind, AlertStatus
from domain.availability import AvailabilityQuery
from domain.reports import Grouping
from domain.reservations import Item, ReservationStatus
from domain.stock import MovementType
from domain.waitlist import WaitlistStatus

DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]
ROWS_VISITED_MAX = 600
BIG = ("inventory", "reservations", "reservation_lines", "stock_movements", "outbox", "alerts", "waitlist_entries")

_FILL = """
insert into warehouses (warehouse_id, code, name, region)
    select md5('w' || n)::uuid, 'W-' || n, 'w', 'region-' || n % 5 from generate_series(1, 20) n;
insert into inventory (inventory_id, product_id, warehouse_id, sku, quantity_total, sequence, created_at)
    select md5('i' || n)::uuid, md5('p' || n % 9000)::uuid, md5('w' || 1 + n % 20)::uuid, 'SKU-' || n / 20, 5, 1,
           timestamptz '2026-01-01 00:00 UTC'
    from generate_series(0, 29999) n;
insert into stock_movements (inventory_id, type, quantity, total_after, sequence, performed_by, performed_by_name,
                             created_at)
    select md5('i' || n % 3)::uuid, 'INBOUND', 1, 1 + n / 3, 1 + n / 3, uuidv7(), 'test',
           timestamptz '2026-01-01 00:00 UTC' + n * interval '1 minute'
    from generate_series(0, 29999) n;
insert into stock_movements (inventory_id, type, quantity, total_after, sequence, performed_by, performed_by_name,
                             created_at)
    select md5('i' || n)::uuid, 'OUTBOUND', -1, 5, 1, uuidv7(), 'test', now() - (29999 - n) * interval '15 minutes'
    from generate_series(3, 29999) n;
insert into reservations (reservation_id, order_id, status, fingerprint, source, performed_by, performed_by_name,
                          reserved_at, expires_at, cancelled_at)
    select md5('r' || n)::uuid, 'order-' || n / 2, case when n % 5 = 0 then 'PENDING' else 'CANCELLED' end, 'f',
           'rest', uuidv7(), 'test', now(), now() + interval '1 hour', case when n % 5 > 0 then now() end
    from generate_series(0, 29999) n;
insert into reservation_lines (reservation_id, inventory_id, quantity)
    select md5('r' || n)::uuid, md5('i' || n)::uuid, 1 from generate_series(0, 29999) n;
insert into outbox (type, key, stream_id, sequence, data)
    select 'x', 'k' || n, uuidv7(), 1, '{}' from generate_series(0, 29999) n;
insert into alerts (kind, subject_id, sku, warehouse_id, raised_at, resolved_at, resolution)
    select case when n % 2 = 0 then 'low_stock' else 'out_of_stock' end, md5('i' || n)::uuid, 'SKU-' || n / 20,
           md5('w' || 1 + n % 20)::uuid, timestamptz '2026-01-01 00:00 UTC' + n * interval '1 minute',
           case when n % 5 > 0 then now() end, case when n % 5 > 0 then 'restocked' end
    from generate_series(0, 29999) n;
insert into waitlist_entries (entry_id, order_id, sku, quantity, hold_seconds, status, expires_at, settled_at,
                              performed_by, performed_by_name)
    select md5('e' || n)::uuid, 'order-' || n / 2, 'SKU-' || n % 300, 1 + n % 7, 60,
           case when n % 3 = 0 then 'WAITING' else 'WITHDRAWN' end, now() + interval '1 day',
           case when n % 3 > 0 then now() end, uuidv7(), 'test' from generate_series(0, 29999) n;
analyze
"""


@pytest.fixture(scope="module")
async def big(db: Database) -> Database:
    """A database with tens of thousands of rows in every table."""
    async with db.single() as session:
        for statement in _FILL.split(";"):
            await session.execute(text(statement))
    return db


ONE = uuid.UUID("00000000-0000-4000-8000-000000000001")
HOT_ROW = uuid.UUID(hashlib.md5(b"i0", usedforsecurity=False).hexdigest())
IN_LINE = uuid.UUID(hashlib.md5(b"e9", usedforsecurity=False).hexdigest())
SETTLED = uuid.UUID(hashlib.md5(b"r1", usedforsecurity=False).hexdigest())
PLACE = uuid.UUID(hashlib.md5(b"w3", usedforsecurity=False).hexdigest())
FIRST_HOUR = MovementFilter(
    type=MovementType.INBOUND, since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 1, 1, 1, tzinfo=UTC)
)
KEYS: dict[type, Any] = {uuid.UUID: ONE, str: "SKU-5", datetime: datetime(2026, 1, 2, tzinfo=UTC), int: 7}

STOCK_FILTERS = (
    StockFilter(),
    StockFilter(sku="SKU-700"),
    StockFilter(product_id=ONE),
    StockFilter(warehouse_id=ONE),
    StockFilter(region="region-3"),
    StockFilter(region="region-3", sku="SKU-700"),
    StockFilter(region="nowhere", product_id=ONE),
)
RESERVATION_FILTERS = (
    ReservationFilter(),
    ReservationFilter(status=ReservationStatus.PENDING),
    ReservationFilter(status=ReservationStatus.EXPIRED),
    ReservationFilter(order_id="order-9"),
    ReservationFilter(order_id="order-9", status=ReservationStatus.PENDING),
)
ALERT_FILTERS = (
    AlertFilter(),
    AlertFilter(kind=AlertKind.LOW_STOCK),
    AlertFilter(status=AlertStatus.OPEN),
    AlertFilter(kind=AlertKind.OUT_OF_STOCK, status=AlertStatus.RESOLVED),
    AlertFilter(warehouse_id=PLACE),
    AlertFilter(warehouse_id=PLACE, status=AlertStatus.ACKNOWLEDGED),
    AlertFilter(sku="SKU-700", status=AlertStatus.OPEN),
)
WAITLIST_FILTERS = (
    WaitlistFilter(),
    WaitlistFilter(sku="SKU-7"),
    WaitlistFilter(order_id="order-9"),
    WaitlistFilter(status=WaitlistStatus.WAITING),
    WaitlistFilter(status=WaitlistStatus.EXPIRED),
    WaitlistFilter(sku="SKU-9", status=WaitlistStatus.WAITING),
)

LONG_AGO = datetime(2026, 1, 10, tzinfo=UTC)
AS_OF_FILTERS = (
    AsOfFilter(at=LONG_AGO),
    AsOfFilter(at=LONG_AGO, sku="SKU-700"),
    AsOfFilter(at=LONG_AGO, warehouse_id=ONE),
    AsOfFilter(at=LONG_AGO, region="region-3"),
    AsOfFilter(at=LONG_AGO, region="region-3", sku="SKU-700"),
)


def list_queries() -> Iterator[Any]:
    """Every list, each order and direction, at its start and further on, with every kind of filter."""
    lists: list[tuple[Any, Any, Any]] = [
        (stock.LISTING, STOCK_FILTERS, stock.page_statement),
        (movements.LISTING, (MovementFilter(), FIRST_HOUR), lambda c, f: movements.page_statement(c, HOT_ROW, f)),
        (reservation_listing.LISTING, RESERVATION_FILTERS, reservation_listing.page_statement),
        (alerts.LISTING, ALERT_FILTERS, alerts.page_statement),
        (waitlist.LISTING, WAITLIST_FILTERS, waitlist.page_statement),
    ]
    for listing, filters, build in lists:
        for chosen, order, direction in itertools.product(filters, listing.orders, ("asc", "desc")):
            start = listing.cursor(PageRequest(order_by=f"{order} {direction}"), chosen)
            further = replace(start, after=tuple(KEYS[column.type.python_type] for column in start.columns))
            for cursor in (start, further):
                place = "start" if cursor is start else "further on"
                yield pytest.param(build(cursor, chosen), id=f"{order} {direction} {place} {chosen}")


@pytest.mark.parametrize("statement", list(list_queries()))
async def test_a_page_of_a_big_list_reads_little_more_than_the_page(big: Database, statement: Any) -> None:
    async with big.read() as session:
        await assert_reads_little(session, statement)


class Explained(WriteSession):
    """A session that looks at the plan of everything it is asked before it answers."""

    tables: ClassVar[Collection[str]] = BIG

    async def execute(self, statement: Any, values: Any = None) -> Any:
        await assert_reads_little(self, statement, values, tables=self.tables)
        return await super().execute(statement, values)


async def test_looking_things_up_reads_little(big: Database) -> None:
    query = AvailabilityQuery(product_id=ONE, quantity=1)
    by_id = AvailabilityQuery(inventory_id=HOT_ROW, quantity=1)
    skus = [f"SKU-{number}" for number in range(0, 1000, 50)]
    async with big.read() as plain:
        session = Explained(plain.connection)
        await availability.shelves_of(session, skus)
        await availability.skus_of(session, [query, by_id])
        await stock.by_ids(session, [HOT_ROW, ONE])
        await stock.ids_by_place(session, [(sku, ONE) for sku in skus])
        await stock.of_product(session, ONE, None)
        await movements.by_ids(session, [ONE, HOT_ROW])
        await candidates(session, [Item(sku=sku, quantity=1) for sku in skus])
        await candidates(session, [Item(product_id=ONE, quantity=1), Item(inventory_id=HOT_ROW, quantity=1)])
        await overdue_quantities(session, [HOT_ROW])
        await reservations.get(session, ONE)
        await alerts.get(session, ONE)
        await waitlist.get(session, IN_LINE)
        await waitlist.of_order(session, "order-9")
        await waitlist_offers.wanted_skus(session, after="SKU-1", most=20)


async def test_reports_of_a_part_read_little_more_than_the_part(big: Database) -> None:
    async with big.read() as plain:
        session = Explained(plain.connection)
        for filters in AS_OF_FILTERS:
            await stock_as_of.listed(session, filters, PageRequest())
        for grouping in (None, *Grouping):
            await stock_as_of.totalled(session, AsOfFilter(at=LONG_AGO, sku="SKU-700"), grouping, PageRequest())
        await days_of_cover.listed(session, CoverFilter(sku="SKU-700"), PageRequest())


async def test_days_of_cover_read_the_ledger_of_the_window_only(big: Database) -> None:
    """All rows are looked at, because no index knows how long stock will last; the ledger before the window is not."""
    filters = CoverFilter(days=1)
    statement = days_of_cover.page_statement(days_of_cover.LISTING.cursor(PageRequest(), filters), filters)
    async with big.read() as session:
        await assert_reads_little(session, statement, tables=("stock_movements",))
        used = {node.get("Index Name") for node in await plan_of(session, statement)}
    assert "stock_movements_period" in used


class LedgerExplained(Explained):
    """The same, for the ledger: what is looked at every minute may read all rows of stock, and all open holds."""

    tables = ("stock_movements",)


async def test_the_invariants_of_every_minute_read_little_of_the_ledger(big: Database) -> None:
    """One that must read more belongs to a scope (db/invariants/scopes.py), or wants an index."""
    async with big.read() as plain:
        await check(LedgerExplained(plain.connection), only=WHOLE)


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.name)
async def test_the_invariants_of_a_part_read_that_part(big: Database, scope: Scope) -> None:
    some = [uuid.UUID(hashlib.md5(f"{scope.name[0]}{n}".encode(), usedforsecurity=False).hexdigest()) for n in (7, 8)]
    async with big.read() as plain:
        session = Explained(plain.connection)
        await check(session, only=scope.invariants, part=Part(scope, some))
        assert len(await scope.following(session, ONE, 200)) > 1
        await BY_RESERVATION.changed(session, datetime.now(UTC), 200)


async def test_looking_for_what_is_overdue_passes_over_all_that_is_not(big: Database) -> None:
    touched = text("select idx_tup_fetch + seq_tup_read from pg_stat_xact_user_tables where relname = 'reservations'")
    async with big.write() as plain:
        session = Explained(plain.connection)
        before = (await plain.execute(touched)).scalar_one()
        assert await overdue_quantities(session, [HOT_ROW]) == {}
        assert await lock_overdue(session, [HOT_ROW], most=1) == LockedOverdue([], is_complete=True)
        assert await reservations.expire_overdue(plain, grace_seconds=2, batch_rows=100) == []
        assert (await plain.execute(touched)).scalar_one() - before <= ROWS_VISITED_MAX


async def test_a_refused_payment_looks_for_its_own_news_by_index(big: Database) -> None:
    """Beside an outbox that no broker takes, under the reservation's lock."""
    read = text("""
        select seq_tup_read, pg_stat_get_xact_numscans('outbox_commit_refused'::regclass) as looks
        from pg_stat_xact_user_tables where relname = 'outbox'""")
    async with big.write() as session:
        cancelled = await reservations.get(session, SETTLED)
        assert cancelled is not None
        before = (await session.execute(read)).one()
        is_new = [
            await outbox.add_commit_refused(session, cancelled, "cancelled", f"d-{n % 10}", None) for n in range(20)
        ]
        after = (await session.execute(read)).one()
    assert is_new == [True] * 10 + [False] * 10
    assert after.seq_tup_read == before.seq_tup_read
    assert after.looks == before.looks + len(is_new)


async def plan_of(session: ReadSession, statement: Any, values: Any = None) -> list[Any]:
    """The nodes of the plan by which a statement has just run."""
    compiled = statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
    explain = f"explain (analyze, timing off, format json) {compiled.string}"
    found = await session.connection.exec_driver_sql(explain, {**compiled.params, **(values or {})})
    [explained] = found.scalar_one()
    return list(_nodes(explained["Plan"]))


async def assert_reads_little(
    session: ReadSession, statement: Any, values: Any = None, *, tables: Collection[str] = BIG
) -> None:
    """The plan touches no big table from end to end, and visits a bounded number of rows."""
    compiled = statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
    for node in await plan_of(session, statement, values):
        relation = node.get("Relation Name")
        if relation in tables:
            visited = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            assert node["Node Type"] != "Seq Scan", compiled.string
            assert visited <= ROWS_VISITED_MAX, compiled.string


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
