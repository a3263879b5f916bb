"""`python -m tests.soak --reservations 50000`: so many open reservations, and all due at once. 0: nothing was wrong.

A figure beyond its budget is marked MISSED in the report and is nothing wrong by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from holdfast.service import running_service
from holdfast.stack.embedded import drop_data, stack_directory
from runtime.settings import Settings
from tests.reports import keep_report
from tests.soak.found import Plan, Soak
from tests.soak.report import as_json, as_text
from tests.soak.soak import Tell, soak

LINE_SECONDS = 20.0
"""Where there is no terminal for a bar, how often a line says how far it is."""


def main() -> int:
    """Parse, soak, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--reservations", type=int, default=50_000, help="open at once")
    parser.add_argument("--cold-commits", type=int, default=300, help="and as many warm ones")
    parser.add_argument("--seed", type=int, default=7, help="of what is bought and what is paid for")
    parser.add_argument("--due-after", type=float, default=0.0, help="seconds; else reckoned from a warm-up")
    parser.add_argument("--report", type=Path, help="a file for the JSON; a text of the same name stands beside it")
    given = parser.parse_args()
    plan = Plan(given.reservations, given.cold_commits, given.seed, given.due_after)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:30}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        found, settings = asyncio.run(_soaked(plan, _teller(progress, console)))
    told = as_json(found, settings)
    if given.report:
        keep_report(given.report, told, as_text(told))
    sys.stdout.write(as_text(told))
    return 1 if found.wrong else 0


async def _soaked(plan: Plan, tell: Tell) -> tuple[Soak, Settings]:
    """On a stack whose data is written as carefully as in production."""
    directory = stack_directory("soak")
    settings = Settings(app_port=0, grpc_port=0, prometheus_port=0)
    try:
        async with running_service(directory, settings) as service:
            return await soak(service, plan, tell), service.settings
    finally:
        drop_data(directory)


def _teller(progress: Progress, console: Console) -> Tell:
    task = progress.add_task("", total=1.0)
    stage, told_at = "", 0.0

    def tell(what: str, share: float) -> None:
        nonlocal stage, told_at
        progress.update(task, description=what, completed=share)
        if what != stage or time.monotonic() > told_at + LINE_SECONDS:
            stage, told_at = what, time.monotonic()
            if not console.is_terminal:
                console.print(f"{time.strftime('%H:%M:%S')} {what} {share:.0%}")

    return tell


if __name__ == "__main__":
    sys.exit(main())
