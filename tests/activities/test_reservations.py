"""The activities of a reservation: each one transaction, whatever is repeated, lost or refused."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from activities.reservations import ReservationActivities
from db import holding
from db.engine import Database
from domain.allocation import Pick, Plan
from domain.contracts.reservations import Decision, HoldIdentity, Source
from domain.reservations import Reservation, ReservationStatus
from holdfast.stack.ports import free_port
from runtime.metrics import RESERVATIONS
from runtime.rendezvous import Rendezvous
from runtime.settings import Settings
from runtime.shared_work import SharedWork
from tests.stocking import (
    add_stock,
    assert_invariants,
    hold_request,
    news_of,
    settle_request,
    stock_now,
    wait_until_blocked,
    want,
)

PENDING, COMMITTED, CANCELLED = ReservationStatus.PENDING, ReservationStatus.COMMITTED, ReservationStatus.CANCELLED
EXPIRED, REJECTED = ReservationStatus.EXPIRED, ReservationStatus.REJECTED


def _counted(outcome: str, source: Source) -> float:
    labels = {"outcome": outcome, "source": source.value}
    return REGISTRY.get_sample_value("inventory_reservations_total", labels) or 0.0


async def _committed_row(db: Database, reservation_id: uuid.UUID) -> str | None:
    """The status as another session sees it: only what is committed."""
    async with db.read() as session:
        found = await session.execute(
            text("select status from reservations where reservation_id = :id"), {"id": reservation_id}
        )
        return found.scalar()


async def test_a_hold_meets_its_caller_with_the_row_that_is_committed(
    db: Database, activities: ReservationActivities, rendezvous: Rendezvous[Reservation]
) -> None:
    item = await add_stock(db, 10)
    request = hold_request([want(item, 3)])
    with rendezvous.expect(str(request.reservation_id)) as met:
        outcome = await activities.hold(request)
        row = met.result()
    assert (outcome.status, outcome.expires_at, outcome.extends_count) == (PENDING, row.expires_at, 0)
    assert (row.reservation_id, [line.quantity for line in row.lines]) == (request.reservation_id, [3])


async def test_nobody_is_told_of_a_hold_before_it_is_committed(
    db: Database, activities: ReservationActivities, rendezvous: Rendezvous[Reservation]
) -> None:
    item = await add_stock(db, 10)
    request = hold_request([want(item, 3)])
    with rendezvous.expect(str(request.reservation_id)) as met:
        async with db.write() as session:
            await session.execute(
                text("select from inventory where inventory_id = :id for update"), {"id": item.inventory_id}
            )
            holding = asyncio.create_task(activities.hold(request))
            await wait_until_blocked(db)
            assert not met.done()
        await met
        assert await _committed_row(db, request.reservation_id) == "PENDING"
        await holding


async def test_the_caller_of_a_refused_hold_meets_the_row_that_says_so(
    db: Database, activities: ReservationActivities, rendezvous: Rendezvous[Reservation]
) -> None:
    item = await add_stock(db, 2)
    request = hold_request([want(item, 3)])
    with rendezvous.expect(str(request.reservation_id)) as met:
        outcome = await activities.hold(request)
        assert [short.requested for short in met.result().shortages] == [3]
    assert outcome.status is REJECTED
    assert await _committed_row(db, request.reservation_id) == "REJECTED"


async def test_a_hold_that_is_tried_again_after_a_crash_holds_once(
    db: Database, activities: ReservationActivities
) -> None:
    item = await add_stock(db, 10)
    request = hold_request([want(item, 3)])
    first = await activities.hold(request)
    assert await activities.hold(request) == first
    assert (await stock_now(db, item)).quantity_reserved == 3
    assert len(await news_of(db, request.reservation_id)) == 1


async def test_a_hold_that_is_tried_again_answers_what_became_of_the_row(
    db: Database, activities: ReservationActivities
) -> None:
    item = await add_stock(db, 10)
    request = hold_request([want(item, 3)])
    await activities.hold(request)
    await activities.settle(settle_request(request.reservation_id, Decision.EXTEND, hold_seconds=1800, number=1))
    extended = await activities.hold(request)
    assert (extended.status, extended.extends_count) == (PENDING, 1)
    await activities.settle(settle_request(request.reservation_id, Decision.CANCEL))
    assert (await activities.hold(request)).status is CANCELLED


async def test_a_hold_that_a_request_is_making_is_joined_and_made_once(
    db: Database, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = await add_stock(db, 10)
    request = hold_request([want(item, 1)])
    holds: SharedWork[HoldIdentity, Reservation] = SharedWork(kept_seconds=60)
    offered = holds.offer(request.identity, lambda: holding.hold(db, request))
    row = await offered.outcome()
    with monkeypatch.context() as patch:
        patch.setattr(holding, "hold", None)
        outcome = await ReservationActivities(db, database, holds=holds).hold(request)
    assert (outcome.status, outcome.expires_at) == (PENDING, row.expires_at)
    assert (await stock_now(db, item)).quantity_reserved == 1


async def test_a_repeat_answers_the_row_as_it_is_now_and_not_what_a_request_made_of_it(
    db: Database, database: Settings
) -> None:
    item = await add_stock(db, 10)
    request = hold_request([want(item, 1)])
    holds: SharedWork[HoldIdentity, Reservation] = SharedWork(kept_seconds=60)
    holds.offer(request.identity, lambda: holding.hold(db, request))
    activities = ReservationActivities(db, database, holds=holds)
    await activities.hold(request)
    await activities.settle(settle_request(request.reservation_id, Decision.CANCEL))
    assert (await activities.hold(request)).status is CANCELLED


async def test_a_hold_is_joined_by_the_very_same_request_only(db: Database, database: Settings) -> None:
    wanted, other = await add_stock(db, 10), await add_stock(db, 10)
    request = hold_request([want(wanted, 1)])
    foreign = hold_request([want(other, 9)], reservation_id=request.reservation_id)
    holds: SharedWork[HoldIdentity, Reservation] = SharedWork(kept_seconds=60)
    holds.offer(foreign.identity, lambda: holding.hold(db, foreign))
    await ReservationActivities(db, database, holds=holds).hold(request)
    assert (await stock_now(db, wanted)).quantity_reserved == 1
    assert (await stock_now(db, other)).quantity_reserved == 0


async def test_a_plan_that_no_longer_fits_is_made_anew(db: Database) -> None:
    empty = await add_stock(db, 0)
    full = await add_stock(db, 5, sku=empty.sku)
    request = hold_request([want(empty, 2)])
    stale = Plan(
        picks=(Pick(inventory_id=empty.inventory_id, warehouse_id=empty.warehouse_id, sku=empty.sku, quantity=2),)
    )
    assert (await holding.hold(db, request, stale)).status is PENDING
    assert (await stock_now(db, full)).quantity_reserved == 2


@pytest.mark.parametrize(
    ("decision", "status", "total"),
    [(Decision.COMMIT, COMMITTED, 7), (Decision.CANCEL, CANCELLED, 10)],
)
async def test_settling_answers_the_row_and_a_repeat_of_it_changes_nothing(
    db: Database, activities: ReservationActivities, decision: Decision, status: ReservationStatus, total: int
) -> None:
    item = await add_stock(db, 10)
    request = hold_request([want(item, 3)])
    await activities.hold(request)
    first = await activities.settle(settle_request(request.reservation_id, decision))
    again = await activities.settle(settle_request(request.reservation_id, decision))
    assert (first.status, first.changed, again.status, again.changed) == (status, True, status, False)
    after = await stock_now(db, item)
    assert (after.quantity_total, after.quantity_reserved) == (total, 0)


async def test_an_expiry_before_its_time_says_how_long_to_wait(db: Database, activities: ReservationActivities) -> None:
    item = await add_stock(db, 10)
    request = hold_request([want(item, 3)], hold_seconds=600)
    await activities.hold(request)
    outcome = await activities.settle(settle_request(request.reservation_id, Decision.EXPIRE))
    assert (outcome.status, outcome.changed) == (PENDING, False)
    assert 500 < outcome.early_seconds <= 600


async def test_a_repeated_extension_tells_the_count_of_the_row(db: Database, activities: ReservationActivities) -> None:
    item = await add_stock(db, 10)
    request = hold_request([want(item, 3)])
    await activities.hold(request)
    extension = settle_request(request.reservation_id, Decision.EXTEND, hold_seconds=1800, number=1)
    first, again = await activities.settle(extension), await activities.settle(extension)
    assert (first.changed, first.extends_count) == (True, 1)
    assert (again.changed, again.extends_count, again.expires_at) == (False, 1, first.expires_at)


async def test_extensions_keep_to_the_limits_of_the_settings(db: Database, database: Settings) -> None:
    limits = database.model_copy(update={"reservation_extends_max": 1, "reservation_hold_seconds_max": 1200})
    activities = ReservationActivities(db, limits)
    item = await add_stock(db, 10)
    request = hold_request([want(item, 3)])
    await activities.hold(request)

    async def extend(number: int, hold_seconds: int) -> Any:
        return await activities.settle(
            settle_request(request.reservation_id, Decision.EXTEND, hold_seconds=hold_seconds, number=number)
        )

    assert (await extend(1, 1300)).refused
    assert (await extend(1, 1000)).changed
    assert (await extend(2, 1001)).refused


async def test_an_order_cancelled_after_its_sale_brings_the_stock_back_once(
    db: Database, activities: ReservationActivities
) -> None:
    item = await add_stock(db, 10)
    request = hold_request([want(item, 3)])
    await activities.hold(request)
    await activities.settle(settle_request(request.reservation_id, Decision.COMMIT))
    cancel = settle_request(request.reservation_id, Decision.CANCEL, reason="order_cancelled")
    first, again = await activities.settle(cancel), await activities.settle(cancel)
    assert (first.status, first.returned, again.returned) == (COMMITTED, True, False)
    assert (await stock_now(db, item)).quantity_total == 10
    await assert_invariants(db)


async def test_a_failed_payment_after_the_sale_returns_nothing(db: Database, activities: ReservationActivities) -> None:
    item = await add_stock(db, 10)
    request = hold_request([want(item, 3)])
    await activities.hold(request)
    await activities.settle(settle_request(request.reservation_id, Decision.COMMIT))
    outcome = await activities.settle(settle_request(request.reservation_id, Decision.CANCEL, reason="payment_failed"))
    assert (outcome.status, outcome.returned) == (COMMITTED, False)
    assert (await stock_now(db, item)).quantity_total == 7


class TestPaymentEvents:
    """A commit that comes by Kafka: nobody waits for its answer, so a refusal is news."""

    async def test_one_that_comes_too_late_is_refused_in_an_event_once(
        self, db: Database, activities: ReservationActivities
    ) -> None:
        item = await add_stock(db, 10)
        request = hold_request([want(item, 3)], hold_seconds=0)
        await activities.hold(request)
        payment = settle_request(request.reservation_id, Decision.COMMIT, source=Source.KAFKA, decision_id="payment-1")
        for _ in range(2):
            assert (await activities.settle(payment)).status is EXPIRED
        news = await news_of(db, request.reservation_id)
        assert [event.type for event in news] == [
            "inventory.reserved",
            "inventory.released",
            "inventory.commit_refused",
        ]
        assert (news[-1].data["reason"], news[-1].data["decisionId"]) == ("expired", "payment-1")
        assert [event.sequence for event in news] == [1, 2, 3]
        await assert_invariants(db)

    async def test_one_in_time_sells_and_says_nothing_else(
        self, db: Database, activities: ReservationActivities
    ) -> None:
        item = await add_stock(db, 10)
        request = hold_request([want(item, 3)])
        await activities.hold(request)
        payment = settle_request(request.reservation_id, Decision.COMMIT, source=Source.KAFKA, decision_id="payment-1")
        for changed in (True, False):
            outcome = await activities.settle(payment)
            assert (outcome.status, outcome.changed) == (COMMITTED, changed)
        assert [event.type for event in await news_of(db, request.reservation_id)] == [
            "inventory.reserved",
            "inventory.committed",
        ]

    async def test_a_caller_who_waits_needs_no_event(self, db: Database, activities: ReservationActivities) -> None:
        item = await add_stock(db, 10)
        request = hold_request([want(item, 3)], hold_seconds=0)
        await activities.hold(request)
        await activities.settle(settle_request(request.reservation_id, Decision.COMMIT, decision_id="d1"))
        assert len(await news_of(db, request.reservation_id)) == 2


class TestFailures:
    """What fails an activity, and whether trying again may help."""

    async def test_a_reservation_without_a_row_is_lost_for_good(self, activities: ReservationActivities) -> None:
        with pytest.raises(ApplicationError) as lost:
            await activities.settle(settle_request(uuid.uuid4()))
        assert (lost.value.type, lost.value.non_retryable) == ("reservation_lost", True)

    async def test_a_database_that_does_not_answer_is_worth_another_try(self, database: Settings) -> None:
        nowhere = database.model_copy(update={"db_port": free_port()})
        lost = Database.connect(nowhere)
        activities = ReservationActivities(lost, nowhere)
        for call in (
            activities.hold(hold_request([])),
            activities.settle(settle_request(uuid.uuid4())),
        ):
            with pytest.raises(ApplicationError) as failure:
                await call
            assert (failure.value.type, failure.value.non_retryable) == ("unavailable", False)
        await lost.close()


class TestMetrics:
    """What happened is counted by outcome and source, once."""

    async def test_holds_and_their_ends_are_counted_by_source(
        self, db: Database, activities: ReservationActivities
    ) -> None:
        item = await add_stock(db, 10)
        before = {outcome: _counted(outcome, Source.GRPC) for outcome in ("held", "committed", "returned", "rejected")}
        request = hold_request([want(item, 3)], source=Source.GRPC)
        await activities.hold(request)
        for _ in range(2):
            await activities.settle(settle_request(request.reservation_id, Decision.COMMIT, source=Source.GRPC))
        await activities.settle(
            settle_request(request.reservation_id, Decision.CANCEL, reason="order_cancelled", source=Source.GRPC)
        )
        await activities.hold(hold_request([want(item, 99)], source=Source.GRPC))
        assert {name: _counted(name, Source.GRPC) - count for name, count in before.items()} == dict.fromkeys(before, 1)
        told = RESERVATIONS.describe()[0].documentation
        assert [outcome for outcome in before if outcome not in told] == []

    async def test_the_lag_of_an_expiry_is_measured(self, db: Database, activities: ReservationActivities) -> None:
        def seen() -> float:
            return REGISTRY.get_sample_value("inventory_reservation_expiry_lag_seconds_count") or 0.0

        item, before = await add_stock(db, 10), seen()
        request = hold_request([want(item, 3)], hold_seconds=0)
        await activities.hold(request)
        await activities.settle(settle_request(request.reservation_id, Decision.EXPIRE))
        assert seen() == before + 1
