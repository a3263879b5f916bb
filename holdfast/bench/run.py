"""The order of a bench: start everything, measure ours and the yardstick in turn, tell the figures."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from rich.console import Console

from db.migrations import upgrade
from holdfast.bench import allocation, events, hold_function
from holdfast.bench.budgets import Measured, judged
from holdfast.bench.figures import Outcome, Row
from holdfast.bench.report import print_table, write_json
from holdfast.bench.service_load import Shop, availability_seconds, open_shop, run_lifecycles, visited_shop
from holdfast.service import Service, running_service
from holdfast.stack.embedded import drop_data, embedded_stack
from runtime.settings import Settings

RUNS = 3
LATENCY_RATE, LATENCY_COUNT = 15, 180
CAPACITY_RATE, CAPACITY_COUNT = 80, 800
AVAILABILITY_RATE, AVAILABILITY_COUNT = 300, 1_500
EVENT_RATE, EVENT_COUNT = 10, 100
EXPIRY_COUNT, EXPIRY_SECONDS = 1_000, 60.0
ORDERS_COUNT = 300
WARM_UP = 60

Log = Callable[[str], None]


def main(settings: Settings, json_path: Path | None = None, runs: int = RUNS) -> int:
    """Measure everything and print it; answers the exit code."""
    console = Console()
    rows = asyncio.run(_bench(settings, runs, lambda line: console.print(f"[dim]{line}[/dim]")))
    print_table(console, rows, runs)
    if json_path is not None:
        write_json(json_path, rows, runs)
        console.print(f"written to {json_path}")
    return 0


@dataclass(frozen=True, slots=True)
class Bench:
    """A running service, its shop, and the runs so far."""

    service: Service
    shop: Shop
    measured: Measured


async def _bench(settings: Settings, runs: int, log: Log) -> list[Row]:
    measured = Measured()
    _allocation(runs, measured, log)
    await _hold_function(settings, runs, measured, log)
    async with _running(settings, measured, log) as bench:
        for number in range(1, runs + 1):
            log(f"run {number} of {runs}")
            await _one_run(bench, log)
        log(f"expiry lag of {EXPIRY_COUNT} holds due over {EXPIRY_SECONDS:.0f} s")
        bench.measured.expiry = await events.expiry_lag_seconds(
            bench.service.settings, bench.shop, EXPIRY_COUNT, EXPIRY_SECONDS
        )
        return judged(bench.measured)


async def _one_run(bench: Bench, log: Log) -> None:
    """Ours and the yardstick in turn, so that the machine's mood is the same for both."""
    settings, measured = bench.service.settings, bench.measured
    log(f"  reservations at {LATENCY_RATE}/s: yardstick, ours")
    measured.yardstick_latency.append(await _yardstick(settings, LATENCY_COUNT, LATENCY_RATE))
    measured.our_latency.append(await _ours(bench.service, LATENCY_COUNT, LATENCY_RATE))
    log(f"  reservations at {CAPACITY_RATE}/s, more than can be done: yardstick, ours")
    measured.yardstick_capacity.append(await _yardstick(settings, CAPACITY_COUNT, CAPACITY_RATE))
    measured.our_capacity.append(await _ours(bench.service, CAPACITY_COUNT, CAPACITY_RATE))
    log(f"  availability at {AVAILABILITY_RATE}/s: bare handler, ours")
    measured.bare.append(await _bare_http())
    measured.availability.append(await availability_seconds(bench.shop, AVAILABILITY_COUNT, AVAILABILITY_RATE))
    log(f"  order.created to inventory.reserved at {EVENT_RATE}/s")
    measured.reserved.append(await events.reserved_seconds(settings, bench.shop, EVENT_COUNT, EVENT_RATE))


def _allocation(runs: int, measured: Measured, log: Log) -> None:
    log(f"allocation of {ORDERS_COUNT} large orders, without a server")
    allocation.timed(ORDERS_COUNT // 10)
    for _ in range(runs):
        timed = allocation.timed(ORDERS_COUNT)
        measured.plans.append(timed.plans)
        measured.reasons.append(timed.reasons)


async def _hold_function(settings: Settings, runs: int, measured: Measured, log: Log) -> None:
    """On a Postgres of its own: a relay that carries ten thousand events off would be measured with it."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        directory = Path(name)
        try:
            async with embedded_stack(directory, settings, parts=("postgres",)) as stack:
                await asyncio.to_thread(upgrade, stack.settings)
                hot_row = await hold_function.prepare(stack.settings)
                for number in range(1, runs + 1):
                    log(f"one hot row, run {number} of {runs}: one statement, the hold function")
                    measured.one_statement.append(await hold_function.one_statement_per_second(stack.settings))
                    measured.holds.append(await hold_function.holds_per_second(stack.settings, hot_row))
        finally:
            drop_data(directory)


@asynccontextmanager
async def _running(settings: Settings, measured: Measured, log: Log) -> AsyncIterator[Bench]:
    free = settings.model_copy(update={"app_port": 0, "grpc_port": 0, "prometheus_port": 0, "log_level": "warning"})
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as directory:
        log("starting the stack and the processes")
        async with (
            _service(Path(directory), free) as service,
            visited_shop(_api(service), service.token) as shop,
        ):
            await open_shop(shop)
            await run_lifecycles(shop, WARM_UP, 20)
            yield Bench(service, shop, measured)


@asynccontextmanager
async def _service(directory: Path, settings: Settings) -> AsyncIterator[Service]:
    """A service whose data is written as carefully as in production: commits that skip the disk measure nothing."""
    try:
        async with running_service(directory, settings) as service:
            yield service
    finally:
        drop_data(directory)


async def _yardstick(settings: Settings, count: int, rate_per_second: float) -> Outcome:
    postgres = (
        f"host={settings.db_host} port={settings.db_port} user={settings.db_user} dbname={settings.db_name} "
        f"password={settings.db_password.get_secret_value()}"
    )
    return await _outcome("yardstick_eager", settings.temporal_address, postgres, count, rate_per_second)


async def _ours(service: Service, count: int, rate_per_second: float) -> Outcome:
    return await _outcome("service_load", _api(service), service.token, count, rate_per_second)


async def _outcome(module: str, *arguments: object) -> Outcome:
    """What a load in a process of its own measured; both sides are measured so."""
    command = (sys.executable, "-m", f"holdfast.bench.{module}", *map(str, arguments))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0, f"{module} failed"
    return Outcome(**json.loads(output))


def _api(service: Service) -> str:
    return f"http://127.0.0.1:{service.ports.api}"


async def _bare_http() -> list[float]:
    port = _free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "holdfast.bench.bare_http", str(port))
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
            shop = Shop(http, ("BENCH",))
            await _answering(shop)
            return await availability_seconds(shop, AVAILABILITY_COUNT, AVAILABILITY_RATE)
    finally:
        process.terminate()
        await process.wait()


async def _answering(shop: Shop) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await shop.post("/availability/check", {})
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)
            else:
                return


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
