"""`python -m tests.acceptance.shop_day --steps 2000 --seed 7`: a day as long as you like. 0: the books were right."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.acceptance.shop_day.machine import spend_a_day
from tests.acceptance.shop_day.shop import Shop, opened
from tests.acceptance.up import Up

STEPS_OF_A_RUN = 80


def main() -> int:
    """Parse, open, work, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.shop_day", description=__doc__)
    parser.add_argument("--steps", type=int, default=2000, help="in all, in runs of a few dozen")
    parser.add_argument("--steps-of-a-run", type=int, default=STEPS_OF_A_RUN, help="each in an aisle of its own")
    parser.add_argument("--seed", type=int, default=1, help="the same seed does the same things")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        up = Up(Path(directory) / "stack")
        try:
            with opened(up) as shop:
                begin = time.monotonic()
                runs = -(-given.steps // given.steps_of_a_run)
                is_right = _spend(shop, runs, given.steps_of_a_run, given.seed)
                _tell(shop, time.monotonic() - begin)
        finally:
            up.stop()
    return 0 if is_right else 1


def _spend(shop: Shop, runs: int, steps: int, seed: int) -> bool:
    try:
        spend_a_day(shop, runs=runs, steps=steps, seed_=seed)
    except BaseException:  # a group of what was found, or a person's Ctrl-C: told either way
        traceback.print_exc()
        return False
    return True


def _tell(shop: Shop, seconds: float) -> None:
    """What was done, how often, and how long it took."""
    print(f"{'step':<38}{'times':>7}{'seconds':>10}")
    for name, times in sorted(shop.steps.items()):
        print(f"{name:<38}{times:>7}{shop.seconds[name]:>10.1f}")
    rows, used = len(shop.shelves()), len(shop.used)
    print(f"\n{rows} rows, {used} aisles, {sum(shop.floor.requests.values())} requests in {seconds:.0f} s")
    print(", ".join(f"{what}: {count}" for what, count in sorted(shop.floor.requests.items())))


if __name__ == "__main__":
    sys.exit(main())
