"""`holdfast doctor`: every dependency, its version and the invariants, each with what to do about it.

Only looks; changes nothing. Exit code 1 when something fails.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from db.engine import Database
from holdfast.doctor import servers, service
from holdfast.doctor.findings import Finding, Verdict, is_healthy
from holdfast.doctor.whereabouts import settings_of, stack_facts
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


def main(settings: Settings, directory: Path = Path(".holdfast"), *, as_json: bool = False) -> int:
    """Examine the stack of `directory` when one runs there, else what the settings name; answers the exit code."""
    configure_logging(settings.model_copy(update={"log_level": "error"}), "doctor")
    facts = stack_facts(directory)
    findings = asyncio.run(examine(settings_of(settings, facts) if facts else settings, facts))
    if as_json:
        print(json.dumps({"healthy": is_healthy(findings), "findings": [asdict(it) for it in findings]}, indent=2))
    else:
        _show(findings, directory if facts else None)
    return 0 if is_healthy(findings) else 1


async def examine(settings: Settings, facts: Mapping[str, Any] | None = None) -> list[Finding]:
    """Look at everything. `facts` are those of stack.json, for asking the processes too."""
    database = Database.connect(settings, process="doctor")
    try:
        looks = [
            servers.postgres(settings, database),
            servers.temporal(settings),
            servers.kafka(settings),
            servers.redis(settings),
            *([service.processes(facts)] if facts else []),
            service.outbox(database),
            service.invariants(database),
        ]
        found = await asyncio.gather(*looks)
    finally:
        await database.close()
    return [*service.settings_in_use(settings), *(finding for part in found for finding in part)]


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
