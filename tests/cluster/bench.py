"""The figures that depend on the engines, measured on the cluster beside the eager path in the same run.

The loads are those of `make bench`; what needs no server, or the same one on either stack, is not measured again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast.bench import events, loads
from holdfast.bench.figures import Compared, Outcome, Row, Spread, spread_ms
from holdfast.bench.report import as_plain
from holdfast.bench.service_load import Shop, open_shop, run_lifecycles, visited_shop
from holdfast.service import Service
from tests.cluster.engines import Engines, Say
from tests.cluster.running import running_cluster

POST_MS_MAX = 50.0
EVENT_MS_MAX = 100.0
EXPIRY_MS_MAX = 1_000.0
CAPACITY_RATIO_MIN = 0.7
"""What is promised on Temporal over Postgres, and beside the eager path without our service."""

LATENCY_RATE, CAPACITY_RATE, EVENT_RATE, HOLD_RATE = 15.0, 80.0, 10.0, 1_000 / 60
WARM_UP = 60
EAGER = "eager path"


@dataclass(frozen=True, slots=True)
class Size:
    """How often everything is measured, and how much is asked each time."""

    runs: int = 3
    latency: int = 150
    capacity: int = 800
    orders: int = 80
    holds: int = 600


@dataclass(slots=True)
class Measured:
    """The runs so far; durations in seconds."""

    latency: Compared = field(default_factory=Compared)
    capacity: Compared = field(default_factory=Compared)
    reserved: list[list[float]] = field(default_factory=list)
    expiry: list[float] = field(default_factory=list)


async def benched(engines: Engines, size: Size, say: Say) -> dict[str, Any]:
    """Measure everything; answers the figures, and in words what misses its budget."""
    async with running_cluster(engines) as service, visited_shop(loads.api_of(service), service.token) as shop:
        await open_shop(shop)
        await run_lifecycles(shop, WARM_UP, LATENCY_RATE)
        measured = await _measured(service, shop, size, say)
    rows = _judged(measured)
    wrong = [f"{it.name}: {it.ours.middle:.1f} {it.unit}, budget {it.budget}" for it in rows if it.is_within is False]
    untyped = [it.first_failure for it in (*measured.latency.ours, *measured.capacity.ours) if it.failed]
    return {
        "runs": size.runs,
        "figures": [as_plain(row) for row in rows],
        "wrong": [*wrong, *(f"neither done nor shed: {failure}" for failure in untyped)],
    }


async def _measured(service: Service, shop: Shop, size: Size, say: Say) -> Measured:
    """Ours and the yardstick in turn, so that the machine's mood is the same for both."""
    measured, settings = Measured(), service.settings
    for number in range(1, size.runs + 1):
        for runs, count, rate in (
            (measured.latency, size.latency, LATENCY_RATE),
            (measured.capacity, size.capacity, CAPACITY_RATE),
        ):
            say(f"run {number} of {size.runs}: reservations at {rate:g}/s, {EAGER} and ours")
            runs.eager_path.append(await loads.eager_path(settings, count, rate))
            runs.ours.append(await loads.ours(service, count, rate))
        say(f"run {number} of {size.runs}: order.created to inventory.reserved at {EVENT_RATE:g}/s")
        measured.reserved.append(await events.reserved_seconds(settings, shop, size.orders, EVENT_RATE))
    say(f"expiry of {size.holds} holds")
    measured.expiry = await events.expiry_lag_seconds(settings, shop, size.holds, size.holds / HOLD_RATE)
    return measured


def _judged(measured: Measured) -> list[Row]:
    ours = [outcome.held_seconds for outcome in measured.latency.ours]
    eager = [outcome.held_seconds for outcome in measured.latency.eager_path]
    commits = [outcome.settled_seconds for outcome in measured.latency.ours]
    return [
        Row("POST /reservations, 15/s, p50", "ms", spread_ms(ours, 0.5), spread_ms(eager, 0.5), EAGER),
        _within("POST /reservations, 15/s, p95", ours, 0.95, POST_MS_MAX, spread_ms(eager, 0.95)),
        Row("POST …/commit, 15/s, p95", "ms", spread_ms(commits, 0.95)),
        _capacity(measured.capacity),
        _within("order.created to inventory.reserved, 10/s, p95", measured.reserved, 0.95, EVENT_MS_MAX),
        _within("expiry lag at 1 000 holds a minute, p99", [measured.expiry], 0.99, EXPIRY_MS_MAX),
    ]


def _within(
    name: str, runs: Sequence[Sequence[float]], share: float, milliseconds_max: float, eager: Spread | None = None
) -> Row:
    ours = spread_ms(runs, share)
    budget = f"≤ {milliseconds_max:.0f} ms"
    return Row(name, "ms", ours, eager, EAGER if eager else "", budget, ours.middle <= milliseconds_max)


def _capacity(runs: Compared) -> Row:
    ours, eager = _done(runs.ours), _done(runs.eager_path)
    held = spread_ms([outcome.held_seconds for outcome in runs.ours], 0.95)
    settled = spread_ms([outcome.settled_seconds for outcome in runs.ours], 0.95)
    shed = sum(outcome.shed for outcome in runs.ours)
    return Row(
        "lifecycles at saturation, 80/s offered",
        "/s",
        ours,
        eager,
        EAGER,
        f"≥ {CAPACITY_RATIO_MIN} × {EAGER}",
        ours.middle >= CAPACITY_RATIO_MIN * eager.middle,
        f"{shed} holds shed with 503; held p95 {held.middle:.0f} ms, commit p95 {settled.middle:.0f} ms",
    )


def _done(runs: Sequence[Outcome]) -> Spread:
    return Spread(tuple(outcome.lifecycles_per_second for outcome in runs))
