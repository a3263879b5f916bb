"""The yardstick of a reservation: the eager path without our service, on the same servers.

A process of its own: `python -m holdfast.bench.yardstick_eager TEMPORAL POSTGRES COUNT RATE` prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import uuid
from dataclasses import asdict, dataclass
from datetime import timedelta

import uvloop
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from holdfast.bench import yardstick_shop
from holdfast.bench.figures import Outcome
from holdfast.bench.yardstick_shop import Started
from runtime.lifecycle import exit_process

LIMIT = timedelta(seconds=5)

hold = activity.defn(name="yardstick_hold")(yardstick_shop.hold)
settle = activity.defn(name="yardstick_settle")(yardstick_shop.settle)


@workflow.defn(sandboxed=False)
class YardstickReservation:
    """Hold, wait for a signal or the timer, settle."""

    def __init__(self) -> None:
        self._decision: str | None = None

    @workflow.run
    async def run(self, order: str, stock: int) -> None:
        """The whole life."""
        await workflow.execute_local_activity(hold, args=[order, stock], start_to_close_timeout=LIMIT)
        try:
            await workflow.wait_condition(lambda: self._decision is not None, timeout=timedelta(minutes=15))
        except TimeoutError:
            self._decision = "EXPIRED"
        await workflow.execute_local_activity(settle, args=[order, self._decision], start_to_close_timeout=LIMIT)

    @workflow.signal
    def decide(self, status: str) -> None:
        """The order's fate."""
        self._decision = status


@dataclass(frozen=True, slots=True)
class _Running:
    handle: WorkflowHandle[YardstickReservation, None]

    async def settle(self) -> None:
        await self.handle.signal(YardstickReservation.decide, "COMMITTED")
        await self.handle.result()


async def measure(temporal: str, postgres: str, count: int, rate_per_second: float) -> Outcome:
    """Run `count` lifecycles at `rate_per_second`."""
    await yardstick_shop.open_shop(postgres)
    client = await Client.connect(temporal)
    queue = f"yardstick-{uuid.uuid4()}"

    async def start(order: str, stock: int) -> Started:
        return _Running(
            await client.start_workflow(
                YardstickReservation.run, args=[order, stock], id=order, task_queue=queue, request_eager_start=True
            )
        )

    worker = Worker(
        client,
        task_queue=queue,
        workflows=[YardstickReservation],
        activities=[hold, settle],
        max_cached_workflows=5_000,
        max_concurrent_workflow_tasks=200,
        nonsticky_to_sticky_poll_ratio=0.5,
    )
    async with worker:
        return await yardstick_shop.measure(start, count, rate_per_second)


if __name__ == "__main__":
    result = uvloop.run(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
    print(json.dumps(asdict(result)))
    exit_process(0)
