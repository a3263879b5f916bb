"""The report of a bench: a table for people, JSON for everything else, and the machine it came from."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from holdfast.bench.figures import Row, Spread


def print_table(console: Console, rows: Sequence[Row], runs: int) -> None:
    """One line a figure: median of the runs, their range, the yardstick's, and the budget."""
    table = Table(title=f"Measured, median of {runs} runs (min – max)", title_justify="left")
    table.add_column("what")
    table.add_column("ours", justify="right")
    table.add_column("yardstick", justify="right")
    table.add_column("budget")
    for row in rows:
        verdict = {None: "", True: "[green]✔[/green] ", False: "[red]✘[/red] "}[row.is_within]
        yardstick = f"{_text(row.yardstick)} {row.unit} ({row.yardstick_name})" if row.yardstick else ""
        table.add_row(row.name, f"{_text(row.ours)} {row.unit}", yardstick, f"{verdict}{row.budget}")
        if row.notes:
            table.add_row(f"  [dim]{row.notes}[/dim]")
    console.print(table)
    machine = ", ".join(f"{name} {value}" for name, value in machine_facts().items())
    console.print(f"[dim]{machine}[/dim]")


def write_json(path: Path, rows: Sequence[Row], runs: int) -> None:
    """Everything that was measured, run by run."""
    content = {
        "measuredAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine_facts(),
        "runs": runs,
        "figures": [as_plain(row) for row in rows],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def machine_facts() -> dict[str, Any]:
    """The machine, as far as it matters for the figures."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "processor": _processor(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def as_plain(row: Row) -> dict[str, Any]:
    """One figure for JSON, run by run."""
    return {name: list(value["values"]) if isinstance(value, dict) else value for name, value in asdict(row).items()}


def _text(spread: Spread) -> str:
    if len(spread.values) == 1:
        return f"{spread.middle:.1f}"
    return f"{spread.middle:.1f} ({spread.lowest:.1f} – {spread.highest:.1f})"
