"""The rules of quantity stand in the tables too: whoever writes around the rules is refused by Postgres itself."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.engine import Database, sqlstate
from domain.errors import Unprocessable
from tests.stocking import add_stock, add_warehouse, hold, want

CHECK_VIOLATION = "23514"
UNIQUE_VIOLATION = "23505"
FOREIGN_KEY_VIOLATION = "23503"
REFUSED_BY_TRIGGER = "HF003"


async def refusal(db: Database, statement: str, **values: object) -> tuple[str, str]:
    """The SQLSTATE and the message with which Postgres refuses a statement."""
    with pytest.raises((DBAPIError, Unprocessable)) as refused:  # one of them has words of its own
        async with db.write() as session:
            await session.execute(text(statement), values)
    error = refused.value.__cause__ if isinstance(refused.value, Unprocessable) else refused.value
    assert isinstance(error, DBAPIError)
    return sqlstate(error), str(error.orig)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("quantity_total = -1", "inventory_available_not_negative"),
        ("quantity_reserved = -1", "inventory_reserved_not_negative"),
        ("quantity_reserved = quantity_total + 1", "inventory_available_not_negative"),
        ("quantity_total = 2000000001", "inventory_total_in_range"),
        ("reorder_point = -1", "inventory_reorder_point_not_negative"),
        ("reorder_quantity = 0", "inventory_reorder_quantity_positive"),
        ("quantity_reserved = 1, deleted_at = now()", "inventory_deleted_holds_nothing"),
        ("unit_cost = -0.0001, currency = 'EUR'", "inventory_unit_cost_in_range"),
        ("unit_cost = 'NaN', currency = 'EUR'", "inventory_unit_cost_in_range"),
        ("unit_cost = 1", "inventory_unit_cost_in_a_currency"),
        ("currency = 'EUR'", "inventory_unit_cost_in_a_currency"),
        ("unit_cost = 1, currency = 'eur'", "inventory_currency_is_a_code"),
        ("unit_cost = 1, currency = 'EU'", "inventory_currency_is_a_code"),
    ],
)
async def test_an_impossible_stock_row_is_refused(db: Database, change: str, constraint: str) -> None:
    item = await add_stock(db, 5)
    state, message = await refusal(db, f"update inventory set {change} where inventory_id = :id", id=item.inventory_id)
    assert state == CHECK_VIOLATION
    assert constraint in message


@pytest.mark.parametrize(
    ("columns", "values", "constraint"),
    [
        ("currency", "'eur'", "suppliers_currency_is_a_code"),
        ("currency, lead_time_days", "'EUR', 366", "suppliers_lead_time_in_range"),
    ],
)
async def test_an_impossible_supplier_is_refused(db: Database, columns: str, values: str, constraint: str) -> None:
    state, message = await refusal(db, f"insert into suppliers (code, name, {columns}) values ('x', 'x', {values})")
    assert state == CHECK_VIOLATION
    assert constraint in message


@pytest.mark.parametrize(
    ("columns", "values", "constraint"),
    [
        ("unit_cost", "-1", "supplier_items_unit_cost_in_range"),
        ("unit_cost", "'NaN'", "supplier_items_unit_cost_in_range"),
        ("unit_cost, pack_size", "1, 0", "supplier_items_pack_size_in_range"),
        ("unit_cost, minimum_quantity", "1, 0", "supplier_items_minimum_in_range"),
        ("unit_cost, lead_time_days", "1, -1", "supplier_items_lead_time_in_range"),
    ],
)
async def test_impossible_terms_are_refused(db: Database, columns: str, values: str, constraint: str) -> None:
    state, message = await refusal(
        db, f"insert into supplier_items (supplier_id, sku, {columns}) values (uuidv7(), 'A', {values})"
    )
    assert state == CHECK_VIOLATION
    assert constraint in message


async def test_available_is_worked_out_by_postgres_and_cannot_be_written(db: Database) -> None:
    item = await add_stock(db, 5)
    state, _ = await refusal(
        db, "update inventory set quantity_available = 9 where inventory_id = :id", id=item.inventory_id
    )
    assert state == "428C9"


async def test_a_warehouse_has_one_live_row_of_a_sku(db: Database) -> None:
    item = await add_stock(db, 5)
    state, _ = await refusal(
        db,
        "insert into inventory (product_id, warehouse_id, sku) values (uuidv7(), :warehouse, :sku)",
        warehouse=item.warehouse_id,
        sku=item.sku,
    )
    assert state == UNIQUE_VIOLATION


async def test_stock_stands_in_a_warehouse_that_exists(db: Database) -> None:
    state, _ = await refusal(
        db,
        "insert into inventory (product_id, warehouse_id, sku) values (uuidv7(), :nowhere, 'X')",
        nowhere=uuid.uuid4(),
    )
    assert state == FOREIGN_KEY_VIOLATION


async def test_stock_rows_are_retired_and_never_deleted(db: Database) -> None:
    item = await add_stock(db)
    state, _ = await refusal(db, "delete from inventory where inventory_id = :id", id=item.inventory_id)
    assert state == REFUSED_BY_TRIGGER


@pytest.mark.parametrize(
    "statement",
    [
        "update stock_movements set quantity = quantity + 1",
        "update stock_movements set reason = 'another'",
        "delete from stock_movements",
        "truncate stock_movements cascade",
    ],
)
async def test_the_ledger_is_append_only(db: Database, statement: str) -> None:
    await add_stock(db, 5)
    state, _ = await refusal(db, statement)
    assert state == REFUSED_BY_TRIGGER


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("'GIFT', 1, 6, 2", CHECK_VIOLATION),
        ("'INBOUND', 0, 5, 2", CHECK_VIOLATION),
        ("'OUTBOUND', -6, -1, 2", CHECK_VIOLATION),
        ("'INBOUND', 1, 6, 1", UNIQUE_VIOLATION),
    ],
)
async def test_an_impossible_ledger_line_is_refused(db: Database, fields: str, expected: str) -> None:
    item = await add_stock(db, 5)
    state, _ = await refusal(
        db,
        "insert into stock_movements (inventory_id, type, quantity, total_after, sequence, performed_by,"
        f" performed_by_name) values (:id, {fields}, uuidv7(), 'test')",
        id=item.inventory_id,
    )
    assert state == expected


@pytest.mark.parametrize(
    "change",
    [
        "status = 'LOST'",
        "status = 'COMMITTED'",
        "committed_at = now()",
        "status = 'CANCELLED', cancelled_at = now(), expired_at = now()",
        "status = 'COMMITTED', committed_at = expires_at",
        "returned_at = now()",
    ],
)
async def test_a_reservation_in_two_states_is_refused(db: Database, change: str) -> None:
    held = await hold(db, want(await add_stock(db, 5), 1))
    state, _ = await refusal(db, f"update reservations set {change} where reservation_id = :id", id=held.reservation_id)
    assert state == CHECK_VIOLATION


@pytest.mark.parametrize("change", ["quantity = 0", "quantity = 200000001", "quantity_returned = 2"])
async def test_an_impossible_line_is_refused(db: Database, change: str) -> None:
    held = await hold(db, want(await add_stock(db, 5), 1))
    state, _ = await refusal(
        db, f"update reservation_lines set {change} where reservation_id = :id", id=held.reservation_id
    )
    assert state == CHECK_VIOLATION


@pytest.mark.parametrize(
    "change",
    [
        "latitude = 91, longitude = 0",
        "latitude = 0, longitude = 181",
        "latitude = 1",
        "priority = -1",
        "adjustment_threshold_quantity = -1",
        "adjustment_threshold_value = -1",
        "adjustment_threshold_value = 'NaN'",
    ],
)
async def test_an_impossible_warehouse_is_refused(db: Database, change: str) -> None:
    warehouse = await add_warehouse(db)
    state, _ = await refusal(db, f"update warehouses set {change} where warehouse_id = :id", id=warehouse.warehouse_id)
    assert state == CHECK_VIOLATION


@pytest.mark.parametrize(("total", "reserved"), [(-6, 0), (0, 6), (-1, 5), (0, -1)])
async def test_change_stock_leaves_out_what_would_break_a_rule(db: Database, total: int, reserved: int) -> None:
    item = await add_stock(db, 5)
    async with db.write() as session:
        changed = await session.execute(
            text("select * from change_stock(array[cast(:id as uuid)], array[:total], array[:reserved], null)"),
            {"id": item.inventory_id, "total": total, "reserved": reserved},
        )
        assert changed.all() == []


async def test_a_retired_row_takes_no_holds(db: Database) -> None:
    item = await add_stock(db, 5)
    async with db.write() as session:
        await session.execute(
            text("update inventory set deleted_at = now() where inventory_id = :id"), {"id": item.inventory_id}
        )
        changed = await session.execute(
            text("select * from change_stock(array[cast(:id as uuid)], array[0], array[1], null)"),
            {"id": item.inventory_id},
        )
        assert changed.all() == []


@pytest.mark.parametrize(
    "change",
    [
        "acknowledged_at = now()",
        "acknowledged_by = uuidv7(), acknowledged_by_name = 'test'",
        "resolved_at = now()",
        "resolution = 'recovered'",
        "resolved_at = now(), resolution = 'by_hand'",
        "resolved_at = now(), resolution = 'recovered', resolved_by = uuidv7()",
    ],
)
async def test_half_an_end_of_an_alert_is_refused(db: Database, change: str) -> None:
    item = await add_stock(db, 20)
    await hold(db, want(item, 15))
    state, _ = await refusal(db, f"update alerts set {change} where subject_id = :id", id=item.inventory_id)
    assert state == CHECK_VIOLATION


@pytest.mark.parametrize(
    "change",
    [
        "status = 'LOST', settled_at = now()",
        "status = 'EXPIRED'",
        "settled_at = now()",
        "status = 'OFFERED', settled_at = now()",
        "quantity = 0",
        "hold_seconds = 604801",
        "reservation_id = (select reservation_id from reservations limit 1)",
    ],
)
async def test_half_an_end_of_waiting_and_an_impossible_wish_are_refused(db: Database, change: str) -> None:
    await hold(db, want(await add_stock(db, 5), 1))
    entry = await _waiting(db)
    state, _ = await refusal(db, f"update waitlist_entries set {change} where entry_id = :id", id=entry)
    assert state == CHECK_VIOLATION


async def test_an_offer_is_a_reservation_that_exists_and_no_other_entrys(db: Database) -> None:
    held = await hold(db, want(await add_stock(db, 5), 1))
    offered = (
        "update waitlist_entries set status = 'OFFERED', settled_at = now(), reservation_id = :it where entry_id = :id"
    )
    state, _ = await refusal(db, offered, it=uuid.uuid4(), id=await _waiting(db))
    assert state == FOREIGN_KEY_VIOLATION
    async with db.write() as session:
        await session.execute(text(offered), {"it": held.reservation_id, "id": await _waiting(db)})
    state, _ = await refusal(db, offered, it=held.reservation_id, id=await _waiting(db))
    assert state == UNIQUE_VIOLATION


async def _waiting(db: Database) -> uuid.UUID:
    entry_id = uuid.uuid4()
    async with db.write() as session:
        await session.execute(
            text("""
                insert into waitlist_entries (entry_id, order_id, sku, quantity, hold_seconds, expires_at, performed_by,
                                              performed_by_name)
                values (:id, 'o', 'SKU', 1, 60, now() + interval '1 day', uuidv7(), 'test')"""),
            {"id": entry_id},
        )
    return entry_id


async def test_a_subject_has_one_unresolved_alert_of_a_kind(db: Database) -> None:
    item = await add_stock(db, 20)
    await hold(db, want(item, 15))
    state, _ = await refusal(
        db, "insert into alerts (kind, subject_id) values ('low_stock', :id)", id=item.inventory_id
    )
    assert state == UNIQUE_VIOLATION
