"""A storm: the whole service on its stack, customers at every door, and a killer who takes a process now and then."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from db.engine import Database
from holdfast.demo.client import open_rest, open_rpc
from holdfast.service import Service, running_service
from runtime.kafka import make_producer, start
from runtime.settings import Settings
from tests.chaos.judge import findings, statuses, until_quiet
from tests.chaos.load import Claims, Customer, Doors, publishing_to
from tests.stocking import add_stock, add_warehouse

SKUS = 12
PIECES = 400
"""Of each SKU, spread over two warehouses: enough for a while, and the hot ones run out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How long, how many, and which of our processes die how often."""

    seconds: float
    seed: int
    customers: int
    kill_every_seconds: tuple[float, float]
    kills: tuple[str, ...]
    patience_seconds: float = 25.0


@dataclass(slots=True)
class Outcome:
    """What happened: `wrong` must be empty and `left` all zero."""

    seed: int
    wrong: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    order_p50_seconds: float = 0.0
    order_p95_seconds: float = 0.0
    quiet_after_seconds: float = 0.0


async def storm(weather: Weather) -> Outcome:
    """Run one storm on a stack of its own and judge what it leaves."""
    directory = Path(tempfile.mkdtemp(prefix="holdfast-chaos-")).resolve()
    directory.chmod(0o711)  # the account of Postgres passes through
    settings = Settings(app_port=0, grpc_port=0, prometheus_port=0)
    async with running_service(directory, settings, temporary=True) as service:
        database = Database.connect(service.settings, process="chaos")
        try:
            return await _storm(service, database, weather)
        finally:
            await database.close()


async def _storm(service: Service, database: Database, weather: Weather) -> Outcome:
    outcome, claims = Outcome(weather.seed), Claims()
    skus = await _catalogue(database)
    async with _doors(service) as doors:
        customers = [
            Customer(
                doors,
                skus,
                claims,
                seed=weather.seed * 1000 + number,
                patience_seconds=weather.patience_seconds,
            )
            for number in range(weather.customers)
        ]
        await _rage(service, customers, weather, outcome)
    begin = time.perf_counter()
    outcome.left = await until_quiet(database)
    outcome.quiet_after_seconds = round(time.perf_counter() - begin, 2)
    outcome.wrong = await findings(database, claims)
    outcome.statuses = await statuses(database)
    _summarize(outcome, claims)
    return outcome


@asynccontextmanager
async def _doors(service: Service) -> AsyncIterator[Doors]:
    facts = service.facts()
    producer = make_producer(service.settings)
    await start(producer)
    try:
        async with open_rest(facts["api"], service.token) as rest, open_rpc(facts["grpc"], service.token) as rpc:
            yield Doors(rest, rpc, publishing_to(producer, service.settings.kafka_topic_order_events))
    finally:
        await producer.stop()


async def _rage(service: Service, customers: list[Customer], weather: Weather, outcome: Outcome) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for customer in customers:
            group.create_task(customer.shop(stop))
        killing = group.create_task(_kill(service, weather, outcome.kills))
        await asyncio.sleep(weather.seconds)
        killing.cancel()
        stop.set()


async def _kill(service: Service, weather: Weather, kills: dict[str, int]) -> None:
    dice = random.Random(weather.seed)
    while weather.kills:
        await asyncio.sleep(dice.uniform(*weather.kill_every_seconds))
        pid = service.processes.pids().get(name := dice.choice(weather.kills))
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                kills[name] = kills.get(name, 0) + 1


async def _catalogue(database: Database) -> list[str]:
    places = [await add_warehouse(database, priority=priority) for priority in (1, 2)]
    skus = [f"CHAOS-{number}" for number in range(SKUS)]
    for sku in skus:
        for place in places:
            await add_stock(database, PIECES // 2, sku=sku, warehouse=place)
    return skus


def _summarize(outcome: Outcome, claims: Claims) -> None:
    waits = sorted(claims.seconds) or [0.0]
    outcome.answers = dict(sorted(claims.answers.items()))
    outcome.orders = dict(Counter(claims.orders.values()))
    outcome.order_p50_seconds = round(waits[len(waits) // 2], 3)
    outcome.order_p95_seconds = round(waits[int(len(waits) * 0.95)], 3)
