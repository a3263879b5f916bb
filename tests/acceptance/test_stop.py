"""An orderly stop in the middle of work: who was let in is answered, nothing runs on, and the data stays."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.acceptance.customer import Customer, Item, new_order, until, wish
from tests.acceptance.up import Up

BUYERS = 6


@pytest.mark.timeout(300)
async def test_sigterm_answers_who_is_waiting_and_the_next_start_goes_on(up: Up, customer: Customer) -> None:
    before = up.facts()
    item = await customer.stock(5000)
    held = await customer.hold(item, 7)
    short = await customer.hold(item, 11, holdSeconds=2)
    buyers = [asyncio.create_task(buy_until_nobody_answers(customer, item)) for _ in range(BUYERS)]
    assert await asyncio.to_thread(up.stop) == 0, up.said[-1]
    assert {status for buyer in buyers for status in await buyer} <= {201, 503}
    assert not (up.directory / "stack.json").exists()

    await asyncio.to_thread(up.start_again)
    after = up.facts()
    for name in ("api", "grpc", "temporal", "temporal_ui", "postgres", "kafka", "redis"):
        assert after[name] == before[name], name
    sold = await customer.rest.post(f"/reservations/{held['reservationId']}/commit")
    assert sold.body["status"] == "COMMITTED"

    async def expired() -> bool:
        return bool((await customer.reservation(short["reservationId"]))["status"] == "EXPIRED")

    await until(expired, seconds_max=20.0)


async def buy_until_nobody_answers(customer: Customer, item: Item) -> list[int]:
    """The statuses of all answers. A connection that is refused is the end, or one that was idle when it closed,
    be it before or while we wrote to it.
    """
    statuses: list[int] = []
    while True:
        order_id = new_order()
        try:
            answer = await customer.rest.post("/reservations", wish(item, 1, order_id), key=order_id)
        except aiohttp.ClientConnectionError:
            return statuses
        statuses.append(answer.status)
