"""`python -m tests.cluster`: acceptance, bench and chaos on the real engines, and a report.

Ends with 0 when everything held, 1 when something did not, 2 when this machine lacks what the engines need.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from holdfast.bench.report import commit_of_checkout, machine_facts
from runtime.lifecycle import exit_process
from tests.cluster.acceptance import accepted
from tests.cluster.bench import Size, benched
from tests.cluster.chaos import broker_restarted, raged
from tests.cluster.engines import EngineError, Engines, fetch_engines, missing_tools
from tests.cluster.report import as_text, stage, write

LACKING = 2
PHASES = ("acceptance", "bench", "broker", "chaos")
BROKER_SHARE = 0.5
"""Of the time that chaos takes, so much more for the broker alone."""

SECONDS_SHORT = 60.0
"""Below this a run is a try: its bench measures once, and little."""


def main() -> int:
    """Parse, look for the tools, have the engines, check, tell."""
    given = _parsed()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells at length of every broker that is down
    if missing := missing_tools():
        say("the real engines cannot be had on this machine:")
        for problem in missing:
            say(f"  {problem}")
        return LACKING
    try:
        engines = fetch_engines(say)
    except EngineError as error:
        say(str(error))
        return LACKING
    found = _checked(engines, given)
    if given.report:
        write(given.report, found)
    sys.stdout.write(as_text(found))
    return 0 if found["held"] else 1


def say(line: str) -> None:
    """Progress, for whoever waits."""
    print(f"cluster: {line}", file=sys.stderr, flush=True)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long chaos lasts")
    parser.add_argument("--seed", type=int, default=7, help="of the dice")
    parser.add_argument("--report", type=Path, help="a file for the JSON; a text of the same name stands beside it")
    parser.add_argument("--only", nargs="*", default=PHASES, choices=PHASES, help="phases to run; all by default")
    return parser.parse_args()


def _checked(engines: Engines, given: argparse.Namespace) -> dict[str, Any]:
    size = Size() if given.seconds >= SECONDS_SHORT else Size(runs=1, latency=60, capacity=160, orders=30, holds=100)
    checks: dict[str, Callable[[], dict[str, Any]]] = {
        "acceptance": accepted,
        "bench": lambda: asyncio.run(benched(engines, size, say)),
        "broker": lambda: asyncio.run(broker_restarted(engines, given.seconds * BROKER_SHARE, given.seed)),
        "chaos": lambda: asyncio.run(raged(engines, given.seconds, given.seed)),
    }
    phases = {name: _told(name, checks[name]) for name in PHASES if name in given.only}
    return {
        "measuredAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine_facts(),
        "commit": commit_of_checkout(),
        "seconds": given.seconds,
        "seed": given.seed,
        **stage(),
        "held": not any(phase["wrong"] for phase in phases.values()),
        "phases": phases,
    }


def _told(name: str, check: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A phase that breaks off is one that did not hold; the others run all the same."""
    say(f"{name} begins")
    try:
        phase = check()
    except Exception as error:
        phase = {"wrong": [f"broken off by {type(error).__name__}: {error}"[:2000]]}
    say(f"{name} {'did not hold' if phase['wrong'] else 'held'}")
    return phase


if __name__ == "__main__":
    exit_process(main())
