"""The order of `holdfast bench --queries`: a Postgres of its own, filled with a year, asked, and gone."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from db.migrations import upgrade
from holdfast.bench import dataset, queries
from holdfast.bench.figures import Row
from holdfast.bench.report import Report, print_report, write_report
from holdfast.stack.embedded import drop_data, embedded_stack
from runtime.settings import Settings

RUNS = 3


def main(settings: Settings, report_path: Path | None = None, runs: int = RUNS) -> int:
    """Measure the queries and print them; answers the exit code."""
    console = Console()
    size = dataset.LARGE
    rows = asyncio.run(_bench(settings, size, runs, lambda line: console.print(f"[dim]{line}[/dim]")))
    amount = f"{size.rows:,} rows of stock, {size.movements:,} movements, {size.reservations:,} reservations"
    report = Report("Queries on a year in a large shop", rows, runs, lines=(amount,))
    print_report(console, report)
    if report_path is not None:
        console.print(f"written: {', '.join(path.name for path in write_report(report_path, report))}")
    return 0


async def _bench(settings: Settings, size: dataset.Size, runs: int, log: Callable[[str], None]) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        directory = Path(name)
        try:
            async with embedded_stack(directory, settings, parts=("postgres",)) as stack:
                await asyncio.to_thread(upgrade, stack.settings)
                log("filling the database: some minutes")
                await dataset.fill(stack.settings, size)
                return await queries.measure(stack.settings, size, runs, log)
        finally:
            drop_data(directory)
