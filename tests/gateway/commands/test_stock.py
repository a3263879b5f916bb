"""Commands on stock: each change whole with its ledger line and its news, once, however often it is asked for."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from db.availability_view import AvailabilityView
from db.engine import Database
from domain.adjustments import BatchResult, StockAdjustment
from domain.errors import (
    AlreadyExists,
    ApprovalRequired,
    BatchRefused,
    Conflict,
    InsufficientStock,
    NotFound,
    StaleVersion,
    StockInUse,
    UnknownItem,
    Unprocessable,
)
from domain.reservations import ReservationStatus
from domain.stock import Adjustment, MovementType, NewStockItem, StockItemChanges, StockUpdate
from domain.warehouses import WarehouseChanges
from gateway.auth import Caller
from gateway.commands.stock import StockCommands
from gateway.commands.warehouses import WarehouseCommands
from runtime.settings import Settings
from tests.patience import PATIENCE_SECONDS
from tests.stocking import (
    add_stock,
    add_warehouse,
    assert_invariants,
    hold,
    ledger_of,
    news_of,
    settle,
    stock_now,
    unique,
    want,
)

FOUND = Adjustment(delta=5, reason="found behind the shelf", reference="count-7")


async def new_item(db: Database, quantity: int = 0) -> NewStockItem:
    place = await add_warehouse(db)
    return NewStockItem(
        sku=unique("SKU"), product_id=uuid.uuid4(), warehouse_id=place.warehouse_id, quantity_total=quantity
    )


class TestCreate:
    async def test_the_opening_stock_is_the_first_line_of_the_ledger(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await stock_commands.create(await new_item(db, 7), caller, inventory_id=uuid.uuid4())
        [line] = await ledger_of(db, item)
        assert (item.quantity_total, item.quantity_available, item.sequence) == (7, 7, 1)
        assert (line.type, line.quantity, line.total_after, line.sequence) == ("INBOUND", 7, 7, 1)
        assert (line.performed_by, line.performed_by_name) == (caller.actor.actor_id, "clerk")
        assert [news.type for news in await news_of(db, item.inventory_id)] == ["inventory.stock_updated"]

    async def test_an_empty_row_has_an_empty_ledger(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await stock_commands.create(await new_item(db), caller, inventory_id=uuid.uuid4())
        assert await ledger_of(db, item) == []
        assert item.sequence == 0

    async def test_opening_stock_needs_no_approval(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await stock_commands.create(await new_item(db, 5_000), caller, inventory_id=uuid.uuid4())
        assert item.quantity_total == 5_000

    async def test_a_repeat_answers_the_same_row_and_doubles_nothing(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        new, inventory_id = await new_item(db, 7), uuid.uuid4()
        answers = await asyncio.gather(
            *(stock_commands.create(new, caller, inventory_id=inventory_id) for _ in range(5))
        )
        assert {answer.inventory_id for answer in answers} == {inventory_id}
        assert {answer.quantity_total for answer in answers} == {7}
        assert len(await ledger_of(db, answers[0])) == 1

    async def test_a_warehouse_has_one_row_of_a_sku(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        new = await new_item(db)
        first = await stock_commands.create(new, caller, inventory_id=uuid.uuid4())
        with pytest.raises(AlreadyExists) as refused:
            await stock_commands.create(new, caller, inventory_id=uuid.uuid4())
        assert refused.value.extra == {"inventoryId": str(first.inventory_id)}

    async def test_a_retired_row_makes_room_for_a_new_one(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        new = await new_item(db, 3)
        first = await stock_commands.create(new, caller, inventory_id=uuid.uuid4())
        await stock_commands.delete(first.inventory_id, caller, expected_version=None)
        second = await stock_commands.create(new, caller, inventory_id=uuid.uuid4())
        assert second.quantity_total == 3
        await assert_invariants(db)

    async def test_the_warehouse_must_exist_and_be_in_use(
        self,
        db: Database,
        stock_commands: StockCommands,
        warehouse_commands: WarehouseCommands,
        caller: Caller,
    ) -> None:
        new = await new_item(db)
        await warehouse_commands.update(
            new.warehouse_id, WarehouseChanges(is_active=False), caller, expected_version=None
        )
        nowhere = NewStockItem(sku="SKU-1", product_id=uuid.uuid4(), warehouse_id=uuid.uuid4())
        for wrong in (new, nowhere):
            with pytest.raises(UnknownItem) as refused:
                await stock_commands.create(wrong, caller, inventory_id=uuid.uuid4())
            assert refused.value.extra["errors"][0]["pointer"] == "/warehouseId"

    async def test_wrong_fields_are_refused(self, db: Database, stock_commands: StockCommands, caller: Caller) -> None:
        new = await new_item(db, -1)
        with pytest.raises(Unprocessable):
            await stock_commands.create(new, caller, inventory_id=uuid.uuid4())


class TestAdjust:
    async def test_the_change_its_line_and_its_news_belong_together(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item, movement_id = await add_stock(db, 10), uuid.uuid4()
        changed = await stock_commands.adjust(item.inventory_id, FOUND, caller, adjustment_id=movement_id)
        assert changed.movement is not None
        assert changed.item == await stock_now(db, item)
        assert (changed.item.quantity_total, changed.item.sequence, changed.item.version) == (15, 2, item.version + 1)
        assert changed.movement.movement_id == movement_id
        assert (changed.movement.quantity, changed.movement.total_after, changed.movement.sequence) == (5, 15, 2)
        assert (changed.movement.reason, changed.movement.reference) == ("found behind the shelf", "count-7")
        assert changed.movement.performed_by == caller.actor.actor_id
        assert (await news_of(db, item.inventory_id))[-1].sequence == 2

    async def test_a_repeat_answers_the_first_line_and_doubles_nothing(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item, movement_id = await add_stock(db, 10), uuid.uuid4()
        answers = await asyncio.gather(
            *(stock_commands.adjust(item.inventory_id, FOUND, caller, adjustment_id=movement_id) for _ in range(6))
        )
        assert len({answer.movement for answer in answers}) == 1
        assert (await stock_now(db, item)).quantity_total == 15

    async def test_a_repeat_is_answered_though_it_would_be_refused_now(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item, movement_id = await add_stock(db, 10), uuid.uuid4()
        taken = Adjustment(delta=-8, reason="broken", type=MovementType.DAMAGE)
        first = await stock_commands.adjust(item.inventory_id, taken, caller, adjustment_id=movement_id)
        again = await stock_commands.adjust(item.inventory_id, taken, caller, adjustment_id=movement_id)
        assert again == first

    async def test_the_id_of_another_rows_change_is_refused(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        one, other, movement_id = await add_stock(db, 10), await add_stock(db, 10), uuid.uuid4()
        await stock_commands.adjust(one.inventory_id, FOUND, caller, adjustment_id=movement_id)
        with pytest.raises(AlreadyExists):
            await stock_commands.adjust(other.inventory_id, FOUND, caller, adjustment_id=movement_id)

    async def test_what_is_reserved_cannot_be_taken_away(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 10)
        await hold(db, want(item, 6))
        with pytest.raises(InsufficientStock) as refused:
            await stock_commands.adjust(
                item.inventory_id, Adjustment(delta=-5, reason="lost"), caller, adjustment_id=uuid.uuid4()
            )
        assert refused.value.shortages[0].available == 4
        assert len(await ledger_of(db, item)) == 1

    async def test_a_large_change_needs_an_approval_and_does_nothing_until_then(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 500)
        for delta in (101, -101):
            asked = Adjustment(delta=delta, reason="lost")
            waits = await stock_commands.adjust(item.inventory_id, asked, caller, adjustment_id=uuid.uuid4())
            assert waits.is_waiting
            assert waits.movement is None
        assert (await stock_now(db, item)).version == item.version

    async def test_an_unknown_and_a_retired_row_are_not_found(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 10)
        await stock_commands.delete(item.inventory_id, caller, expected_version=None)
        for inventory_id in (item.inventory_id, uuid.uuid4()):
            with pytest.raises(NotFound):
                await stock_commands.adjust(inventory_id, FOUND, caller, adjustment_id=uuid.uuid4())

    async def test_adjusting_and_buying_at_once_lose_nothing(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 100)

        async def buy() -> None:
            await settle(db, await hold(db, want(item, 2)), ReservationStatus.COMMITTED)

        async def adjust(delta: int) -> None:
            change = Adjustment(delta=delta, reason="count")
            await stock_commands.adjust(item.inventory_id, change, caller, adjustment_id=uuid.uuid4())

        await asyncio.gather(*(buy() for _ in range(15)), *(adjust((-1) ** n * 3) for n in range(16)))
        assert (await stock_now(db, item)).quantity_total == 70
        await assert_invariants(db)


class TestSetStock:
    async def test_a_total_and_a_delta_lead_to_the_same_row(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 10)
        counted = await stock_commands.set_stock(
            item.inventory_id,
            total=12,
            type=MovementType.ADJUSTMENT,
            reason="",
            expected_version=item.version,
            caller=caller,
            adjustment_id=uuid.uuid4(),
        )
        received = await stock_commands.set_stock(
            item.inventory_id,
            delta=3,
            type=MovementType.INBOUND,
            reason="delivery",
            expected_version=counted.item.version,
            caller=caller,
            adjustment_id=uuid.uuid4(),
        )
        assert (counted.item.quantity_total, received.item.quantity_total) == (12, 15)
        assert [line.reason for line in await ledger_of(db, item)] == ["opening stock", "stock count", "delivery"]

    async def test_a_version_that_is_not_the_rows_is_refused_unless_this_call_made_the_difference(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item, movement_id = await add_stock(db, 10), uuid.uuid4()

        async def count(expected_version: int, movement: uuid.UUID) -> int:
            changed = await stock_commands.set_stock(
                item.inventory_id,
                total=12,
                type=MovementType.ADJUSTMENT,
                reason="count",
                expected_version=expected_version,
                caller=caller,
                adjustment_id=movement,
            )
            return changed.item.quantity_total

        assert await count(item.version, movement_id) == 12
        assert await count(item.version, movement_id) == 12
        with pytest.raises(StaleVersion):
            await count(item.version, uuid.uuid4())

    async def test_it_is_either_a_total_or_a_delta(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 10)
        for both in ({"total": 1, "delta": 1}, {}):
            with pytest.raises(Unprocessable):
                await stock_commands.set_stock(
                    item.inventory_id,
                    total=both.get("total"),
                    delta=both.get("delta"),
                    type=MovementType.ADJUSTMENT,
                    reason="r",
                    expected_version=None,
                    caller=caller,
                    adjustment_id=uuid.uuid4(),
                )


class TestUpdate:
    async def test_the_reorder_rule_changes_without_a_line_in_the_ledger(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 10)
        changes = StockItemChanges(reorder_point=3, reorder_quantity=7)
        after = (await stock_commands.update(item.inventory_id, changes, caller, expected_version=item.version)).item
        assert (after.reorder_point, after.reorder_quantity) == (3, 7)
        assert (after.version, after.sequence) == (item.version + 1, item.sequence)
        assert len(await ledger_of(db, item)) == 1

    async def test_a_cost_is_exact_and_changes_without_a_line_in_the_ledger(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        new = replace(await new_item(db, 3), unit_cost=Decimal("0.1"), currency="EUR")
        item = await stock_commands.create(new, caller, inventory_id=uuid.uuid4())
        assert (item.unit_cost, item.currency) == (Decimal("0.1"), "EUR")
        changes = StockItemChanges(unit_cost=Decimal("9999999999.9999"), currency="JPY")
        after = (await stock_commands.update(item.inventory_id, changes, caller, expected_version=item.version)).item
        assert (after.unit_cost, after.currency) == (Decimal("9999999999.9999"), "JPY")
        assert (after.version, after.sequence) == (item.version + 1, item.sequence)

    async def test_what_is_not_given_stays(self, db: Database, stock_commands: StockCommands, caller: Caller) -> None:
        item = await add_stock(db, 10, reorder_point=4, reorder_quantity=8)
        changes = StockItemChanges(reorder_point=0)
        after = (await stock_commands.update(item.inventory_id, changes, caller, expected_version=None)).item
        assert (after.reorder_point, after.reorder_quantity, after.quantity_total) == (0, 8, 10)
        same = await stock_commands.update(item.inventory_id, StockItemChanges(), caller, expected_version=None)
        assert same.item.version == after.version

    async def test_a_total_is_a_count(self, db: Database, stock_commands: StockCommands, caller: Caller) -> None:
        item = await add_stock(db, 10)
        changes = StockItemChanges(quantity_total=8, reorder_point=1, reason="yearly count")
        after = (await stock_commands.update(item.inventory_id, changes, caller, expected_version=None)).item
        line = (await ledger_of(db, item))[-1]
        assert (after.quantity_total, after.reorder_point) == (8, 1)
        assert (line.type, line.quantity, line.reason) == ("ADJUSTMENT", -2, "yearly count")
        far_off = await stock_commands.update(
            item.inventory_id, StockItemChanges(quantity_total=900), caller, expected_version=None
        )
        assert far_off.is_waiting
        assert far_off.item.quantity_total == 8

    async def test_a_refused_count_changes_nothing_else_either(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 10)
        await hold(db, want(item, 6))
        with pytest.raises(InsufficientStock):
            await stock_commands.update(
                item.inventory_id, StockItemChanges(quantity_total=5, reorder_point=1), caller, expected_version=None
            )
        assert (await stock_now(db, item)).reorder_point == item.reorder_point

    async def test_of_two_writers_with_the_same_version_one_wins(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 10)
        answers = await asyncio.gather(
            *(
                stock_commands.update(
                    item.inventory_id, StockItemChanges(reorder_point=point), caller, expected_version=item.version
                )
                for point in (1, 2, 3, 4)
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, StaleVersion) for answer in answers) == 3
        assert (await stock_now(db, item)).version == item.version + 1

    async def test_identity_cannot_change(self, db: Database, stock_commands: StockCommands, caller: Caller) -> None:
        item = await add_stock(db, 10)
        with pytest.raises(Unprocessable):
            await stock_commands.update(item.inventory_id, StockItemChanges(sku="OTHER"), caller, expected_version=None)


class TestDelete:
    async def test_a_retired_row_is_gone_and_its_ledger_stays(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 10)
        await stock_commands.delete(item.inventory_id, caller, expected_version=item.version)
        assert [line.quantity for line in await ledger_of(db, item)] == [10, -10]
        with pytest.raises(NotFound):
            await stock_commands.delete(item.inventory_id, caller, expected_version=None)

    async def test_what_is_left_is_written_off_and_told_of(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 50, reorder_point=20)
        await stock_commands.delete(item.inventory_id, caller, expected_version=None)
        line = (await ledger_of(db, item))[-1]
        assert (line.type, line.quantity, line.total_after, line.reason) == ("ADJUSTMENT", -50, 0, "retired")
        assert (line.performed_by, line.performed_by_name) == (caller.actor.actor_id, "clerk")
        told = [news for news in await news_of(db, item.inventory_id) if news.sequence == 2]
        assert sorted(news.type.removeprefix("inventory.") for news in told) == [
            "low_stock",
            "out_of_stock",
            "stock_updated",
        ]
        await assert_invariants(db)

    async def test_an_empty_row_leaves_without_a_line(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 0, warehouse=await add_warehouse(db, adjustment_threshold_quantity=0))
        await stock_commands.delete(item.inventory_id, caller, expected_version=None)
        assert await ledger_of(db, item) == []

    @pytest.mark.parametrize(
        ("pieces", "place"),
        [
            (101, {}),
            (6, {"adjustment_threshold_quantity": 5}),
            (6, {"adjustment_threshold_value": Decimal(20)}),
        ],
        ids=["pieces", "pieces here", "value"],
    )
    async def test_more_than_one_may_write_off_alone_stays(
        self, db: Database, stock_commands: StockCommands, caller: Caller, pieces: int, place: dict[str, Any]
    ) -> None:
        there = await add_warehouse(db, **place)
        item = await add_stock(db, pieces, warehouse=there, unit_cost=Decimal(4), currency="EUR")
        with pytest.raises(ApprovalRequired) as refused:
            await stock_commands.delete(item.inventory_id, caller, expected_version=None)
        assert refused.value.extra == {"quantityTotal": pieces}
        assert await stock_now(db, item) == item
        assert len(await ledger_of(db, item)) == 1

    async def test_what_is_reserved_stays(self, db: Database, stock_commands: StockCommands, caller: Caller) -> None:
        item = await add_stock(db, 10)
        held = await hold(db, want(item, 1))
        with pytest.raises(StockInUse):
            await stock_commands.delete(item.inventory_id, caller, expected_version=None)
        await settle(db, held, ReservationStatus.CANCELLED)
        await stock_commands.delete(item.inventory_id, caller, expected_version=None)

    async def test_a_stale_version_is_refused(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 10)
        with pytest.raises(StaleVersion):
            await stock_commands.delete(item.inventory_id, caller, expected_version=item.version + 1)


class TestBatch:
    async def test_items_are_applied_in_order_and_answered_one_by_one(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        one, other = await add_stock(db, 10), await add_stock(db, 10)
        results = await stock_commands.batch(
            [
                StockUpdate(inventory_id=one.inventory_id, delta=5, reason="found"),
                StockUpdate(sku=other.sku, warehouse_id=other.warehouse_id, quantity_total=7),
                StockUpdate(inventory_id=one.inventory_id, quantity_total=15),
                StockUpdate(inventory_id=one.inventory_id, delta=-15, reason="lost"),
                StockUpdate(inventory_id=one.inventory_id, delta=-1, reason="lost"),
            ],
            caller,
            atomic=False,
            batch_id=uuid.uuid4(),
        )
        assert _totals(results) == [15, 7, None, 0, "insufficient_stock"]
        assert [await _total(db, item) for item in (one, other)] == [0, 7]
        await assert_invariants(db)

    async def test_wrong_items_do_not_keep_the_others_back(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 10)
        results = await stock_commands.batch(
            [
                StockUpdate(inventory_id=uuid.uuid4(), delta=1, reason="r"),
                StockUpdate(sku="NOWHERE", warehouse_id=item.warehouse_id, delta=1, reason="r"),
                StockUpdate(inventory_id=item.inventory_id, delta=1),
                StockUpdate(inventory_id=item.inventory_id, delta=101, reason="r"),
                StockUpdate(inventory_id=item.inventory_id, delta=1, reason="r", type=MovementType.OUTBOUND),
                StockUpdate(inventory_id=item.inventory_id, delta=2, reason="r"),
            ],
            caller,
            atomic=False,
            batch_id=uuid.uuid4(),
        )
        assert _totals(results) == [
            "unknown_item",
            "unknown_item",
            "validation_failed",
            "waiting",
            "validation_failed",
            12,
        ]

    async def test_all_that_waits_is_started_together(
        self, db: Database, view: AvailabilityView, caller: Caller
    ) -> None:
        items = [await add_stock(db, 200) for _ in range(5)]
        together, begun = asyncio.Barrier(len(items)), []

        async def begin(adjustment: StockAdjustment, _caller: Caller) -> None:
            """As while Temporal is away: no start ends soon, so that none may wait for another's end."""
            await together.wait()
            begun.append(adjustment.inventory_id)

        updates = [StockUpdate(inventory_id=item.inventory_id, delta=-150, reason="lost") for item in items]
        by_hand = StockCommands(db, view, Settings(adjustment_approval_threshold=100), begin=begin)
        async with asyncio.timeout(PATIENCE_SECONDS):
            results = await by_hand.batch(updates, caller, atomic=False, batch_id=uuid.uuid4())
        assert _totals(results) == ["waiting"] * len(items)
        assert sorted(begun) == sorted(item.inventory_id for item in items)

    async def test_all_or_nothing_lists_everything_that_was_refused(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item = await add_stock(db, 10)
        with pytest.raises(BatchRefused) as refused:
            await stock_commands.batch(
                [
                    StockUpdate(inventory_id=item.inventory_id, delta=1, reason="r"),
                    StockUpdate(inventory_id=uuid.uuid4(), delta=1, reason="r"),
                    StockUpdate(inventory_id=item.inventory_id, delta=-50, reason="r"),
                ],
                caller,
                atomic=True,
                batch_id=uuid.uuid4(),
            )
        assert [(problem.pointer, problem.code) for problem in refused.value.refused] == [
            ("/items/1", "unknown_item"),
            ("/items/2", "insufficient_stock"),
        ]
        assert (await stock_now(db, item)).version == item.version

    @pytest.mark.parametrize("atomic", [True, False])
    async def test_a_repeat_answers_the_first_lines_and_applies_nothing(
        self, db: Database, stock_commands: StockCommands, caller: Caller, atomic: bool
    ) -> None:
        item, other, batch_id = await add_stock(db, 10), await add_stock(db, 10), uuid.uuid4()
        updates = [
            StockUpdate(inventory_id=item.inventory_id, delta=5, reason="r"),
            StockUpdate(inventory_id=other.inventory_id, delta=-3, reason="r"),
        ]
        first, *repeats = await asyncio.gather(
            *(stock_commands.batch(updates, caller, atomic=atomic, batch_id=batch_id) for _ in range(4))
        )
        assert all(_lines(repeat) == _lines(first) for repeat in repeats)
        assert [await _total(db, row) for row in (item, other)] == [15, 7]

    async def test_what_was_refused_the_first_time_is_not_applied_by_a_repeat(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        item, short, batch_id = await add_stock(db, 10), await add_stock(db, 1), uuid.uuid4()
        updates = [
            StockUpdate(inventory_id=item.inventory_id, delta=5, reason="r"),
            StockUpdate(inventory_id=short.inventory_id, delta=-3, reason="r"),
        ]
        await stock_commands.batch(updates, caller, atomic=False, batch_id=batch_id)
        await stock_commands.adjust(short.inventory_id, FOUND, caller, adjustment_id=uuid.uuid4())
        [done, not_done] = await stock_commands.batch(updates, caller, atomic=False, batch_id=batch_id)
        assert done.adjusted is not None
        assert isinstance(not_done.error, Conflict)
        assert [await _total(db, row) for row in (item, short)] == [15, 6]

    async def test_batches_in_opposite_order_and_buyers_do_not_block_each_other(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        rows = [await add_stock(db, 500) for _ in range(6)]
        updates = [StockUpdate(inventory_id=row.inventory_id, delta=-1, reason="r") for row in rows]

        async def run(turn: int) -> None:
            ordered = updates if turn % 2 else updates[::-1]
            await stock_commands.batch(ordered, caller, atomic=True, batch_id=uuid.uuid4())
            await hold(db, *(want(row, 1) for row in (rows if turn % 2 else rows[::-1])))

        await asyncio.gather(*(run(turn) for turn in range(16)))
        now = [await stock_now(db, row) for row in rows]
        assert {(row.quantity_total, row.quantity_reserved) for row in now} == {(484, 16)}
        await assert_invariants(db)

    @pytest.mark.parametrize("items", [0, 201])
    async def test_a_batch_holds_1_to_200_items(
        self, stock_commands: StockCommands, caller: Caller, items: int
    ) -> None:
        updates = [StockUpdate(inventory_id=uuid.uuid4(), delta=1, reason="r")] * items
        with pytest.raises(Unprocessable):
            await stock_commands.batch(updates, caller, atomic=False, batch_id=uuid.uuid4())

    async def test_200_items_are_one_transaction(
        self, db: Database, stock_commands: StockCommands, caller: Caller
    ) -> None:
        place = await add_warehouse(db)
        rows = [await add_stock(db, warehouse=place) for _ in range(100)]
        updates = [StockUpdate(inventory_id=row.inventory_id, delta=1, reason="r") for row in (*rows, *rows)]
        results = await stock_commands.batch(updates, caller, atomic=True, batch_id=uuid.uuid4())
        assert _totals(results) == [1] * 100 + [2] * 100


def _totals(results: list[BatchResult]) -> list[int | str | None]:
    """What each item left on the shelf, None for a count that found it so, whether it waits, or its error's code."""
    return [
        result.error.code
        if result.error
        else "waiting"
        if result.adjusted and result.adjusted.is_waiting
        else result.adjusted.movement.total_after
        if result.adjusted and result.adjusted.movement
        else None
        for result in results
    ]


def _lines(results: list[BatchResult]) -> list[object]:
    return [result.adjusted.movement if result.adjusted else None for result in results]


async def _total(db: Database, item: object) -> int:
    return (await stock_now(db, item)).quantity_total  # type: ignore[arg-type]
