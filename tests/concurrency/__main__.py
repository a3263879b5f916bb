"""`python -m tests.concurrency`: every race in all its schedules, every rule broken once, and a report. 0: all held.

Each race is to show nothing; each rule of broken.py, while it is broken, is to be shown by a race.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from db.migrations import upgrade
from holdfast.bench.report import commit_of_checkout, machine_facts
from holdfast.stack.embedded import temporary_stack
from runtime.logs import configure_logging
from runtime.settings import Settings
from tests.concurrency.broken import BROKEN, Broken
from tests.concurrency.explorer import Explorer, explorer
from tests.concurrency.operation_races import OPERATION_RACES
from tests.concurrency.races import RACES
from tests.concurrency.transfer_races import TRANSFER_RACES
from tests.patience import patient_connections
from tests.reports import keep_report

ALL = {race.name: race for race in (*RACES, *OPERATION_RACES, *TRANSFER_RACES)}
SCHEDULES_BROKEN_MAX = 200
"""Tried of each race until it shows that a rule is broken."""


def main() -> int:
    """Parse, race, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.concurrency", description=__doc__)
    parser.add_argument(
        "--interruptions", type=int, default=2, help="how often somebody is interrupted who could go on"
    )
    parser.add_argument(
        "--schedules", type=int, default=1000, help="tried of each race at most, in an order of the seed's"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", default="", help="races, and broken rules, with this in their names")
    parser.add_argument("--report", type=Path, help="a file for the JSON; a text of the same name stands beside it")
    given = parser.parse_args()
    configure_logging(Settings(log_level="error"), "races")
    found = asyncio.run(_explored(given))
    text = as_text(found)
    if given.report:
        keep_report(given.report, found, text)
    sys.stdout.write(text)
    return 1 if found["wrongCount"] or found["unseen"] else 0


async def _explored(given: argparse.Namespace) -> dict[str, Any]:
    dice = random.Random(given.seed)
    bounds = {"interruptions_max": given.interruptions, "dice": dice}
    races, rules = [], []
    async with _opened() as opened:
        for race in (race for name, race in ALL.items() if given.only in name):
            races.append((await opened.explore(race, schedules_max=given.schedules, **bounds)).summary())
            sys.stderr.write(_line(races[-1]) + "\n")
    async with _opened() as opened:
        for broken in (each for each in BROKEN if given.only in each.rule):
            rules.append(await _shown(opened, broken, bounds))
            sys.stderr.write(_rule_line(rules[-1]) + "\n")
    return {
        "measuredAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine_facts(),
        "commit": commit_of_checkout(),
        "settings": {name: getattr(given, name) for name in ("interruptions", "schedules", "seed")},
        "schedules": sum(race["schedules"] for race in races),
        "wrongCount": sum(race["wrongCount"] for race in races),
        "unseen": [rule["rule"] for rule in rules if rule["shownBy"] is None],
        "races": races,
        "broken": rules,
    }


@asynccontextmanager
async def _opened() -> AsyncIterator[Explorer]:
    with patient_connections():
        async with temporary_stack(Settings(), parts=["postgres"]) as stack:
            await asyncio.to_thread(upgrade, stack.settings)
            async with explorer(stack.settings) as opened:
                yield opened


async def _shown(opened: Explorer, broken: Broken, bounds: dict[str, Any]) -> dict[str, Any]:
    """Which race shows that a rule is broken, and after how many schedules."""
    tried = 0
    for name in broken.shown_by:
        await opened.legal(ALL[name])
    async with broken.how.broken(opened.referee):
        for name in broken.shown_by:
            found = await opened.explore(ALL[name], schedules_max=SCHEDULES_BROKEN_MAX, until_wrong=True, **bounds)
            tried += found.schedules
            if found.wrong:
                return {"rule": broken.rule, "shownBy": name, "schedules": tried, "story": found.wrong[0]}
    return {"rule": broken.rule, "shownBy": None, "schedules": tried, "story": ""}


def as_text(found: dict[str, Any]) -> str:
    """The report for people: each race, then each rule that was broken."""
    machine = ", ".join(f"{name} {value}" for name, value in found["machine"].items())
    settings = ", ".join(f"{name} {value}" for name, value in found["settings"].items())
    lines = [
        f"Races explored, {found['measuredAt']}, commit {found['commit']}",
        machine,
        settings,
        f"{found['schedules']} schedules of {len(found['races'])} races, {found['wrongCount']} wrong",
        "Legal: outcomes of doing one after the other, in every order; met: those of the schedules, all legal.",
        "",
        f"{'race':48} {'schedules':>9} {'untried':>7} {'stops':>5} {'legal':>5} {'met':>4} {'wrong':>5}",
        *map(_line, found["races"]),
        *_stories(found["races"]),
        "",
        f"{len(found['broken'])} rules broken on purpose, {len(found['unseen'])} unseen; shown by, after schedules",
        *map(_rule_line, found["broken"]),
    ]
    return "\n".join(lines) + "\n"


def _line(race: dict[str, Any]) -> str:
    return (
        f"{race['race']:48} {race['schedules']:9} {race['untried']:7} {race['stopsMax']:5} {race['legalOutcomes']:5}"
        f" {race['outcomesMet']:4} {race['wrongCount']:5}"
    )


def _stories(races: Sequence[dict[str, Any]]) -> list[str]:
    return [f"  {race['race']}: {wrong}" for race in races for wrong in race["wrong"]]


def _rule_line(rule: dict[str, Any]) -> str:
    return f"{rule['rule']:80} {rule['shownBy'] or 'UNSEEN':45} {rule['schedules']:5}"


if __name__ == "__main__":
    sys.exit(main())
