"""Temporal's own "Request Cancellation" is one more decision: it ends the hold, and breaks off nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from domain.contracts.names import COMMIT, EXTEND, HELD, RESERVATION_WORKFLOW, reservation_workflow_id
from domain.contracts.reservations import Decision, HoldOutcome, SettleOutcome, Source
from domain.ids import TEMPORAL_UI
from domain.reservations import ReleaseReason, ReservationStatus
from tests.workflows.conftest import Run, Running, worker
from tests.workflows.fakes import FakeStock, decision, hold_request

PENDING, COMMITTED, CANCELLED = ReservationStatus.PENDING, ReservationStatus.COMMITTED, ReservationStatus.CANCELLED

SHORT_TASK = timedelta(seconds=1)
"""A task that takes longer than most of this is reported as being alive, and brings what has come meanwhile."""


async def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def running_slowly(client: Client) -> AsyncIterator[Running]:
    """A reservation whose transactions do not end before the gate of its stock is open."""
    stock, queue, request = FakeStock(_now), f"reservations-{uuid.uuid4()}", hold_request()
    stock.gate.clear()
    async with worker(client, stock, queue):
        handle = await client.start_workflow(
            RESERVATION_WORKFLOW,
            request,
            id=reservation_workflow_id(request.reservation_id),
            task_queue=queue,
            task_timeout=SHORT_TASK,
            result_type=str,
        )
        yield Running(handle, stock, queue)


async def request_cancellation(it: Running) -> None:
    """Ask, and wait until the workflow has been told, though its transaction goes on."""
    await it.handle.cancel()
    async with asyncio.timeout(60):
        while not await _has_been_told(it):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.05)


async def _has_been_told(it: Running) -> bool:
    """Whether a task ended after the request: the one that goes on knows of it."""
    events = (await it.handle.fetch_history()).events
    kinds = [event.WhichOneof("attributes") for event in events]
    asked = "workflow_execution_cancel_requested_event_attributes"
    return asked in kinds and "workflow_task_started_event_attributes" in kinds[kinds.index(asked) :]


async def under_way(it: Running) -> None:
    """Wait until the stock is asked for a decision, which it keeps waiting."""
    async with asyncio.timeout(60):
        while not it.stock.asked:  # noqa: ASYNC110 - a fake tells nobody
            await asyncio.sleep(0.01)


async def test_a_request_to_cancel_the_workflow_cancels_the_reservation(run: Run) -> None:
    async with run() as it:
        await it.handle.execute_update(HELD, result_type=HoldOutcome)
        await it.handle.cancel()
        assert await it.handle.result() == CANCELLED
        (asked,) = it.stock.asked
        assert (asked.decision, asked.reason) == (Decision.CANCEL, ReleaseReason.CANCELLED)
        assert (asked.actor_id, asked.actor_name, asked.source) == (
            TEMPORAL_UI.actor_id,
            "system:temporal-ui",
            Source.TEMPORAL,
        )
        assert (await it.handle.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_a_request_that_comes_before_the_first_task_cancels_what_was_held(dev_client: Client) -> None:
    stock, queue, request = FakeStock(_now), f"reservations-{uuid.uuid4()}", hold_request()
    handle = await dev_client.start_workflow(
        RESERVATION_WORKFLOW, request, id=reservation_workflow_id(request.reservation_id), task_queue=queue
    )
    await handle.cancel()
    async with worker(dev_client, stock, queue):
        assert await handle.result() == CANCELLED
    assert stock.decisions == [Decision.CANCEL]


async def test_a_request_while_the_hold_is_under_way_waits_for_it(dev_client: Client) -> None:
    async with running_slowly(dev_client) as it:
        await request_cancellation(it)
        it.stock.gate.set()
        assert await it.handle.result() == CANCELLED
        assert it.stock.status is CANCELLED
        assert it.stock.decided == ["cancel-request"]


@pytest.mark.parametrize(("name", "status", "decided"), [(COMMIT, COMMITTED, 1), (EXTEND, CANCELLED, 2)])
async def test_a_request_while_another_decision_is_under_way_loses_neither(
    dev_client: Client, name: str, status: ReservationStatus, decided: int
) -> None:
    async with running_slowly(dev_client) as it:
        it.stock.gate.set()
        await it.handle.execute_update(HELD, result_type=HoldOutcome)
        it.stock.gate.clear()
        first = asyncio.ensure_future(
            it.handle.execute_update(name, decision("first", hold_seconds=600), result_type=SettleOutcome)
        )
        await under_way(it)
        await request_cancellation(it)
        it.stock.gate.set()
        outcome = await first
        assert outcome.status is (COMMITTED if name == COMMIT else PENDING)
        assert outcome.changed or it.stock.asks_of("first") > 1  # a short task that was late is done again
        assert await it.handle.result() == status
        assert it.stock.decided[:decided] == ["first", "cancel-request"][:decided]
