"""The paths of purchase orders, told on a fake: part of `SCENARIOS`."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client

from domain.contracts.names import PURCHASE_ORDER_WORKFLOW
from domain.operations import Step
from tests.replay.operation_scenarios import OperationScene
from tests.workflows.fake_purchase_order import FakePurchaseOrder, arrived, purchase_order_request
from workflows.purchase_order import PurchaseOrderWorkflow


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
        await scene.ask(Step.APPROVE, "boss", "d-1")
        await scene.ask(Step.SEND, "ann", "d-2")
        await scene.waiting()
    return scene


async def purchase_order_received_in_parts(client: Client) -> OperationScene:
    scene = await _scene(client)
    async with scene.working():
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
        await scene.upserted(1)
        await scene.handle.signal(Step.REJECT, {"actor_name": "boss"})
        await scene.handle.result()
    return scene


PURCHASE_SCENARIOS: dict[str, Callable[[Client], Awaitable[Any]]] = {
    scenario.__name__: scenario
    for scenario in (
        purchase_order_sent_and_waiting,
        purchase_order_received_in_parts,
        purchase_order_late_and_closed_short_by_signals,
        purchase_order_rejected_by_a_signal,
    )
}
