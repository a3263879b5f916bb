"""The figures that depend on the engines, measured on the cluster beside their yardstick in the same run.

The loads are those of `make bench`; what needs no server, or the same one on either stack, is not measured again.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast.bench import events
from holdfast.bench.figures import Outcome, Row, Spread, percentile_ms
from holdfast.bench.report import as_plain
from holdfast.bench.service_load import Shop, open_shop, run_lifecycles, visited_shop
from holdfast.service import Service
from tests.cluster.engines import Engines, Say
from tests.cluster.running import running_cluster

POST_MS_MAX = 50.0
EVENT_MS_MAX = 100.0
EXPIRY_MS_MAX = 1_000.0
CAPACITY_RATIO_MIN = 0.7
"""DESIGN §5: what is promised on Temporal over Postgres, and beside the eager path without our service."""


@dataclass(frozen=True, slots=True)
class Size:
    """How often everything is measured, and how much is asked each time."""

    runs: int = 3
    latency: int = 180
    capacity: int = 800
    orders: int = 100
    holds: int = 600


LATENCY_RATE, CAPACITY_RATE, EVENT_RATE, HOLD_RATE = 15.0, 80.0, 10.0, 1_000 / 60
WARM_UP = 60


@dataclass(slots=True)
class Measured:
    """The runs so far; durations in seconds."""

    ours: list[Outcome] = field(default_factory=list)
    theirs: list[Outcome] = field(default_factory=list)
    our_capacity: list[Outcome] = field(default_factory=list)
    their_capacity: list[Outcome] = field(default_factory=list)
    reserved: list[list[float]] = field(default_factory=list)
    expiry: list[float] = field(default_factory=list)

    @property
    def all_of_ours(self) -> list[Outcome]:
        """Every load that the service was put under."""
        return [*self.ours, *self.our_capacity]


async def benched(engines: Engines, size: Size, say: Say) -> dict[str, Any]:
    """Measure everything; answers the figures, and in words what misses its budget."""
    async with running_cluster(engines) as service, visited_shop(_api(service), service.token) as shop:
        await open_shop(shop)
        await run_lifecycles(shop, WARM_UP, LATENCY_RATE)
        measured = await _measured(service, shop, size, say)
    rows = _judged(measured)
    wrong = [f"{it.name}: {it.ours.middle:.1f} {it.unit}, budget {it.budget}" for it in rows if it.is_within is False]
    wrong += [f"an answer that is none: {it.first_failure}" for it in measured.all_of_ours if it.failed]
    return {"runs": size.runs, "figures": [as_plain(row) for row in rows], "wrong": wrong}


async def _measured(service: Service, shop: Shop, size: Size, say: Say) -> Measured:
    """Ours and the yardstick in turn, so that the machine's mood is the same for both."""
    measured = Measured()
    for number in range(1, size.runs + 1):
        say(f"run {number} of {size.runs}: reservations at {LATENCY_RATE:g}/s, yardstick and ours")
        measured.theirs.append(await _yardstick(service, size.latency, LATENCY_RATE))
        measured.ours.append(await _ours(service, size.latency, LATENCY_RATE))
        say(f"run {number} of {size.runs}: reservations at {CAPACITY_RATE:g}/s, more than can be done")
        measured.their_capacity.append(await _yardstick(service, size.capacity, CAPACITY_RATE))
        measured.our_capacity.append(await _ours(service, size.capacity, CAPACITY_RATE))
        say(f"run {number} of {size.runs}: order.created to inventory.reserved at {EVENT_RATE:g}/s")
        measured.reserved.append(await events.reserved_seconds(service.settings, shop, size.orders, EVENT_RATE))
    say(f"expiry of {size.holds} holds")
    measured.expiry = await events.expiry_lag_seconds(service.settings, shop, size.holds, size.holds / HOLD_RATE)
    return measured


def _judged(measured: Measured) -> list[Row]:
    ours = [outcome.held_seconds for outcome in measured.ours]
    theirs = [outcome.held_seconds for outcome in measured.theirs]
    commits = [outcome.settled_seconds for outcome in measured.ours]
    return [
        Row("POST /reservations, 15/s, p50", "ms", _spread_ms(ours, 0.5), _spread_ms(theirs, 0.5), "eager path"),
        _within("POST /reservations, 15/s, p95", ours, 0.95, POST_MS_MAX, _spread_ms(theirs, 0.95)),
        Row("POST …/commit, 15/s, p95", "ms", _spread_ms(commits, 0.95)),
        _capacity(measured),
        _within("order.created to inventory.reserved, 10/s, p95", measured.reserved, 0.95, EVENT_MS_MAX),
        _within("expiry lag at 1 000 holds a minute, p99", [measured.expiry], 0.99, EXPIRY_MS_MAX),
    ]


def _within(
    name: str, runs: Sequence[Sequence[float]], share: float, milliseconds_max: float, eager: Spread | None = None
) -> Row:
    ours = _spread_ms(runs, share)
    budget = f"≤ {milliseconds_max:.0f} ms"
    return Row(name, "ms", ours, eager, "eager path" if eager else "", budget, ours.middle <= milliseconds_max)


def _capacity(measured: Measured) -> Row:
    ours = Spread(tuple(outcome.lifecycles_per_second for outcome in measured.our_capacity))
    theirs = Spread(tuple(outcome.lifecycles_per_second for outcome in measured.their_capacity))
    held = _spread_ms([outcome.held_seconds for outcome in measured.our_capacity], 0.95)
    settled = _spread_ms([outcome.settled_seconds for outcome in measured.our_capacity], 0.95)
    shed = sum(outcome.shed for outcome in measured.our_capacity)
    return Row(
        "lifecycles at saturation, 80/s offered",
        "/s",
        ours,
        theirs,
        "eager path",
        f"≥ {CAPACITY_RATIO_MIN} × eager path",
        ours.middle >= CAPACITY_RATIO_MIN * theirs.middle,
        f"{shed} holds shed with 503; held p95 {held.middle:.0f} ms, commit p95 {settled.middle:.0f} ms",
    )


def _spread_ms(runs: Sequence[Sequence[float]], share: float) -> Spread:
    return Spread(tuple(percentile_ms(run, share) for run in runs))


async def _yardstick(service: Service, count: int, rate_per_second: float) -> Outcome:
    settings = service.settings
    postgres = (
        f"host={settings.db_host} port={settings.db_port} user={settings.db_user} dbname={settings.db_name} "
        f"password={settings.db_password.get_secret_value()}"
    )
    return await _outcome("yardstick_eager", settings.temporal_address, postgres, count, rate_per_second)


async def _ours(service: Service, count: int, rate_per_second: float) -> Outcome:
    return await _outcome("service_load", _api(service), service.token, count, rate_per_second)


async def _outcome(module: str, *arguments: object) -> Outcome:
    """What a load in a process of its own measured."""
    command = (sys.executable, "-m", f"holdfast.bench.{module}", *map(str, arguments))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0, f"{module} failed"
    return Outcome(**json.loads(output))


def _api(service: Service) -> str:
    return str(service.facts()["api"])
