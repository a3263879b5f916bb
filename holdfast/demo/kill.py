"""Processes die in the middle of their work, without a warning. Nothing is lost and nothing happens twice."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter

from holdfast.demo.claims import in_milliseconds, percentile
from holdfast.demo.shop import Shop, hold
from holdfast.demo.stage import Stage, advance, reach
from holdfast.rest_client import Answer

ORDERS = 60
AT_ONCE = 12
KILL_AFTER_ANSWERS = 20
KILL_AFTER_PAYMENTS = 15
SKU = "TSHIRT-MERINO-BLK-M"
ORDER_IDS = tuple(f"kill-{number}" for number in range(ORDERS))


async def kill_and_retry(shop: Shop, stage: Stage) -> None:
    """kill −9 of the API while it reserves, then of the bridge while it commits."""
    stage.chapter("kill −9, twice, in the middle of everything")
    before = await shop.level(SKU)
    answers = await _reserve_through_a_kill(shop, stage)
    _judge(stage, answers)
    held = await shop.level(SKU)
    stage.claim(
        f"{ORDERS} orders hold {ORDERS} pieces: nothing lost, nothing doubled",
        held.reserved - before.reserved == ORDERS and await _reservations_by_order(shop) == {1: ORDERS},
        f"reserved {before.reserved} → {held.reserved}, one reservation each",
    )
    seconds = await _pay_through_a_kill(shop, stage)
    sold = await shop.level(SKU)
    published = Counter(news.body["orderId"] for news in shop.news.distinct("inventory.committed"))
    once = all(published[order_id] == 1 for order_id in ORDER_IDS)
    stage.claim(
        f"{ORDERS} payments sell exactly {ORDERS} pieces, each told once",
        sold.total == before.total - ORDERS and sold.reserved == before.reserved and once,
        f"total {before.total} → {sold.total}; the last one committed {seconds:.1f} s after the kill",
    )


async def _reserve_through_a_kill(shop: Shop, stage: Stage) -> list[Answer]:
    gate = asyncio.Semaphore(AT_ONCE)
    answered = 0
    with stage.progress("orders reserved", ORDERS) as progress:

        async def reserve(order_id: str) -> Answer:
            nonlocal answered
            async with gate:
                answer = await shop.rest.post_patiently("/reservations", hold(order_id, {SKU: 1}), key=order_id)
            answered += 1
            advance(progress)
            if answered == KILL_AFTER_ANSWERS:
                _kill(shop, stage, "serve", f"{AT_ONCE - 1} holds in flight")
            return answer

        return await asyncio.gather(*map(reserve, ORDER_IDS))


def _judge(stage: Stage, answers: list[Answer]) -> None:
    repeated = [answer for answer in answers if answer.failures]
    times = [answer.seconds for answer in answers]
    stage.claim(
        "every buyer gets an answer by repeating with the same Idempotency-Key",
        {answer.status for answer in answers} <= {200, 201} and bool(repeated),
        f"{len(repeated)} orders had to repeat, {sum(len(it.failures) for it in repeated)} tries in all; "
        f"p95 of the last try {in_milliseconds(percentile(times, 0.95))}",
    )


async def _pay_through_a_kill(shop: Shop, stage: Stage) -> float:
    """Answers the seconds from the kill to the last commit."""

    with stage.progress("orders paid", ORDERS) as progress:

        def committed() -> int:
            told = {news.body["orderId"] for news in shop.news.distinct("inventory.committed")}
            reach(progress, count := len(told & set(ORDER_IDS)))
            return count

        sending = asyncio.gather(*(shop.news.send("payment.successful", order_id) for order_id in ORDER_IDS))
        await shop.news.wait_for(lambda: committed() >= KILL_AFTER_PAYMENTS)
        _kill(shop, stage, "bridge", f"{ORDERS - committed()} payments not committed yet")
        begin = time.perf_counter()
        await sending
        await shop.news.wait_for(lambda: committed() == ORDERS)
        return time.perf_counter() - begin


def _kill(shop: Shop, stage: Stage, name: str, meanwhile: str) -> None:
    pid = shop.service.processes.pids()[name]
    os.kill(pid, signal.SIGKILL)
    stage.say(f"kill −9 {name} (process {pid}), {meanwhile}; the supervisor starts it again …")


async def _reservations_by_order(shop: Shop) -> dict[int, int]:
    """How many orders have how many reservations."""
    found = await asyncio.gather(*map(shop.of_order, ORDER_IDS))
    return dict(Counter(map(len, found)))
