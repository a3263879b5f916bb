"""Lists of transfers, and what is on its way to a shelf, stay quick when there are many."""

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

from db import audit, incoming, operations, receipts, transfer_rows
from db.audit import Subject
from db.engine import Database, WriteSession
from db.paging import PageRequest
from db.tables import transfers
from db.transfer_rows import LISTING, TransferFilter, page_statement
from domain.contracts.operations import StaffDecision
from domain.operations import OperationKind
from domain.transfers import TransferStatus
from tests.db.test_query_plans import assert_reads_little

BIG = ("transfers", "transfer_lines", "audit")

_FILL = """
insert into warehouses (warehouse_id, code, name, region)
    select md5('w' || n)::uuid, 'W-' || n, 'w', 'region-' || n % 5 from generate_series(1, 20) n;
insert into inventory (inventory_id, product_id, warehouse_id, sku)
    select md5('i' || n)::uuid, md5('p' || n)::uuid, md5('w' || 1 + n % 20)::uuid, 'SKU-' || n
    from generate_series(0, 999) n;
insert into transfers (transfer_id, status, requested_by, requested_by_name, requested_at, closed_at, shipped_at,
                       expected_at, late_since, from_warehouse_id, to_warehouse_id)
    select md5('t' || n)::uuid, case when n % 50 = 0 then 'IN_TRANSIT' else 'CLOSED' end, uuidv7(), 'test',
           timestamptz '2026-01-01 00:00 UTC' + n * interval '1 minute', case when n % 50 > 0 then now() end, now(),
           now(), case when n % 200 = 0 then now() end, md5('w' || 1 + n % 20)::uuid, md5('w' || 1 + (n + 1) % 20)::uuid
    from generate_series(0, 29999) n;
insert into transfer_lines (transfer_id, sku, from_inventory_id, quantity, quantity_shipped, quantity_received)
    select md5('t' || n)::uuid, 'SKU-' || (n + 7 * l) % 1000, md5('i' || (n + 7 * l) % 1000)::uuid, 5, 5,
           case when n % 50 = 0 then 1 else 5 end
    from generate_series(0, 29999) n, generate_series(0, 1) l;
insert into audit (subject_kind, subject_id, decision_id, step, source, performed_by, performed_by_name, status_after)
    select 'transfer', md5('t' || n)::uuid, 'd-' || l, 'receive', 'rest', uuidv7(), 'test', 'CLOSED'
    from generate_series(0, 9999) n, generate_series(1, 3) l;
insert into audit (subject_kind, subject_id, decision_id, step, source, performed_by, performed_by_name, status_before,
                   status_after, refusal_code)
    select 'transfer', md5('t50')::uuid, 'r-' || n, 'receive', 'rest', uuidv7(), 'test', 'CLOSED', 'CLOSED',
           'operation_closed'
    from generate_series(0, 9999) n;
analyze
"""

ONE = uuid.UUID(hashlib.md5(b"t50", usedforsecurity=False).hexdigest())
OTHER = uuid.UUID(hashlib.md5(b"t51", usedforsecurity=False).hexdigest())
PLACE = uuid.UUID(hashlib.md5(b"w3", usedforsecurity=False).hexdigest())
KEYS: dict[type, Any] = {uuid.UUID: ONE, datetime: datetime(2026, 1, 2, tzinfo=UTC)}

FILTERS = (
    TransferFilter(),
    TransferFilter(status=TransferStatus.IN_TRANSIT),
    TransferFilter(status=TransferStatus.REJECTED),
    TransferFilter(from_warehouse_id=PLACE),
    TransferFilter(to_warehouse_id=PLACE),
    TransferFilter(to_warehouse_id=PLACE, status=TransferStatus.CLOSED),
    TransferFilter(sku="SKU-70"),
    TransferFilter(sku="SKU-none"),
    TransferFilter(late=True),
    TransferFilter(late=False),
)


@pytest.fixture(scope="module")
async def big(db: Database) -> Database:
    """A database with tens of thousands of transfers, most of them over."""
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


@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_a_page_of_a_trail_reads_little_more_than_the_page(big: Database, direction: str) -> None:
    """Of an operation whose steps were refused ten thousand times, and of one like any other."""
    async with big.read() as session:
        for operation_id in (ONE, OTHER):
            subject = Subject(OperationKind.TRANSFER, operation_id)
            page = PageRequest(order_by=f"createdAt {direction}")
            start = audit.LISTING.cursor(page, subject)
            token = (await audit.of_subject(session, subject, replace(page, size=2))).next_token
            further = audit.LISTING.cursor(replace(page, token=token), subject)
            for cursor in (start, further):
                await assert_reads_little(session, audit.page_statement(cursor, subject), tables=BIG)


class Explained(WriteSession):
    """A session that looks at the plan of everything it is asked before it answers."""

    async def execute(self, statement: Any, values: Any = None) -> Any:
        await assert_reads_little(self, statement, values, tables=BIG)
        return await super().execute(statement, values)


async def test_looking_things_up_reads_little(big: Database) -> None:
    places = [(f"SKU-{number}", PLACE) for number in range(0, 1000, 5)]
    async with big.read() as plain:
        session = Explained(plain.connection)
        assert await transfer_rows.get(session, ONE) is not None
        assert len(await incoming.to_places(session, places)) == len(places)
        assert not await receipts.is_counted(session, ONE, StaffDecision(receipt_id="slip-1"))
        assert await operations.open_ones(session, transfers, older_than_seconds=0, most=20)
