"""The yardstick that a shop would pick instead: DBOS Transact on the same Postgres, the same work, one process.

The caller is told in this process as soon as the last step is done, which is a little early: DBOS writes the end of the
workflow after it. Needs the extra `bench`. A process of its own: `python -m holdfast.bench.yardstick_dbos POSTGRES URL
COUNT RATE` prints one JSON object; POSTGRES is where the shop is, URL where DBOS keeps its state.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass

from dbos import DBOS, SetWorkflowID

from holdfast.bench import yardstick_shop
from holdfast.bench.figures import Outcome
from holdfast.bench.yardstick_shop import Started
from runtime.lifecycle import exit_process

DECISION = "decision"
DEADLINE_SECONDS = 15 * 60
CONNECTIONS = 20
"""The default of DBOS."""

_ended: dict[str, asyncio.Future[None]] = {}

hold = DBOS.step(name="hold")(yardstick_shop.hold)
settle = DBOS.step(name="settle")(yardstick_shop.settle)


async def _reservation(order: str, stock: int) -> None:
    """Hold, wait for the decision or the deadline, settle."""
    await hold(order, stock)
    decision = await DBOS.recv_async(DECISION, timeout_seconds=DEADLINE_SECONDS)
    await settle(order, decision or "EXPIRED")
    ended = _ended.pop(order, None)
    if ended is not None:
        ended.set_result(None)


reservation = DBOS.workflow(name="yardstick")(_reservation)


@dataclass(frozen=True, slots=True)
class _Running:
    order: str

    async def settle(self) -> None:
        ended = _ended[self.order] = asyncio.get_running_loop().create_future()
        await DBOS.send_async(self.order, "COMMITTED", topic=DECISION)
        await ended


async def start(order: str, stock: int) -> Started:
    """Begin a reservation in this process."""
    with SetWorkflowID(order):
        await DBOS.start_workflow_async(reservation, order, stock)
    return _Running(order)


async def measure(postgres: str, url: str, count: int, rate_per_second: float) -> Outcome:
    """Run `count` lifecycles at `rate_per_second`."""
    await yardstick_shop.open_shop(postgres)
    DBOS(
        config={
            "name": "yardstick",
            "system_database_url": url,
            "sys_db_pool_size": CONNECTIONS,
            "log_level": "ERROR",
            "use_listen_notify": True,
        }
    )
    DBOS.launch()
    return await yardstick_shop.measure(start, count, rate_per_second)


if __name__ == "__main__":
    result = asyncio.run(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
    print(json.dumps(asdict(result)))
    exit_process(0)
