"""The figures of DESIGN §5: what was measured, put beside its yardstick and its budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from holdfast.bench.figures import Outcome, Row, Spread, percentile_ms

LATENCY_MS_MAX = 25.0
LATENCY_RATIO_MAX = 2.0
CAPACITY_RATIO_MIN = 0.7
HOLDS_RATIO_MIN = 0.6
AVAILABILITY_MS_MAX = 5.0
EVENT_MS_MAX = 100.0
EXPIRY_MS_MAX = 1_000.0
PLAN_MS_MAX = 10.0


@dataclass(slots=True)
class Measured:
    """The runs of one bench. Durations in seconds, rates a second."""

    yardstick_latency: list[Outcome] = field(default_factory=list)
    our_latency: list[Outcome] = field(default_factory=list)
    yardstick_capacity: list[Outcome] = field(default_factory=list)
    our_capacity: list[Outcome] = field(default_factory=list)
    one_statement: list[float] = field(default_factory=list)
    holds: list[float] = field(default_factory=list)
    bare: list[list[float]] = field(default_factory=list)
    availability: list[list[float]] = field(default_factory=list)
    reserved: list[list[float]] = field(default_factory=list)
    expiry: list[float] = field(default_factory=list)
    plans: list[list[float]] = field(default_factory=list)
    reasons: list[list[float]] = field(default_factory=list)


def judged(measured: Measured) -> list[Row]:
    """One row for each figure, with its budget and whether it is within."""
    return [
        *_latency(measured),
        _capacity(measured),
        _hold_function(measured),
        *_availability(measured),
        _row("order.created to inventory.reserved, 10/s, p95", measured.reserved, 0.95, EVENT_MS_MAX),
        _row("expiry lag, 1 000 holds due over a minute, p99", [measured.expiry], 0.99, EXPIRY_MS_MAX),
        _allocation(measured),
    ]


def _latency(measured: Measured) -> list[Row]:
    ours = [outcome.held_seconds for outcome in measured.our_latency]
    theirs = [outcome.held_seconds for outcome in measured.yardstick_latency]
    commits = [outcome.settled_seconds for outcome in measured.our_latency]
    p95 = _spread_ms(ours, 0.95)
    yardstick = _spread_ms(theirs, 0.95)
    within = p95.middle <= LATENCY_MS_MAX and p95.middle <= LATENCY_RATIO_MAX * yardstick.middle
    budget = f"≤ {LATENCY_MS_MAX:.0f} ms and ≤ {LATENCY_RATIO_MAX:.0f} × eager path"
    return [
        Row("POST /reservations, 15/s, p50", "ms", _spread_ms(ours, 0.5), _spread_ms(theirs, 0.5), "eager path"),
        Row("POST /reservations, 15/s, p95", "ms", p95, yardstick, "eager path", budget, within),
        Row("POST …/commit, 15/s, p95", "ms", _spread_ms(commits, 0.95)),
    ]


def _capacity(measured: Measured) -> Row:
    ours = Spread(tuple(outcome.lifecycles_per_second for outcome in measured.our_capacity))
    theirs = Spread(tuple(outcome.lifecycles_per_second for outcome in measured.yardstick_capacity))
    shed = sum(outcome.shed for outcome in measured.our_capacity)
    held = _spread_ms([outcome.held_seconds for outcome in measured.our_capacity], 0.95)
    settled = _spread_ms([outcome.settled_seconds for outcome in measured.our_capacity], 0.95)
    yardstick_settled = _spread_ms([outcome.settled_seconds for outcome in measured.yardstick_capacity], 0.95)
    return Row(
        "lifecycles at saturation, 80/s offered",
        "/s",
        ours,
        theirs,
        "eager path",
        f"≥ {CAPACITY_RATIO_MIN} × eager path",
        ours.middle >= CAPACITY_RATIO_MIN * theirs.middle,
        f"{shed} holds shed with 503; held p95 {held.middle:.0f} ms, commit p95 {settled.middle:.0f} ms "
        f"(eager path closes at p95 {yardstick_settled.middle:.0f} ms)",
    )


def _hold_function(measured: Measured) -> Row:
    ours, theirs = Spread(tuple(measured.holds)), Spread(tuple(measured.one_statement))
    within = ours.middle >= HOLDS_RATIO_MIN * theirs.middle
    budget = f"≥ {HOLDS_RATIO_MIN} × one statement"
    return Row("hold function, one hot row, 16 connections", "/s", ours, theirs, "one statement", budget, within)


def _availability(measured: Measured) -> list[Row]:
    p95, bare = _spread_ms(measured.availability, 0.95), _spread_ms(measured.bare, 0.95)
    within = p95.middle <= AVAILABILITY_MS_MAX
    budget = f"≤ {AVAILABILITY_MS_MAX:.0f} ms"
    return [Row("POST /availability/check, cached, 300/s, p95", "ms", p95, bare, "bare handler", budget, within)]


def _allocation(measured: Measured) -> Row:
    p95 = _spread_ms(measured.plans, 0.95)
    reasons = _spread_ms(measured.reasons, 0.95)
    return Row(
        "allocation of 20 lines over 50 warehouses, p95",
        "ms",
        p95,
        budget=f"≤ {PLAN_MS_MAX:.0f} ms",
        is_within=p95.middle <= PLAN_MS_MAX,
        notes=f"to say why takes {reasons.middle:.1f} ms more",
    )


def _row(name: str, runs: Sequence[Sequence[float]], share: float, milliseconds_max: float) -> Row:
    ours = _spread_ms(runs, share)
    return Row(name, "ms", ours, budget=f"≤ {milliseconds_max:.0f} ms", is_within=ours.middle <= milliseconds_max)


def _spread_ms(runs: Sequence[Sequence[float]], share: float) -> Spread:
    return Spread(tuple(percentile_ms(run, share) for run in runs))
