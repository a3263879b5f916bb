"""What the yardsticks of a reservation share: a table of stock, a table of holds, two statements; and their load.

One line, one guarded statement, no outbox, no HTTP, no states: what a stranger would write (DESIGN D1).
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import LiteralString, Protocol

import psycopg

from holdfast.bench.figures import Outcome
from holdfast.bench.load import offer

CONNECTIONS = 16
ROWS = 1_000
PAUSE_SECONDS = 0.3
"""Between hold and commit, as in the load of the service."""

WARM_UP = 20

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


class Started(Protocol):
    """A workflow that holds and waits for its decision."""

    async def settle(self) -> None:
        """Send the decision and wait for the end."""


async def open_shop(postgres: str) -> None:
    """Connect, and make the tables."""
    for _ in range(CONNECTIONS):
        _idle.put_nowait(await psycopg.AsyncConnection.connect(postgres, autocommit=True))
    await _execute(SCHEMA)


async def hold(order: str, stock: int) -> None:
    """Hold one piece and tell the caller in this process."""
    await _execute(HOLD, stock, order)
    future = _waiting.get(order)
    if future and not future.done():
        future.set_result(None)


async def settle(order: str, status: str) -> None:
    """Settle the hold."""
    await _execute(SETTLE, status, order)


async def measure(start: Callable[[str, int], Awaitable[Started]], count: int, rate_per_second: float) -> Outcome:
    """Run `count` lifecycles at `rate_per_second`, after some that do not count."""
    warming = Outcome(WARM_UP)
    await offer(WARM_UP, WARM_UP, lambda _number, due: _lifecycle(start, warming, due))
    outcome = Outcome(rate_per_second)
    outcome.elapsed_seconds = await offer(count, rate_per_second, lambda _number, due: _lifecycle(start, outcome, due))
    return outcome


async def _lifecycle(start: Callable[[str, int], Awaitable[Started]], outcome: Outcome, due: float) -> None:
    order, stock = str(uuid.uuid4()), random.randint(1, ROWS)  # noqa: S311
    outcome.asked += 1
    held = _waiting[order] = asyncio.get_running_loop().create_future()
    started = await start(order, stock)
    await held
    del _waiting[order]
    outcome.held_seconds.append(time.perf_counter() - due)
    await asyncio.sleep(PAUSE_SECONDS)
    begin = time.perf_counter()
    await started.settle()
    outcome.settled_seconds.append(time.perf_counter() - begin)
    outcome.lifecycles += 1


async def _execute(statement: LiteralString, *values: object) -> None:
    connection = await _idle.get()
    try:
        await connection.execute(statement, values)
    finally:
        _idle.put_nowait(connection)
