"""What each kind of order event does through a bridge that runs all the time."""

from __future__ import annotations

import itertools

import pytest

from db import reservations
from db.waitlist_offers import offer_next
from tests.lines import join, statuses
from tests.stocking import add_stock, add_warehouse
from tests.workers.world import World

_tags = itertools.count(1)


async def test_an_order_holds_its_stock(world: World) -> None:
    reservation_id = await world.created("o-1", "e-1", quantity=3)
    await world.delivered("e-1")
    row = await world.database.reading(lambda session: reservations.get(session, reservation_id))
    assert row is not None
    assert (row.order_id, row.status, row.lines[0].quantity) == (world.name("o-1"), "PENDING", 3)
    assert await world.stock() == (10, 3)


async def test_an_order_is_served_from_the_warehouse_nearest_to_where_it_goes(world: World) -> None:
    near, far = [await add_warehouse(world.database, latitude=0, longitude=east, priority=10 - east) for east in (1, 9)]
    items = [await add_stock(world.database, 5, warehouse=place, sku=world.name("TEA")) for place in (near, far)]
    for event_id, more in (("e-1", {"destination": {"latitude": 0, "longitude": 0}}), ("e-2", {})):
        await world.order(event_id, "order.created", event_id, items=[{"sku": items[0].sku, "quantity": 1}], **more)
    await world.delivered("e-1", "e-2")
    reserved = await world.events("inventory.reserved")
    assert {it["orderId"]: it["lines"][0]["warehouseId"] for it in reserved} == {
        world.name("e-1"): str(near.warehouse_id),
        world.name("e-2"): str(far.warehouse_id),
    }


async def test_a_payment_sells_a_failed_one_frees_and_a_cancelled_order_returns(world: World) -> None:
    for order in ("sold", "unpaid", "returned"):
        await world.created(order, f"{order}-created")
    await world.order("sold", "payment.successful", "sold-paid")
    await world.order("unpaid", "payment.failed", "unpaid-failed")
    await world.order("returned", "payment.successful", "returned-paid")
    await world.order("returned", "order.cancelled", "returned-cancelled")
    await world.delivered("sold-paid", "unpaid-failed", "returned-cancelled")
    assert await world.statuses("sold") == ["COMMITTED"]
    assert await world.statuses("unpaid") == ["CANCELLED"]
    assert await world.statuses("returned") == ["COMMITTED"]
    assert await world.stock() == (9, 0)
    assert sorted(event["reason"] for event in await world.events("inventory.released")) == [
        "order_cancelled",
        "payment_failed",
    ]


async def test_a_repeated_event_takes_effect_once(world: World) -> None:
    for _ in range(3):
        await world.created("o-1", "e-1", quantity=2)
    for _ in range(3):
        await world.order("o-1", "payment.successful", "e-2")
    await world.created("o-2", "e-3")
    await world.delivered("e-1", "e-2", "e-3")
    assert await world.statuses("o-1") == ["COMMITTED"]
    assert await world.stock() == (8, 1)


async def test_an_order_whose_checkout_holds_stock_keeps_that_reservation(world: World) -> None:
    held = await world.held_by_checkout("o-1", quantity=2)
    own = await world.created("o-1", "e-1", quantity=2)
    await world.order("o-1", "payment.successful", "e-2")
    await world.delivered("e-1", "e-2")
    assert world.workflows.calls == [("commit", held)]
    assert await world.database.reading(lambda session: reservations.get(session, own)) is None
    assert await world.stock() == (8, 0)


async def test_a_decision_reaches_all_live_reservations_of_the_order_by_id(world: World) -> None:
    held = sorted([await world.held_by_checkout("o-1") for _ in range(3)])
    await world.order("o-1", "payment.successful", "e-1")
    await world.delivered("e-1")
    assert world.workflows.calls == [("commit", reservation_id) for reservation_id in held]


async def test_a_clear_shortage_is_refused_without_a_workflow_and_a_redelivery_repeats_it(world: World) -> None:
    reservation_id = await world.created("o-1", "e-1", quantity=11)
    await world.delivered("e-1")
    await world.created("o-1", "e-1", quantity=11)
    await world.created("o-2", "e-2")
    await world.delivered("e-2")
    assert await world.statuses("o-1") == ["REJECTED"]
    (event,) = await world.events("inventory.reservation_rejected")
    assert event["reservationId"] == str(reservation_id)
    assert event["shortages"] == [{"sku": world.sku, "requested": 11, "available": 10}]
    assert ("start", reservation_id) not in world.workflows.calls


async def test_an_item_nobody_knows_is_a_shortage(world: World) -> None:
    await world.order("o-1", "order.created", "e-1", items=[{"sku": "NONE", "quantity": 2}])
    await world.delivered("e-1")
    (event,) = await world.events("inventory.reservation_rejected")
    assert event["shortages"] == [{"sku": "NONE", "requested": 2, "available": 0}]


async def test_stock_of_overdue_holds_counts_as_free(world: World) -> None:
    await world.held_by_checkout("late", quantity=10)
    await world.pass_deadline("late")
    await world.created("o-1", "e-1", quantity=10)
    await world.delivered("e-1")
    assert await world.statuses("late") == ["EXPIRED"]
    assert await world.statuses("o-1") == ["PENDING"]


async def test_an_order_whose_hold_is_past_its_deadline_gets_a_new_one(world: World) -> None:
    await world.held_by_checkout("o-1", quantity=2)
    await world.pass_deadline("o-1")
    await world.created("o-1", "e-1", quantity=9)
    await world.delivered("e-1")
    assert await world.statuses("o-1") == ["EXPIRED", "PENDING"]


@pytest.mark.parametrize("first", ["payment.successful", "payment.failed", "order.cancelled"])
async def test_a_decision_that_comes_before_its_order_waits_for_it(world: World, first: str) -> None:
    await world.order("o-1", first, "decision")
    await world.settled("WAITING", "decision")
    await world.created("o-2", "other")
    await world.delivered("other")
    await world.created("o-1", "creation")
    await world.delivered("creation", "decision")
    assert await world.statuses("o-1") == ["COMMITTED" if first == "payment.successful" else "CANCELLED"]


async def test_decisions_that_wait_keep_their_order(world: World) -> None:
    await world.order("o-1", "payment.successful", "paid")
    await world.settled("WAITING", "paid")
    await world.order("o-1", "order.cancelled", "cancelled")
    await world.settled("WAITING", "paid", "cancelled")
    await world.created("o-1", "creation")
    await world.delivered("creation", "paid", "cancelled")
    assert [decision.value for decision, _ in world.workflows.decisions] == ["commit"]
    assert await world.stock() == (10, 0)
    assert len(await world.events("inventory.committed")) == 1


async def test_a_decision_reaches_a_workflow_that_has_not_held_anything_yet(world: World) -> None:
    world.workflows.asleep = True
    await world.created("o-1", "created")
    await world.order("o-1", "payment.successful", "paid")
    await world.delivered("created", "paid")
    assert await world.statuses("o-1") == []
    await world.workflows.wake()
    assert await world.statuses("o-1") == ["COMMITTED"]


@pytest.mark.parametrize("ended", ["EXPIRED", "CANCELLED", "REJECTED"])
async def test_a_payment_for_what_is_no_longer_held_is_refused_once(world: World, ended: str) -> None:
    await world.created("o-1", "created", quantity=11 if ended == "REJECTED" else 2)
    await world.delivered("created")
    if ended == "EXPIRED":
        await world.expire("o-1")
    if ended == "CANCELLED":
        await world.order("o-1", "payment.failed", "failed")
    for _ in range(2):
        await world.order("o-1", "payment.successful", "paid")
    await world.created("o-2", "after")
    await world.delivered("paid", "after")
    (refused,) = await world.events("inventory.commit_refused")
    assert refused["status"] == ended
    assert refused["reason"] == ended.lower()
    assert refused["orderId"] == world.name("o-1")


async def test_a_payment_after_the_goods_came_back_is_refused(world: World) -> None:
    await world.created("o-1", "created")
    await world.order("o-1", "payment.successful", "paid")
    await world.order("o-1", "order.cancelled", "cancelled")
    await world.order("o-1", "payment.successful", "paid-again")
    await world.delivered("created", "paid", "cancelled", "paid-again")
    (refused,) = await world.events("inventory.commit_refused")
    assert (refused["status"], refused["reason"]) == ("COMMITTED", "returned")
    assert await world.stock() == (10, 0)


async def test_a_commit_past_the_deadline_is_refused_by_the_workflow(world: World) -> None:
    await world.created("o-1", "created")
    await world.delivered("created")
    await world.pass_deadline("o-1")
    await world.order("o-1", "payment.successful", "paid")
    await world.delivered("paid")
    assert await world.statuses("o-1") == ["EXPIRED"]
    assert len(await world.events("inventory.commit_refused")) == 1


async def test_a_reservation_that_lost_its_workflow_gets_another(world: World) -> None:
    reservation_id = await world.created("o-1", "created")
    await world.delivered("created")
    world.workflows.lose(reservation_id)
    await world.order("o-1", "payment.successful", "paid")
    await world.delivered("paid")
    assert ("adopt", reservation_id) in world.workflows.calls
    assert await world.statuses("o-1") == ["COMMITTED"]


async def test_a_decision_finds_a_reservation_that_the_checkout_makes_later(world: World) -> None:
    await world.order("o-1", "payment.successful", "paid")
    await world.settled("WAITING", "paid")
    await world.held_by_checkout("o-1")
    await world.delivered("paid")
    assert await world.statuses("o-1") == ["COMMITTED"]


async def test_an_order_that_is_cancelled_waits_for_nothing_any_more(world: World) -> None:
    order_id = world.name("o-1")
    waiting = await join(world.database, world.sku, 50, order_id=order_id)
    other = await join(world.database, world.sku, 50, order_id=world.name("o-2"))
    for _redelivered in range(2):
        await world.order("o-1", "order.cancelled", "cancelled")
    await world.delivered("cancelled")
    assert await statuses(world.database, waiting, other) == ["WITHDRAWN", "WAITING"]
    assert len(await world.events("inventory.waitlist_withdrawn")) == 1


async def test_a_cancelled_order_loses_what_it_was_offered_and_leaves_every_other_line(world: World) -> None:
    order_id = world.name("o-1")
    served = await join(world.database, world.sku, 4, order_id=order_id)
    waiting = await join(world.database, world.sku, 50, order_id=order_id)
    offer = await offer_next(world.database, world.sku)
    assert offer is not None
    await world.workflows.start(offer.request)
    await world.order("o-1", "order.cancelled", "cancelled")
    await world.delivered("cancelled")
    assert await statuses(world.database, served, waiting) == ["OFFERED", "WITHDRAWN"]
    assert await world.statuses("o-1") == ["CANCELLED"]
    assert await world.stock() == (10, 0)
