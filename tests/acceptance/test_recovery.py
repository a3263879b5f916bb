"""Whoever is killed comes back, and so does the service: requests fail clearly or succeed, nothing doubles."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Sequence

import aiohttp
import pytest

from holdfast.rest_client import Answer
from tests.acceptance.customer import Customer, Item, new_order, open_customer, until, wish
from tests.acceptance.up import Up

PROCESSES = ("serve", "worker", "bridge", "relay")
SERVERS = ("postgres", "temporal", "cache", "broker")
ORDERS = 40
AT_ONCE = 8
PATIENCE_SECONDS = 90.0
TYPED = {"unavailable", "outcome_unknown", "saturated", "request_in_progress", "insufficient_stock"}


async def back(up: Up, name: str, killed: int) -> None:
    """Wait until another process runs in place of the one that was killed."""

    async def look() -> bool:
        return up.pid(name) not in {None, killed}

    await until(look)


async def a_whole_sale(customer: Customer, item: Item) -> bool:
    """Whether everything works together now: REST, workflow, Postgres, Kafka in and out."""
    order_id = new_order()
    try:
        answer = await customer.rest.post("/reservations", wish(item, 1, order_id), key=order_id)
        if answer.status != 201:
            return False
        await customer.news.send("payment.successful", order_id)
        await customer.news.until(order_id, "inventory.committed", seconds_max=15.0)
    except (OSError, aiohttp.ClientError, TimeoutError):
        return False
    return True


async def reserve_all(customer: Customer, item: Item, orders: Sequence[str]) -> list[Answer]:
    """Reserve one piece for each order, a few at once, each as patiently as it takes, with one key each."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def reserve(order_id: str) -> Answer:
        async with gate:
            return await customer.rest.post_patiently(
                "/reservations", wish(item, 1, order_id), key=order_id, patience_seconds=PATIENCE_SECONDS
            )

    return await asyncio.gather(*map(reserve, orders))


async def pay_all(customer: Customer, orders: Sequence[str]) -> None:
    """Pay for all orders over Kafka and wait until all are committed."""
    await asyncio.gather(*(customer.news.send("payment.successful", order_id) for order_id in orders))
    wanted = set(orders)

    def committed() -> bool:
        return wanted <= {news.body["orderId"] for news in customer.news.distinct("inventory.committed")}

    await customer.news.wait_for(committed, PATIENCE_SECONDS)


@pytest.mark.timeout(300)
async def test_every_process_is_killed_in_the_middle_of_sales_and_each_order_is_sold_once(
    up: Up, customer: Customer
) -> None:
    item = await customer.stock(1000)
    orders = [new_order() for _ in range(ORDERS)]
    sales = asyncio.gather(reserve_all(customer, item, orders[: ORDERS // 2]), pay_all(customer, orders))
    killed = {name: up.kill(name) for name in ("serve", "bridge")}
    for name, pid in killed.items():
        await back(up, name, pid)
    rest = asyncio.ensure_future(reserve_all(customer, item, orders[ORDERS // 2 :]))
    killed = {name: up.kill(name) for name in ("worker", "relay")}
    for name, pid in killed.items():
        await back(up, name, pid)
    answers = [*await rest, *(await sales)[0]]
    assert {answer.status for answer in answers} <= {200, 201}
    assert await customer.level(item) == (1000 - ORDERS, 0, 1000 - ORDERS)
    for order_id in orders:
        found = (await customer.rest.get(f"/reservations/order/{order_id}")).body["items"]
        assert [it["status"] for it in found] == ["COMMITTED"]
    told = Counter(news.body["orderId"] for news in customer.news.distinct("inventory.committed"))
    assert {told[order_id] for order_id in orders} == {1}


async def test_a_key_outlives_the_process_that_first_saw_it(up: Up, customer: Customer) -> None:
    item, key = await customer.stock(10), uuid.uuid4().hex
    body = wish(item, 2)
    first = await customer.rest.post("/reservations", body, key=key)
    await back(up, "serve", up.kill("serve"))
    again = await customer.rest.post_patiently("/reservations", body, key=key)
    assert (again.status, again.body, again.replayed) == (first.status, first.body, True)
    commit = f"/reservations/{first.body['reservationId']}/commit"
    sold = await customer.rest.post(commit, key=key)
    assert sold.body["status"] == "COMMITTED"
    assert await customer.level(item) == (8, 0, 8)


async def test_a_hold_expires_on_time_while_nobody_runs_its_workflow(up: Up, customer: Customer) -> None:
    item = await customer.stock(3)
    held = await customer.hold(item, 3, holdSeconds=2)
    killed = {name: up.kill(name) for name in ("temporal", "worker")}

    async def expired() -> bool:
        return bool((await customer.reservation(held["reservationId"]))["status"] == "EXPIRED")

    await until(expired, seconds_max=20.0)
    assert await customer.level(item) == (3, 0, 3)
    for name, pid in killed.items():
        await back(up, name, pid)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", SERVERS)
async def test_a_server_dies_and_the_service_recovers_by_itself(up: Up, name: str) -> None:
    async with open_customer(up.facts()) as customer:
        item = await customer.stock(1000)
        held = await customer.hold(item, 3)
        killed = up.kill(name)
        answers = await ask_until(back(up, name, killed), customer, item)
        refused = [answer for answer in answers if answer.status >= 400]
        assert {answer.body["code"] for answer in refused} <= TYPED
        assert {answer.status for answer in refused} <= {503}
        if name in {"cache", "broker"}:
            assert refused == []
    async with open_customer(up.facts()) as customer:
        await until(lambda: a_whole_sale(customer, item), PATIENCE_SECONDS)
        commit = f"/reservations/{held['reservationId']}/commit"
        sold = await customer.rest.post_patiently(commit, None, key=uuid.uuid4().hex)
        assert sold.body["status"] == "COMMITTED"

        await until(lambda: all_is_up(up))


async def all_is_up(up: Up) -> bool:
    """Whether the API says so of everything that it depends on."""
    async with aiohttp.ClientSession() as session, session.get(f"{up.facts()['api']}/health") as answer:
        return bool((await answer.json())["status"] == "up")


async def ask_until(event: object, customer: Customer, item: Item) -> list[Answer]:
    """Reserve again and again, each with a key of its own, until `event` has happened; answers what was answered."""
    happening = asyncio.ensure_future(event)  # type: ignore[call-overload]
    answers: list[Answer] = []
    begin = time.monotonic()
    while not happening.done() and time.monotonic() - begin < PATIENCE_SECONDS:
        answers.append(await customer.rest.post("/reservations", wish(item), key=uuid.uuid4().hex))
    await happening
    return answers
