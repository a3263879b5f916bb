"""The load curve as pictures: latency of holds and of commits against what was offered, and what became of it.

Needs the extra `bench`; without it the bench says so and writes no picture.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from holdfast.bench.figures import Measured, Outcome, percentile_ms
from holdfast.bench.load_curve import SHARES

MISSING = "No plots: pygal is not installed (pip install -r requirements-bench.txt)."

SCALE_MS = (5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)

COLOURS = ("#2f7d4f", "#d08a1d", "#b3372f", "#6b4fa0")


def can_draw() -> bool:
    """Whether what draws is installed."""
    return importlib.util.find_spec("pygal") is not None


def write(report_path: Path, measured: Measured) -> list[Path]:
    """Draw the median run of each rate into files beside the report; answers them, none where nothing can be drawn."""
    if not can_draw() or not measured.curve:
        return []
    points = [_median_run(runs) for _, runs in sorted(measured.curve.items())]
    charts = {
        "holds": _latency("Admitted holds", points, lambda run: run.held_seconds),
        "commits": _latency("Commits", points, lambda run: run.settled_seconds),
        "answers": _answers(points),
    }
    return [_written(report_path.with_name(f"{report_path.stem}-{name}.svg"), chart) for name, chart in charts.items()]


def _median_run(runs: list[Outcome]) -> Outcome:
    """The run with the median latency of holds."""
    ordered = sorted(runs, key=lambda run: percentile_ms(run.held_seconds, 0.95))
    return ordered[len(ordered) // 2]


def _latency(name: str, points: list[Outcome], seconds_of: Callable[[Outcome], list[float]]) -> Any:
    import pygal  # noqa: PLC0415 - an optional dependency

    highest = max(percentile_ms(seconds_of(run), SHARES[-1]) for run in points)
    chart = pygal.XY(
        title=f"{name}: latency against offered load",
        x_title="offered reservations per second (open loop)",
        y_title="milliseconds",
        logarithmic=True,
        y_labels=[value for value in SCALE_MS if value <= 2 * highest],
        truncate_legend=-1,
        **_look(),
    )
    for share in SHARES:
        series = [(run.offered_per_second, round(percentile_ms(seconds_of(run), share), 1)) for run in points]
        chart.add(f"p{share * 100:.0f}", series)
    return chart


def _answers(points: list[Outcome]) -> Any:
    import pygal  # noqa: PLC0415 - an optional dependency

    chart = pygal.StackedBar(
        title="What became of the reservations that were offered",
        x_title="offered reservations per second (open loop)",
        y_title="per second",
        **_look(),
    )
    chart.x_labels = [f"{run.offered_per_second:.0f}" for run in points]
    for name, values in _fates(points):
        chart.add(name, values)
    return chart


def _fates(points: list[Outcome]) -> Iterator[tuple[str, list[float]]]:
    """Each reservation once: late is one of whose answers took more than a second."""
    offered_seconds = [run.asked / run.offered_per_second for run in points]

    def rates(count: Callable[[Outcome], int]) -> list[float]:
        return [round(count(run) / seconds, 1) for run, seconds in zip(points, offered_seconds, strict=True)]

    yield "committed in time", rates(lambda run: max(0, run.lifecycles - run.late))
    yield "committed late", rates(lambda run: min(run.lifecycles, run.late))
    yield "failed", rates(lambda run: run.failed)
    yield "shed with 503", rates(lambda run: run.shed)


def _look() -> dict[str, Any]:
    from pygal.style import Style  # noqa: PLC0415 - an optional dependency

    style = Style(
        background="white", plot_background="white", colors=COLOURS, font_family="sans-serif", legend_font_size=16,
        label_font_size=13, major_label_font_size=13, title_font_size=19,
    )  # fmt: skip
    return {"style": style, "js": [], "width": 900, "height": 500, "legend_at_bottom": True, "dots_size": 4}


def _written(path: Path, chart: Any) -> Path:
    """Without the script that pygal adds for tooltips: a picture, not a program."""
    path.write_text(re.sub("<script.*?</script>", "", chart.render(is_unicode=True), flags=re.DOTALL), "utf-8")
    return path
