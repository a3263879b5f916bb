"""The herd: thousands of reservations that are all due at one instant, opened as fast as the service lets them in."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from holdfast.bench.load import offer
from tests.soak.shop import AMPLE, FAILURES, SCARCE, SCARCE_STOCK, Held, Shop

IN_FLIGHT = 16
"""Customers at once while the herd is opened: enough to keep the machine busy, not so many that they only queue."""

COMMITS_PER_SECOND = 10.0
WARM_UP_PER_SECOND = 30.0


@dataclass(slots=True)
class Herd:
    """All reservations that were held, in the order in which they were answered, and when that was."""

    due_at: float
    held: list[Held] = field(default_factory=list)
    answered_at: list[float] = field(default_factory=list)
    begun_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Commits:
    """Reservations that were paid for, and the seconds that each took."""

    paid: list[Held] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


async def open_herd(
    shop: Shop, count: int, *, due_at: float, until: float, seed: int, told: Callable[[int], None]
) -> Herd:
    """Hold `count` times, always IN_FLIGHT at once, or as often as can be `until` then. Scarce SKUs come first.

    What goes wrong is the shop's to tell.
    """
    herd, numbers, dice = Herd(due_at), iter(range(count)), random.Random(seed)

    async def customer() -> None:
        for number in numbers:
            if time.time() > until:
                return
            scarce = number < len(SCARCE)
            sku = SCARCE[number] if scarce else dice.choice(AMPLE)
            try:
                held = await shop.hold(f"herd-{number}", sku, SCARCE_STOCK if scarce else 1, due_at=due_at)
            except FAILURES as error:
                shop.wrong.append(f"opening {number}: {error!r}")
                continue
            herd.held.append(held)
            herd.answered_at.append(time.time())
            told(len(herd.held))

    await asyncio.gather(*(customer() for _ in range(IN_FLIGHT)))
    return herd


def choose(herd: Herd, count: int, *, cached: int, seed: int) -> tuple[list[Held], list[Held]]:
    """Up to `count` that were opened so long ago that no worker has them cached, and as many of the latest.

    In a small herd the first half passes for old. Scarce SKUs are left whole until the herd's end.
    """
    common = [held for held in herd.held if held.sku not in SCARCE]
    late = min(cached, len(common) // 2)
    old, latest = common[: len(common) - late], common[len(common) - late // 2 :]
    dice = random.Random(seed)
    return dice.sample(old, k=min(count, len(old))), dice.sample(latest, k=min(count, len(latest)))


async def warm_up(shop: Shop, count: int, *, seed: int) -> float:
    """Sell `count` times before it counts; answers how many holds a second were made."""
    dice, begun_at = random.Random(seed), time.time()
    numbers = iter(range(count))

    async def customer() -> list[Held]:
        due_at = begun_at + 3_600
        return [await shop.hold(f"warm-up-{number}", dice.choice(AMPLE), 1, due_at=due_at) for number in numbers]

    held = [one for several in await asyncio.gather(*(customer() for _ in range(IN_FLIGHT))) for one in several]
    rate = count / (time.time() - begun_at)
    await commit_all(shop, held, rate_per_second=WARM_UP_PER_SECOND)
    return rate


async def commit_all(shop: Shop, chosen: Sequence[Held], rate_per_second: float = COMMITS_PER_SECOND) -> Commits:
    """Pay for each, `rate_per_second`, however long one takes."""
    commits = Commits()

    async def pay(number: int, _due: float) -> None:
        try:
            commits.seconds.append(await shop.commit(chosen[number].reservation_id))
            commits.paid.append(chosen[number])
        except FAILURES as error:
            shop.wrong.append(f"commit of {chosen[number].reservation_id}: {error!r}")

    await offer(len(chosen), rate_per_second, pay)
    return commits
