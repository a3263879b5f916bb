"""Both test servers, each with a way to run one reservation on stock in memory, in the full sandbox."""

from __future__ import annotations

import sysconfig
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.contracts.names import RESERVATION_WORKFLOW, reservation_workflow_id
from domain.contracts.reservations import HoldRequest
from holdfast.stack.embedded import Stack
from runtime.search_attributes import SEARCH_ATTRIBUTES
from runtime.temporal import DATA_CONVERTER
from tests.patience import patiently_started
from tests.workflows.fakes import FakeStock, hold_request
from workflows.ports import ReservationActivities
from workflows.reservation import ReservationWorkflow


@dataclass(frozen=True, slots=True)
class Running:
    """One reservation that runs, and the stock that it sees."""

    handle: WorkflowHandle[Any, str]
    stock: FakeStock
    queue: str

    async def timers_seconds(self) -> list[float]:
        """How long each timer was to run, in the order of their starts."""
        return [
            event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta().total_seconds()
            async for event in self.handle.fetch_history_events()
            if event.HasField("timer_started_event_attributes")
        ]


Run = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture(scope="module")
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    """The server that skips the time that nobody uses. One test at a time: its clock is shared, by a module."""
    program = Path(sysconfig.get_path("scripts")) / "temporal-test-server"
    environment = await patiently_started(
        lambda: WorkflowEnvironment.start_time_skipping(
            data_converter=DATA_CONVERTER, test_server_existing_path=str(program)
        )
    )
    async with environment:
        await environment.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=environment.client.namespace, search_attributes=SEARCH_ATTRIBUTES)
        )
        yield environment


@pytest.fixture(scope="session")
async def dev_client(temporal_server: Stack) -> Client:
    """A client of the real server, where nothing is skipped."""
    return await Client.connect(temporal_server.settings.temporal_address, data_converter=DATA_CONVERTER)


@pytest.fixture
def run(time_skipping: WorkflowEnvironment) -> Run:
    """Run one reservation on the server that skips time."""

    @asynccontextmanager
    async def running(request: HoldRequest | None = None, **prepared: Any) -> AsyncIterator[Running]:
        async with _running(time_skipping.client, FakeStock(time_skipping.get_current_time), request, prepared) as it:
            yield it

    return running


@pytest.fixture
def run_for_real(dev_client: Client) -> Run:
    """Run one reservation on the development server, in real time."""

    async def now() -> datetime:
        return datetime.now(UTC)

    @asynccontextmanager
    async def running(request: HoldRequest | None = None, **prepared: Any) -> AsyncIterator[Running]:
        async with _running(dev_client, FakeStock(now), request, prepared) as it:
            yield it

    return running


@asynccontextmanager
async def worker(client: Client, stock: ReservationActivities, queue: str, **options: Any) -> AsyncIterator[Worker]:
    """A worker of reservations in the full sandbox; an error of ours fails the workflow at once."""
    async with Worker(
        client,
        task_queue=queue,
        workflows=[ReservationWorkflow],
        activities=[stock.hold, stock.settle],
        workflow_failure_exception_types=[AssertionError, TypeError, AttributeError, KeyError],
        **options,
    ) as running:
        yield running


@asynccontextmanager
async def _running(
    client: Client, stock: FakeStock, request: HoldRequest | None, prepared: dict[str, Any]
) -> AsyncIterator[Running]:
    for name, value in prepared.items():
        setattr(stock, name, value)
    asked = request or hold_request()
    queue = f"reservations-{uuid.uuid4()}"
    async with worker(client, stock, queue):
        handle = await client.start_workflow(
            RESERVATION_WORKFLOW,
            asked,
            id=reservation_workflow_id(asked.reservation_id),
            task_queue=queue,
            result_type=str,
        )
        yield Running(handle, stock, queue)
        with suppress(RPCError):  # closed already; one left open would hold the clock of the next test
            await handle.terminate()
