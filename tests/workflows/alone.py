"""A reservation on the real server that is held and waits, and nobody works on it: whatever comes meets in one task."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.update.v1 import UpdateRef
from temporalio.api.workflowservice.v1 import PollWorkflowExecutionUpdateRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from domain.contracts.names import RESERVATION_WORKFLOW, reservation_workflow_id
from domain.contracts.reservations import HoldRequest
from tests.replay.histories_so_far import until
from tests.workflows.conftest import Running, worker
from tests.workflows.fakes import FakeStock, hold_request

FORGETS_QUICKLY = {"sticky_queue_schedule_to_start_timeout": timedelta(milliseconds=200)}
"""Tasks for a worker that is gone go to the next one soon."""


async def now() -> datetime:
    """The time of the real server."""
    return datetime.now(UTC)


async def start(client: Client, request: HoldRequest, queue: str) -> WorkflowHandle[Any, str]:
    """A reservation for whoever works on a queue."""
    return await client.start_workflow(
        RESERVATION_WORKFLOW,
        request,
        id=reservation_workflow_id(request.reservation_id),
        task_queue=queue,
        result_type=str,
    )


async def admitted(client: Client, handle: WorkflowHandle[Any, Any], *update_ids: str) -> None:
    """Wait until the server has taken in these updates, whether or not anybody works on them yet."""
    async with asyncio.timeout(60):
        for update_id in update_ids:
            while not await _is_admitted(client, handle, update_id):  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.02)


async def _is_admitted(client: Client, handle: WorkflowHandle[Any, Any], update_id: str) -> bool:
    which = UpdateRef(workflow_execution=WorkflowExecution(workflow_id=handle.id), update_id=update_id)
    asked = PollWorkflowExecutionUpdateRequest(namespace=client.namespace, update_ref=which)
    try:
        await client.workflow_service.poll_workflow_execution_update(asked)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


@asynccontextmanager
async def held_and_alone(client: Client, *, hold_seconds: int) -> AsyncIterator[Running]:
    """A reservation that is held and waits, with no worker any more.

    Where the machine is too slow to take the worker away before the deadline, another one is held for longer.
    """
    while True:
        stock, queue = FakeStock(now), f"reservations-{uuid.uuid4()}"
        handle = await start(client, hold_request(hold_seconds=hold_seconds), queue)
        async with worker(client, stock, queue, **FORGETS_QUICKLY):
            await until(handle, "timer_started_event_attributes")
        if not stock.asked:
            break
        hold_seconds *= 3
    yield Running(handle, stock, queue)
