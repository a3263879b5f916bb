"""`python -m tests.chaos.run --seconds 60 --seed 7`: a storm as long as you like, and what it left. 0: all is well."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict

from holdfast.processes import NAMES
from tests.chaos.storm import Weather, storm


def main() -> int:
    """Parse, rage, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.run", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long customers order")
    parser.add_argument("--seed", type=int, default=1, help="of the dice of customers and killer")
    parser.add_argument("--customers", type=int, default=12, help="who order side by side")
    parser.add_argument("--kill-every", type=float, nargs=2, default=(1.5, 4.0), metavar=("FROM", "TO"))
    parser.add_argument("--kill", nargs="*", default=NAMES, help="processes to kill; none for a quiet run")
    given = parser.parse_args()
    outcome = asyncio.run(
        storm(
            Weather(
                seconds=given.seconds,
                seed=given.seed,
                customers=given.customers,
                kill_every_seconds=tuple(given.kill_every),
                kills=tuple(given.kill),
            )
        )
    )
    sys.stdout.write(json.dumps(asdict(outcome), indent=2) + "\n")
    return 1 if outcome.wrong or any(outcome.left.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
