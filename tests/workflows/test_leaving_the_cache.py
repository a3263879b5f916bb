"""A workflow that leaves a worker's cache is freed with it, whatever it was doing, without the garbage collector."""

from __future__ import annotations

import gc
import uuid
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from temporalio.client import Client
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails

from domain.contracts.names import CANCEL, COMMIT
from tests.replay.histories_so_far import until
from tests.workers.waiting import until as looking_until
from tests.workflows.alone import now, start
from tests.workflows.conftest import worker
from tests.workflows.fakes import FakeStock, decision, hold_request
from workers.workflow_runner import ServingRunner

FREED_SECONDS_MAX = 30.0


class Watched(ServingRunner):
    """Knows its instances without keeping them."""

    def __init__(self) -> None:
        self.born: list[weakref.ref[WorkflowInstance]] = []

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        instance = super().create_instance(det)
        self.born.append(weakref.ref(instance))
        return instance

    @property
    def alive(self) -> int:
        """How many of its instances there still are."""
        return sum(one() is not None for one in self.born)

    async def until_alive(self, count: int) -> None:
        """Wait until there are no more than so many."""

        async def are_gone() -> bool:
            return self.alive <= count

        await looking_until(are_gone, FREED_SECONDS_MAX)


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[None]:
    """Nothing is freed but by the last one who knows it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@asynccontextmanager
async def watched(client: Client, stock: FakeStock, *, cached: int) -> AsyncIterator[tuple[str, Watched]]:
    queue, runner = f"reservations-{uuid.uuid4()}", Watched()
    async with worker(client, stock, queue, workflow_runner=runner, max_cached_workflows=cached):
        yield queue, runner


@pytest.mark.parametrize("kind", [COMMIT, CANCEL])
async def test_who_was_decided(dev_client: Client, kind: str) -> None:
    async with watched(dev_client, FakeStock(now), cached=10) as (queue, runner):
        handle = await start(dev_client, hold_request(hold_seconds=3_600), queue)
        await handle.execute_update(kind, decision())
        await handle.result()
        await runner.until_alive(0)


async def test_who_expired(dev_client: Client) -> None:
    async with watched(dev_client, FakeStock(now), cached=10) as (queue, runner):
        await (await start(dev_client, hold_request(hold_seconds=1), queue)).result()
        await runner.until_alive(0)


async def test_who_was_cancelled_in_temporal_ui(dev_client: Client) -> None:
    async with watched(dev_client, FakeStock(now), cached=10) as (queue, runner):
        handle = await start(dev_client, hold_request(hold_seconds=3_600), queue)
        await until(handle, "timer_started_event_attributes")
        await handle.cancel()
        await handle.result()
        await runner.until_alive(0)


async def test_who_made_room_for_others_while_it_waited(dev_client: Client) -> None:
    async with watched(dev_client, FakeStock(now), cached=2) as (queue, runner):
        handles = [await start(dev_client, hold_request(hold_seconds=3_600), queue) for _ in range(6)]
        for handle in handles:
            await until(handle, "timer_started_event_attributes")
        assert len(runner.born) >= len(handles)
        await runner.until_alive(2)
    for handle in handles:
        await handle.terminate()
