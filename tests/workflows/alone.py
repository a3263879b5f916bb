"""A reservation on the real server that is held and waits, and nobody works on it: whatever comes meets in one task."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle

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


@asynccontextmanager
async def held_and_alone(client: Client, *, hold_seconds: int) -> AsyncIterator[Running]:
    """A reservation that is held and waits, with no worker any more."""
    stock, queue = FakeStock(now), f"reservations-{uuid.uuid4()}"
    request = hold_request(hold_seconds=hold_seconds)
    handle = await start(client, request, queue)
    async with worker(client, stock, queue, **FORGETS_QUICKLY):
        await until(handle, "timer_started_event_attributes")
    yield Running(handle, stock, queue)
