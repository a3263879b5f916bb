"""The paths of a transfer, told on a fake: part of `SCENARIOS`."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from temporalio.client import Client

from domain.contracts.names import TRANSFER_WORKFLOW
from domain.contracts.operations import SkuQuantity
from domain.operations import Step
from tests.replay.operation_scenarios import OperationScene
from tests.workflows.fake_transfer import FakeTransfer, transfer_request
from workflows.transfer import TransferWorkflow


async def _scene(
    client: Client, *, needs_approval: bool = False, transit: timedelta = timedelta(days=3)
) -> OperationScene:
    async def now() -> datetime:
        return datetime.now(UTC)

    queue = f"scene-{uuid.uuid4()}"
    handle = await client.start_workflow(
        TRANSFER_WORKFLOW, transfer_request(), id=queue, task_queue=queue, result_type=str
    )
    transfer = FakeTransfer(now, needs_approval=needs_approval, transit=transit)
    return OperationScene(client, transfer, queue, handle, TransferWorkflow)


async def transfer_on_the_road(client: Client) -> OperationScene:
    scene = await _scene(client)
    async with scene.working():
        await scene.opened()
        await scene.ask(Step.SHIP, "ann", "d-1")
        await scene.waiting()
    return scene


async def transfer_approved_and_received_in_parts(client: Client) -> OperationScene:
    scene = await _scene(client, needs_approval=True)
    async with scene.working():
        await scene.waiting()
        await scene.ask(Step.APPROVE, "boss", "d-1")
        await scene.ask(Step.SHIP, "ann", "d-2")
        await scene.waiting(2)
        await scene.ask(Step.RECEIVE, "dora", "d-3", lines=[SkuQuantity(sku="SKU-1", quantity=3)])
        await scene.waiting(3)
        await scene.ask(Step.RECEIVE, "dora", "d-4", receipt_id="slip-1")
        await scene.handle.result()
    return scene


async def transfer_late_and_written_off_by_a_signal(client: Client) -> OperationScene:
    scene = await _scene(client, transit=timedelta(seconds=1))
    async with scene.working():
        await scene.opened()
        await scene.ask(Step.SHIP, "ann", "d-1")
        await scene.upserted(3)
        await scene.handle.signal(Step.RESOLVE, {"actor_name": "dora", "discrepancy": "lost"})
        await scene.handle.result()
    return scene


async def transfer_taken_back_by_a_signal(client: Client) -> OperationScene:
    scene = await _scene(client)
    async with scene.working():
        await scene.opened()
        await scene.ask(Step.SHIP, "ann", "d-1")
        await scene.waiting()
        await scene.handle.signal(Step.CANCEL, {"actor_name": "ann"})
        await scene.handle.result()
    return scene


TRANSFER_SCENARIOS: dict[str, Callable[[Client], Awaitable[OperationScene]]] = {
    scenario.__name__: scenario
    for scenario in (
        transfer_on_the_road,
        transfer_approved_and_received_in_parts,
        transfer_late_and_written_off_by_a_signal,
        transfer_taken_back_by_a_signal,
    )
}
