"""`python -m tests.attack --seconds 120 --seed 7`: the whole service under attack, and a report. 0: all held."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from holdfast.bench.report import machine_facts
from holdfast.service import running_service
from holdfast.stack.embedded import stack_directory
from runtime.settings import Settings
from tests.attack.campaign import campaign
from tests.attack.target import Target
from tests.reports import keep_report


def main() -> int:
    """Parse, attack, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long, at least, once everything runs")
    parser.add_argument("--seed", type=int, default=7, help="of all questions")
    parser.add_argument("--report", type=Path, help="a file for the JSON; a text of the same name stands beside it")
    given = parser.parse_args()
    found = asyncio.run(_attacked(given.seconds, given.seed))
    text = as_text(found)
    if given.report:
        keep_report(given.report, found, text)
    sys.stdout.write(text)
    return 1 if found["wrongCount"] else 0


async def _attacked(seconds: float, number: int) -> dict[str, Any]:
    directory = stack_directory("attack")
    settings = Settings(app_port=0, grpc_port=0, prometheus_port=0)
    async with running_service(directory, settings, temporary=True) as service:
        facts = service.facts()
        target = Target(facts["api"], facts["grpc"], service.settings)
        found = await asyncio.to_thread(_campaign, target, seconds, number)
        for name, process_id in service.processes.pids().items():
            if process_id != facts["pids"][name]:
                found["wrong"].append(f"{name} has died and was started again")
                found["wrongCount"] += 1
        return found


def _campaign(target: Target, seconds: float, number: int) -> dict[str, Any]:
    with campaign(target, number=number) as attackers:
        attackers.furnish()
        attackers.for_seconds(seconds, number=number)
        attackers.last_look()
        facts = {"measuredAt": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine_facts()}
        return {**facts, "seconds": seconds, "seed": number, **attackers.findings.summary()}


def as_text(found: dict[str, Any]) -> str:
    """The report for people: what was wrong, then what each operation answered."""
    machine = ", ".join(f"{name} {value}" for name, value in found["machine"].items())
    lines = [
        f"Under attack for {found['seconds']:g} s with seed {found['seed']}, {found['measuredAt']}",
        machine,
        f"{found['answers']} answers, {found['refusedAndJudged']} of them refusals that left every table as it was",
        f"{found['unjudged']} refusals not judged, since a hold expired or a waiting wish was served meanwhile",
        f"{found['wrongCount']} findings",
        *(f"  {wrong}" for wrong in found["wrong"]),
        "",
    ]
    width = 60
    for operation, statuses in found["operations"].items():
        lines.append(f"{operation:{width}}  " + "  ".join(f"{status}×{count}" for status, count in statuses.items()))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
