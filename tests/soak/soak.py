"""The order of a soak: open the herd, pay for some of it, let the rest fall due, look at all that remains."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from holdfast.service import Service
from runtime.crowd import WAKES_PER_SECOND
from runtime.temporal import connect
from tests.soak.drain import late_buyers, reading_news, trickling
from tests.soak.found import Plan, Soak
from tests.soak.herd import COMMITS_PER_SECOND, choose, commit_all, open_herd, warm_up
from tests.soak.shop import Shop, visited_shop
from tests.soak.verdict import look_back
from tests.soak.watching import watching

WARM_UP = 400
BESIDE_SECONDS = 25.0
"""How long other customers are measured before the herd is due, and after its workflows have closed."""

SPARE_SECONDS = 20.0
SLOWER_THAN_WARM_UP = 1.3
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.5
CLOSED_SHARE_MIN = 0.7
"""Of the rate at which workflows are woken."""
STRAGGLERS = 5
"""Workflows of the other customers that are open at any moment."""

Tell = Callable[[str, float], None]
"""What is going on, and how far it is: 0 to 1."""


async def soak(service: Service, plan: Plan, tell: Tell) -> Soak:
    """Do it all on a service that runs. A herd that is not complete in time is smaller."""
    found, facts = Soak(plan), service.facts()
    async with AsyncExitStack() as stack:
        shop = await stack.enter_async_context(visited_shop(facts["api"], service.token))
        client = await connect(service.settings, process="soak")
        tell("stocking the shelves and warming up", 0.0)
        await shop.open()
        due_after_seconds = await _seconds_until_due(shop, plan)
        found.watch = await stack.enter_async_context(watching(client, facts["pids"], facts["parts"]))
        await _open_and_pay(
            shop, found, time.time() + due_after_seconds, service.settings.worker_max_cached_workflows, tell
        )
        found.news = await stack.enter_async_context(reading_news(service.settings))
        await _let_it_fall_due(shop, found, tell)
        await _until_closed(found, tell)
        found.wrong += shop.wrong
        found.answers = dict(shop.answers)
        await look_back(service, found)
    if service.processes.pids() != facts["pids"]:
        found.wrong.append("a process of ours has died and was started again")
    return found


async def _seconds_until_due(shop: Shop, plan: Plan) -> float:
    """Time for the herd at the rate of a warm-up with something to spare, for the commits and the other customers."""
    rate = await warm_up(shop, WARM_UP, seed=plan.seed)
    if plan.due_after_seconds:
        return plan.due_after_seconds
    return SLOWER_THAN_WARM_UP * plan.reservations / rate + _seconds_after_opening(plan) + SPARE_SECONDS


def _seconds_after_opening(plan: Plan) -> float:
    return 2 * plan.commits / COMMITS_PER_SECOND + BESIDE_SECONDS


async def _open_and_pay(shop: Shop, found: Soak, due_at: float, cached: int, tell: Tell) -> None:
    plan = found.plan

    def told(count: int) -> None:
        tell("opening", count / plan.reservations)

    until = due_at - _seconds_after_opening(plan)
    found.herd = await open_herd(shop, plan.reservations, due_at=due_at, until=until, seed=plan.seed, told=told)
    cold, warm = choose(found.herd, plan.commits, cached=cached, seed=plan.seed)
    tell("paying for old ones", 0.0)
    found.cold = await commit_all(shop, cold)
    tell("paying for the latest", 0.0)
    found.warm = await commit_all(shop, warm)


async def _let_it_fall_due(shop: Shop, found: Soak, tell: Tell) -> None:
    """Other customers buy before, while and after it does; the herd's stock is wanted at once."""
    due_at = found.herd.due_at
    tell("waiting for the deadline", 0.0)
    await asyncio.sleep(max(0.0, due_at - BESIDE_SECONDS - time.time()))
    async with trickling(shop) as found.sales:
        found.late_waits = await late_buyers(shop, found.herd)
        await _until_closed(found, tell, STRAGGLERS)
        found.closed_at = time.time()
        tell("other customers afterwards", 0.0)
        await asyncio.sleep(BESIDE_SECONDS)


async def _until_closed(found: Soak, tell: Tell, left: int = 0) -> None:
    """Until no more than `left` workflows are open, and a consumer has seen the news of each that expired."""
    size = len(found.herd.held)
    wanted = size - len(found.cold.paid) - len(found.warm.paid)
    give_up_at = time.time() + PATIENCE_SECONDS + size / (CLOSED_SHARE_MIN * WAKES_PER_SECOND)
    while found.watch.open_workflows > left or len(found.news.seen_at) < wanted:
        if time.time() > give_up_at:
            found.wrong.append(f"{found.watch.open_workflows} workflows are still open")
            found.wrong += [f"… {it.id}, with {it.history_length} events" async for it in found.watch.still_open()]
            return
        tell("workflows close", 1 - found.watch.open_workflows / size)
        await asyncio.sleep(LOOK_SECONDS)
