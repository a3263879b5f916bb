"""`holdfast import`: stock from a CSV file, a batch in one transaction, and an answer for every line that is wrong.

Safe to run again: what an import has dealt with stays as it is, whatever was sold meanwhile.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from db.availability_view import AvailabilityView
from db.engine import Database
from domain.contracts.reservations import Source
from domain.errors import Malformed, Unavailable
from domain.ids import actor_from_subject, system_actor
from domain.import_file import ImportFileError, read_lines
from domain.imports import ImportLine, LineOutcome, LineProblem, LineResult, import_id_of
from domain.limits import LINES_MAX
from gateway.auth import Caller
from gateway.commands.imports import ImportCommands
from runtime.logs import configure_logging
from runtime.settings import Settings

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to import: `name` makes a repeat a repeat, the file's contents where it is None; `warehouse` is the code
    for lines that name none; `performed_by` is who stands in the ledger, the import itself where it is None."""

    dry_run: bool = False
    warehouse: str | None = None
    name: str | None = None
    performed_by: str | None = None


@dataclass(slots=True)
class Report:
    """What became of a file. `stopped` says why the rest of it was not looked at, if there is a rest."""

    import_id: UUID
    dry_run: bool
    results: Counter[LineResult] = field(default_factory=Counter)
    problems: list[LineProblem] = field(default_factory=list)
    stopped: str | None = None

    @property
    def is_clean(self) -> bool:
        """Every line was applied, or could be."""
        return not self.problems and self.stopped is None

    def add(self, outcome: LineOutcome) -> None:
        """Count a line in."""
        self.problems += outcome.problems
        if outcome.result is not None:
            self.results[outcome.result] += 1


def main(settings: Settings, path: str, options: Options, *, as_json: bool) -> int:
    """Import a file, or standard input for `-`, and say what became of it; answers the exit code."""
    configure_logging(settings, "import")
    try:
        content = sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path).read_bytes()
    except OSError as error:
        typer.echo(f"{path} cannot be read: {error.strerror}.", err=True)
        return 2
    with _progress() as progress:
        bar = progress.add_task("checking" if options.dry_run else "importing", total=None)
        report = asyncio.run(
            import_stock(
                settings, content, options, told=lambda done, total: progress.update(bar, completed=done, total=total)
            )
        )
    typer.echo(_as_json(report) if as_json else _in_words(report))
    return 0 if report.is_clean else 1


async def import_stock(
    settings: Settings, content: bytes, options: Options, *, told: Callable[[int, int], None] = lambda _done, _all: None
) -> Report:
    """Import a file's content; `told` hears how many of how many lines are done. What is no CSV changes nothing."""
    name = options.name or hashlib.sha256(content).hexdigest()
    report = Report(import_id_of(name), options.dry_run)
    try:
        read = list(read_lines(content, warehouse=options.warehouse))
    except ImportFileError as error:
        report.problems.append(LineProblem(line=error.line, column=None, code=Malformed.code, detail=error.detail))
        return report
    for wrong in read:
        if isinstance(wrong, LineOutcome):
            report.add(wrong)
    lines = [line for line in read if isinstance(line, ImportLine)]
    await _apply_all(settings, lines, report, _caller(settings, options.performed_by), told)
    report.problems.sort(key=lambda problem: problem.line)
    return report


async def _apply_all(
    settings: Settings, lines: list[ImportLine], report: Report, caller: Caller, told: Callable[[int, int], None]
) -> None:
    database, view = Database.connect(settings, process="import"), AvailabilityView.connect(settings)
    commands = ImportCommands(database, view, settings)
    try:
        for start in range(0, len(lines), LINES_MAX):
            told(start, len(lines))
            batch = lines[start : start + LINES_MAX]
            for outcome in await commands.apply(report.import_id, batch, caller, dry_run=report.dry_run):
                report.add(outcome)
        told(len(lines), len(lines))
    except Unavailable as error:
        report.stopped = f"before line {batch[0].line}: {error.detail}; the same command again goes on from there"
    finally:
        await view.close()
        await database.close()


def _caller(settings: Settings, name: str | None) -> Caller:
    actor = actor_from_subject(settings.jwt_issuer, name) if name else system_actor("import")
    return Caller(actor=actor, subject=actor.name, scopes=frozenset(), request_id="import", source=Source.IMPORT)


def _progress() -> Progress:
    """A bar for whoever watches; none in a pipe."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _in_words(report: Report) -> str:
    counts = ", ".join(f"{report.results[result]} {result.value}" for result in LineResult)
    refused = len({problem.line for problem in report.problems})
    what = "Dry run, nothing was changed" if report.dry_run else f"Import {report.import_id}"
    lines = [f"{what}: {counts}, {refused} refused."]
    for problem in report.problems:
        where = f"line {problem.line}" + (f", {problem.column}" if problem.column else "")
        lines.append(f"  {where}: {problem.detail} ({problem.code})")
    if report.stopped:
        lines.append(f"Stopped {report.stopped}.")
    return "\n".join(lines)


def _as_json(report: Report) -> str:
    facts = {
        "importId": str(report.import_id),
        "dryRun": report.dry_run,
        "applied": report.is_clean,
        "lines": {result.value: report.results[result] for result in LineResult},
        "problems": [asdict(problem) for problem in report.problems],
        "stopped": report.stopped,
    }
    return json.dumps(facts, indent=2, ensure_ascii=False)
