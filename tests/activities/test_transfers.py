"""The steps of transfers on a real Postgres: what moves, what is refused, what is told."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from activities.transfers import TransferActivities
from db import alerts, incoming, stock, warehouses
from db.alerts import AlertFilter
from db.engine import Database
from db.locks import lock_stock
from db.paging import PageRequest
from domain.alerts import AlertKind, AlertStatus, Resolution
from domain.approval import ApprovalReason
from domain.contracts.operations import SkuQuantity
from domain.contracts.transfers import TransferRequest
from domain.events import Produced
from domain.limits import STOCK_TOTAL_MAX
from domain.operations import OperationKind, Step
from domain.warehouses import Warehouse, WarehouseChanges
from runtime.settings import Settings
from tests.stocking import TESTER, add_stock, assert_documented, assert_invariants, audit_of, hold, news_of, want
from tests.transferring import BOSS, THRESHOLD, lines, road

NOBODY = uuid.uuid4()


async def close(db: Database, warehouse: Warehouse) -> None:
    async with db.write() as session:
        changes = WarehouseChanges(is_active=False)
        await warehouses.change(session, warehouse.warehouse_id, changes, expected_version=None)


async def retire(db: Database, inventory_id: uuid.UUID) -> None:
    async with db.write() as session:
        await lock_stock(session, [inventory_id])
        await stock.retire(session, inventory_id)


async def alerts_of(db: Database, request: TransferRequest) -> list[tuple[Any, ...]]:
    """The alerts of a transfer: status, whom they concern, how they ended."""
    late = AlertFilter(kind=AlertKind.TRANSFER_LATE)
    page = await db.reading(lambda session: alerts.listed(session, late, PageRequest(size=200)))
    of_transfer = [alert for alert in page.items if alert.subject_id == request.transfer_id]
    return [(alert.status, alert.warehouse_id, alert.resolution) for alert in of_transfer]


class TestAsking:
    async def test_a_small_one_inside_a_region_may_be_shipped_at_once(self, db: Database) -> None:
        way = await road(db, A=10, B=5)
        outcome = await way.activities.open(request := way.ask(A=4, B=5))
        asked = await way.now(request)
        assert (outcome.status, outcome.wakes_at, asked.approval_reason) == ("REQUESTED", None, None)
        assert [(line.sku, line.quantity, line.quantity_shipped) for line in asked.lines] == [("A", 4, 0), ("B", 5, 0)]
        assert [event.type for event in await news_of(db, request.transfer_id)] == ["inventory.transfer_requested"]
        assert await way.levels(way.source) == {"A": 10, "B": 5}

    async def test_asking_again_changes_nothing_and_another_transfer_under_its_id_is_refused(
        self, db: Database
    ) -> None:
        way = await road(db, A=10)
        request = await way.opened(A=4)
        await way.take(request, Step.SHIP)
        assert (await way.activities.open(request)).status == "IN_TRANSIT"
        assert len(await way.trail(request)) == 2
        with pytest.raises(ApplicationError, match="another transfer"):
            await way.activities.open(way.request(lines(A=5), transfer_id=request.transfer_id))

    async def test_the_same_sku_twice_is_summed(self, db: Database) -> None:
        way = await road(db, A=10)
        request = way.request([*lines(A=4), *lines(A=3)])
        await way.activities.open(request)
        [line] = (await way.now(request)).lines
        assert line.quantity == 7

    @pytest.mark.parametrize(
        ("far", "quantity", "reason"),
        [
            (False, THRESHOLD, None),
            (False, THRESHOLD + 1, ApprovalReason.QUANTITY),
            (True, 1, ApprovalReason.REGION),
        ],
    )
    async def test_much_or_far_waits_for_somebody_else(
        self, db: Database, far: bool, quantity: int, reason: ApprovalReason | None
    ) -> None:
        way = await road(db, far=far, A=10)
        outcome = await way.activities.open(request := way.ask(A=quantity))
        assert outcome.status == ("PENDING_APPROVAL" if reason else "REQUESTED")
        assert outcome.wakes_for == (Step.REMIND if reason else None)
        assert (await way.now(request)).approval_reason is reason

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ({"to_warehouse_id": "source"}, "validation_failed"),
            ({"to_warehouse_id": NOBODY}, "unknown_item"),
            ({"from_warehouse_id": NOBODY}, "unknown_item"),
            ({"lines": []}, "validation_failed"),
            ({"lines": lines(A=0)}, "validation_failed"),
            ({"lines": lines(A=1, Z=1)}, "unknown_item"),
            ({"expected_at": datetime(2020, 1, 1, tzinfo=UTC)}, "validation_failed"),
        ],
    )
    async def test_what_cannot_be_is_refused(self, db: Database, wrong: dict[str, Any], code: str) -> None:
        way = await road(db, A=10)
        known = {name: way.source.warehouse_id if value == "source" else value for name, value in wrong.items()}
        request = way.request(
            **{"wanted": lines(A=1), **({"wanted": known.pop("lines")} if "lines" in known else {})}, **known
        )
        with pytest.raises(ApplicationError) as refused:
            await way.activities.open(request)
        assert (refused.value.type, refused.value.non_retryable) == (code, True)

    async def test_nothing_goes_to_a_closed_warehouse_and_a_closed_one_can_be_emptied(self, db: Database) -> None:
        way = await road(db, A=10)
        await close(db, way.source)
        request = await way.shipped(A=10)
        assert (await way.take(request, Step.RECEIVE)).status == "CLOSED"
        await close(db, way.target)
        with pytest.raises(ApplicationError) as refused:
            await way.opened(A=1)
        assert refused.value.type == "warehouse_inactive"


class TestApproval:
    async def test_somebody_else_approves(self, db: Database) -> None:
        way = await road(db, far=True, A=10)
        request = await way.opened(A=4)
        assert (await way.take(request, Step.APPROVE, TESTER)).refusal_code == "self_approval"
        assert (await way.take(request, Step.SHIP)).refusal_code == "step_not_allowed"
        outcome = await way.take(request, Step.APPROVE, reason="they need it")
        approved = await way.now(request)
        assert (outcome.status, outcome.wakes_at) == ("APPROVED", None)
        assert (approved.decided_by_name, approved.decision_reason) == ("boss", "they need it")
        assert (await way.take(request, Step.SHIP)).status == "IN_TRANSIT"

    async def test_what_was_asked_for_is_judged_by_the_threshold_of_its_day(self, db: Database) -> None:
        way = await road(db, A=20)
        small = await way.opened(A=10)
        way.activities = TransferActivities(db, Settings(transfer_approval_threshold=5))
        large = await way.opened(A=6)
        assert (await way.take(small, Step.SHIP)).status == "IN_TRANSIT"
        way.activities = TransferActivities(db, Settings(transfer_approval_threshold=500))
        assert (await way.take(large, Step.SHIP)).refusal_code == "step_not_allowed"
        assert (await way.take(large, Step.APPROVE)).status == "APPROVED"

    async def test_nobody_decides_and_it_lapses(self, db: Database) -> None:
        way = await road(db, far=True, A=10)
        request = await way.opened(A=4)
        assert [(await way.clock(request)).wakes_for for _ in range(3)] == [Step.ESCALATE, Step.LAPSE, None]
        assert (await way.now(request)).closed_at is not None
        assert [event.type.removeprefix("inventory.transfer_") for event in await news_of(db, request.transfer_id)] == [
            "requested",
            "reminded",
            "escalated",
            "lapsed",
        ]
        assert (await way.take(request, Step.APPROVE)).refusal_code == "operation_closed"

    async def test_a_rejected_one_is_over(self, db: Database) -> None:
        way = await road(db, far=True, A=10)
        request = await way.opened(A=4)
        assert (await way.take(request, Step.REJECT)).is_closed
        assert (await way.take(request, Step.SHIP)).refusal_extra == {"currentStatus": "REJECTED"}
        assert await way.ledger(request) == []


class TestShipping:
    async def test_the_stock_leaves_the_source_and_is_nobodys(self, db: Database) -> None:
        way = await road(db, A=10, B=5)
        request = await way.shipped(A=4, B=5)
        assert await way.ledger(request) == [("source", "A", -4), ("source", "B", -5)]
        assert await way.levels(way.source) == {"A": 6, "B": 0}
        assert await way.levels(way.target) == {}
        assert [line.quantity_in_transit for line in (await way.now(request)).lines] == [4, 5]
        await assert_invariants(db)

    async def test_less_may_leave_than_was_asked_for(self, db: Database) -> None:
        way = await road(db, A=10, B=5)
        request = await way.opened(A=4, B=5)
        await way.take(request, Step.SHIP, lines=lines(A=3))
        assert await way.ledger(request) == [("source", "A", -3)]
        assert (await way.take(request, Step.RECEIVE)).status == "CLOSED"
        assert await way.levels(way.target) == {"A": 3}

    async def test_what_is_promised_stays_and_every_short_line_is_listed(self, db: Database) -> None:
        way = await road(db, A=10, B=5, C=5)
        await hold(db, want(way.stock["A"], 8, warehouse_id=way.source.warehouse_id))
        request = await way.opened(A=4, B=6, C=5)
        refused = await way.take(request, Step.SHIP)
        assert refused.refusal_code == "insufficient_stock"
        assert refused.refusal_extra["shortages"] == [
            {"sku": "A", "requested": 4, "available": 2},
            {"sku": "B", "requested": 6, "available": 5},
        ]
        assert await way.ledger(request) == []
        assert (await way.take(request, Step.SHIP, lines=lines(A=2, B=5))).status == "IN_TRANSIT"

    async def test_more_than_was_asked_for_may_not_leave(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.opened(A=4)
        assert (await way.take(request, Step.SHIP, lines=lines(A=5))).refusal_code == "shipment_exceeds_request"
        assert (await way.take(request, Step.SHIP, lines=lines(A=4, Z=1))).refusal_code == "unknown_item"
        assert (await way.take(request, Step.SHIP, lines=lines(A=-1))).refusal_code == "validation_failed"

    async def test_it_leaves_once(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.shipped(A=4)
        assert (await way.take(request, Step.SHIP)).refusal_code == "step_not_allowed"
        assert await way.ledger(request) == [("source", "A", -4)]

    async def test_a_decision_that_comes_twice_is_answered_from_its_line(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.opened(A=4)
        first = await way.take(request, Step.SHIP, decision_id="d-1")
        again = await way.take(request, Step.SHIP, decision_id="d-1")
        assert (first.changed, again.changed, again.refusal_code, again.version) == (True, False, "", first.version)

    async def test_not_to_a_warehouse_that_was_closed_meanwhile(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.opened(A=4)
        await close(db, way.target)
        assert (await way.take(request, Step.SHIP)).refusal_code == "warehouse_inactive"

    async def test_a_row_that_was_retired_meanwhile_has_nothing_to_send(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.opened(A=4)
        await retire(db, way.stock["A"].inventory_id)
        assert (await way.take(request, Step.SHIP)).refusal_code == "unknown_item"
        made_again = await add_stock(db, 7, warehouse=way.source, sku="A")
        assert (await way.take(request, Step.SHIP)).status == "IN_TRANSIT"
        assert (await way.now(request)).lines[0].from_inventory_id == made_again.inventory_id


class TestReceiving:
    async def test_a_row_is_made_where_the_sku_has_none(self, db: Database) -> None:
        way = await road(db)
        cost = {"unit_cost": Decimal("2.5"), "currency": "EUR"}
        origin = await add_stock(db, 10, warehouse=way.source, sku="A", variant_id=uuid.uuid4(), **cost)
        request = await way.shipped(A=4)
        assert (await way.take(request, Step.RECEIVE)).is_closed
        assert await way.ledger(request) == [("source", "A", -4), ("target", "A", 4)]
        async with db.read() as session:
            row = (
                await session.execute(
                    text("select * from inventory where warehouse_id = :id"), {"id": way.target.warehouse_id}
                )
            ).one()
        assert (row.product_id, row.variant_id) == (origin.product_id, origin.variant_id)
        assert (row.unit_cost, row.currency, row.quantity_total) == (Decimal("2.5"), "EUR", 4)
        await assert_invariants(db)

    async def test_in_parts_until_nothing_is_in_transit(self, db: Database) -> None:
        way = await road(db, A=10, B=5)
        await add_stock(db, 1, warehouse=way.target, sku="A")
        request = await way.shipped(A=4, B=5)
        assert (await way.take(request, Step.RECEIVE, lines=lines(A=3))).status == "PARTLY_RECEIVED"
        assert (await way.take(request, Step.RECEIVE, lines=lines(B=5))).status == "PARTLY_RECEIVED"
        last = await way.take(request, Step.RECEIVE)
        assert (last.status, last.is_closed, last.wakes_at) == ("CLOSED", True, None)
        assert await way.levels(way.target) == {"A": 5, "B": 5}
        await assert_invariants(db)

    async def test_closing_is_news_of_its_own_after_the_receipt(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.shipped(A=4)
        await way.take(request, Step.RECEIVE)
        news = await news_of(db, request.transfer_id)
        assert [(event.type.removeprefix("inventory.transfer_"), event.sequence) for event in news] == [
            ("requested", 1),
            ("shipped", 2),
            ("received", 3),
            ("closed", 3),
        ]
        assert news[2].data["moved"] == [{"sku": "A", "shipped": 0, "received": 4, "lost": 0, "returned": 0}]

    async def test_a_receipt_counts_once_even_after_the_end(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.shipped(A=4)
        slip = {"receipt_id": "slip-1", "lines": lines(A=3)}
        assert (await way.take(request, Step.RECEIVE, **slip)).changed
        again = await way.take(request, Step.RECEIVE, **slip)
        assert (again.changed, again.refusal_code, again.version) == (False, "", 3)
        await way.take(request, Step.RECEIVE, receipt_id="slip-2")
        late = await way.take(request, Step.RECEIVE, **slip)
        assert (late.changed, late.refusal_code, late.status) == (False, "", "CLOSED")
        other = await way.take(request, Step.RECEIVE, receipt_id="slip-1", lines=lines(A=2))
        assert other.refusal_code == "receipt_mismatch"
        assert await way.levels(way.target) == {"A": 4}
        await assert_invariants(db)

    async def test_a_receipt_that_was_refused_may_come_again_when_it_is_right(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.shipped(A=4)
        wrong = await way.take(request, Step.RECEIVE, receipt_id="slip-1", lines=lines(A=5))
        right = await way.take(request, Step.RECEIVE, receipt_id="slip-1", lines=lines(A=4))
        assert (wrong.refusal_code, right.status) == ("receipt_exceeds_shipment", "CLOSED")
        assert wrong.refusal_extra["lines"] == [{"sku": "A", "quantity": 5, "most": 4}]

    async def test_a_closed_warehouse_still_takes_what_is_on_the_road(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.shipped(A=4)
        await close(db, way.target)
        assert (await way.take(request, Step.RECEIVE)).status == "CLOSED"

    async def test_a_full_shelf_takes_no_more_and_nothing_is_lost(self, db: Database) -> None:
        way = await road(db, A=10)
        full = await add_stock(db, 1, warehouse=way.target, sku="A")
        async with db.write() as session:
            await session.execute(
                text("select change_stock_row(:id, :most, 0, null)"),
                {"id": full.inventory_id, "most": STOCK_TOTAL_MAX - 2},
            )
            await session.execute(
                text("""insert into stock_movements (inventory_id, type, quantity, total_after, sequence, performed_by,
                                                     performed_by_name)
                        select inventory_id, 'INBOUND', :most, quantity_total, sequence, :me, 'tester'
                        from inventory where inventory_id = :id"""),
                {"id": full.inventory_id, "most": STOCK_TOTAL_MAX - 2, "me": TESTER.actor_id},
            )
        request = await way.shipped(A=4)
        assert (await way.take(request, Step.RECEIVE)).refusal_code == "validation_failed"
        assert (await way.take(request, Step.CANCEL)).status == "CANCELLED"
        assert await way.levels(way.source) == {"A": 10}
        await assert_invariants(db)


class TestGaps:
    @pytest.mark.parametrize(
        ("discrepancy", "levels", "pieces"),
        [("lost", (6, 3), (3, 1, 0)), ("found", (6, 4), (4, 0, 0)), ("return", (7, 3), (3, 0, 1))],
    )
    @pytest.mark.parametrize("later", [False, True], ids=["on receive", "later"])
    async def test_somebody_says_what_became_of_it(
        self, db: Database, later: bool, discrepancy: str, levels: tuple[int, int], pieces: tuple[int, int, int]
    ) -> None:
        way = await road(db, A=10)
        request = await way.shipped(A=4)
        if later:
            await way.take(request, Step.RECEIVE, lines=lines(A=3))
            outcome = await way.take(request, Step.RESOLVE, discrepancy=discrepancy)
        else:
            outcome = await way.take(request, Step.RECEIVE, lines=lines(A=3), discrepancy=discrepancy)
        [line] = (await way.now(request)).lines
        assert outcome.status == "CLOSED"
        assert (line.quantity_received, line.quantity_lost, line.quantity_returned) == pieces
        assert (await way.levels(way.source), await way.levels(way.target)) == ({"A": levels[0]}, {"A": levels[1]})
        await assert_invariants(db)

    async def test_a_part_of_a_gap_can_be_decided_about(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.shipped(A=4)
        assert (await way.take(request, Step.RESOLVE, lines=lines(A=3), discrepancy="lost")).status == "IN_TRANSIT"
        assert (await way.take(request, Step.RESOLVE, lines=lines(A=2), discrepancy="lost")).refusal_code == (
            "receipt_exceeds_shipment"
        )
        assert (await way.take(request, Step.RESOLVE, discrepancy="return")).status == "CLOSED"

    async def test_a_decision_about_a_gap_says_which(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.shipped(A=4)
        assert (await way.take(request, Step.RESOLVE)).refusal_code == "validation_failed"
        assert (await way.take(request, Step.RESOLVE, discrepancy="stolen")).refusal_code == "validation_failed"
        assert (await way.take(request, Step.RECEIVE, discrepancy="stolen")).refusal_code == "validation_failed"

    async def test_what_returns_to_a_retired_row_gets_a_new_one(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.shipped(A=10)
        await retire(db, way.stock["A"].inventory_id)
        assert (await way.take(request, Step.RESOLVE, discrepancy="return")).status == "CLOSED"
        assert await way.levels(way.source) == {"A": 10}
        await assert_invariants(db)


class TestCancelling:
    @pytest.mark.parametrize("far", [False, True])
    async def test_before_it_was_shipped_nothing_has_moved(self, db: Database, far: bool) -> None:
        way = await road(db, far=far, A=10)
        request = await way.opened(A=4)
        assert (await way.take(request, Step.CANCEL)).status == "CANCELLED"
        assert await way.ledger(request) == []

    async def test_what_is_in_transit_comes_back_exactly(self, db: Database) -> None:
        way = await road(db, A=10, B=5)
        request = await way.shipped(A=4, B=5)
        await way.take(request, Step.RECEIVE, lines=lines(A=1))
        await way.take(request, Step.RESOLVE, lines=lines(B=2), discrepancy="lost")
        assert (await way.take(request, Step.CANCEL)).status == "CANCELLED"
        assert await way.levels(way.source) == {"A": 9, "B": 3}
        assert await way.levels(way.target) == {"A": 1}
        assert sorted(await way.ledger(request))[:2] == [("source", "A", -4), ("source", "A", 3)]
        assert [line.quantity_in_transit for line in (await way.now(request)).lines] == [0, 0]
        assert (await way.take(request, Step.RECEIVE)).refusal_code == "operation_closed"
        await assert_invariants(db)


class TestWhatPeopleType:
    @pytest.mark.parametrize(
        "said",
        [
            {"lines": [SkuQuantity(sku="\x00", quantity=1)]},
            {"receipt_id": "x" * 101},
            {"receipt_id": "\x00"},
            {"discrepancy": "\x00"},
        ],
    )
    async def test_what_no_row_can_hold_is_refused_and_recorded(self, db: Database, said: dict[str, Any]) -> None:
        way = await road(db, A=10)
        request = await way.shipped(A=4)
        assert (await way.take(request, Step.RECEIVE, **said)).refusal_code == "validation_failed"
        assert (await way.trail(request))[-1] == ("receive", "validation_failed")

    async def test_a_refusal_that_lists_many_lines_is_recorded_whole(self, db: Database) -> None:
        skus = [f"A-RATHER-LONG-STOCK-KEEPING-UNIT-{number}" for number in range(60)]
        way = await road(db, **dict.fromkeys(skus, 1))
        request = await way.opened(**dict.fromkeys(skus[:1], 2), **dict.fromkeys(skus[1:], 1))
        await way.take(request, Step.SHIP, lines=lines(**dict.fromkeys(skus[:1], 1)))
        refused = await way.take(request, Step.RECEIVE, lines=lines(**dict.fromkeys(skus, 9)))
        assert refused.refusal_code == "receipt_exceeds_shipment"
        assert len(refused.refusal_extra["lines"]) == 60


class TestLateness:
    async def test_it_is_late_when_it_should_have_arrived(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.opened(A=4)
        shipped = await way.take(request, Step.SHIP)
        assert shipped.wakes_for == Step.LATE
        assert (await way.take(request, Step.LATE, decision_id="late-2")).changed is False
        late = await way.clock(request)
        assert (late.status, late.is_late, late.wakes_at) == ("IN_TRANSIT", True, None)
        assert (await way.now(request)).is_late
        assert (await way.take(request, Step.RECEIVE, lines=lines(A=3))).wakes_at is None
        assert await alerts_of(db, request) == [(AlertStatus.OPEN, way.target.warehouse_id, None)]
        closed = await way.take(request, Step.RECEIVE)
        recovered = (AlertStatus.RESOLVED, way.target.warehouse_id, Resolution.RECOVERED)
        assert await alerts_of(db, request) == [recovered]
        assert (closed.is_late, (await way.now(request)).late_since is not None) == (False, True)

    async def test_a_late_one_that_is_taken_back_is_no_longer_an_alert(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.shipped(A=4)
        await way.clock(request)
        await way.take(request, Step.CANCEL)
        [(status, _, resolution)] = await alerts_of(db, request)
        assert (status, resolution) == (AlertStatus.RESOLVED, Resolution.RECOVERED)
        await assert_invariants(db)

    async def test_the_request_may_know_better_when(self, db: Database) -> None:
        way = await road(db, A=10)
        instant = datetime.now(UTC) + timedelta(days=9)
        for fields, expected in (
            ({"transit_seconds": 60}, timedelta(minutes=1)),
            ({}, timedelta(days=3)),
            ({"expected_at": instant}, None),
        ):
            await way.activities.open(request := way.request(lines(A=1), **fields))
            await way.take(request, Step.SHIP)
            sent = await way.now(request)
            assert sent.shipped_at is not None
            assert sent.expected_at == (sent.shipped_at + expected if expected else instant)

    async def test_a_part_that_arrives_in_time_leaves_the_clock_running(self, db: Database) -> None:
        way = await road(db, A=10)
        request = await way.shipped(A=4)
        assert (await way.take(request, Step.RECEIVE, lines=lines(A=3))).wakes_for == Step.LATE


class TestWhatIsOnItsWay:
    async def test_it_is_seen_where_it_goes_until_it_is_accounted_for(self, db: Database) -> None:
        way = await road(db, A=10)
        place = ("A", way.target.warehouse_id)
        other = ("A", way.source.warehouse_id)

        async def on_its_way() -> list[int]:
            async with db.read() as session:
                found = await incoming.to_places(session, [place, other])
            return [found[place].in_transit, found[other].in_transit]

        request = await way.opened(A=4)
        assert await on_its_way() == [0, 0]
        await way.take(request, Step.SHIP)
        await way.shipped(A=2)
        assert await on_its_way() == [6, 0]
        await way.take(request, Step.RECEIVE, lines=lines(A=1), discrepancy="lost")
        assert await on_its_way() == [2, 0]

    async def test_a_row_counts_it_as_a_change_of_its_own(self, db: Database) -> None:
        way = await road(db, A=10)
        there = await add_stock(db, 1, warehouse=way.target, sku="A")

        async def version() -> int:
            async with db.read() as session:
                statement = text("select version from inventory where inventory_id = :id")
                return int((await session.execute(statement, {"id": there.inventory_id})).scalar_one())

        before = await version()
        request = await way.shipped(A=4)
        shipped = await version()
        await way.take(request, Step.RESOLVE, lines=lines(A=1), discrepancy="lost")
        assert before < shipped < await version()


async def test_who_when_and_why_is_kept_with_what_moved(db: Database) -> None:
    way = await road(db, A=10)
    request = await way.shipped(A=4)
    await way.take(request, Step.RECEIVE, receipt_id="slip-1", lines=[SkuQuantity(sku="A", quantity=3)], reason="box 1")
    await way.take(request, Step.RECEIVE, lines=lines(A=2))
    received, refused = (await audit_of(db, OperationKind.TRANSFER, request.transfer_id))[-2:]
    assert (received.performed_by, received.reason, received.status_before) == (BOSS.actor_id, "box 1", "IN_TRANSIT")
    assert received.details["receiptId"] == "slip-1"
    assert received.details["moved"] == [{"sku": "A", "shipped": 0, "received": 3, "lost": 0, "returned": 0}]
    assert (refused.refusal_code, refused.details["lines"]) == (
        "receipt_exceeds_shipment",
        [{"sku": "A", "quantity": 2, "most": 1}],
    )


async def test_every_step_is_told_as_its_schema_says(db: Database) -> None:
    way = await road(db, far=True, A=50)
    whole, rejected, lapsed, cancelled = [await way.opened(A=5) for _ in range(4)]
    await way.take(rejected, Step.REJECT)
    for _ in range(3):
        await way.clock(lapsed)
    await way.take(cancelled, Step.APPROVE)
    await way.take(cancelled, Step.SHIP)
    await way.take(cancelled, Step.CANCEL)
    await way.take(whole, Step.APPROVE)
    await way.take(whole, Step.SHIP)
    await way.clock(whole)
    await way.take(whole, Step.RECEIVE, lines=lines(A=3))
    await way.take(whole, Step.RESOLVE, discrepancy="lost")
    told = set()
    for request in (whole, rejected, lapsed, cancelled):
        await assert_documented(db, request.transfer_id)
        told |= {event.type for event in await news_of(db, request.transfer_id)}
    assert told == {name for name in Produced if name.startswith("inventory.transfer_")}
