"""kill −9 at the worst moments: after a commit in Postgres, before anybody was told of it, or only the caller was.

The points lie before the workflow task completes, so Temporal knows nothing of what was committed either: the next
worker does the same again, and it must change nothing.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import aiohttp
import pytest

from db.engine import Database
from runtime.settings import Settings
from tests.chaos.conftest import Processes, customer_of, killed, workflow_has
from tests.stocking import add_stock, assert_invariants, ledger_of, news_of, stock_now

LOST = (aiohttp.ClientError, OSError)


def an_order(item: Any, quantity: int = 3, **fields: Any) -> dict[str, Any]:
    return {"orderId": f"order-{uuid.uuid4()}", "items": [{"sku": item.sku, "quantity": quantity}], **fields}


async def test_a_hold_that_was_committed_and_not_told_is_found_by_its_id_and_by_its_key(
    processes: Processes, db: Database, settings: Settings
) -> None:
    item = await add_stock(db, 10)
    by_id, by_key = an_order(item, reservationId=str(uuid.uuid4())), an_order(item)
    victims = await asyncio.gather(*(processes.serve("after_hold_commit=kill") for _ in range(2)))
    for (process, api), order, key in zip(victims, (by_id, by_key), ("", "key-1"), strict=True):
        async with customer_of(api, settings) as rest:
            with pytest.raises(LOST):
                await rest.post("/reservations", order, key=key)
        await killed(process)
    assert (await stock_now(db, item)).quantity_reserved == 6
    _, api = await processes.serve()
    async with customer_of(api, settings) as rest:
        found = await rest.post("/reservations", by_id)
        assert (found.status, found.body["reservationId"], found.body["status"]) == (
            200,
            by_id["reservationId"],
            "PENDING",
        )
        again, sold = await asyncio.gather(
            rest.post_patiently("/reservations", by_key, key="key-1", patience_seconds=30),
            rest.post_patiently(f"/reservations/{by_id['reservationId']}/commit", {}, key="key-2", patience_seconds=30),
        )
        assert (again.status, again.body["orderId"]) == (200, by_key["orderId"])
        assert (sold.status, sold.body["status"]) == (200, "COMMITTED")
        orders = [(await rest.get(f"/reservations/order/{order['orderId']}")).body for order in (by_id, by_key)]
    assert [len(order["items"]) for order in orders] == [1, 1]
    after = await stock_now(db, item)
    assert (after.quantity_total, after.quantity_reserved) == (7, 3)
    await assert_invariants(db)


async def test_a_sale_that_was_committed_and_not_told_is_a_sale_once(
    processes: Processes, db: Database, settings: Settings
) -> None:
    item = await add_stock(db, 10)
    victim, api = await processes.serve("after_settle_commit=kill")
    async with customer_of(api, settings) as rest:
        held = (await rest.post("/reservations", an_order(item))).body
        path = f"/reservations/{held['reservationId']}/commit"
        with pytest.raises(LOST):
            await rest.post(path, {})
    await killed(victim)
    _, api = await processes.serve(REQUEST_TIMEOUT_SECONDS="3")
    async with customer_of(api, settings) as rest:
        row = (await rest.get(f"/reservations/{held['reservationId']}")).body
        assert row["status"] == "COMMITTED"
        again = await rest.post_patiently(path, {}, key="key-3", patience_seconds=30)
        assert (again.status, again.body["status"]) == (200, "COMMITTED")
    assert [line.type for line in await ledger_of(db, item)] == ["INBOUND", "OUTBOUND"]
    assert len(await news_of(db, uuid.UUID(held["reservationId"]))) == 2
    await assert_invariants(db)


async def test_a_hold_that_was_answered_lives_on_though_its_workflow_never_heard_of_it(
    processes: Processes, db: Database, settings: Settings
) -> None:
    item = await add_stock(db, 10)
    victim, api = await processes.serve("after_rendezvous=hang")
    async with customer_of(api, settings) as rest:
        held = await rest.post("/reservations", an_order(item))
    victim.kill()
    await killed(victim)
    assert (held.status, held.body["status"]) == (201, "PENDING")
    reservation_id = uuid.UUID(held.body["reservationId"])
    assert not await workflow_has(settings, reservation_id, "workflow_task_completed_event_attributes")
    _, api = await processes.serve()
    async with customer_of(api, settings) as rest:
        path = f"/reservations/{reservation_id}/commit"
        sold = await rest.post_patiently(path, {}, key="key-4", patience_seconds=30)
    assert (sold.status, sold.body["status"]) == (200, "COMMITTED")
    after = await stock_now(db, item)
    assert (after.quantity_total, after.quantity_reserved) == (7, 0)
    assert [line.type for line in await ledger_of(db, item)] == ["INBOUND", "OUTBOUND"]
    assert [news.type for news in await news_of(db, reservation_id)] == ["inventory.reserved", "inventory.committed"]
    await assert_invariants(db)
