"""The yardstick of a reservation: the eager path without our service, on the same servers.

One line, one guarded statement, no outbox, no HTTP, no states; what DESIGN D1 measured. A process of its own:
`python -m holdfast.bench.yardstick_eager TEMPORAL POSTGRES COUNT RATE` prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import uuid
from dataclasses import asdict
from datetime import timedelta
from typing import LiteralString

import psycopg
import uvloop
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from holdfast.bench.figures import Outcome
from holdfast.bench.load import offer
from runtime.lifecycle import exit_process

CONNECTIONS = 16
ROWS = 1_000
PAUSE_SECONDS = 0.3
LIMIT = timedelta(seconds=5)

SCHEMA: LiteralString = """
    create table if not exists yardstick_stock (id int primary key, available int, reserved int);
    create table if not exists yardstick_hold (order_id text primary key, stock_id int, status text);
    insert into yardstick_stock select g, 1000000, 0 from generate_series(1, 1000) g on conflict do nothing
"""
HOLD: LiteralString = """
    with taken as (
        update yardstick_stock set available = available - 1, reserved = reserved + 1
        where id = %s and available >= 1 returning id)
    insert into yardstick_hold (order_id, stock_id, status) select %s, id, 'PENDING' from taken
    on conflict (order_id) do nothing
"""
SETTLE: LiteralString = """
    with settled as (
        update yardstick_hold set status = %s where order_id = %s and status = 'PENDING' returning stock_id)
    update yardstick_stock set reserved = reserved - 1 from settled where yardstick_stock.id = settled.stock_id
"""

_idle: asyncio.Queue[psycopg.AsyncConnection[tuple[object, ...]]] = asyncio.Queue()
_waiting: dict[str, asyncio.Future[None]] = {}


async def _execute(statement: LiteralString, *values: object) -> None:
    connection = await _idle.get()
    try:
        await connection.execute(statement, values)
    finally:
        _idle.put_nowait(connection)


@activity.defn
async def yardstick_hold(order: str, stock: int) -> None:
    """Hold one piece and tell the caller in this process."""
    await _execute(HOLD, stock, order)
    future = _waiting.get(order)
    if future and not future.done():
        future.set_result(None)


@activity.defn
async def yardstick_settle(order: str, status: str) -> None:
    """Settle the hold."""
    await _execute(SETTLE, status, order)


@workflow.defn(sandboxed=False)
class YardstickReservation:
    """Hold, wait for a signal or the timer, settle."""

    def __init__(self) -> None:
        self._decision: str | None = None

    @workflow.run
    async def run(self, order: str, stock: int) -> None:
        """The whole life."""
        await workflow.execute_local_activity(yardstick_hold, args=[order, stock], start_to_close_timeout=LIMIT)
        try:
            await workflow.wait_condition(lambda: self._decision is not None, timeout=timedelta(minutes=15))
        except TimeoutError:
            self._decision = "EXPIRED"
        await workflow.execute_local_activity(
            yardstick_settle, args=[order, self._decision], start_to_close_timeout=LIMIT
        )

    @workflow.signal
    def decide(self, status: str) -> None:
        """The order's fate."""
        self._decision = status


async def measure(temporal: str, postgres: str, count: int, rate_per_second: float) -> Outcome:
    """Run `count` lifecycles at `rate_per_second`."""
    for _ in range(CONNECTIONS):
        _idle.put_nowait(await psycopg.AsyncConnection.connect(postgres, autocommit=True))
    await _execute(SCHEMA)
    client = await Client.connect(temporal)
    outcome = Outcome(rate_per_second)

    async def lifecycle(_number: int) -> None:
        order, stock = str(uuid.uuid4()), random.randint(1, ROWS)  # noqa: S311
        begin = time.perf_counter()
        future = _waiting[order] = asyncio.get_running_loop().create_future()
        handle = await client.start_workflow(
            YardstickReservation.run, args=[order, stock], id=order, task_queue=queue, request_eager_start=True
        )
        await future
        del _waiting[order]
        outcome.held_seconds.append(time.perf_counter() - begin)
        await asyncio.sleep(PAUSE_SECONDS)
        begin = time.perf_counter()
        await handle.signal(YardstickReservation.decide, "COMMITTED")
        await handle.result()
        outcome.settled_seconds.append(time.perf_counter() - begin)
        outcome.lifecycles += 1

    queue = f"yardstick-{uuid.uuid4()}"
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[YardstickReservation],
        activities=[yardstick_hold, yardstick_settle],
        max_cached_workflows=5_000,
        max_concurrent_workflow_tasks=200,
        nonsticky_to_sticky_poll_ratio=0.5,
    )
    async with worker:
        await offer(20, 20, lifecycle)
        outcome = Outcome(rate_per_second)
        outcome.elapsed_seconds = await offer(count, rate_per_second, lifecycle)
    return outcome


if __name__ == "__main__":
    result = uvloop.run(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
    print(json.dumps(asdict(result)))
    exit_process(0)
