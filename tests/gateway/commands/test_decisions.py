"""Committing, cancelling and extending on real servers: by a running workflow, a closed one, a lost one, and none."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from db.engine import Database
from domain.contracts.names import COMMIT, RESERVATION_QUEUE, RESERVATION_WORKFLOW, reservation_workflow_id
from domain.contracts.reservations import DecisionRequest, SettleOutcome, Source
from domain.errors import ExtensionLimit, NotFound, OutcomeUnknown, ReservationSettled
from domain.reservations import ReleaseReason, Reservation, ReservationStatus
from gateway.commands import deciding
from holdfast.stack.embedded import Stack
from runtime.settings import Settings
from tests.conftest import NAMESPACES
from tests.gateway.commands.desk import CALLER, Desk, closed, connect, new_id, open_desk
from tests.gateway.commands.wire import wire_to
from tests.stocking import add_stock, assert_invariants, hold, news_of, reservation_now, settle, stock_now, want

PENDING, COMMITTED, CANCELLED = ReservationStatus.PENDING, ReservationStatus.COMMITTED, ReservationStatus.CANCELLED
EXPIRED = ReservationStatus.EXPIRED

OUTSIDE = UnsandboxedWorkflowRunner()


@pytest.fixture(scope="module")
async def there(database: Settings, temporal_server: Stack) -> Settings:
    return database.model_copy(
        update={
            **temporal_server.addresses,
            "temporal_namespace": NAMESPACES[-3],
            "request_timeout_seconds": 20.0,
            "reservation_extends_max": 2,
            "shutdown_grace_seconds": 0.5,
        }
    )


@pytest.fixture(scope="module")
async def temporal(there: Settings) -> Client:
    return await connect(there)


@pytest.fixture
async def desk(db: Database, temporal: Client, there: Settings) -> Desk:
    return await open_desk(db, temporal, there)


@pytest.fixture
async def open_shop(desk: Desk) -> AsyncIterator[Desk]:
    async with desk.serving():
        yield desk


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, too, the workflow gets the time to decide; TestSilentWorkflows takes it away again."""
    monkeypatch.setattr(deciding, "SILENCE_SECONDS", 20.0)


async def _held(desk: Desk, quantity: int = 3, **fields: Any) -> Reservation:
    return (await desk.reserve(want(await add_stock(desk.database, 10), quantity), **fields)).reservation


async def test_a_commit_answers_the_sold_reservation_and_a_repeat_does_too(open_shop: Desk) -> None:
    held = await _held(open_shop)
    first = await open_shop.commands.commit(held.reservation_id, CALLER)
    again = await open_shop.commands.commit(held.reservation_id, CALLER)
    await closed(open_shop.workflow(held.reservation_id))
    closed_already = await open_shop.commands.commit(held.reservation_id, CALLER)
    assert first.status is COMMITTED
    assert first == again == closed_already
    assert len(await news_of(open_shop.database, held.reservation_id)) == 2


async def test_a_cancel_lets_the_stock_go_with_its_reason(open_shop: Desk) -> None:
    held = await _held(open_shop)
    for _ in range(2):
        row = await open_shop.commands.cancel(held.reservation_id, CALLER, reason=ReleaseReason.PAYMENT_FAILED)
        assert (row.status, row.release_reason) == (CANCELLED, "payment_failed")


def _counted(outcome: str, source: Source) -> float:
    labels = {"outcome": outcome, "source": source.value}
    return REGISTRY.get_sample_value("inventory_reservations_total", labels) or 0.0


async def test_what_becomes_of_holds_is_counted_at_the_door_that_it_was_decided_through(open_shop: Desk) -> None:
    outcomes, by_rpc = ("committed", "cancelled", "returned"), replace(CALLER, source=Source.GRPC)
    before = {(outcome, source): _counted(outcome, source) for outcome in outcomes for source in Source}
    sold, given_up = await _held(open_shop), await _held(open_shop)
    await open_shop.commands.cancel(given_up.reservation_id, by_rpc)
    await open_shop.commands.commit(sold.reservation_id, by_rpc)
    await open_shop.commands.cancel(sold.reservation_id, by_rpc, reason=ReleaseReason.ORDER_CANCELLED)
    grown = {key: _counted(*key) - count for key, count in before.items() if _counted(*key) > count}
    assert grown == {(outcome, Source.GRPC): 1 for outcome in outcomes}


async def test_the_loser_is_told_who_won(open_shop: Desk) -> None:
    held = await _held(open_shop)
    await open_shop.commands.cancel(held.reservation_id, CALLER)
    for call in (
        open_shop.commands.commit(held.reservation_id, CALLER),
        open_shop.commands.extend(held.reservation_id, CALLER, hold_seconds=60),
    ):
        with pytest.raises(ReservationSettled) as settled:
            await call
        assert settled.value.status == CANCELLED


@pytest.mark.parametrize("its_workflow", ["runs", "is closed"])
async def test_a_sold_order_that_is_cancelled_comes_back_once(open_shop: Desk, its_workflow: str) -> None:
    held = await _held(open_shop)
    await open_shop.commands.commit(held.reservation_id, CALLER)
    if its_workflow == "is closed":
        await closed(open_shop.workflow(held.reservation_id))
    for _ in range(2):
        row = await open_shop.commands.cancel(held.reservation_id, CALLER, reason=ReleaseReason.ORDER_CANCELLED)
        assert (row.status, row.returned_at is not None) == (COMMITTED, True)
    news = [event.type for event in await news_of(open_shop.database, held.reservation_id)]
    assert news == ["inventory.reserved", "inventory.committed", "inventory.released"]
    await assert_invariants(open_shop.database)


async def test_an_extension_moves_the_deadline_within_its_limits(open_shop: Desk) -> None:
    held = await _held(open_shop, hold_seconds=60)
    for hold_seconds in (600, 1200):
        extended = await open_shop.commands.extend(held.reservation_id, CALLER, hold_seconds=hold_seconds)
        assert (extended.expires_at - held.expires_at).total_seconds() > hold_seconds - 70
    with pytest.raises(ExtensionLimit):
        await open_shop.commands.extend(held.reservation_id, CALLER, hold_seconds=1300)


async def test_nobody_decides_about_what_does_not_exist(open_shop: Desk) -> None:
    for call in (
        open_shop.commands.commit(new_id(), CALLER),
        open_shop.commands.cancel(new_id(), CALLER),
        open_shop.commands.extend(new_id(), CALLER, hold_seconds=60),
    ):
        with pytest.raises(NotFound):
            await call


async def test_a_commit_and_a_cancel_at_once_have_one_winner(open_shop: Desk) -> None:
    for _ in range(5):
        held = await _held(open_shop)
        answers = await asyncio.gather(
            *(
                command(held.reservation_id, CALLER)
                for command in [open_shop.commands.commit, open_shop.commands.cancel] * 3
            ),
            return_exceptions=True,
        )
        final = (await reservation_now(open_shop.database, held)).status
        assert {answer.status for answer in answers} == {final}  # type: ignore[union-attr]
        assert len(await news_of(open_shop.database, held.reservation_id)) == 2
    await assert_invariants(open_shop.database)


async def test_commits_at_the_deadline_are_sales_or_expiries_and_nothing_else(open_shop: Desk) -> None:
    item = await add_stock(open_shop.database, 100)
    held = [(await open_shop.reserve(want(item, 1), hold_seconds=1)).reservation for _ in range(8)]

    async def commit_at(reservation: Reservation, early_seconds: float) -> ReservationStatus:
        left = (reservation.expires_at - reservation.reserved_at).total_seconds() - early_seconds
        await asyncio.sleep(left)
        try:
            return (await open_shop.commands.commit(reservation.reservation_id, CALLER)).status
        except ReservationSettled as settled:
            return ReservationStatus(settled.status)

    told = await asyncio.gather(*(commit_at(each, 0.08 - 0.02 * turn) for turn, each in enumerate(held)))
    rows = [await reservation_now(open_shop.database, each) for each in held]
    assert told == [row.status for row in rows]
    assert set(told) <= {COMMITTED, EXPIRED}
    after = await stock_now(open_shop.database, item)
    assert (after.quantity_total, after.quantity_reserved) == (100 - told.count(COMMITTED), 0)
    await assert_invariants(open_shop.database)


class TestWithoutAWorkflow:
    """The row answers, or a new workflow takes it over."""

    async def test_a_terminated_one_is_started_again_and_takes_the_decision(self, open_shop: Desk) -> None:
        held = await _held(open_shop)
        await open_shop.workflow(held.reservation_id).terminate()
        assert (await open_shop.commands.commit(held.reservation_id, CALLER)).status is COMMITTED
        assert await _outcome(open_shop, held) == "COMMITTED"

    async def test_one_that_is_asked_to_cancel_itself_frees_its_stock(self, open_shop: Desk) -> None:
        held = await _held(open_shop)
        await open_shop.workflow(held.reservation_id).cancel()
        assert await _outcome(open_shop, held) == "CANCELLED"
        assert (await reservation_now(open_shop.database, held)).status is CANCELLED
        _, released = await news_of(open_shop.database, held.reservation_id)
        assert (released.type, released.data["reason"]) == ("inventory.released", "cancelled")
        await assert_invariants(open_shop.database)

    async def test_one_that_never_was_is_started_and_takes_the_decision(self, open_shop: Desk) -> None:
        held = await hold(open_shop.database, want(await add_stock(open_shop.database, 5), 2))
        extended = await open_shop.commands.extend(held.reservation_id, CALLER, hold_seconds=3000)
        assert extended.expires_at > held.expires_at
        assert (await open_shop.commands.cancel(held.reservation_id, CALLER)).status is CANCELLED

    async def test_a_row_that_is_settled_answers_without_one(self, open_shop: Desk) -> None:
        held = await hold(open_shop.database, want(await add_stock(open_shop.database, 5), 2))
        await settle(open_shop.database, held, COMMITTED)
        assert (await open_shop.commands.commit(held.reservation_id, CALLER)).status is COMMITTED
        assert not await open_shop.has_workflow(held.reservation_id)

    async def test_an_overdue_row_that_lost_its_workflow_expires_when_it_is_committed(self, open_shop: Desk) -> None:
        held = await hold(open_shop.database, want(await add_stock(open_shop.database, 5), 2), hold_seconds=0)
        with pytest.raises(ReservationSettled) as settled:
            await open_shop.commands.commit(held.reservation_id, CALLER)
        assert settled.value.status == EXPIRED

    async def test_one_that_ends_while_the_decision_waits_for_it_is_answered_by_its_row(self, desk: Desk) -> None:
        """Admitted and never taken: the server says that the workflow is gone."""
        held = await _terminated_under_an_update(desk)
        assert (await reservation_now(desk.database, held)).status is COMMITTED

    async def test_one_that_ends_after_it_took_the_decision_is_answered_by_its_row(self, desk: Desk) -> None:
        """Accepted and never answered: the server says so in the update's own failure."""
        held = await hold(desk.database, want(await add_stock(desk.database, 5), 2))
        await settle(desk.database, held, COMMITTED)
        client = desk.temporal
        async with Worker(client, task_queue=RESERVATION_QUEUE, workflows=[Forgetful], workflow_runner=OUTSIDE):
            await client.start_workflow(
                RESERVATION_WORKFLOW, id=reservation_workflow_id(held.reservation_id), task_queue=RESERVATION_QUEUE
            )
            assert (await desk.commands.commit(held.reservation_id, CALLER)).status is COMMITTED


class TestSilentWorkflows:
    """A sale or a cancel is made without its workflow when that stays silent, and the workflow finds it in the row."""

    @pytest.fixture(autouse=True)
    def impatient(self, patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deciding, "SILENCE_SECONDS", 0.1)

    @pytest.mark.parametrize("decision", [COMMITTED, CANCELLED])
    async def test_nobody_works(self, desk: Desk, decision: ReservationStatus) -> None:
        async with desk.serving():
            held = await _held(desk)
        decide = desk.commands.commit if decision is COMMITTED else desk.commands.cancel
        for _ in range(2):
            assert (await decide(held.reservation_id, CALLER)).status is decision
        async with desk.serving():
            assert await _outcome(desk, held) == decision
        assert len(await news_of(desk.database, held.reservation_id)) == 2
        await assert_invariants(desk.database)

    async def test_who_was_not_waited_for_leaves_no_stray_error(self, desk: Desk) -> None:
        gc.collect()  # what others have left
        strays: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: strays.append(context))
        try:
            async with desk.serving():
                held = await _held(desk)
            await desk.commands.commit(held.reservation_id, CALLER)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            asking = [one for one in others if "_asked_in_time" in repr(one)]
            await asyncio.gather(*(asyncio.wait({one}) for one in asking))
            del others, asking
            gc.collect()
        finally:
            asyncio.get_running_loop().set_exception_handler(None)
        assert strays == []

    async def test_temporal_is_away(self, open_shop: Desk) -> None:
        held = await _held(open_shop)
        async with _cut_off(open_shop) as away:
            assert (await away.commands.commit(held.reservation_id, CALLER)).status is COMMITTED
        with pytest.raises(ReservationSettled) as settled:
            await open_shop.commands.cancel(held.reservation_id, CALLER)
        assert settled.value.status is COMMITTED

    async def test_a_sale_that_comes_too_late_is_told_so(self, desk: Desk) -> None:
        held = await hold(desk.database, want(await add_stock(desk.database, 5), 2), hold_seconds=-1)
        async with _cut_off(desk) as away:
            with pytest.raises(ReservationSettled) as settled:
                await away.commands.commit(held.reservation_id, CALLER)
        assert settled.value.status is EXPIRED


class TestUnknownOutcomes:
    """A decision whose outcome could not be learned says so, with the id to ask for."""

    async def test_an_extension_that_nobody_makes_in_time(
        self, db: Database, temporal: Client, there: Settings
    ) -> None:
        hasty = await open_desk(db, temporal, there.model_copy(update={"request_timeout_seconds": 1.0}))
        async with hasty.serving():
            held = await _held(hasty)
        with pytest.raises(OutcomeUnknown) as unknown:
            await hasty.commands.extend(held.reservation_id, CALLER, hold_seconds=3_600)
        assert unknown.value.extra == {"reservationId": str(held.reservation_id)}

    async def test_a_sale_while_both_temporal_and_the_database_are_away(self, desk: Desk) -> None:
        async with desk.serving():
            held = await _held(desk)
        lost = Database.connect(desk.settings.model_copy(update={"db_port": 1}))
        async with _cut_off(replace(desk, database=lost)) as away:
            with pytest.raises(OutcomeUnknown) as unknown:
                await away.commands.commit(held.reservation_id, CALLER)
        await lost.close()
        assert unknown.value.extra == {"reservationId": str(held.reservation_id)}
        assert (await reservation_now(desk.database, held)).status is PENDING


async def test_a_row_that_is_settled_is_the_answer_even_when_temporal_is_away(open_shop: Desk) -> None:
    held = await _held(open_shop)
    await open_shop.commands.commit(held.reservation_id, CALLER)
    async with _cut_off(open_shop) as away:
        assert (await away.commands.commit(held.reservation_id, CALLER)).status is COMMITTED


async def test_commits_and_cancels_teach_the_admission_of_holds(
    open_shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    monkeypatch.setattr(open_shop.admission, "observe", seen.append)
    for decide in (open_shop.commands.commit, open_shop.commands.cancel):
        held = await _held(open_shop)
        await decide(held.reservation_id, CALLER)
    assert len(seen) == 4


@workflow.defn(name=RESERVATION_WORKFLOW)
class Forgetful:
    """Ends as soon as it has accepted an update, and never answers it."""

    def __init__(self) -> None:
        self._asked = False

    @workflow.run
    async def run(self) -> None:
        """Wait for an update and leave."""
        await workflow.wait_condition(lambda: self._asked)

    @workflow.update(name=COMMIT, unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def commit(self, asked: DecisionRequest) -> SettleOutcome:
        """Wait for what never comes."""
        self._asked = True
        await workflow.wait_condition(lambda: False)
        raise AssertionError


async def _outcome(desk: Desk, held: Reservation) -> Any:
    return await desk.workflow(held.reservation_id).result()


async def _terminated_under_an_update(desk: Desk) -> Reservation:
    async with desk.serving():
        held = await _held(desk)
    asked = asyncio.create_task(desk.commands.commit(held.reservation_id, CALLER))
    await asyncio.wait({asked}, timeout=0.5)
    assert not asked.done()
    await settle(desk.database, held, COMMITTED)
    await desk.workflow(held.reservation_id).terminate()
    assert (await asked).status is COMMITTED
    return held


@asynccontextmanager
async def _cut_off(desk: Desk) -> AsyncIterator[Desk]:
    """The same commands with a Temporal that went away after they were connected to it."""
    settings = desk.settings.model_copy(update={"request_timeout_seconds": 2.0})
    async with wire_to(desk.settings.temporal_address) as wire:
        client = await connect(desk.settings.model_copy(update={"temporal_address": wire.address}))
        await wire.cut()
        yield await open_desk(desk.database, client, settings)
