"""Reserving on real servers: the quick way, the other ways, and what is said when none of them answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.client import Client

from activities.reservations import ReservationActivities
from db import holding as db_holding
from db.engine import Database
from domain.contracts.reservations import HoldOutcome, HoldRequest
from domain.errors import (
    InsufficientStock,
    OutcomeUnknown,
    ReservationMismatch,
    Saturated,
    Shortage,
    Unavailable,
    UnknownItem,
)
from domain.reservations import Item, Reservation, ReservationStatus
from gateway.commands import deciding, holding, last_look
from gateway.commands.holding import Reserved
from holdfast.stack.embedded import Stack
from runtime.settings import Settings
from tests.conftest import NAMESPACES
from tests.gateway.commands.desk import CALLER, Desk, closed, connect, new_id, open_desk
from tests.gateway.commands.wire import wire_to
from tests.stocking import add_stock, assert_invariants, hold, news_of, stock_now, want

PENDING, COMMITTED = ReservationStatus.PENDING, ReservationStatus.COMMITTED


@pytest.fixture(scope="module")
async def there(database: Settings, temporal_server: Stack) -> Settings:
    return database.model_copy(update={**temporal_server.addresses, "temporal_namespace": NAMESPACES[-2]})


@pytest.fixture(scope="module")
async def temporal(there: Settings) -> Client:
    return await connect(there)


@pytest.fixture
async def desk(db: Database, temporal: Client, there: Settings) -> Desk:
    """Commands, and nobody who works."""
    return await open_desk(db, temporal, there)


@pytest.fixture
async def open_shop(desk: Desk) -> AsyncIterator[Desk]:
    """Commands beside their worker, as `serve` runs them."""
    async with desk.serving():
        yield desk


async def test_a_hold_is_answered_by_the_rendezvous_with_the_committed_row(open_shop: Desk) -> None:
    item = await add_stock(open_shop.database, 10)
    reserved = await open_shop.reserve(want(item, 3), hold_seconds=60)
    row = reserved.reservation
    assert (reserved.is_new, row.status, [line.quantity for line in row.lines]) == (True, PENDING, [3])
    assert (await stock_now(open_shop.database, item)).quantity_reserved == 3
    assert len(open_shop.rendezvous) == 0
    history = await open_shop.workflow(row.reservation_id).fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    assert started.eager_execution_accepted


async def test_the_quick_way_asks_no_update(open_shop: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "RENDEZVOUS_SECONDS", 30.0)
    monkeypatch.setattr(deciding, "SILENCE_SECONDS", 8.0)
    item = await add_stock(open_shop.database, 10)
    reserved = await open_shop.reserve(want(item, 1))
    await open_shop.commands.cancel(reserved.reservation.reservation_id, CALLER)
    history = await open_shop.workflow(reserved.reservation.reservation_id).fetch_history()
    accepted = [
        event.workflow_execution_update_accepted_event_attributes.accepted_request.input.name
        for event in history.events
        if event.HasField("workflow_execution_update_accepted_event_attributes")
    ]
    assert accepted == ["cancel"]


async def test_a_hold_does_not_wait_for_the_first_task_of_its_workflow(desk: Desk) -> None:
    item = await add_stock(desk.database, 10)
    may_go_on = asyncio.Event()

    class Slow(ReservationActivities):
        async def hold(self, request: HoldRequest) -> HoldOutcome:
            await may_go_on.wait()
            return await super().hold(request)

    Slow.hold.__dict__.update(ReservationActivities.hold.__dict__)
    async with desk.serving(Slow):
        try:
            reserved = await desk.reserve(want(item, 3))
            assert (reserved.is_new, reserved.reservation.status) == (True, PENDING)
            assert len(desk.holds) == 1
        finally:
            may_go_on.set()
        sold = await desk.commands.commit(reserved.reservation.reservation_id, CALLER)
    assert (sold.status, len(desk.holds)) == (COMMITTED, 0)
    assert (await stock_now(desk.database, item)).quantity_total == 7


async def test_when_the_quick_hold_fails_its_activity_tries_on(
    open_shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = await add_stock(open_shop.database, 10)
    failures = iter([Unavailable("away for a moment")])
    in_earnest = db_holding.hold

    async def failing_at_first(*arguments: Any) -> Reservation:
        for failure in failures:
            raise failure
        return await in_earnest(*arguments)

    monkeypatch.setattr(db_holding, "hold", failing_at_first)
    reserved = await open_shop.reserve(want(item, 3))
    assert (reserved.is_new, reserved.reservation.status) == (True, PENDING)
    assert (await stock_now(open_shop.database, item)).quantity_reserved == 3


async def test_a_task_that_another_process_has_is_asked_by_an_update(desk: Desk) -> None:
    item = await add_stock(desk.database, 10)
    async with desk.elsewhere():
        reserved = await desk.reserve(want(item, 3))
    assert (reserved.is_new, reserved.reservation.status) == (True, PENDING)
    assert (await stock_now(desk.database, item)).quantity_reserved == 3


async def test_a_refusal_of_another_process_is_heard_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shelf looks full when it is asked, and is empty when the hold comes; our own comes second."""
    item = await add_stock(desk.database, 10)
    is_refused = asyncio.Event()

    class Slow(ReservationActivities):
        async def hold(self, request: HoldRequest) -> HoldOutcome:
            await hold(desk.database, want(item, 9))
            outcome = await super().hold(request)
            is_refused.set()
            return outcome

    async def hold_here(*arguments: Any) -> Reservation:
        await is_refused.wait()
        return await db_holding.hold(*arguments)

    Slow.hold.__dict__.update(ReservationActivities.hold.__dict__)
    monkeypatch.setattr(holding, "holding", SimpleNamespace(hold=hold_here))
    async with desk.elsewhere(Slow(desk.database, desk.settings)):
        with pytest.raises(InsufficientStock) as refused:
            await desk.reserve(want(item, 3))
    assert refused.value.shortages == (Shortage(item.sku, 3, 1),)


async def test_a_clear_shortage_lists_every_short_item_and_starts_no_workflow(open_shop: Desk) -> None:
    one, other = await add_stock(open_shop.database, 1), await add_stock(open_shop.database, 2)
    reservation_id = new_id()
    with pytest.raises(InsufficientStock) as refused:
        await open_shop.reserve(want(one, 2), want(other, 3), reservation_id=reservation_id)
    assert {shortage.sku for shortage in refused.value.shortages} == {one.sku, other.sku}
    assert not await open_shop.has_workflow(reservation_id)
    assert await news_of(open_shop.database, reservation_id) == []


async def test_an_item_that_nobody_knows_is_named_and_starts_no_workflow(open_shop: Desk) -> None:
    with pytest.raises(UnknownItem) as refused:
        await open_shop.reserve(Item(sku="NOBODY-HAS-IT", quantity=1))
    assert [problem["pointer"] for problem in refused.value.extra["errors"]] == ["/items/0"]


async def test_stock_of_overdue_holds_counts_as_free(open_shop: Desk) -> None:
    item = await add_stock(open_shop.database, 5)
    await hold(open_shop.database, want(item, 5), hold_seconds=0)
    assert (await open_shop.reserve(want(item, 4))).reservation.status is PENDING


class TestRepeats:
    """The same reservation id again: the same reservation, never a second one."""

    async def test_a_repeat_answers_the_row_as_it_is_at_once(
        self, open_shop: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(holding, "RENDEZVOUS_SECONDS", 30.0)
        item = await add_stock(open_shop.database, 10)
        asked = {"reservation_id": new_id(), "order_id": "order-1"}
        first = await open_shop.reserve(want(item, 3), **asked)
        again = await open_shop.reserve(want(item, 3), **asked)
        assert (first.is_new, again.is_new) == (True, False)
        assert again.reservation == first.reservation
        assert (await stock_now(open_shop.database, item)).quantity_reserved == 3

    async def test_many_at_once_hold_once_and_one_is_new(self, open_shop: Desk) -> None:
        item = await add_stock(open_shop.database, 100)
        asked = {"reservation_id": new_id(), "order_id": "order-1"}
        answers = await asyncio.gather(*(open_shop.reserve(want(item, 3), **asked) for _ in range(12)))
        assert sum(answer.is_new for answer in answers) == 1
        assert len({answer.reservation.reservation_id for answer in answers}) == 1
        assert (await stock_now(open_shop.database, item)).quantity_reserved == 3

    async def test_a_repeat_after_the_stock_ran_out_answers_the_earlier_hold(self, open_shop: Desk) -> None:
        item = await add_stock(open_shop.database, 3)
        asked = {"reservation_id": new_id(), "order_id": "order-1"}
        await open_shop.reserve(want(item, 3), **asked)
        again = await open_shop.reserve(want(item, 3), **asked)
        assert (again.is_new, again.reservation.status) == (False, PENDING)

    async def test_a_repeat_of_a_settled_reservation_answers_what_became_of_it(self, open_shop: Desk) -> None:
        item = await add_stock(open_shop.database, 10)
        asked = {"reservation_id": new_id(), "order_id": "order-1"}
        await open_shop.reserve(want(item, 3), **asked)
        await open_shop.commands.commit(asked["reservation_id"], CALLER)
        await closed(open_shop.workflow(asked["reservation_id"]))
        again = await open_shop.reserve(want(item, 3), **asked)
        assert (again.is_new, again.reservation.status) == (False, ReservationStatus.COMMITTED)

    @pytest.mark.parametrize(
        "other",
        [{"order_id": "order-2"}, {"hold_seconds": 61}, {"region": "NORTH"}, {"allow_split": False}],
    )
    async def test_another_request_with_the_same_id_is_refused(self, open_shop: Desk, other: dict[str, object]) -> None:
        item = await add_stock(open_shop.database, 10)
        asked = {"reservation_id": new_id(), "order_id": "order-1", "hold_seconds": 60}
        await open_shop.reserve(want(item, 3), **asked)
        with pytest.raises((ReservationMismatch, InsufficientStock)) as refused:
            await open_shop.reserve(want(item, 3), **{**asked, **other})
        if other.get("region") is None:
            assert isinstance(refused.value, ReservationMismatch)
        assert (await stock_now(open_shop.database, item)).quantity_reserved == 3

    async def test_another_request_at_the_same_moment_neither_wins_nor_lends_its_plan(self, open_shop: Desk) -> None:
        item = await add_stock(open_shop.database, 1000)
        for _ in range(5):
            reservation_id = new_id()
            answers = await asyncio.gather(
                *(
                    open_shop.reserve(want(item, quantity), reservation_id=reservation_id, order_id="order-1")
                    for quantity in (1, 7)
                ),
                return_exceptions=True,
            )
            refused = [answer for answer in answers if isinstance(answer, ReservationMismatch)]
            held = [answer.reservation for answer in answers if isinstance(answer, Reserved)]
            assert (len(refused), len(held)) == (1, 1)
            asked = (1, 7)[answers.index(next(a for a in answers if isinstance(a, Reserved)))]
            assert sum(line.quantity for line in held[0].lines) == asked
        await assert_invariants(open_shop.database)

    async def test_a_hold_whose_workflow_was_terminated_is_started_again_and_adopted(self, open_shop: Desk) -> None:
        item = await add_stock(open_shop.database, 10)
        asked = {"reservation_id": new_id(), "order_id": "order-1"}
        first = await open_shop.reserve(want(item, 3), **asked)
        await open_shop.workflow(asked["reservation_id"]).terminate()
        again = await open_shop.reserve(want(item, 3), **asked)
        assert again.reservation == first.reservation
        assert (await open_shop.workflow(asked["reservation_id"]).describe()).close_time is None
        assert (await stock_now(open_shop.database, item)).quantity_reserved == 3


async def test_a_hold_whose_workflow_nobody_takes_up_is_made_and_found_by_it(desk: Desk) -> None:
    """The only worker may have thousands of others to close first."""
    item = await add_stock(desk.database, 10)
    held = await desk.reserve(want(item, 3))
    assert (held.reservation.status, held.is_new) == (PENDING, True)
    async with desk.serving():
        await desk.commands.cancel(held.reservation.reservation_id, CALLER)
        await closed(desk.workflow(held.reservation.reservation_id))
    assert (await stock_now(desk.database, item)).quantity_reserved == 0
    await assert_invariants(desk.database)


class TestUnknownOutcomes:
    """What could not be learned in time is said to be unknown, with the id by which it can be found out."""

    @pytest.fixture(autouse=True)
    def patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A busy machine, too, gets the time to look at the row."""
        monkeypatch.setattr(last_look, "LAST_READ_SECONDS", 20.0)

    async def test_temporal_is_away(self, db: Database, there: Settings) -> None:
        item = await add_stock(db, 10)
        reservation_id = new_id()
        async with _cut_off(db, there) as away:
            with pytest.raises(OutcomeUnknown) as unknown:
                await away.reserve(want(item, 3), reservation_id=reservation_id, deadline_seconds=4)
        assert unknown.value.extra == {"reservationId": str(reservation_id)}
        assert (await stock_now(db, item)).quantity_reserved == 0

    async def test_the_database_is_away_before_anything_was_asked(self, temporal: Client, there: Settings) -> None:
        lost = Database.connect(there.model_copy(update={"db_port": 1}))
        away = await open_desk(lost, temporal, there)
        reservation_id = new_id()
        with pytest.raises(Unavailable) as failure:
            await away.reserve(Item(sku="SKU-1", quantity=1), reservation_id=reservation_id)
        assert not isinstance(failure.value, OutcomeUnknown)
        assert not await away.has_workflow(reservation_id)
        await lost.close()

    async def test_a_row_that_is_there_in_the_end_is_the_answer_even_when_temporal_is_not(
        self, db: Database, temporal: Client, there: Settings
    ) -> None:
        item = await add_stock(db, 10)
        asked = {"reservation_id": new_id(), "order_id": "order-1"}
        shop = await open_desk(db, temporal, there)
        async with shop.serving():
            await shop.reserve(want(item, 3), **asked)
        async with _cut_off(db, there) as away:
            found = await away.reserve(want(item, 3), **asked, deadline_seconds=4)
        assert (found.is_new, found.reservation.status) == (False, PENDING)


async def test_holds_beyond_the_limit_are_sent_away_at_once(desk: Desk) -> None:
    item = await add_stock(desk.database, 10)
    narrow = await open_desk(desk.database, desk.temporal, desk.settings, holds_max=1)
    waiting = asyncio.create_task(narrow.reserve(want(item, 1)))
    async with asyncio.timeout(15):
        while not len(narrow.rendezvous):  # noqa: ASYNC110 - the command tells nobody that it waits
            await asyncio.sleep(0.01)
    with pytest.raises(Saturated):
        await narrow.reserve(want(item, 1))
    with pytest.raises(Saturated):  # before anything is read, even that it is nothing that we keep
        await narrow.reserve(Item(sku="NOT-KEPT-HERE", quantity=1))
    async with narrow.serving():
        await waiting


async def test_an_operator_sees_at_a_glance_what_a_reservation_is(open_shop: Desk) -> None:
    one, other = await add_stock(open_shop.database, 10), await add_stock(open_shop.database, 10)
    reserved = await open_shop.reserve(want(one, 2), want(other, 1), order_id="order-77")
    described = await open_shop.workflow(reserved.reservation.reservation_id).describe()
    attributes = {pair.key.name: pair.value for pair in described.typed_search_attributes.search_attributes}
    attributes.pop("BuildIds", None)  # the server's own, once the first task is done
    assert attributes == {"OrderId": "order-77", "Skus": sorted([one.sku, other.sku])}
    assert await described.static_summary() == f"2 × {one.sku}, 1 × {other.sku} · order order-77"
    details = await described.static_details()
    assert details is not None
    assert "request-1" in details


@asynccontextmanager
async def _cut_off(db: Database, there: Settings) -> AsyncIterator[Desk]:
    """Commands whose Temporal went away after they were connected to it."""
    async with wire_to(there.temporal_address) as wire:
        client = await connect(there.model_copy(update={"temporal_address": wire.address}))
        await wire.cut()
        yield await open_desk(db, client, there)
