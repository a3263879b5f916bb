"""The order of a bench: start everything, measure ours and the yardsticks in turn, tell the figures."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from db.migrations import upgrade
from holdfast.bench import allocation, events, hold_function, load_curve, loads, plots
from holdfast.bench.budgets import judged
from holdfast.bench.figures import Measured, Row
from holdfast.bench.report import Report, print_report, write_report
from holdfast.bench.service_load import Shop, availability_seconds, open_shop, run_lifecycles, visited_shop
from holdfast.service import Service, running_service
from holdfast.stack.embedded import drop_data, embedded_stack
from runtime.settings import Settings

RUNS = 3
LATENCY_RATE, LATENCY_COUNT = 15, 150
CAPACITY_RATE, CAPACITY_COUNT = 80, 800
AVAILABILITY_RATE, AVAILABILITY_COUNT = 300, 1_500
EVENT_RATE, EVENT_COUNT = 10, 80
EXPIRY_COUNT, EXPIRY_SECONDS = 1_000, 60.0
ORDERS_COUNT = 300
WARM_UP = 60

Log = Callable[[str], None]


def main(settings: Settings, report_path: Path | None = None, runs: int = RUNS) -> int:
    """Measure everything and print it; answers the exit code."""
    console = Console()
    rows, measured = asyncio.run(_bench(settings, runs, lambda line: console.print(f"[dim]{line}[/dim]")))
    report = Report("Holdfast beside its yardsticks", rows, runs, details={"loadCurve": load_curve.as_json(measured)})
    print_report(console, report)
    if report_path is not None:
        written = [*write_report(report_path, report), *plots.write(report_path, measured)]
        console.print(f"written: {', '.join(path.name for path in written)}")
        if not plots.can_draw():
            console.print(plots.MISSING)
    return 0


@dataclass(frozen=True, slots=True)
class Bench:
    """A running service, its shop, and the runs so far."""

    service: Service
    shop: Shop
    measured: Measured


async def _bench(settings: Settings, runs: int, log: Log) -> tuple[list[Row], Measured]:
    measured = Measured()
    _allocation(runs, measured, log)
    await _hold_function(settings, runs, measured, log)
    async with serving(settings, log) as (service, shop):
        bench = Bench(service, shop, measured)
        for number in range(1, runs + 1):
            log(f"run {number} of {runs}")
            await _one_run(bench, log)
            await _load_curve(bench, log)
            await _expiry(bench, runs, log)
        return judged(measured), measured


async def _one_run(bench: Bench, log: Log) -> None:
    """Ours and the yardsticks in turn, so that the machine's mood is the same for all."""
    service, measured = bench.service, bench.measured
    for name, count, rate, runs in (
        ("a rate that is easily done", LATENCY_COUNT, LATENCY_RATE, measured.latency),
        ("more than can be done", CAPACITY_COUNT, CAPACITY_RATE, measured.capacity),
    ):
        log(f"  reservations at {rate}/s, {name}: eager path, ours, DBOS Transact")
        runs.eager_path.append(await loads.eager_path(service.settings, count, rate))
        runs.ours.append(await loads.ours(service, count, rate))
        if (found := await loads.dbos(service, count, rate)) is not None:
            runs.dbos.append(found)
    log(f"  availability at {AVAILABILITY_RATE}/s: bare handler, ours")
    measured.bare.append(await loads.bare_http(AVAILABILITY_COUNT, AVAILABILITY_RATE))
    measured.availability.append(await availability_seconds(bench.shop, AVAILABILITY_COUNT, AVAILABILITY_RATE))
    log(f"  order.created to inventory.reserved at {EVENT_RATE}/s")
    measured.reserved.append(await events.reserved_seconds(service.settings, bench.shop, EVENT_COUNT, EVENT_RATE))


async def _load_curve(bench: Bench, log: Log) -> None:
    """Below, at and past what the first run was able to do: the same rates in each run."""
    measured = bench.measured
    saturation = measured.saturation_per_second
    for multiple in load_curve.MULTIPLES:
        rate = round(saturation * multiple)
        log(f"  load curve: {rate}/s, {multiple:g} × saturation")
        outcome = await loads.ours(bench.service, round(rate * load_curve.SECONDS), rate)
        measured.curve.setdefault(multiple, []).append(outcome)


async def _expiry(bench: Bench, runs: int, log: Log) -> None:
    """Each run has its share of the holds and of the time: the rate is the same."""
    log(f"  expiry lag, {EXPIRY_COUNT // runs} holds")
    bench.measured.expiry.append(
        await events.expiry_lag_seconds(bench.service.settings, bench.shop, EXPIRY_COUNT // runs, EXPIRY_SECONDS / runs)
    )


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
async def serving(settings: Settings, log: Log) -> AsyncIterator[tuple[Service, Shop]]:
    """A warm service with an open shop, on free ports.

    Its data is written as carefully as in production: commits that skip the disk measure nothing.
    """
    free = settings.model_copy(update={"app_port": 0, "grpc_port": 0, "prometheus_port": 0, "log_level": "warning"})
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        directory = Path(name)
        log("starting the stack and the processes")
        try:
            async with (
                running_service(directory, free) as service,
                visited_shop(loads.api_of(service), service.token) as shop,
            ):
                await open_shop(shop)
                await run_lifecycles(shop, WARM_UP, 20)
                yield service, shop
        finally:
            drop_data(directory)
