"""`holdfast doctor`: every dependency, its version and the invariants, each with what to do about it.

Only looks; changes nothing. Exit code 1 when something fails.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from db.engine import Database
from holdfast.doctor import servers, service
from holdfast.doctor.findings import Finding, Verdict, is_healthy
from holdfast.local_stack import local_facts
from runtime.logs import configure_logging
from runtime.settings import Settings

__all__ = ["examine", "main"]

_MARKS = {
    Verdict.OK: "[green]✔ ok  [/green]",
    Verdict.WARN: "[yellow]! warn[/yellow]",
    Verdict.FAIL: "[red]✘ fail[/red]",
}
_PART_CHARACTERS = 27
_WIDTH_PIPED = 200


def main(settings: Settings, stack_file: Path, *, as_json: bool = False) -> int:
    """Examine what the settings name, and the processes of the stack that `stack_file` tells of; answers the exit code.

    With `as_json` for programs.
    """
    configure_logging(settings, "doctor")
    logging.disable(logging.ERROR)  # what a library complains about is a finding already
    facts = local_facts(stack_file)
    findings = asyncio.run(examine(settings, facts))
    if as_json:
        print(json.dumps({"healthy": is_healthy(findings), "findings": [asdict(it) for it in findings]}, indent=2))
    else:
        _show(findings, stack_file.parent if facts else None)
    return 0 if is_healthy(findings) else 1


async def examine(settings: Settings, facts: Mapping[str, Any] | None = None) -> list[Finding]:
    """Look at everything. `facts` are those of stack.json, for asking the processes too."""
    database = Database.connect(settings, process="doctor")
    try:
        looks = [
            _database(settings, database),
            servers.temporal(settings),
            servers.kafka(settings),
            servers.redis(settings),
            *([service.processes(facts)] if facts else []),
        ]
        found = await asyncio.gather(*looks)
    finally:
        await database.close()
    return [*service.settings_in_use(settings), *(finding for part in found for finding in part)]


async def _database(settings: Settings, database: Database) -> list[Finding]:
    """Postgres first: what is in it can only be looked at where it answers and has our schema."""
    found = await servers.postgres(settings, database)
    if is_healthy(found):
        return [*found, *await service.outbox(database), *await service.invariants(database)]
    return [*found, service.unread("outbox"), service.unread("invariants")]


def _show(findings: list[Finding], directory: Path | None) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH_PIPED
    where = f"the stack of {directory}" if directory else "what the settings name (no `make up` runs here)"
    console.print(f"Looking at {escape(where)}.\n", soft_wrap=True)
    for finding in findings:
        console.print(
            f"{_MARKS[finding.verdict]} {finding.part:<{_PART_CHARACTERS}} {escape(finding.detail)}", soft_wrap=True
        )
        if finding.advice:
            console.print(f"       [dim]→ {escape(finding.advice)}[/dim]", soft_wrap=True)
    console.print(f"\n{_summary(findings)}")


def _summary(findings: list[Finding]) -> str:
    counts = {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}
    words = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)
    return f"[bold]{words}[/bold]"
