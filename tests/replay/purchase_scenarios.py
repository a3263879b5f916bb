"""The paths of purchase orders and of restocking, told on fakes: part of `SCENARIOS`."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from domain.contracts.names import PURCHASE_ORDER_WORKFLOW, RESTOCK_WORKFLOW
from domain.contracts.restock import RestockRequest
from domain.operations import Step
from domain.restock import RestockMode
from tests.replay.operation_scenarios import IDENTITY, OperationScene
from tests.workflows.fake_purchase_order import FakePurchaseOrder, arrived, purchase_order_request
from tests.workflows.fake_restock import FakeRestock, need
from workflows.purchase_order import PurchaseOrderWorkflow
from workflows.restock import RestockWorkflow


async def _scene(client: Client, *, lead_time: timedelta = timedelta(days=7)) -> OperationScene:
    async def now() -> datetime:
        return datetime.now(UTC)

    queue = f"scene-{uuid.uuid4()}"
    handle = await client.start_workflow(
        PURCHASE_ORDER_WORKFLOW, purchase_order_request(), id=queue, task_queue=queue, result_type=str
    )
    return OperationScene(client, FakePurchaseOrder(now, lead_time), queue, handle, PurchaseOrderWorkflow)


async def purchase_order_sent_and_waiting(client: Client) -> OperationScene:
    scene = await _scene(client)
    async with scene.working():
        await scene.opened()
        await scene.ask(Step.APPROVE, "boss", "d-1")
        await scene.ask(Step.SEND, "ann", "d-2")
        await scene.waiting()
    return scene


async def purchase_order_received_in_parts(client: Client) -> OperationScene:
    scene = await _scene(client)
    async with scene.working():
        await scene.opened()
        await scene.ask(Step.APPROVE, "boss", "d-1")
        await scene.ask(Step.SEND, "ann", "d-2")
        await scene.waiting()
        await scene.ask(Step.RECEIVE, "dora", "d-3", **arrived(4))
        await scene.waiting(2)
        await scene.ask(Step.RECEIVE, "dora", "d-4", receipt_id="GRN-1")
        await scene.handle.result()
    return scene


async def purchase_order_late_and_closed_short_by_signals(client: Client) -> OperationScene:
    scene = await _scene(client, lead_time=timedelta(seconds=1))
    async with scene.working():
        await scene.opened()
        await scene.ask(Step.APPROVE, "boss", "d-1")
        await scene.ask(Step.SEND, "ann", "d-2")
        await scene.upserted(4)
        await scene.handle.signal(Step.RECEIVE, {"actor_name": "dora", "lines": [{"sku": "SKU-1", "quantity": 4}]})
        await scene.upserted(5)
        await scene.handle.signal(Step.CLOSE, {"actor_name": "dora", "reason": "discontinued"})
        await scene.handle.result()
    return scene


async def purchase_order_rejected_by_a_signal(client: Client) -> OperationScene:
    scene = await _scene(client)
    async with scene.working():
        await scene.opened()
        await scene.handle.signal(Step.REJECT, {"actor_name": "boss"})
        await scene.handle.result()
    return scene


@dataclass(slots=True)
class RestockScene:
    """One run that has ended; its orders are started and nobody works on them."""

    handle: WorkflowHandle[Any, Any]


async def _restocked(client: Client, restock: FakeRestock, mode: RestockMode) -> RestockScene:
    queue = f"scene-{uuid.uuid4()}"
    handle = await client.start_workflow(RESTOCK_WORKFLOW, RestockRequest(mode=mode), id=queue, task_queue=queue)
    activities = [restock.scan, restock.draft]
    async with Worker(client, task_queue=queue, workflows=[RestockWorkflow], activities=activities, identity=IDENTITY):
        await handle.result()
    return RestockScene(handle)


async def restocked_for_review(client: Client) -> RestockScene:
    return await _restocked(client, FakeRestock(pages=[[need(), need()], [need()]]), RestockMode.REVIEW)


async def restocked_automatically(client: Client) -> RestockScene:
    return await _restocked(client, FakeRestock(pages=[[need()]]), RestockMode.AUTOMATIC)


async def restocked_with_a_draft_that_failed(client: Client) -> RestockScene:
    broken, fine = need(), need()
    return await _restocked(client, FakeRestock(pages=[[broken, fine]], broken={broken}), RestockMode.REVIEW)


PURCHASE_SCENARIOS: dict[str, Callable[[Client], Awaitable[Any]]] = {
    scenario.__name__: scenario
    for scenario in (
        purchase_order_sent_and_waiting,
        purchase_order_received_in_parts,
        purchase_order_late_and_closed_short_by_signals,
        purchase_order_rejected_by_a_signal,
        restocked_for_review,
        restocked_automatically,
        restocked_with_a_draft_that_failed,
    )
}
