"""`python -m tests.chaos --seconds 240 --seed 7`: the whole service under random faults, and a report. 0: all held."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from holdfast.bench.report import commit_of_checkout, machine_facts
from tests.chaos.campaign import campaign
from tests.chaos.embedded_scene import embedded_scene
from tests.chaos.faults import BREAKS, HURTS
from tests.chaos.outcome import Plan
from tests.chaos.report import as_facts, as_text
from tests.reports import keep_report


def main() -> int:
    """Parse, rage, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=240.0, help="for how long faults fall")
    parser.add_argument("--seed", type=int, default=7, help="of the dice of faults and customers")
    parser.add_argument("--customers", type=int, default=8, help="who order side by side")
    parser.add_argument("--kinds", nargs="*", default=(*HURTS, *BREAKS), choices=(*HURTS, *BREAKS), help="of faults")
    parser.add_argument("--parts", nargs="*", default=(), help="to hit, such as serve or '→ postgres'; all by default")
    parser.add_argument("--report", type=Path, help="a file for the JSON; a text of the same name stands beside it")
    given = parser.parse_args()
    plan = Plan(
        seconds=given.seconds,
        seed=given.seed,
        customers=given.customers,
        kinds=tuple(given.kinds),
        parts=tuple(given.parts),
    )
    facts = asyncio.run(_raged(plan))
    text = as_text(facts)
    if given.report:
        keep_report(given.report, facts, text)
    sys.stdout.write(text)
    return 0 if facts["allHeld"] else 1


async def _raged(plan: Plan) -> dict[str, Any]:
    async with embedded_scene() as scene:
        outcome = await campaign(scene, plan, lambda line: print(line, file=sys.stderr, flush=True))
    return {
        "measuredAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine_facts(),
        "commit": commit_of_checkout(),
        **as_facts(outcome),
    }


if __name__ == "__main__":
    sys.exit(main())
