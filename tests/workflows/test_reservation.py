"""The story of a reservation on stock in memory: who decides, when the timer fires, what latecomers hear."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from domain.contracts.names import CANCEL, COMMIT, EXTEND, HELD
from domain.contracts.reservations import Decision, HoldOutcome, SettleOutcome
from domain.reservations import ReservationStatus
from tests.workflows.conftest import Run
from tests.workflows.fakes import TESTER, decision, hold_request, unavailable

PENDING, COMMITTED, CANCELLED = ReservationStatus.PENDING, ReservationStatus.COMMITTED, ReservationStatus.CANCELLED
EXPIRED, REJECTED = ReservationStatus.EXPIRED, ReservationStatus.REJECTED


async def test_a_hold_that_nobody_decides_expires_at_its_deadline(run: Run) -> None:
    async with run(hold_request(hold_seconds=900)) as it:
        assert await it.handle.result() == EXPIRED
        assert it.stock.decisions == [Decision.EXPIRE]
        assert it.stock.asked[0].reason == "expired"
        assert await it.timers_seconds() == [pytest.approx(900, abs=25)]


async def test_one_of_a_crowd_wakes_behind_the_others_and_expires_then(run: Run) -> None:
    async with run(hold_request(hold_seconds=900), late_seconds=300.0) as it:
        assert await it.handle.result() == EXPIRED
        assert it.stock.decisions == [Decision.EXPIRE]
        assert await it.timers_seconds() == [pytest.approx(1_200, abs=25)]


async def test_one_of_a_crowd_that_is_extended_wakes_at_its_new_deadline(run: Run) -> None:
    async with run(hold_request(hold_seconds=900), late_seconds=300.0) as it:
        await it.handle.execute_update(EXTEND, decision(hold_seconds=3600), result_type=SettleOutcome)
        assert await it.handle.result() == EXPIRED
        assert (await it.timers_seconds())[-1] == pytest.approx(3600, abs=25)


@pytest.mark.parametrize(("name", "status"), [(COMMIT, COMMITTED), (CANCEL, CANCELLED)])
async def test_a_signal_settles_the_hold(run: Run, name: str, status: ReservationStatus) -> None:
    async with run() as it:
        await it.handle.signal(name, decision("d1", reason="payment_failed"))
        assert await it.handle.result() == status
        assert [(asked.decision_id, asked.reason) for asked in it.stock.asked] == [("d1", "payment_failed")]


@pytest.mark.parametrize(("name", "status"), [(COMMIT, COMMITTED), (CANCEL, CANCELLED)])
async def test_an_update_settles_the_hold_and_answers_the_row(run: Run, name: str, status: ReservationStatus) -> None:
    async with run() as it:
        outcome = await it.handle.execute_update(name, decision(), result_type=SettleOutcome)
        assert (outcome.status, outcome.changed) == (status, True)
        assert await it.handle.result() == status


async def test_a_decision_says_who_made_it_and_what_trace_it_belongs_to(run: Run) -> None:
    async with run() as it:
        await it.handle.signal(COMMIT, decision("d1", source="kafka", traceparent="00-1-2-01"))
        await it.handle.result()
        asked = it.stock.asked[0]
        assert (asked.source, asked.traceparent, asked.actor_name) == ("kafka", "00-1-2-01", TESTER.name)


async def test_an_extension_moves_the_timer(run: Run) -> None:
    async with run(hold_request(hold_seconds=60)) as it:
        outcome = await it.handle.execute_update(EXTEND, decision(hold_seconds=3600), result_type=SettleOutcome)
        assert (outcome.status, outcome.changed) == (PENDING, True)
        assert await it.handle.result() == EXPIRED
        assert (await it.timers_seconds())[-1] == pytest.approx(3600, abs=25)
        assert it.stock.decisions == [Decision.EXTEND, Decision.EXPIRE]


async def test_extensions_are_numbered_so_that_a_repeated_one_changes_nothing(run: Run) -> None:
    async with run() as it:
        for _ in range(2):
            await it.handle.execute_update(EXTEND, decision(hold_seconds=600), result_type=SettleOutcome)
        it.stock.refuses_extensions = True
        refused = await it.handle.execute_update(EXTEND, decision(hold_seconds=600), result_type=SettleOutcome)
        it.stock.refuses_extensions = False
        await it.handle.execute_update(EXTEND, decision(hold_seconds=600), result_type=SettleOutcome)
        assert (refused.refused, refused.changed) == (True, False)
        assert [asked.number for asked in it.stock.asked] == [1, 2, 3, 3]


async def test_an_adopted_reservation_goes_on_counting_extensions(run: Run) -> None:
    async with run(extends_count=4) as it:
        await it.handle.execute_update(EXTEND, decision(hold_seconds=600), result_type=SettleOutcome)
        assert it.stock.asked[0].number == 5


async def test_a_refused_extension_leaves_the_deadline_where_it_was(run: Run) -> None:
    async with run(hold_request(hold_seconds=60), refuses_extensions=True) as it:
        outcome = await it.handle.execute_update(EXTEND, decision(hold_seconds=3600), result_type=SettleOutcome)
        assert outcome.refused
        assert await it.handle.result() == EXPIRED
        assert max(await it.timers_seconds()) < 120


async def test_an_expiry_that_the_database_calls_early_waits_for_what_is_left(run: Run) -> None:
    async with run(hold_request(hold_seconds=60)) as it:
        it.stock.early_by.extend([30.0, 2.0])
        assert await it.handle.result() == EXPIRED
        assert it.stock.decisions == [Decision.EXPIRE] * 3
        assert await it.timers_seconds() == [pytest.approx(60, abs=25), 30.0, 2.0]


async def test_a_commit_while_an_early_expiry_waits_is_a_commit(run: Run, time_skipping: WorkflowEnvironment) -> None:
    async with run(hold_request(hold_seconds=60)) as it:
        it.stock.early_by.append(3600.0)
        await time_skipping.sleep(70)
        assert it.stock.decisions == [Decision.EXPIRE]
        outcome = await it.handle.execute_update(COMMIT, decision(), result_type=SettleOutcome)
        assert outcome.status is COMMITTED


async def test_decisions_are_taken_one_at_a_time_in_the_order_of_their_coming(run: Run) -> None:
    async with run() as it:
        it.stock.gate.clear()
        for decision_id, name in [("d1", COMMIT), ("d2", CANCEL), ("d3", COMMIT)]:
            await it.handle.signal(name, decision(decision_id))
        it.stock.gate.set()
        assert await it.handle.result() == COMMITTED
        assert it.stock.decided == ["d1", "d2", "d3"]


async def test_an_order_that_is_cancelled_after_its_commit_brings_the_stock_back(run: Run) -> None:
    async with run() as it:
        it.stock.gate.clear()
        await it.handle.signal(COMMIT, decision("d1"))
        await it.handle.signal(CANCEL, decision("d2", reason="order_cancelled"))
        it.stock.gate.set()
        assert await it.handle.result() == COMMITTED
        assert it.stock.returned


async def test_a_refused_hold_closes_at_once(run: Run) -> None:
    async with run(refuses_holds=True) as it:
        assert await it.handle.result() == REJECTED
        assert it.stock.asked == []


@pytest.mark.parametrize("status", [COMMITTED, CANCELLED, EXPIRED])
async def test_a_hold_that_finds_its_row_settled_closes_with_that(run: Run, status: ReservationStatus) -> None:
    async with run(status=status, expires_at=datetime(2026, 1, 1, tzinfo=UTC)) as it:
        assert await it.handle.result() == status
        assert it.stock.asked == []


async def test_a_hold_tells_its_deadline_to_who_asks(run: Run) -> None:
    async with run() as it:
        held = await it.handle.execute_update(HELD, result_type=HoldOutcome)
        assert (held.status, held.expires_at) == (PENDING, it.stock.expires_at)


async def test_an_outage_is_waited_out_by_the_hold_and_by_the_decision(run: Run) -> None:
    async with run() as it:
        it.stock.failures.extend([unavailable(), unavailable()])
        await it.handle.execute_update(HELD, result_type=HoldOutcome)
        it.stock.failures.extend([unavailable(), unavailable(), unavailable()])
        outcome = await it.handle.execute_update(COMMIT, decision(), result_type=SettleOutcome)
        assert outcome.status is COMMITTED
        assert it.stock.holds_count == 3
        assert len(it.stock.asked) == 4


async def test_what_cannot_pass_ends_the_workflow_at_once(run: Run) -> None:
    failure = ApplicationError("the reservation has no row", type="reservation_lost", non_retryable=True)
    async with run() as it:
        await it.handle.execute_update(HELD, result_type=HoldOutcome)
        it.stock.failures.append(failure)
        await it.handle.signal(COMMIT, decision())
        with pytest.raises(WorkflowFailureError):
            await it.handle.result()


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        (COMMIT, replace(decision(), decision_id="")),
        (CANCEL, replace(decision(), decision_id="")),
        (EXTEND, decision(hold_seconds=0)),
        (EXTEND, decision(hold_seconds=604_801)),
    ],
)
async def test_a_malformed_update_is_refused_before_it_enters_the_history(run: Run, name: str, asked: object) -> None:
    async with run() as it:
        await it.handle.execute_update(HELD, result_type=HoldOutcome)
        with pytest.raises(WorkflowUpdateFailedError) as refusal:
            await it.handle.execute_update(name, asked, result_type=SettleOutcome)
        assert isinstance(refusal.value.cause, ApplicationError)
        assert refusal.value.cause.type == "malformed"
        assert it.stock.asked == []


async def test_an_extension_whose_answer_was_lost_does_not_swallow_the_next_one(run: Run) -> None:
    async with run() as it:
        await it.handle.execute_update(HELD, result_type=HoldOutcome)
        it.stock.loses_answers = 1
        first = await it.handle.execute_update(EXTEND, decision(hold_seconds=600), result_type=SettleOutcome)
        second = await it.handle.execute_update(EXTEND, decision(hold_seconds=1200), result_type=SettleOutcome)
        assert (first.changed, second.changed) == (False, True)
        assert it.stock.extends_count == 2
