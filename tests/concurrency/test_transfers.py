"""Transfers among others that want the same rows: every piece is somewhere, once, whoever comes first."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable
from typing import Any

import pytest
from sqlalchemy import text

from db import movements, stock
from db.engine import Database
from db.locks import lock_stock
from db.movements import Change
from domain.contracts.operations import StepOutcome
from domain.contracts.transfers import TransferRequest
from domain.operations import Step
from domain.reservations import ReservationStatus
from domain.stock import MovementType, NewStockItem
from tests.stocking import TESTER, hold, stock_now, wait_until_blocked, want
from tests.transferring import Road, lines, road


def codes(outcomes: list[StepOutcome]) -> list[str]:
    """What refused each, in order; empty for those that were done."""
    return sorted(outcome.refusal_code for outcome in outcomes)


async def at_once(db: Database, request: TransferRequest, *works: Awaitable[Any]) -> list[Any]:
    """All of them, made to wait for the transfer's row and let go together."""
    async with db.write() as session:
        await session.execute(
            text("select 1 from transfers where transfer_id = :id for update"), {"id": request.transfer_id}
        )
        going = [asyncio.ensure_future(work) for work in works]
        await wait_until_blocked(db, len(going))
    return list(await asyncio.gather(*going))


async def pieces(way: Road, sku: str = "A") -> int:
    """Pieces of a SKU on both shelves."""
    levels = [await way.levels(place) for place in (way.source, way.target)]
    return sum(level.get(sku, 0) for level in levels)


async def test_all_of_it_arrives_once_however_many_say_so(db: Database) -> None:
    way = await road(db, A=10)
    request = await way.shipped(A=4)
    outcomes = await at_once(db, request, *(way.take(request, Step.RECEIVE) for _ in range(4)))
    assert codes(outcomes) == ["", *["operation_closed"] * 3]
    assert await way.levels(way.target) == {"A": 4}


async def test_two_parts_that_are_too_much_together_do_not_both_arrive(db: Database) -> None:
    way = await road(db, A=10)
    request = await way.shipped(A=4)
    outcomes = await at_once(db, request, *(way.take(request, Step.RECEIVE, lines=lines(A=3)) for _ in range(2)))
    assert codes(outcomes) == ["", "receipt_exceeds_shipment"]
    assert (await way.now(request)).lines[0].quantity_in_transit == 1


async def test_a_receipt_that_two_scan_at_once_counts_once(db: Database) -> None:
    way = await road(db, A=10)
    request = await way.shipped(A=4)
    slip = {"receipt_id": "slip-1", "lines": lines(A=1)}
    outcomes = await at_once(db, request, *(way.take(request, Step.RECEIVE, **slip) for _ in range(3)))
    assert codes(outcomes) == ["", "", ""]
    assert sorted(outcome.changed for outcome in outcomes) == [False, False, True]
    assert await way.levels(way.target) == {"A": 1}


async def test_a_transfer_is_either_taken_back_or_received(db: Database) -> None:
    way = await road(db, A=10)
    request = await way.shipped(A=4)
    outcomes = await at_once(db, request, way.take(request, Step.CANCEL), way.take(request, Step.RECEIVE))
    assert codes(outcomes) == ["", "operation_closed"]
    assert await pieces(way) == 10
    assert (await way.now(request)).lines[0].quantity_in_transit == 0


async def test_it_is_shipped_once(db: Database) -> None:
    way = await road(db, A=10)
    request = await way.opened(A=4)
    outcomes = await at_once(db, request, *(way.take(request, Step.SHIP) for _ in range(3)))
    assert codes(outcomes) == ["", "step_not_allowed", "step_not_allowed"]
    assert await way.levels(way.source) == {"A": 6}


async def test_the_same_request_at_once_is_one_transfer(db: Database) -> None:
    way = await road(db, A=10)
    request = way.ask(A=4)
    outcomes = await asyncio.gather(*(way.activities.open(request) for _ in range(6)))
    assert {outcome.status for outcome in outcomes} == {"REQUESTED"}
    assert await way.trail(request) == [("request", None)]


async def test_a_shipment_waits_for_an_adjustment_and_judges_what_it_left(db: Database) -> None:
    way = await road(db, A=10)
    request = await way.opened(A=4)
    item = way.stock["A"]
    async with db.write() as session:
        await lock_stock(session, [item.inventory_id])
        taken = Change(inventory_id=item.inventory_id, delta=-7, type=MovementType.DAMAGE, reason="water")
        await movements.apply(session, [taken], TESTER, None)
        shipping = asyncio.ensure_future(way.take(request, Step.SHIP))
        await wait_until_blocked(db)
    refused = await shipping
    assert refused.refusal_code == "insufficient_stock"
    assert refused.refusal_extra["shortages"] == [{"sku": "A", "requested": 4, "available": 3}]


async def test_buyers_and_shipments_share_the_last_pieces(db: Database) -> None:
    way = await road(db, A=10)
    item = way.stock["A"]
    requests = [await way.opened(A=3) for _ in range(3)]
    buyers = [hold(db, want(item, 1, warehouse_id=way.source.warehouse_id)) for _ in range(8)]
    done = await asyncio.gather(*(way.take(request, Step.SHIP) for request in requests), *buyers)
    shipped = sum(3 for outcome in done[:3] if not outcome.refusal_code)
    held = sum(1 for reservation in done[3:] if reservation.status is ReservationStatus.PENDING)
    after = await stock_now(db, item)
    assert (after.quantity_total, after.quantity_reserved) == (10 - shipped, held)
    assert after.quantity_available < 3


@pytest.mark.usefixtures("_no_deadlock")
async def test_roads_in_both_directions_over_the_same_shelves_get_along(db: Database) -> None:
    dice = random.Random(20261128)
    skus = {f"S{number}": 100 for number in range(6)}
    there = await road(db, **skus)
    back = Road(db, there.target, there.source, {}, there.activities)
    first = await there.shipped(**dict.fromkeys(skus, 15))
    await there.take(first, Step.RECEIVE)

    async def life(turn: int) -> None:
        way = there if turn % 2 else back
        chosen = dict.fromkeys(dice.sample(sorted(skus), k=4), 2)
        request = await way.opened(**chosen)
        await way.take(request, Step.SHIP)
        last = (Step.RECEIVE, Step.CANCEL, Step.RESOLVE)[turn % 3]
        await way.take(request, last, discrepancy="return" if last is Step.RESOLVE else "")

    await asyncio.gather(*(life(turn) for turn in range(18)))
    assert [await pieces(there, sku) for sku in skus] == [100] * len(skus)


@pytest.mark.usefixtures("_no_deadlock")
async def test_rows_that_several_make_at_once_are_made_once(db: Database) -> None:
    skus = [f"N{number}" for number in range(5)]
    one = await road(db, **dict.fromkeys(skus, 10))
    others = [await road(db, target=one.target, **dict.fromkeys(reversed(skus), 10)) for _ in range(3)]
    ways = [one, *others]
    sent = [await way.shipped(**dict.fromkeys(skus, 2)) for way in ways]
    outcomes = await asyncio.gather(*(way.take(request, Step.RECEIVE) for way, request in zip(ways, sent, strict=True)))
    assert codes(list(outcomes)) == [""] * 4
    assert await one.levels(one.target) == dict.fromkeys(skus, 8)


@pytest.mark.usefixtures("_no_deadlock")
async def test_rows_are_made_in_the_order_of_their_skus(db: Database) -> None:
    skus = [f"O{number}" for number in range(6)]
    way = await road(db, **dict.fromkeys(skus, 10))
    request = await way.shipped(**dict.fromkeys(skus, 2))
    async with db.write() as session:
        for sku in skus:
            new = NewStockItem(sku=sku, product_id=uuid.uuid4(), warehouse_id=way.target.warehouse_id)
            assert await stock.add(session, new, uuid.uuid4())
            if sku == skus[0]:
                receiving = asyncio.ensure_future(way.take(request, Step.RECEIVE))
                await wait_until_blocked(db)
    assert (await receiving).status == "CLOSED"
    assert await way.levels(way.target) == dict.fromkeys(skus, 2)
