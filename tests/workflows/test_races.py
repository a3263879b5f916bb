"""What happens when two things come at once: on the real server, since the one that skips time refuses such tasks."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.contracts.names import CANCEL, COMMIT, EXTEND, HELD, RESERVATION_WORKFLOW, reservation_workflow_id
from domain.contracts.reservations import Decision, HoldOutcome, SettleOutcome
from domain.reservations import ReservationStatus
from tests.replay.fingerprint import fingerprint
from tests.replay.histories_so_far import until
from tests.workflows.alone import FORGETS_QUICKLY, admitted, held_and_alone, now
from tests.workflows.conftest import Run, worker
from tests.workflows.fakes import FakeStock, decision, hold_request
from tests.workflows.test_cancel_requests import running_slowly, under_way

PENDING, COMMITTED, CANCELLED = ReservationStatus.PENDING, ReservationStatus.COMMITTED, ReservationStatus.CANCELLED
EXPIRED = ReservationStatus.EXPIRED
ACCEPTED = "workflow_execution_update_accepted_event_attributes"


@pytest.mark.parametrize(("name", "status"), [(COMMIT, COMMITTED), (CANCEL, CANCELLED)])
async def test_a_decision_that_meets_the_timer_in_one_task_goes_first(
    dev_client: Client, name: str, status: ReservationStatus
) -> None:
    async with held_and_alone(dev_client, hold_seconds=1) as it:
        await it.handle.signal(name, decision("d1"))
        await until(it.handle, "timer_fired_event_attributes")
        async with worker(dev_client, it.stock, it.queue, **FORGETS_QUICKLY):
            assert await it.handle.result() == status
        assert it.stock.decisions == [Decision(name)]


async def test_a_decision_that_comes_after_the_timer_in_one_task_has_one_winner_too(dev_client: Client) -> None:
    async with held_and_alone(dev_client, hold_seconds=1) as it:
        await until(it.handle, "timer_fired_event_attributes")
        await it.handle.signal(COMMIT, decision("d1"))
        await it.handle.signal(CANCEL, decision("d2"))
        async with worker(dev_client, it.stock, it.queue, **FORGETS_QUICKLY):
            assert await it.handle.result() == COMMITTED
        assert it.stock.decisions == [Decision.COMMIT, Decision.CANCEL]


async def test_an_extension_that_meets_the_timer_keeps_the_hold_alive(dev_client: Client) -> None:
    async with held_and_alone(dev_client, hold_seconds=1) as it:
        await it.handle.signal(EXTEND, decision("d1", hold_seconds=600))
        await until(it.handle, "timer_fired_event_attributes")
        async with worker(dev_client, it.stock, it.queue, **FORGETS_QUICKLY):
            await until(it.handle, "timer_started_event_attributes", 2)
            outcome = await it.handle.execute_update(COMMIT, decision(), result_type=SettleOutcome)
        assert outcome.status is COMMITTED
        assert it.stock.decisions == [Decision.EXTEND, Decision.COMMIT]


async def test_updates_that_come_before_the_first_task_are_answered_by_it(dev_client: Client) -> None:
    stock, queue, request = FakeStock(now), f"reservations-{uuid.uuid4()}", hold_request()
    handle = await dev_client.start_workflow(
        RESERVATION_WORKFLOW, request, id=reservation_workflow_id(request.reservation_id), task_queue=queue
    )
    async with asyncio.TaskGroup() as group:
        held = group.create_task(handle.execute_update(HELD, id=HELD, result_type=HoldOutcome))
        commit = group.create_task(handle.execute_update(COMMIT, decision(), id="decided", result_type=SettleOutcome))
        await admitted(dev_client, handle, HELD, "decided")
        assert not held.done()
        assert not commit.done()
        async with worker(dev_client, stock, queue):
            await asyncio.wait({held, commit})
    assert held.result().status in {PENDING, COMMITTED}
    assert commit.result().status is COMMITTED


async def test_a_decision_that_comes_before_the_hold_waits_for_it(run_for_real: Run, dev_client: Client) -> None:
    async with run_for_real(gate=asyncio.Event()) as it:
        asked = asyncio.create_task(
            it.handle.execute_update(COMMIT, decision(), id="decided", result_type=SettleOutcome)
        )
        held = asyncio.create_task(it.handle.execute_update(HELD, id=HELD, result_type=HoldOutcome))
        await admitted(dev_client, it.handle, "decided", HELD)
        assert it.stock.status is None
        it.stock.gate.set()
        assert (await asked).status is COMMITTED
        assert (await held).status in {PENDING, COMMITTED}
        assert await it.handle.result() == COMMITTED


async def test_the_same_decision_takes_effect_once_by_signal_and_by_update(dev_client: Client) -> None:
    async with running_slowly(dev_client) as it:
        await it.handle.signal(CANCEL, decision("d1"))
        await it.handle.signal(CANCEL, decision("d1"))
        asked = [
            asyncio.create_task(it.handle.execute_update(CANCEL, decision("d1"), id=name, result_type=SettleOutcome))
            for name in ("first", "second")
        ]
        await until(it.handle, ACCEPTED, 2)
        it.stock.gate.set()
        outcomes = await asyncio.gather(*asked)
        assert await it.handle.result() == CANCELLED
        assert outcomes[0] == outcomes[1]
        # A task that is tried again asks the stock again, but leaves one trace in the history.
        commands = fingerprint(await it.handle.fetch_history())
        assert commands.count("local activity settle") == 1


async def test_a_latecomer_is_answered_by_the_row_and_changes_nothing(dev_client: Client) -> None:
    async with running_slowly(dev_client) as it:
        it.stock.gate.set()
        await it.handle.execute_update(HELD, result_type=HoldOutcome)
        it.stock.gate.clear()
        await it.handle.signal(COMMIT, decision("d1"))
        await under_way(it)
        late = asyncio.create_task(it.handle.execute_update(CANCEL, decision("d2"), result_type=SettleOutcome))
        await until(it.handle, ACCEPTED, 2)
        assert it.stock.decided == ["d1"]
        it.stock.gate.set()
        assert await late == SettleOutcome(status=COMMITTED, expires_at=it.stock.expires_at)
        assert await it.handle.result() == COMMITTED


async def test_many_decisions_at_once_have_one_winner_and_all_hear_of_it(run_for_real: Run) -> None:
    async with run_for_real() as it:
        names = [COMMIT, CANCEL] * 5
        outcomes = await asyncio.gather(
            *(it.handle.execute_update(name, decision(), result_type=SettleOutcome) for name in names),
            return_exceptions=True,
        )
        final = await it.handle.result()
        answered = [outcome for outcome in outcomes if isinstance(outcome, SettleOutcome)]
        assert sum(outcome.changed for outcome in answered) == 1
        assert {outcome.status for outcome in answered} == {final}


async def test_a_long_life_continues_as_new_and_loses_neither_deadline_nor_decision(
    run_for_real: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def suggested(info: workflow.Info) -> bool:
        return info.continued_run_id is None

    monkeypatch.setattr(workflow.Info, "is_continue_as_new_suggested", suggested)
    async with run_for_real() as it:
        outcome = await it.handle.execute_update(EXTEND, decision(hold_seconds=600), result_type=SettleOutcome)
        assert outcome.changed
        first = it.handle.first_execution_run_id
        await _continued(it.handle, first)
        assert it.stock.holds_count == 2
        again = await it.handle.execute_update(EXTEND, decision(hold_seconds=900), result_type=SettleOutcome)
        assert again.changed
        assert [asked.number for asked in it.stock.asked] == [1, 2]
        await it.handle.signal(COMMIT, decision())
        await until(it.handle, "workflow_execution_completed_event_attributes")
        assert it.stock.status is COMMITTED


async def test_decisions_that_wait_are_taken_before_it_continues_as_new(
    run_for_real: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow.Info, "is_continue_as_new_suggested", lambda _info: True)
    async with run_for_real() as it:
        await it.handle.execute_update(HELD, result_type=HoldOutcome)
        it.stock.gate.clear()
        await it.handle.signal(EXTEND, decision(hold_seconds=600))
        await it.handle.signal(COMMIT, decision())
        it.stock.gate.set()
        assert await it.handle.result(follow_runs=False) == COMMITTED
        assert it.stock.holds_count == 1


async def test_a_workflow_that_fails_leaves_no_update_without_an_answer(run_for_real: Run) -> None:
    async with run_for_real() as it:
        await it.handle.execute_update(HELD, result_type=HoldOutcome)
        it.stock.failures.append(ApplicationError("no row", type="reservation_lost", non_retryable=True))
        with pytest.raises(WorkflowUpdateFailedError) as unanswered:
            await it.handle.execute_update(COMMIT, decision(), result_type=SettleOutcome)
        assert isinstance(unanswered.value.cause, ApplicationError)
        assert unanswered.value.cause.type == "reservation_lost"
        with pytest.raises(WorkflowFailureError):
            await it.handle.result()


async def _continued(handle: WorkflowHandle[Any, Any], first_run_id: str | None) -> None:
    async with asyncio.timeout(60):
        while (await handle.describe()).run_id == first_run_id:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.05)
        await handle.execute_update(HELD, result_type=HoldOutcome)
