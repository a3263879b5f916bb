"""`python -m holdfast.capacity.measure FILE`: what one lifecycle costs each part, on a stack of its own, as JSON.

What a part takes when nothing happens is measured first and subtracted. Takes some two minutes on an idle machine;
a busy one costs the same processor time a lifecycle, as long as the load is kept up.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
import uuid
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil

from db.engine import Database
from db.usage import Usage, usage_of
from domain.contracts.names import reservation_workflow_id
from holdfast.bench.load import offer
from holdfast.bench.report import machine_facts
from holdfast.bench.service_load import Shop, open_shop, visited_shop
from holdfast.capacity.model import Costs
from holdfast.demo.news import Newsroom, open_newsroom
from holdfast.service import Service, running_service
from holdfast.stack.embedded import drop_data, stack_directory
from runtime.lifecycle import exit_process
from runtime.settings import Settings
from runtime.temporal import connect

WARM_LIFECYCLES, IDLE_SECONDS = 50, 10.0
LIFECYCLES, RATE_PER_SECOND = 600, 20.0
"""As busy as a process should be, so that the relay sends in batches; below what the machine can do."""

SHED, SHED_PAUSE_SECONDS = 503, 0.5
"""On a machine that is busy with other things; the hold is asked for again."""

EVENT_ORDERS = 50
OPEN_RESERVATIONS = 300
HISTORIES = 20
QUIET_SECONDS = 2.0
PAUSE_SECONDS = 0.3
OPEN_HOLD_SECONDS = 3_600


async def measured_costs(service: Service) -> Costs:
    """Everything, one phase after the other."""
    database = Database.connect(service.settings, process="bench")
    facts = service.facts()
    async with visited_shop(facts["api"], facts["token"]) as shop:
        await open_shop(shop)
        await _sales(shop, WARM_LIFECYCLES)
        idle = await _idle_cores(service)
        before, began = await _look(service, database), time.perf_counter()
        sold = await _sales(shop, LIFECYCLES)
        await asyncio.sleep(QUIET_SECONDS)
        after, seconds = await _look(service, database), time.perf_counter() - began
        bridge_seconds = await _by_events(service, shop, idle)
        bytes_per_open = await _open(service, shop)
        histories = await _histories(service, sold[-HISTORIES:])
    await database.close()
    used = after[1] - before[1]
    return Costs(
        measured_at=datetime.now(UTC).date().isoformat(),
        source=f"{LIFECYCLES} lifecycles at {RATE_PER_SECOND:g}/s",
        machine=", ".join(f"{name} {value}" for name, value in machine_facts().items()),
        cpu_seconds={
            name: round(max(0.0, after[0][name] - before[0][name] - idle[name] * seconds) / LIFECYCLES, 6)
            for name in idle
        },
        idle_cores={name: round(cores, 4) for name, cores in idle.items()},
        bridge_cpu_seconds_per_order=round(bridge_seconds, 6),
        wal_bytes=round(used.wal_bytes / LIFECYCLES),
        flushes=round(used.wal_flushes / LIFECYCLES, 2),
        kafka_events=round(used.events / LIFECYCLES, 2),
        kafka_bytes=round(used.event_bytes / LIFECYCLES),
        bytes_per_open=round(bytes_per_open),
        **histories,
    )


async def _look(service: Service, database: Database) -> tuple[dict[str, float], Usage]:
    return _cpu_seconds(service), await database.reading(usage_of)


def _cpu_seconds(service: Service) -> dict[str, float]:
    """Processor time of each part so far, its children's and those that have ended included."""
    pids = {**service.stack.supervisor.pids(), **service.processes.pids()}
    return {name: _cpu_of(psutil.Process(pid)) for name, pid in pids.items()}


def _cpu_of(process: psutil.Process) -> float:
    family = sum(sum(child.cpu_times()[:2]) for child in process.children(recursive=True))
    return float(sum(process.cpu_times()[:4]) + family)


async def _idle_cores(service: Service) -> dict[str, float]:
    before, began = _cpu_seconds(service), time.perf_counter()
    await asyncio.sleep(IDLE_SECONDS)
    seconds = time.perf_counter() - began
    return {name: (spent - before[name]) / seconds for name, spent in _cpu_seconds(service).items()}


async def _sales(shop: Shop, count: int) -> list[UUID]:
    """Reserve, wait, sell; answers the reservations. Raises AssertionError when one does not come to its end."""
    sold: list[UUID] = []

    async def lifecycle(number: int, _due: float) -> None:
        reservation_id = await _hold(shop, number)
        await asyncio.sleep(PAUSE_SECONDS)
        status, settled = await shop.post(f"/reservations/{reservation_id}/commit")
        assert status == 200, settled
        sold.append(reservation_id)

    await offer(count, RATE_PER_SECOND, lifecycle)
    return sold


async def _hold(shop: Shop, number: int, **fields: Any) -> UUID:
    item = {"sku": shop.skus[number % len(shop.skus)], "quantity": 1}
    wish = {"orderId": str(uuid.uuid4()), "items": [item], **fields}
    status, held = await shop.post("/reservations", wish)
    while status == SHED:
        await asyncio.sleep(SHED_PAUSE_SECONDS)
        status, held = await shop.post("/reservations", wish)
    assert status in {200, 201}, held
    return UUID(held["reservationId"])


async def _by_events(service: Service, shop: Shop, idle: dict[str, float]) -> float:
    """Processor seconds of the bridge for an order that comes and is paid by Kafka."""
    async with open_newsroom(service.settings) as news:
        before, began = _cpu_seconds(service)["bridge"], time.perf_counter()
        await offer(EVENT_ORDERS, RATE_PER_SECOND, lambda number, _due: _order(news, shop, number))
        seconds = time.perf_counter() - began
        return max(0.0, _cpu_seconds(service)["bridge"] - before - idle["bridge"] * seconds) / EVENT_ORDERS


async def _order(news: Newsroom, shop: Shop, number: int) -> None:
    order_id = str(uuid.uuid4())
    await news.send("order.created", order_id, items=[{"sku": shop.skus[number % len(shop.skus)], "quantity": 1}])
    await news.until(order_id, "inventory.reserved")
    await news.send("payment.successful", order_id)
    await news.until(order_id, "inventory.committed")


async def _open(service: Service, shop: Shop) -> float:
    """Bytes of the serving process for each reservation that is open and cached there."""
    serving = psutil.Process(service.processes.pids()["serve"])
    before = serving.memory_info().rss

    async def hold(number: int, _due: float) -> None:
        await _hold(shop, number, holdSeconds=OPEN_HOLD_SECONDS)

    await offer(OPEN_RESERVATIONS, 2 * RATE_PER_SECOND, hold)
    return float(serving.memory_info().rss - before) / OPEN_RESERVATIONS


async def _histories(service: Service, sold: list[UUID]) -> dict[str, float]:
    """What Temporal keeps and does for one of them: the median."""
    client = await connect(service.settings, process="bench")
    handles = [client.get_workflow_handle(reservation_workflow_id(one)) for one in sold]
    told = [(await handle.describe()).raw_description.workflow_execution_info for handle in handles]
    return {
        "history_events": statistics.median(one.history_length for one in told),
        "history_bytes": statistics.median(one.history_size_bytes for one in told),
        "state_transitions": statistics.median(one.state_transition_count for one in told),
    }


async def _measure(directory: Path) -> Costs:
    settings = Settings(app_port=0, grpc_port=0, prometheus_port=0)
    async with running_service(directory, settings) as service:
        return await measured_costs(service)


def main(path: Path) -> None:
    """Measure, and write the costs to a file."""
    directory = stack_directory("capacity")
    try:
        costs = asyncio.run(_measure(directory))
    finally:
        drop_data(directory)
    path.write_text(json.dumps(asdict(costs), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    exit_process(0)
