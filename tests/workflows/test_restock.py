"""A round of restocking on fakes: every page is scanned, every need is drafted for, every order goes its own way."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.contracts.names import OPERATIONS_QUEUE, PURCHASE_ORDER_WORKFLOW, RESTOCK_WORKFLOW, operation_workflow_id
from domain.contracts.operations import StaffDecision
from domain.contracts.purchase_orders import PurchaseOrderRequest
from domain.contracts.restock import RestockReport, RestockRequest
from domain.ids import RESTOCK_POLICY
from domain.operations import OperationKind
from domain.restock import RestockMode
from tests.workflows.fake_restock import FakeRestock, need
from workflows.restock import RestockWorkflow


@workflow.defn(name=PURCHASE_ORDER_WORKFLOW)
class OrderStandIn:
    """Waits for two decisions, or for its cancellation by the test; answers who decided what."""

    def __init__(self) -> None:
        self._told: list[str] = []

    @workflow.run
    async def run(self, request: PurchaseOrderRequest) -> list[str]:
        await workflow.wait_condition(lambda: len(self._told) == 2)
        return self._told

    @workflow.signal
    def approve(self, asked: StaffDecision) -> None:
        self._told.append(f"approve by {asked.actor_name}: {asked.decision_id}")

    @workflow.signal
    def send(self, asked: StaffDecision) -> None:
        self._told.append(f"send by {asked.actor_name}: {asked.decision_id}")


@dataclass
class Round:
    """One run and the orders that it started."""

    environment: WorkflowEnvironment
    restock: FakeRestock
    workflows_cached: int = 100
    run_id: str = field(default_factory=lambda: f"restock-{uuid.uuid4()}")

    async def start(self, request: RestockRequest) -> WorkflowHandle[Any, RestockReport]:
        return await self.environment.client.start_workflow(
            RESTOCK_WORKFLOW, request, id=self.run_id, task_queue=self.run_id, result_type=RestockReport
        )

    async def report(self, request: RestockRequest | None = None) -> RestockReport:
        """The whole run."""
        async with self.working():
            return await (await self.start(request or RestockRequest())).result()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        client, activities = self.environment.client, [self.restock.scan, self.restock.draft]
        async with (
            Worker(
                client,
                task_queue=self.run_id,
                workflows=[RestockWorkflow],
                activities=activities,
                max_cached_workflows=self.workflows_cached,
            ),
            Worker(client, task_queue=OPERATIONS_QUEUE, workflows=[OrderStandIn]),
        ):
            yield

    def order(self, order_id: UUID) -> WorkflowHandle[Any, Any]:
        workflow_id = operation_workflow_id(OperationKind.PURCHASE_ORDER, order_id)
        return self.environment.client.get_workflow_handle(workflow_id, result_type=list[str])

    async def status(self, order_id: UUID) -> str:
        described = await self.order(order_id).describe()
        assert described.status is not None
        return described.status.name


@pytest.fixture
def round_of(time_skipping: WorkflowEnvironment) -> Any:
    return lambda **fields: Round(time_skipping, FakeRestock(**fields))


async def test_every_page_is_scanned_and_every_need_is_drafted_for_once(round_of: Any) -> None:
    one, other, third = need(), need(), need()
    it = round_of(pages=[[one, other], [other, third], []])
    report = await it.report()
    assert it.restock.drafted_for == [one, other, third]
    assert {request.run for request in it.restock.asked} == {it.run_id}
    assert report == RestockReport(low_rows=6, unsupplied_rows=3, orders=["PO-1", "PO-2", "PO-3"])


async def test_an_order_outlives_the_run_and_waits_for_people(round_of: Any) -> None:
    it = round_of(pages=[[need()]])
    await it.report()
    [order_id] = it.restock.order_ids
    assert await it.status(order_id) == "RUNNING"
    await it.order(order_id).terminate()


async def test_an_automatic_run_approves_and_sends_as_decided_in_advance(round_of: Any) -> None:
    it = round_of(pages=[[need()]])
    async with it.working():
        await (await it.start(RestockRequest(mode=RestockMode.AUTOMATIC))).result()
        [order_id] = it.restock.order_ids
        assert await it.order(order_id).result() == [
            f"{step} by {RESTOCK_POLICY.name}: restock-{step}-{order_id}" for step in ("approve", "send")
        ]


async def test_an_order_that_runs_already_is_left_to_run(round_of: Any) -> None:
    it = round_of(pages=[[need()]])
    order_id = it.restock.order_id_for(it.restock.pages[0][0])
    request = PurchaseOrderRequest(purchase_order_id=order_id, title="adopted by Reconcile")
    async with it.working():
        handle = it.order(order_id)
        await it.environment.client.start_workflow(
            PURCHASE_ORDER_WORKFLOW, request, id=handle.id, task_queue=OPERATIONS_QUEUE
        )
        report = await (await it.start(RestockRequest(mode=RestockMode.AUTOMATIC))).result()
        assert len(await handle.result()) == 2
    assert report.orders == ["PO-1"]


async def test_a_draft_that_keeps_failing_is_left_to_the_next_run(round_of: Any) -> None:
    broken, fine = need(), need()
    it = round_of(pages=[[broken, fine]], broken={broken})
    report = await it.report()
    assert report.orders == ["PO-1"]
    assert report.failed == [f"{broken.supplier_id} for {broken.warehouse_id}"]


async def test_a_page_that_fails_once_is_looked_at_again(round_of: Any) -> None:
    it = round_of(pages=[[need()], [need()]], failing_scans=1)
    assert len((await it.report()).orders) == 2


async def test_a_run_goes_on_where_it_was_before_it_continued_as_new(round_of: Any) -> None:
    done, rest = need(), [need(), need()]
    it = round_of(pages=[[done], rest])
    before = RestockReport(low_rows=2, orders=["PO-0"])
    report = await it.report(RestockRequest(token="1", needs=[done], report=before))
    assert it.restock.drafted_for == [done, *rest]
    assert (report.low_rows, report.orders) == (4, ["PO-0", "PO-1", "PO-2", "PO-3"])


async def test_a_worker_that_forgets_everything_between_two_tasks_drafts_nothing_twice(round_of: Any) -> None:
    """As if it were killed after each: what was done is known from the history alone."""
    needs = [need(), need(), need()]
    it = round_of(pages=[needs[:2], needs[1:]])
    it.workflows_cached = 0
    assert (await it.report()).orders == ["PO-1", "PO-2", "PO-3"]
    assert it.restock.drafted_for == needs
