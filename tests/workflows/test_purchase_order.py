"""The life of a purchase order as its workflow tells it: on the server that skips the time that nobody uses."""

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

from domain.contracts.names import DECIDE, PURCHASE_ORDER_WORKFLOW, operation_workflow_id
from domain.contracts.operations import StaffDecision, StepOutcome
from domain.operations import OperationKind, Step
from tests.workflows.fake_purchase_order import FakePurchaseOrder, arrived, by_buyer, purchase_order_request
from workflows.purchase_order import PurchaseOrderWorkflow

Handle = WorkflowHandle[Any, str]


@asynccontextmanager
async def running(time_skipping: WorkflowEnvironment, order: FakePurchaseOrder) -> AsyncIterator[Handle]:
    request, queue = purchase_order_request(), f"operations-{uuid.uuid4()}"
    activities = [order.open, order.take]
    async with Worker(time_skipping.client, task_queue=queue, workflows=[PurchaseOrderWorkflow], activities=activities):
        handle = await time_skipping.client.start_workflow(
            PURCHASE_ORDER_WORKFLOW,
            request,
            id=operation_workflow_id(OperationKind.PURCHASE_ORDER, request.purchase_order_id),
            task_queue=queue,
            result_type=str,
        )
        yield handle
        with suppress(RPCError):  # closed already; one left open would hold the clock of the next test
            await handle.terminate()


async def decide(handle: Handle, step: Step, **said: Any) -> StepOutcome:
    outcome: StepOutcome = await handle.execute_update(DECIDE, args=[step, by_buyer(**said)], result_type=StepOutcome)
    return outcome


async def test_it_is_approved_sent_and_received_in_parts(time_skipping: WorkflowEnvironment) -> None:
    order = FakePurchaseOrder(time_skipping.get_current_time)
    async with running(time_skipping, order) as handle:
        statuses = [
            (await decide(handle, Step.APPROVE)).status,
            (await decide(handle, Step.SEND)).status,
            (await decide(handle, Step.RECEIVE, **arrived(4))).status,
            (await decide(handle, Step.RECEIVE)).status,
        ]
        assert statuses == ["APPROVED", "SENT", "PARTIALLY_RECEIVED", "RECEIVED"]
        assert await handle.result() == "RECEIVED"


async def test_a_draft_waits_for_as_long_as_it_takes(time_skipping: WorkflowEnvironment) -> None:
    order = FakePurchaseOrder(time_skipping.get_current_time)
    async with running(time_skipping, order) as handle:
        await time_skipping.sleep(timedelta(days=100))
        assert order.steps == []
        assert (await decide(handle, Step.REJECT)).status == "REJECTED"


async def test_it_is_late_once_and_can_still_arrive(time_skipping: WorkflowEnvironment) -> None:
    order = FakePurchaseOrder(time_skipping.get_current_time, lead_time=timedelta(days=2))
    async with running(time_skipping, order) as handle:
        await decide(handle, Step.APPROVE)
        await decide(handle, Step.SEND)
        await decide(handle, Step.RECEIVE, **arrived(1))
        await time_skipping.sleep(timedelta(days=3))
        assert (order.row.status, order.row.is_late) == ("PARTIALLY_RECEIVED", True)
        await time_skipping.sleep(timedelta(days=30))
        await decide(handle, Step.RECEIVE)
        assert await handle.result() == "RECEIVED"
    assert order.steps == [Step.APPROVE, Step.SEND, Step.RECEIVE, Step.LATE, Step.RECEIVE]


@pytest.mark.parametrize(
    "steps",
    [
        [Step.REJECT],
        [Step.CANCEL],
        [Step.APPROVE, Step.SEND, Step.RECEIVE],
        [Step.APPROVE, Step.SEND, Step.RECEIVE, Step.CLOSE],
    ],
)
async def test_staff_take_every_step_by_signals_of_its_name(
    time_skipping: WorkflowEnvironment, steps: list[Step]
) -> None:
    order = FakePurchaseOrder(time_skipping.get_current_time)
    ends_short = steps[-1] is Step.CLOSE
    async with running(time_skipping, order) as handle:
        for step in steps:
            said = arrived(4) if ends_short and step is Step.RECEIVE else {}
            await handle.signal(step, StaffDecision(actor_name="ann", **said))
        assert await handle.result() == order.row.status
    assert order.steps == steps
    assert {request.decision.actor_name for request in order.taken} == {"ann"}


async def test_a_step_out_of_turn_is_refused_and_it_goes_on(time_skipping: WorkflowEnvironment) -> None:
    order = FakePurchaseOrder(time_skipping.get_current_time)
    async with running(time_skipping, order) as handle:
        refused = await decide(handle, Step.RECEIVE)
        assert (refused.refusal_code, refused.status) == ("step_not_allowed", "DRAFT")
        assert (await decide(handle, Step.CANCEL)).status == "CANCELLED"
