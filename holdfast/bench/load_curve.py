"""What happens as more is offered, up to what can be done and past it: the points of the curve, and what they must be.

Past saturation new holds are shed with 503. What is admitted, and every commit, must stay quick, and as much must be
done as at the peak.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.bench.figures import Measured, Outcome, Row, Spread, percentile_ms, spread_ms

MULTIPLES = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Of what the service was able to do in the first run, when more was offered."""

SECONDS = 8.0
HELD_MS_MAX = 250.0
SETTLED_MS_MAX = 500.0
PEAK_SHARE_MIN = 0.9
SHARES = (0.5, 0.95, 0.99)


def rows(measured: Measured) -> list[Row]:
    """What is done, and how quickly, at saturation and past it."""
    curve = measured.curve
    peak = max((_done(runs).middle for runs in curve.values()), default=0.0)
    return [row for multiple in sorted(curve) if multiple >= 1 for row in _past(multiple, curve[multiple], peak)]


def _past(multiple: float, runs: Sequence[Outcome], peak: float) -> list[Row]:
    rate = runs[0].offered_per_second
    where = f"{multiple:g} × saturation, {rate:.0f}/s offered"
    done = _done(runs)
    held = spread_ms([run.held_seconds for run in runs], 0.95)
    settled = spread_ms([run.settled_seconds for run in runs], 0.95)
    failed = sum(run.failed for run in runs)
    is_enough = failed == 0 and done.middle >= PEAK_SHARE_MIN * peak
    return [
        Row(
            f"lifecycles at {where}",
            "/s",
            done,
            budget=f"≥ {PEAK_SHARE_MIN} × the peak of {peak:.1f}" if multiple > 1 else "",
            is_within=is_enough if multiple > 1 else None,
            notes=f"of {sum(run.asked for run in runs)} holds {sum(run.shed for run in runs)} shed with 503; "
            f"{sum(run.late for run in runs)} answers late, {failed} failed",
        ),
        _quick(f"  admitted holds, p95, at {multiple:g} ×", held, HELD_MS_MAX),
        _quick(f"  commits, p95, at {multiple:g} ×", settled, SETTLED_MS_MAX),
    ]


def _quick(name: str, found: Spread, milliseconds_max: float) -> Row:
    return Row(name, "ms", found, budget=f"≤ {milliseconds_max:.0f} ms", is_within=found.middle <= milliseconds_max)


def _done(runs: Sequence[Outcome]) -> Spread:
    return Spread(tuple(run.lifecycles_per_second for run in runs))


def as_json(measured: Measured) -> list[dict[str, Any]]:
    """Each point of each run: what was offered, what became of it, and how long it took, in milliseconds."""
    return [
        _point(multiple, number, run)
        for multiple, runs in sorted(measured.curve.items())
        for number, run in enumerate(runs, 1)
    ]


def _point(multiple: float, number: int, run: Outcome) -> dict[str, Any]:
    return {
        "multiple": multiple,
        "run": number,
        "offeredPerSecond": run.offered_per_second,
        "lifecyclesPerSecond": round(run.lifecycles_per_second, 1),
        "asked": run.asked,
        "lifecycles": run.lifecycles,
        "shed": run.shed,
        "late": run.late,
        "failed": run.failed,
        "heldMs": _percentiles(run.held_seconds),
        "committedMs": _percentiles(run.settled_seconds),
    }


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    return {f"p{share * 100:.0f}": round(percentile_ms(seconds, share), 1) for share in SHARES}
