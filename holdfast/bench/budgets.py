"""The figures of DESIGN §5: what was measured, put beside its yardstick and its budget."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.bench import load_curve
from holdfast.bench.figures import Measured, Outcome, Row, Spread, spread_ms

LATENCY_MS_MAX = 25.0
LATENCY_RATIO_MAX = 2.0
CAPACITY_RATIO_MIN = 0.7
HOLDS_RATIO_MIN = 0.6
AVAILABILITY_MS_MAX = 5.0
EVENT_MS_MAX = 100.0
EXPIRY_MS_MAX = 1_000.0
PLAN_MS_MAX = 10.0

DBOS = "DBOS Transact"
DBOS_MISSING = "DBOS Transact is not installed: pip install -r requirements-bench.txt"


def judged(measured: Measured) -> list[Row]:
    """One row for each figure, with its budget and whether it is within."""
    return [
        *_latency(measured),
        *_capacity(measured),
        *_beside_dbos(measured),
        *load_curve.rows(measured),
        _hold_function(measured),
        _availability(measured),
        _row("order.created to inventory.reserved, 10/s, p95", measured.reserved, 0.95, EVENT_MS_MAX),
        _row("expiry lag, 1 000 holds due over a minute in all, p99", measured.expiry, 0.99, EXPIRY_MS_MAX),
        _allocation(measured),
    ]


def _latency(measured: Measured) -> list[Row]:
    ours, theirs = _held(measured.latency.ours), _held(measured.latency.eager_path)
    p95, yardstick = spread_ms(ours, 0.95), spread_ms(theirs, 0.95)
    within = p95.middle <= LATENCY_MS_MAX and p95.middle <= LATENCY_RATIO_MAX * yardstick.middle
    budget = f"≤ {LATENCY_MS_MAX:.0f} ms and ≤ {LATENCY_RATIO_MAX:.0f} × eager path"
    commits = spread_ms(_settled(measured.latency.ours), 0.95)
    closings = spread_ms(_settled(measured.latency.eager_path), 0.95)
    return [
        Row("POST /reservations, 15/s, p50", "ms", spread_ms(ours, 0.5), spread_ms(theirs, 0.5), "eager path"),
        Row("POST /reservations, 15/s, p95", "ms", p95, yardstick, "eager path", budget, within),
        Row("POST …/commit, 15/s, p95", "ms", commits, closings, "eager path"),
    ]


def _capacity(measured: Measured) -> list[Row]:
    ours, theirs = _done(measured.capacity.ours), _done(measured.capacity.eager_path)
    held = spread_ms(_held(measured.capacity.ours), 0.95)
    settled = spread_ms(_settled(measured.capacity.ours), 0.95)
    within = ours.middle >= CAPACITY_RATIO_MIN * theirs.middle
    budget = f"≥ {CAPACITY_RATIO_MIN} × eager path"
    shed = sum(run.shed for run in measured.capacity.ours)
    asked = sum(run.asked for run in measured.capacity.ours)
    return [
        Row(
            "lifecycles at saturation, 80/s offered",
            "/s",
            ours,
            theirs,
            "eager path",
            budget,
            within,
            f"{shed} of {asked} holds shed with 503; held p95 {held.middle:.0f} ms, commits {settled.middle:.0f} ms; "
            f"{_overload(measured.capacity.eager_path, 'eager path')}",
        )
    ]


def _beside_dbos(measured: Measured) -> list[Row]:
    """What a shop would pick instead, on the same work."""
    latency, capacity = measured.latency, measured.capacity
    if not latency.dbos:
        return [Row("lifecycles at saturation, 80/s offered", "/s", _done(capacity.ours), notes=DBOS_MISSING)]
    held, dbos_held = spread_ms(_held(latency.ours), 0.95), spread_ms(_held(latency.dbos), 0.95)
    settled, dbos_settled = spread_ms(_settled(latency.ours), 0.95), spread_ms(_settled(latency.dbos), 0.95)
    notes = _overload(capacity.dbos, DBOS)
    return [
        Row("held, 15/s, p95", "ms", held, dbos_held, DBOS),
        Row("committed, 15/s, p95", "ms", settled, dbos_settled, DBOS),
        Row(
            "lifecycles at saturation, 80/s offered",
            "/s",
            _done(capacity.ours),
            _done(capacity.dbos),
            DBOS,
            notes=notes,
        ),
    ]


def _overload(runs: Sequence[Outcome], name: str) -> str:
    held, settled = spread_ms(_held(runs), 0.95), spread_ms(_settled(runs), 0.95)
    return f"{name}: held p95 {held.middle:.0f} ms, closed p95 {settled.middle:.0f} ms"


def _hold_function(measured: Measured) -> Row:
    ours, theirs = Spread(tuple(measured.holds)), Spread(tuple(measured.one_statement))
    within = ours.middle >= HOLDS_RATIO_MIN * theirs.middle
    budget = f"≥ {HOLDS_RATIO_MIN} × one statement"
    return Row("hold function, one hot row, 16 connections", "/s", ours, theirs, "one statement", budget, within)


def _availability(measured: Measured) -> Row:
    p95, bare = spread_ms(measured.availability, 0.95), spread_ms(measured.bare, 0.95)
    within = p95.middle <= AVAILABILITY_MS_MAX
    budget = f"≤ {AVAILABILITY_MS_MAX:.0f} ms"
    return Row("POST /availability/check, cached, 300/s, p95", "ms", p95, bare, "bare handler", budget, within)


def _allocation(measured: Measured) -> Row:
    p95 = spread_ms(measured.plans, 0.95)
    reasons = spread_ms(measured.reasons, 0.95)
    return Row(
        "allocation of 20 lines over 50 warehouses, p95",
        "ms",
        p95,
        budget=f"≤ {PLAN_MS_MAX:.0f} ms",
        is_within=p95.middle <= PLAN_MS_MAX,
        notes=f"to say why takes {reasons.middle:.1f} ms more",
    )


def _row(name: str, runs: Sequence[Sequence[float]], share: float, milliseconds_max: float) -> Row:
    ours = spread_ms(runs, share)
    return Row(name, "ms", ours, budget=f"≤ {milliseconds_max:.0f} ms", is_within=ours.middle <= milliseconds_max)


def _held(runs: Sequence[Outcome]) -> list[list[float]]:
    return [run.held_seconds for run in runs]


def _settled(runs: Sequence[Outcome]) -> list[list[float]]:
    return [run.settled_seconds for run in runs]


def _done(runs: Sequence[Outcome]) -> Spread:
    return Spread(tuple(run.lifecycles_per_second for run in runs))
