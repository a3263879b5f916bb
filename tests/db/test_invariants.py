"""Each invariant finds the damage it is there for. The damage is done with every guard of the tables taken off."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import text

from db import adjustments
from db.engine import Database
from db.invariants import INVARIANTS, SAMPLES_MAX, Violation, check, violations_of
from db.invariants.rolling import WHOLE, Mark, check_part
from db.invariants.scopes import SCOPES
from db.waitlist_offers import offer_next
from domain.adjustments import AdjustmentPolicy
from domain.contracts.adjustments import AdjustmentRequest
from domain.ids import CLOCK
from domain.operations import Patience, Step
from domain.reservations import ReservationStatus
from domain.returns import Condition
from domain.stock import MovementType, StockItem
from tests.buying import activities_of, arrival, draft_of, make_due, sent, step
from tests.lines import join
from tests.stocking import TESTER, add_stock, hold, return_sold, sell, settle, take_back, want
from tests.transferring import lines, road

_GUARDS_OFF = """
alter table inventory drop constraint inventory_total_not_negative, drop constraint inventory_reserved_not_negative,
    drop constraint inventory_available_not_negative, drop constraint inventory_deleted_holds_nothing;
alter table reservations drop constraint reservations_one_terminal_state,
    drop constraint reservations_committed_in_time;
alter table stock_movements disable trigger user;
alter table reservation_return_lines disable trigger user,
    drop constraint reservation_return_lines_damaged_are_written_off;
drop index alerts_one_open;
alter table waitlist_entries drop constraint waitlist_entries_offered_is_reserved;
alter table transfer_lines drop constraint transfer_lines_accounted_at_most_shipped,
    drop constraint transfer_lines_shipped_at_most_asked;
alter table transfers drop constraint transfers_end_once, drop constraint transfers_wake_while_open,
    drop constraint transfers_shipped_on_the_road;
alter table purchase_orders drop constraint purchase_orders_end_once, drop constraint purchase_orders_wake_while_open;
alter table purchase_order_lines drop constraint purchase_order_lines_outstanding_is_the_rest;
alter table audit disable trigger user
"""

_ONE_ROW = "where inventory_id = (select inventory_id from inventory where quantity_reserved > 0 limit 1)"
_SOLD = "where reservation_id = (select reservation_id from reservations where status = 'COMMITTED' limit 1)"
_HELD = "where reservation_id = (select reservation_id from reservations where status = 'PENDING' limit 1)"
_REFUSED = "where reservation_id = (select reservation_id from reservations where status = 'REJECTED' limit 1)"
_OPENING = "(select movement_id from stock_movements where type = 'INBOUND' limit 1)"
_SALE = "(select movement_id from stock_movements where type = 'OUTBOUND' limit 1)"
_RETURN = "(select movement_id from stock_movements where type = 'RETURN' limit 1)"
_DAMAGE = "(select movement_id from stock_movements where type = 'DAMAGE' limit 1)"
_DAMAGED = "where condition = 'damaged'"
_SOLD_AND_KEPT = """where reservation_id = (select reservation_id from reservations r where status = 'COMMITTED'
    and not exists (select from reservation_returns b where b.reservation_id = r.reservation_id) limit 1)"""
_LOW = "where inventory_id = (select subject_id from alerts where kind = 'low_stock' and resolved_at is null)"
_ON_THE_ROAD = "where quantity_in_transit > 0"
_PARTLY = "where status = 'PARTIALLY_RECEIVED'"
_PARTLY_LINE = "where quantity_received = 4"
_DELIVERY = "(select movement_id from stock_movements where reason like 'PO-%' limit 1)"
_A_LINE = "(select inventory_id from inventory limit 1)"

DAMAGE = [
    ("total_is_sum_of_movements", f"update inventory set quantity_total = quantity_total + 1 {_ONE_ROW}"),
    ("total_is_sum_of_movements", f"delete from stock_movements where movement_id = {_OPENING}"),
    ("reserved_is_sum_of_pending_lines", f"update inventory set quantity_reserved = quantity_reserved - 1 {_ONE_ROW}"),
    ("reserved_is_sum_of_pending_lines", f"update reservation_lines set quantity = quantity + 1 {_HELD}"),
    ("nothing_is_negative", f"update inventory set quantity_reserved = quantity_total + 1 {_ONE_ROW}"),
    ("nothing_is_negative", f"update inventory set quantity_total = -1, quantity_reserved = -2 {_ONE_ROW}"),
    ("retired_rows_hold_nothing", f"update inventory set deleted_at = now() {_ONE_ROW}"),
    ("holds_end_in_time", f"update reservations set expires_at = now() - interval '2 minutes' {_HELD}"),
    ("one_terminal_state", f"update reservations set cancelled_at = now() {_SOLD}"),
    ("one_terminal_state", f"update reservations set status = 'EXPIRED' {_HELD}"),
    ("one_terminal_state", f"update reservations set committed_at = expires_at {_SOLD}"),
    ("holds_have_lines", f"delete from reservation_lines {_SOLD}"),
    (
        "holds_have_lines",
        f"insert into reservation_lines select reservation_id, {_A_LINE}, 1 from reservations {_REFUSED}",
    ),
    ("lines_name_rows_that_exist", f"update reservation_lines set inventory_id = uuidv7() {_SOLD}"),
    ("ledger_adds_up", f"update stock_movements set total_after = total_after + 1 where movement_id = {_OPENING}"),
    ("ledger_adds_up", f"update stock_movements set sequence = 1000 where movement_id = {_OPENING}"),
    ("ledger_adds_up", f"update stock_movements set quantity = quantity + 1 where movement_id = {_SALE}"),
    ("sales_are_in_the_ledger", f"update stock_movements set reference = 'another' where movement_id = {_SALE}"),
    ("sales_are_in_the_ledger", f"update stock_movements set type = 'ADJUSTMENT' where movement_id = {_SALE}"),
    ("sales_are_in_the_ledger", f"update reservations set status = 'CANCELLED' {_SOLD}"),
    ("returned_pieces_are_in_returns", f"update reservation_lines set quantity_returned = 1 {_SOLD_AND_KEPT}"),
    ("returned_pieces_are_in_returns", f"update reservations set returned_at = now() {_SOLD_AND_KEPT}"),
    ("returned_pieces_are_in_returns", f"update reservation_return_lines set quantity = quantity + 1 {_DAMAGED}"),
    ("returns_are_in_the_ledger", f"update stock_movements set type = 'ADJUSTMENT' where movement_id = {_RETURN}"),
    ("returns_are_in_the_ledger", f"update stock_movements set quantity = quantity + 1 where movement_id = {_RETURN}"),
    ("returns_are_in_the_ledger", f"update stock_movements set reference = 'x' where movement_id = {_DAMAGE}"),
    ("returns_are_in_the_ledger", f"update stock_movements set quantity = quantity - 1 where movement_id = {_DAMAGE}"),
    ("returns_are_in_the_ledger", f"update reservation_return_lines set damage_movement_id = null {_DAMAGED}"),
    (
        "every_change_of_stock_is_news",
        f"""delete from outbox o using stock_movements m where m.movement_id = {_SALE}
            and o.stream_id = m.inventory_id and o.sequence = m.sequence""",
    ),
    ("every_change_of_stock_is_news", f"update inventory set sequence = sequence + 1 {_ONE_ROW}"),
    (
        "every_change_of_stock_is_news",
        """insert into outbox (type, key, stream_id, sequence, data) select type, key, stream_id, sequence, data
            from outbox where type = 'inventory.stock_updated' limit 1""",
    ),
    (
        "every_change_of_a_reservation_is_news",
        "delete from outbox where outbox_id = (select max(outbox_id) from outbox where type = 'inventory.committed')",
    ),
    ("every_change_of_a_reservation_is_news", f"update reservations set sequence = sequence + 1 {_HELD}"),
    ("unresolved_alerts_are_true", f"update inventory set reorder_point = 0 {_LOW}"),
    ("unresolved_alerts_are_true", f"update inventory set deleted_at = now() {_LOW}"),
    ("unresolved_alerts_are_true", "insert into alerts (kind, subject_id) values ('out_of_stock', uuidv7())"),
    (
        "one_unresolved_alert_for_a_subject",
        """insert into alerts (kind, subject_id, details)
            select kind, subject_id, details from alerts where resolved_at is null""",
    ),
    ("every_crossing_raised_its_alert", "delete from alerts where kind = 'low_stock' and resolved_at is null"),
    ("every_crossing_raised_its_alert", """update alerts set details = '{"sequence": 999}'"""),
    ("adjustments_are_in_the_ledger", "update adjustments set adjustment_id = uuidv7()"),
    ("every_step_is_in_the_audit", "update adjustments set version = version + 1"),
    (
        "offers_are_reservations",
        "update waitlist_entries set reservation_id = null where status = 'OFFERED'",
    ),
    ("offers_are_reservations", "update waitlist_entries set quantity = quantity + 1"),
    ("offers_are_reservations", "update waitlist_entries set sku = 'another'"),
    ("offers_are_reservations", "update waitlist_entries set order_id = 'another'"),
    ("waiting_ends_in_time", "update waitlist_entries set expires_at = now() - interval '2 minutes'"),
    ("every_change_of_the_waitlist_is_news", "update waitlist_entries set sequence = sequence + 1"),
    ("every_change_of_the_waitlist_is_news", "delete from outbox where type = 'inventory.waitlist_joined'"),
    ("every_step_is_in_the_audit", "update transfers set version = version + 1"),
    ("every_step_is_news", "update transfers set version = version + 1"),
    ("every_step_is_news", "delete from outbox where type = 'inventory.transfer_shipped'"),
    ("every_step_is_news", "delete from outbox where type = 'inventory.adjustment_applied'"),
    ("in_transit_is_accounted_for", f"update transfer_lines set quantity_lost = quantity + 1 {_ON_THE_ROAD}"),
    ("in_transit_is_accounted_for", f"update transfer_lines set quantity_shipped = quantity + 1 {_ON_THE_ROAD}"),
    ("in_transit_is_accounted_for", "update transfers set closed_at = now() where status = 'IN_TRANSIT'"),
    ("in_transit_is_accounted_for", "update transfers set shipped_at = null where status = 'IN_TRANSIT'"),
    ("in_transit_is_accounted_for", "delete from transfer_lines"),
    (
        "transfers_are_in_the_ledger",
        f"update transfer_lines set quantity_received = quantity_received + 1 {_ON_THE_ROAD}",
    ),
    (
        "transfers_are_in_the_ledger",
        f"update transfer_lines set quantity_returned = quantity_returned + 1 {_ON_THE_ROAD}",
    ),
    ("transfers_are_in_the_ledger", "update stock_movements set reference = 'another' where type = 'TRANSFER'"),
    ("transfers_are_in_the_ledger", f"update stock_movements set type = 'TRANSFER' where movement_id = {_SALE}"),
    ("in_transit_is_what_the_ledger_lacks", "update stock_movements set type = 'OUTBOUND' where type = 'TRANSFER'"),
    (
        "in_transit_is_what_the_ledger_lacks",
        f"update transfer_lines set quantity_shipped = quantity_shipped - 1 {_ON_THE_ROAD}",
    ),
    ("late_transfers_are_alerts", "delete from alerts where kind = 'transfer_late'"),
    ("late_transfers_are_alerts", "update transfers set late_since = null"),
    ("late_transfers_are_alerts", "update transfers set closed_at = now() where late_since is not null"),
    ("every_step_is_in_the_audit", "update purchase_orders set version = version + 1"),
    ("every_step_is_news", "delete from outbox where type = 'inventory.purchase_order_sent'"),
    ("purchase_orders_match_their_lines", "delete from purchase_order_lines"),
    ("purchase_orders_match_their_lines", "update purchase_orders set status = 'SENT' where status = 'RECEIVED'"),
    ("purchase_orders_match_their_lines", "update purchase_orders set status = 'RECEIVED' where status = 'SENT'"),
    ("purchase_orders_match_their_lines", f"update purchase_orders set status = 'CANCELLED' {_PARTLY}"),
    ("purchase_orders_match_their_lines", f"update purchase_order_lines set quantity_outstanding = 0 {_PARTLY_LINE}"),
    ("purchase_orders_match_their_lines", f"update purchase_orders set closed_at = now() {_PARTLY}"),
    ("purchases_are_in_the_ledger", f"update stock_movements set reference = 'x' where movement_id = {_DELIVERY}"),
    ("purchases_are_in_the_ledger", f"update stock_movements set quantity = 1 where movement_id = {_DELIVERY}"),
    ("purchases_are_in_the_ledger", f"update stock_movements set type = 'RETURN' where movement_id = {_DELIVERY}"),
    ("purchases_are_in_the_ledger", f"update purchase_order_lines set quantity_received = 5 {_PARTLY_LINE}"),
    ("receipts_add_up", f"update purchase_order_lines set quantity_received = 5 {_PARTLY_LINE}"),
    ("receipts_add_up", "update audit set details = '{\"lines\": []}' where step = 'receive'"),
    ("late_purchase_orders_are_alerts", "delete from alerts where kind = 'purchase_order_late'"),
    ("late_purchase_orders_are_alerts", "update purchase_orders set late_since = null"),
]


@pytest.fixture(scope="module")
async def lived_in(db: Database) -> Database:
    """A database in which something of everything has happened, without its guards."""
    one, other = await add_stock(db, 50), await add_stock(db, 50)
    await hold(db, want(one, 2), want(other, 1))
    await settle(db, await hold(db, want(one, 3)), ReservationStatus.COMMITTED)
    await settle(db, await hold(db, want(one, 3)), ReservationStatus.CANCELLED)
    await settle(db, await hold(db, want(other, 3), hold_seconds=0), ReservationStatus.EXPIRED)
    await hold(db, want(one, 500))
    returned = await hold(db, want(other, 4))
    await settle(db, returned, ReservationStatus.COMMITTED)
    await return_sold(db, returned)
    sold = await sell(db, want(one, 4))
    await take_back(db, sold, {one.inventory_id: 1})
    await take_back(db, sold, {one.inventory_id: 2}, Condition.DAMAGED)
    await hold(db, want(await add_stock(db, 50), 45))
    await adjusted(db, one)
    await join(db, one.sku)
    assert await offer_next(db, one.sku)
    await join(db, one.sku)
    await transferred(db)
    await bought(db)
    assert await violations_of(db) == []
    async with db.single() as session:
        for statement in _GUARDS_OFF.split(";"):
            await session.execute(text(statement))
    return db


async def adjusted(db: Database, item: StockItem) -> None:
    patience = Patience(remind=timedelta(1), escalate=timedelta(2), lapse=timedelta(3))
    policy = AdjustmentPolicy(threshold_quantity=10, threshold_value=None, patience=patience)
    for delta in (1, 11):
        asked = AdjustmentRequest(
            adjustment_id=uuid.uuid4(),
            inventory_id=item.inventory_id,
            delta=delta,
            type=MovementType.ADJUSTMENT,
            reason="found",
            actor_id=TESTER.actor_id,
            actor_name=TESTER.name,
        )
        await db.writing(lambda session, asked=asked: adjustments.request(session, asked, policy))


async def transferred(db: Database) -> None:
    """One that came short and is closed, and a late one that has come in part."""
    way = await road(db, A=100)
    short, late = await way.shipped(A=5), await way.shipped(A=5)
    await way.take(short, Step.RECEIVE, lines=lines(A=3), discrepancy="lost")
    await way.take(late, Step.RECEIVE, lines=lines(A=2))
    await way.clock(late)
    await way.shipped(A=5)


async def bought(db: Database) -> None:
    """One that has come, one that has come in part and is late, one that is on its way, and a draft."""
    items, orders = [await add_stock(db, 1) for _ in range(4)], activities_of(db)
    come, late, _coming = [await sent(db, await draft_of(db, item)) for item in items[:3]]
    await draft_of(db, items[3])
    await orders.take(arrival(come))
    await orders.take(arrival(late, "GRN-1", **{items[1].sku: 4}))
    await make_due(db, late)
    await orders.take(step(late, Step.LATE, CLOCK))


class Undone(Exception):
    """Ends a transaction without a trace."""


async def found_after(db: Database, damage: str) -> dict[str, Violation]:
    """What the invariants say of some damage, which is undone."""
    found: dict[str, Violation] = {}
    with suppress(Undone):
        async with db.write() as session:
            await session.execute(text(damage))
            found.update({violation.invariant: violation for violation in await check(session)})
            raise Undone
    return found


@pytest.mark.parametrize(("invariant", "damage"), DAMAGE)
async def test_damage_is_found(lived_in: Database, invariant: str, damage: str) -> None:
    found = await found_after(lived_in, damage)
    assert found[invariant].count >= 1
    assert isinstance(json.loads(found[invariant].samples[0]), dict)
    assert await violations_of(lived_in) == []


async def found_in_a_round_after(db: Database, damage: str) -> set[str]:
    """What is found when each run looks at one row and one reservation, until all were; the damage is undone."""
    found: set[str] = set()
    with suppress(Undone):
        async with db.write() as session:
            await session.execute(text(damage))
            found |= {violation.invariant for violation in await check(session, only=WHOLE)}
            for table in ("inventory", "reservations"):
                await session.execute(text(f"update {table} set updated_at = updated_at - interval '1 day'"))
            for scope in SCOPES:
                mark = Mark()
                while not mark.rounds:
                    mark = await check_part(session, scope, mark, work_max=1)
                found |= mark.counts().keys()
            raise Undone
    return found


@pytest.mark.parametrize(("invariant", "damage"), DAMAGE)
async def test_damage_is_found_within_one_round(lived_in: Database, invariant: str, damage: str) -> None:
    assert invariant in await found_in_a_round_after(lived_in, damage)
    assert await found_in_a_round_after(lived_in, "select") == set()


def test_there_is_damage_for_every_invariant() -> None:
    assert {invariant for invariant, _ in DAMAGE} == set(INVARIANTS)


async def test_there_are_a_few_samples_of_much_damage(lived_in: Database) -> None:
    for _ in range(SAMPLES_MAX + 2):
        await add_stock(lived_in, 5)
    found = await found_after(lived_in, "update inventory set quantity_total = quantity_total + 1")
    wrong = found["total_is_sum_of_movements"]
    assert wrong.count > len(wrong.samples) == SAMPLES_MAX


async def test_a_hold_may_be_a_little_late(lived_in: Database) -> None:
    late = await hold(lived_in, want(await add_stock(lived_in, 5), 1), hold_seconds=-10)
    assert await violations_of(lived_in) == []
    [violation] = await violations_of(lived_in, overdue_lag_seconds=5)
    assert violation.invariant == "holds_end_in_time"
    assert str(late.reservation_id) in violation.samples[0]
    await settle(lived_in, late, ReservationStatus.EXPIRED)


async def test_they_see_one_instant_while_the_shop_is_busy(lived_in: Database) -> None:
    item = await add_stock(lived_in, 500)
    done = asyncio.Event()

    async def buy() -> None:
        for turn in range(15):
            held = await hold(lived_in, want(item, 1))
            await settle(lived_in, held, ReservationStatus.COMMITTED if turn % 2 else ReservationStatus.CANCELLED)

    async def look() -> int:
        looks = 0
        while not done.is_set():
            assert await violations_of(lived_in) == []
            looks += 1
        return looks

    looking = asyncio.create_task(look())
    await asyncio.gather(*(buy() for _ in range(6)))
    done.set()
    assert await looking > 0
