"""Importing stock: each line once, whole with its ledger line and its news, or refused with its reason."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from db import stock
from db.adjustment_rows import get as adjustment
from db.availability_view import AvailabilityView
from db.engine import Database
from domain.contracts.reservations import Source
from domain.ids import system_actor
from domain.imports import ImportLine, LineOutcome, LineResult
from domain.limits import STOCK_TOTAL_MAX
from domain.operations import OperationKind
from domain.stock import StockItem
from domain.warehouses import Warehouse
from gateway.auth import Caller
from gateway.commands.imports import ImportCommands
from runtime.settings import Settings
from tests.stocking import (
    add_stock,
    add_warehouse,
    assert_invariants,
    audit_of,
    hold,
    ledger_of,
    news_of,
    sell,
    stock_now,
    unique,
    want,
)

CREATED, CHANGED, UNCHANGED, REPEATED = LineResult


class Desk:
    """Imports into one warehouse, as `holdfast import` does it."""

    def __init__(self, commands: ImportCommands, database: Database, warehouse: Warehouse) -> None:
        self._commands = commands
        self._database = database
        self.warehouse = warehouse
        self.caller = Caller(system_actor("import"), "import", frozenset(), "request-1", source=Source.IMPORT)

    def line(self, number: int = 2, **fields: Any) -> ImportLine:
        """A line about a new SKU; `fields` of ImportLine."""
        given = {"sku": unique("SKU"), "product_id": uuid.uuid4(), "warehouse": self.warehouse.code, **fields}
        return ImportLine(line=number, **given)

    def of(self, row: StockItem, **fields: Any) -> ImportLine:
        """A line about a row that is there."""
        return self.line(**{"sku": row.sku, "product_id": row.product_id, **fields})

    async def put(self, *lines: ImportLine, import_id: UUID | None = None, dry_run: bool = False) -> list[LineOutcome]:
        return await self._commands.apply(import_id or uuid.uuid4(), lines, self.caller, dry_run=dry_run)

    async def results(self, *lines: ImportLine, **options: Any) -> list[LineResult | None]:
        return [outcome.result for outcome in await self.put(*lines, **options)]

    async def problem(self, line: ImportLine) -> tuple[str | None, str]:
        """Column and code of the one thing that is wrong with a line."""
        [outcome] = await self.put(line)
        [problem] = outcome.problems
        assert (problem.line, outcome.result) == (line.line, None)
        return problem.column, problem.code

    async def row(self, line: ImportLine) -> StockItem:
        place = (line.sku, self.warehouse.warehouse_id)
        ids = await self._database.reading(lambda session: stock.ids_by_place(session, [place]))
        found = await self._database.reading(lambda session: stock.get(session, ids[place]))
        assert found is not None
        return found


@pytest.fixture(scope="module")
async def desk(db: Database, view: AvailabilityView) -> Desk:
    settings = Settings(adjustment_approval_threshold=100)
    return Desk(ImportCommands(db, view, settings), db, await add_warehouse(db))


async def test_a_row_that_is_missing_is_made_with_its_opening_stock(db: Database, desk: Desk) -> None:
    plain = desk.line(2)
    full = desk.line(
        3,
        variant_id=uuid.uuid4(),
        quantity=5_000,
        reorder_point=3,
        reorder_quantity=40,
        unit_cost=Decimal("1.5"),
        currency="EUR",
    )
    assert await desk.results(plain, full, import_id=(import_id := uuid.uuid4())) == [CREATED, CREATED]
    bare, row = await desk.row(plain), await desk.row(full)
    assert (bare.quantity_total, bare.reorder_point, bare.unit_cost, bare.sequence) == (0, 10, None, 0)
    assert (row.quantity_total, row.variant_id, row.product_id) == (5_000, full.variant_id, full.product_id)
    assert (row.reorder_point, row.reorder_quantity, row.unit_cost, row.currency) == (3, 40, Decimal("1.5"), "EUR")
    [line] = await ledger_of(db, row)
    assert (line.type, line.quantity, line.reason, line.reference) == (
        "INBOUND",
        5_000,
        "opening stock",
        f"import {import_id}",
    )
    assert line.performed_by_name == "system:import"
    assert len(await news_of(db, row.inventory_id)) == 1
    await assert_invariants(db)


async def test_a_row_that_is_there_is_counted_and_the_difference_is_an_audited_adjustment(
    db: Database, desk: Desk
) -> None:
    row = await add_stock(db, 10, warehouse=desk.warehouse)
    import_id = uuid.uuid4()
    assert await desk.results(desk.of(row, quantity=7), import_id=import_id) == [CHANGED]
    line = (await ledger_of(db, row))[-1]
    assert (line.type, line.quantity, line.total_after, line.reason) == ("ADJUSTMENT", -3, 7, "stock count")
    made = await db.reading(lambda session: adjustment(session, line.movement_id))
    assert made is not None
    assert (made.status, made.delta, made.reference, made.reason_code) == (
        "APPLIED",
        -3,
        f"import {import_id}",
        "count_correction",
    )
    await assert_invariants(db)


async def test_what_is_as_the_file_says_is_left_alone(db: Database, desk: Desk) -> None:
    row = await add_stock(db, 10, warehouse=desk.warehouse)
    assert await desk.results(desk.of(row, quantity=10, reorder_point=row.reorder_point)) == [UNCHANGED]
    assert await stock_now(db, row) == row


async def test_a_line_without_a_quantity_changes_the_rest(db: Database, desk: Desk) -> None:
    row = await add_stock(db, 10, warehouse=desk.warehouse)
    line = desk.of(row, reorder_point=1, unit_cost=Decimal(2), currency="EUR")
    assert await desk.results(line) == [CHANGED]
    after = await stock_now(db, row)
    assert (after.quantity_total, after.reorder_point, after.unit_cost, after.currency) == (10, 1, Decimal(2), "EUR")
    assert len(await ledger_of(db, row)) == 1


async def test_the_same_import_again_changes_nothing_whatever_was_sold_meanwhile(db: Database, desk: Desk) -> None:
    right, wrong = [await add_stock(db, 10, warehouse=desk.warehouse) for _ in range(2)]
    new = desk.line(4, quantity=10)
    lines = (desk.of(right, number=2, quantity=10), desk.of(wrong, number=3, quantity=12), new)
    import_id = uuid.uuid4()
    assert await desk.results(*lines, import_id=import_id) == [UNCHANGED, CHANGED, CREATED]
    for row in (right, wrong, await desk.row(new)):
        await sell(db, want(row, 4))
    assert await desk.results(*lines, import_id=import_id) == [REPEATED] * 3
    assert [(await stock_now(db, row)).quantity_total for row in (right, wrong, await desk.row(new))] == [6, 8, 6]
    assert await desk.results(*lines) == [CHANGED] * 3
    await assert_invariants(db)


async def test_a_line_that_was_refused_is_tried_again(db: Database, desk: Desk) -> None:
    import_id, row = uuid.uuid4(), await add_stock(db, 10, warehouse=desk.warehouse)
    bad, good = desk.of(row, quantity=500), desk.line(3)
    assert await desk.results(bad, good, import_id=import_id) == [None, CREATED]
    assert await desk.results(replace(bad, quantity=50), good, import_id=import_id) == [CHANGED, REPEATED]


async def test_a_dry_run_answers_the_same_and_leaves_no_trace(db: Database, desk: Desk) -> None:
    row = await add_stock(db, 10, warehouse=desk.warehouse)
    lines = (desk.of(row, quantity=7, reorder_point=1), desk.line(3, quantity=9), desk.of(row, number=4, quantity=-1))
    import_id = uuid.uuid4()
    dry = await desk.put(*lines[:2], import_id=import_id, dry_run=True)
    assert [outcome.result for outcome in dry] == [CHANGED, CREATED]
    assert await stock_now(db, row) == row
    assert dry == await desk.put(*lines[:2], import_id=import_id)
    assert (await desk.put(lines[2], dry_run=True))[0].problems == (await desk.put(lines[2]))[0].problems


async def test_a_count_that_is_far_off_is_left_to_two_people(db: Database, desk: Desk) -> None:
    row = await add_stock(db, 10, warehouse=desk.warehouse)
    assert await desk.problem(desk.of(row, quantity=111)) == ("quantity", "approval_required")
    assert await desk.results(desk.of(row, quantity=110)) == [CHANGED]
    strict = await add_warehouse(db, adjustment_threshold_quantity=50, adjustment_threshold_value=Decimal(20))
    cheap = await add_stock(db, 10, warehouse=strict)
    dear = await add_stock(db, 10, warehouse=strict, unit_cost=Decimal("2.5"), currency="EUR")
    theirs = {"warehouse": strict.code}
    assert await desk.problem(desk.of(cheap, quantity=61, **theirs)) == ("quantity", "approval_required")
    assert await desk.problem(desk.of(dear, quantity=19, **theirs)) == ("quantity", "approval_required")
    assert await desk.results(desk.of(cheap, quantity=60, **theirs), desk.of(dear, quantity=18, **theirs)) == [
        CHANGED,
        CHANGED,
    ]


@pytest.mark.parametrize(
    ("fields", "column", "code"),
    [
        ({"warehouse": "NOWHERE"}, "warehouse", "unknown_item"),
        ({"sku": "S" * 51}, "sku", "validation_failed"),
        ({"quantity": -1}, "quantity", "validation_failed"),
        ({"quantity": STOCK_TOTAL_MAX + 1}, "quantity", "validation_failed"),
        ({"reorder_point": -1}, "reorder_point", "validation_failed"),
        ({"reorder_quantity": 0}, "reorder_quantity", "validation_failed"),
        ({"unit_cost": Decimal(1)}, "unit_cost", "validation_failed"),
        ({"unit_cost": Decimal(1), "currency": "eur"}, "currency", "validation_failed"),
    ],
)
async def test_a_line_that_cannot_make_a_row_is_refused(desk: Desk, fields: Any, column: str, code: str) -> None:
    assert await desk.problem(desk.line(**fields)) == (column, code)


@pytest.mark.parametrize(
    ("fields", "column", "code"),
    [
        ({"product_id": uuid.uuid4()}, "product_id", "validation_failed"),
        ({"variant_id": uuid.uuid4()}, "variant_id", "validation_failed"),
        ({"quantity": -1}, "quantity", "validation_failed"),
        ({"quantity": 3}, None, "stock_in_use"),
        ({"unit_cost": Decimal(1)}, "currency", "validation_failed"),
    ],
)
async def test_a_line_that_does_not_fit_its_row_changes_nothing_of_it(
    db: Database, desk: Desk, fields: Any, column: str | None, code: str
) -> None:
    row = await add_stock(db, 10, warehouse=desk.warehouse)
    await hold(db, want(row, 4))
    before = await stock_now(db, row)
    assert await desk.problem(desk.of(row, reorder_point=1, **fields)) == (column, code)
    assert await stock_now(db, row) == before


async def test_a_warehouse_that_is_not_in_use_takes_no_new_rows(db: Database, desk: Desk) -> None:
    closed = await add_warehouse(db, is_active=False)
    row = await add_stock(db, 10, warehouse=closed)
    assert await desk.problem(desk.line(warehouse=closed.code)) == ("warehouse", "unknown_item")
    assert await desk.results(desk.of(row, warehouse=closed.code, quantity=9)) == [CHANGED]


async def test_good_lines_do_not_wait_for_bad_ones(desk: Desk) -> None:
    lines = [desk.line(2, quantity=1), desk.line(3, quantity=-1), desk.line(4, quantity=1)]
    assert await desk.results(*lines) == [CREATED, None, CREATED]


async def test_the_same_file_from_two_terminals_is_imported_once(db: Database, desk: Desk) -> None:
    rows = [await add_stock(db, 10, warehouse=desk.warehouse) for _ in range(20)]
    lines = [desk.of(row, number=number, quantity=15) for number, row in enumerate(rows, start=2)]
    lines += [desk.line(number, quantity=5) for number in range(30, 50)]
    import_id = uuid.uuid4()

    async def run(chosen: Sequence[ImportLine]) -> list[LineResult | None]:
        return await desk.results(*chosen, import_id=import_id)

    first, second = await asyncio.gather(run(lines), run(lines[::-1]))
    pairs = zip(first, second[::-1], strict=True)
    assert all({one, other} in ({CHANGED, REPEATED}, {CREATED, REPEATED}) for one, other in pairs)
    assert {(await stock_now(db, row)).quantity_total for row in rows} == {15}
    await assert_invariants(db)


async def test_an_auditor_sees_the_door_that_a_count_came_through(db: Database, desk: Desk) -> None:
    row = await add_stock(db, 10, warehouse=desk.warehouse)
    await desk.put(desk.of(row, quantity=9))
    line = (await ledger_of(db, row))[-1]
    trail = await audit_of(db, OperationKind.ADJUSTMENT, line.movement_id)
    assert [entry.source for entry in trail] == ["import"]
