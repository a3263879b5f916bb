"""The life of a transfer as its workflow tells it: on the server that skips the time that nobody uses."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.contracts.names import DECIDE, TRANSFER_WORKFLOW, operation_workflow_id
from domain.contracts.operations import SkuQuantity, StaffDecision, StepOutcome
from domain.operations import OperationKind, Step
from tests.workflows.fake_transfer import FakeTransfer, staff, transfer_request
from workflows.transfer import TransferWorkflow

Handle = WorkflowHandle[Any, str]


@asynccontextmanager
async def running(time_skipping: WorkflowEnvironment, transfer: FakeTransfer) -> AsyncIterator[Handle]:
    request, queue = transfer_request(), f"operations-{uuid.uuid4()}"
    activities = [transfer.open, transfer.take]
    async with Worker(time_skipping.client, task_queue=queue, workflows=[TransferWorkflow], activities=activities):
        handle = await time_skipping.client.start_workflow(
            TRANSFER_WORKFLOW,
            request,
            id=operation_workflow_id(OperationKind.TRANSFER, request.transfer_id),
            task_queue=queue,
            result_type=str,
        )
        yield handle
        with suppress(RPCError):  # closed already; one left open would hold the clock of the next test
            await handle.terminate()


async def decide(handle: Handle, step: Step, **said: Any) -> StepOutcome:
    outcome: StepOutcome = await handle.execute_update(DECIDE, args=[step, staff(**said)], result_type=StepOutcome)
    return outcome


async def test_it_is_approved_shipped_and_received_in_parts(time_skipping: WorkflowEnvironment) -> None:
    transfer = FakeTransfer(time_skipping.get_current_time, needs_approval=True)
    async with running(time_skipping, transfer) as handle:
        statuses = [
            (await decide(handle, Step.APPROVE)).status,
            (await decide(handle, Step.SHIP)).status,
            (await decide(handle, Step.RECEIVE, lines=[SkuQuantity(sku="SKU-1", quantity=3)])).status,
            (await decide(handle, Step.RECEIVE)).status,
        ]
        assert statuses == ["APPROVED", "IN_TRANSIT", "PARTLY_RECEIVED", "CLOSED"]
        assert await handle.result() == "CLOSED"


async def test_nobody_approves_it_and_it_lapses(time_skipping: WorkflowEnvironment) -> None:
    transfer = FakeTransfer(time_skipping.get_current_time, needs_approval=True)
    async with running(time_skipping, transfer) as handle:
        assert await handle.result() == "LAPSED"
    assert transfer.steps == [Step.REMIND, Step.ESCALATE, Step.LAPSE]


async def test_it_waits_for_its_shipment_as_long_as_it_takes_and_is_late_once(
    time_skipping: WorkflowEnvironment,
) -> None:
    transfer = FakeTransfer(time_skipping.get_current_time, transit=timedelta(hours=2))
    async with running(time_skipping, transfer) as handle:
        await time_skipping.sleep(timedelta(days=30))
        await decide(handle, Step.SHIP)
        await time_skipping.sleep(timedelta(hours=3))
        assert (transfer.row.status, transfer.row.is_late) == ("IN_TRANSIT", True)
        await time_skipping.sleep(timedelta(days=30))
        await decide(handle, Step.RECEIVE)
        assert await handle.result() == "CLOSED"
    assert transfer.steps == [Step.SHIP, Step.LATE, Step.RECEIVE]


@pytest.mark.parametrize("last", [Step.RECEIVE, Step.RESOLVE, Step.CANCEL])
async def test_staff_take_every_step_by_signals_of_its_name(time_skipping: WorkflowEnvironment, last: Step) -> None:
    transfer = FakeTransfer(time_skipping.get_current_time, needs_approval=True)
    async with running(time_skipping, transfer) as handle:
        for step in (Step.APPROVE, Step.SHIP, last):
            await handle.signal(step, StaffDecision(actor_name="ann", discrepancy="lost"))
        await handle.result()
    assert transfer.steps == [Step.APPROVE, Step.SHIP, last]
    assert {request.decision.actor_name for request in transfer.taken} == {"ann"}


async def test_a_rejected_one_is_over_and_says_so_in_the_lists_of_operators(
    time_skipping: WorkflowEnvironment,
) -> None:
    transfer = FakeTransfer(time_skipping.get_current_time, needs_approval=True)
    async with running(time_skipping, transfer) as handle:
        await handle.signal(Step.REJECT, StaffDecision(actor_name="ann"))
        assert await handle.result() == "REJECTED"
        history = await handle.fetch_history()
    shown = [
        event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields[
            "OperationStatus"
        ].data
        for event in history.events
        if event.HasField("upsert_workflow_search_attributes_event_attributes")
    ]
    assert shown == [b'"PENDING_APPROVAL"', b'"REJECTED"']
