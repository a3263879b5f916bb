"""Lines of orders that wait: who is next, what an offer holds, and that each wait ends once."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from db import waitlist, waitlist_offers
from db.engine import Database
from db.locks import lock_stock, try_lock_line
from db.paging import PageRequest
from db.waitlist import WaitlistFilter
from db.waitlist_offers import Offer, offer_next
from domain.contracts.reservations import Source
from domain.reservations import ReservationStatus
from domain.waitlist import WaitlistEntry, WaitlistStatus
from tests.lines import age, join, look, receive, statuses
from tests.stocking import (
    TESTER,
    add_stock,
    add_warehouse,
    assert_invariants,
    hold,
    news_of,
    settle,
    stock_now,
    unique,
    wait_until_blocked,
    want,
)

WAITING, OFFERED, EXPIRED, WITHDRAWN = WaitlistStatus
CANCELLED, COMMITTED = ReservationStatus.CANCELLED, ReservationStatus.COMMITTED


async def serve(db: Database, sku: str) -> list[UUID]:
    """Offer for as long as somebody fits; the entries in the order in which they were served."""
    served = []
    while offer := await offer_next(db, sku):
        served.append(offer.entry.entry_id)
    return served


async def withdraw(db: Database, *entry_ids: UUID) -> int:
    return await db.calling(lambda session: waitlist.withdraw(session, entry_ids, None))


async def expire(db: Database, batch_rows: int = 100) -> int:
    return await db.calling(lambda session: waitlist.expire(session, batch_rows=batch_rows))


class TestJoining:
    async def test_an_entry_stands_behind_those_that_came_before_it(self, db: Database) -> None:
        item = await add_stock(db)
        first, second = await join(db, item.sku, 3), await join(db, item.sku, 2, hold_seconds=7, region="eu")
        await join(db, unique("OTHER"))
        waits = await look(db, second)
        assert (waits.position, (await look(db, first)).position) == (2, 1)
        entry = waits.entry
        assert (entry.status, entry.sku, entry.quantity, entry.hold_seconds) == (WAITING, item.sku, 2, 7)
        assert (entry.region, entry.warehouse_id, entry.reservation_id, entry.settled_at) == ("eu", None, None, None)
        assert (entry.performed_by, entry.performed_by_name) == (TESTER.actor_id, TESTER.name)
        await withdraw(db, first)
        assert (await look(db, second)).position == 1

    async def test_a_repeat_keeps_the_first_place_and_tells_nothing_again(self, db: Database) -> None:
        item, entry_id = await add_stock(db), uuid.uuid4()
        await asyncio.gather(*(join(db, item.sku, entry_id=entry_id, order_id="o") for _ in range(4)))
        assert (await look(db, entry_id)).position == 1
        [news] = await news_of(db, entry_id)
        assert (news.type, news.key, news.sequence) == ("inventory.waitlist_joined", "o", 1)

    async def test_it_waits_for_a_week_or_as_long_as_it_says(self, db: Database) -> None:
        item, until = await add_stock(db), datetime.now(UTC) + timedelta(days=3)
        usual, short = await join(db, item.sku), await join(db, item.sku, wait_seconds=60)
        given = await join(db, item.sku, expires_at=until)
        entries = [(await look(db, entry_id)).entry for entry_id in (usual, short, given)]
        waits = [entry.expires_at - entry.joined_at for entry in entries]
        assert abs(waits[0] - timedelta(days=7)) < timedelta(seconds=1)
        assert abs(waits[1] - timedelta(minutes=1)) < timedelta(seconds=1)
        assert entries[2].expires_at == until


class TestOffers:
    async def test_an_offer_is_a_reservation_like_any_other(self, db: Database) -> None:
        item = await add_stock(db, 5)
        entry_id = await join(db, item.sku, 3, order_id="o-1", hold_seconds=120)
        offer = await offer_next(db, item.sku)
        assert offer is not None
        entry = (await look(db, entry_id)).entry
        assert (entry.status, entry.reservation_id, entry.sequence) == (OFFERED, offer.request.reservation_id, 2)
        assert (await look(db, entry_id)).position is None
        assert (offer.request.order_id, offer.request.hold_seconds, offer.request.source) == (
            "o-1",
            120,
            Source.WAITLIST,
        )
        assert (await stock_now(db, item)).quantity_reserved == 3
        [reserved] = await news_of(db, offer.request.reservation_id)
        _, told = await news_of(db, entry_id)
        assert (reserved.type, reserved.key) == ("inventory.reserved", "o-1")
        assert (told.type, told.data["reservationId"]) == (
            "inventory.waitlist_offered",
            str(offer.request.reservation_id),
        )
        assert told.data["holdExpiresAt"] == reserved.data["expiresAt"]
        await settle(db, offer.request.reservation_id, COMMITTED)
        assert (await stock_now(db, item)).quantity_total == 2
        await assert_invariants(db)

    async def test_nobody_is_served_while_there_is_nothing(self, db: Database) -> None:
        item = await add_stock(db, 2)
        held = await hold(db, want(item, 2))
        entry_id = await join(db, item.sku)
        assert await serve(db, item.sku) == []
        await settle(db, held, CANCELLED)
        assert await serve(db, item.sku) == [entry_id]

    async def test_many_are_served_in_the_order_in_which_they_came(self, db: Database) -> None:
        item = await add_stock(db, 0)
        line = [await join(db, item.sku) for _ in range(20)]
        await receive(db, item, 7)
        assert await serve(db, item.sku) == line[:7]
        await receive(db, item, 13)
        assert await serve(db, item.sku) == line[7:]
        await assert_invariants(db)

    async def test_a_big_wish_lets_smaller_ones_pass_and_keeps_its_place(self, db: Database) -> None:
        item = await add_stock(db, 0)
        big, small, middle, last = [await join(db, item.sku, quantity) for quantity in (5, 1, 3, 1)]
        await receive(db, item, 3)
        assert await serve(db, item.sku) == [small, last]
        assert (await look(db, big)).position == 1
        await receive(db, item, 4)
        assert await serve(db, item.sku) == [big]
        await receive(db, item, 3)
        assert await serve(db, item.sku) == [middle]

    async def test_each_is_served_from_where_it_wants_it_and_a_line_may_be_split(self, db: Database) -> None:
        north, south = await add_warehouse(db, region="north"), await add_warehouse(db, region="south")
        shut = await add_warehouse(db, region="north", is_active=False)
        sku = unique("SKU")
        there, here = await add_stock(db, 2, warehouse=north, sku=sku), await add_stock(db, 1, warehouse=south, sku=sku)
        await add_stock(db, 50, warehouse=shut, sku=sku)
        bound = await join(db, sku, 2, warehouse_id=south.warehouse_id)
        regional = await join(db, sku, 3, region="north")
        contradicting = await join(db, sku, 1, region="north", warehouse_id=south.warehouse_id)
        anywhere = await join(db, sku, 3)
        assert await serve(db, sku) == [anywhere]
        assert [(await stock_now(db, item)).quantity_available for item in (there, here)] == [0, 0]
        await receive(db, there, 4)
        await receive(db, here, 2)
        assert await serve(db, sku) == [bound, regional]
        assert await statuses(db, contradicting) == [WAITING]
        await assert_invariants(db)

    async def test_who_waited_too_long_or_left_is_passed_over(self, db: Database) -> None:
        item = await add_stock(db, 5)
        late, gone, next_one = [await join(db, item.sku) for _ in range(3)]
        await age(db, late)
        await withdraw(db, gone)
        assert await serve(db, item.sku) == [next_one]
        assert await expire(db) == 1
        assert await statuses(db, late, gone, next_one) == [EXPIRED, WITHDRAWN, OFFERED]

    async def test_many_wakers_serve_a_line_in_order_and_everybody_once(self, db: Database) -> None:
        item = await add_stock(db, 12)
        line = [await join(db, item.sku, 1 + number % 2) for number in range(16)]
        offers: list[Offer] = []

        async def wake() -> None:
            misses = 0
            while misses < 5:
                if offer := await offer_next(db, item.sku):
                    offers.append(offer)
                else:
                    misses += 1
                    await asyncio.sleep(0.005)

        await asyncio.gather(*(wake() for _ in range(4)))
        settled = [(await look(db, entry_id)).entry for entry_id in line]
        served = [entry for entry in settled if entry.settled_at]
        assert served == settled[: len(served)], "nobody was passed over while he fitted"
        assert [entry.settled_at for entry in served] == sorted(entry.settled_at for entry in served)
        assert sum(entry.quantity for entry in served) == 12 == (await stock_now(db, item)).quantity_reserved
        assert len({offer.entry.entry_id for offer in offers}) == len(offers) == len(served)
        await assert_invariants(db)

    async def test_a_buyer_who_is_faster_costs_nobody_his_place(self, db: Database) -> None:
        item = await add_stock(db, 2)
        entry_id = await join(db, item.sku, 2)
        async with db.write() as buyer:
            await buyer.execute(text("select change_stock_row(:id, -1, 0, null)"), {"id": item.inventory_id})
            offering = asyncio.create_task(offer_next(db, item.sku))
            await wait_until_blocked(db)
            await buyer.execute(
                text("""
                    insert into stock_movements (inventory_id, type, quantity, total_after, sequence, performed_by,
                                                 performed_by_name)
                    values (:id, 'DAMAGE', -1, 1, 2, uuidv7(), 'test')"""),
                {"id": item.inventory_id},
            )
        assert await offering is None
        waits = await look(db, entry_id)
        assert (waits.entry.status, waits.position, waits.entry.sequence) == (WAITING, 1, 1)
        await receive(db, item, 1)
        assert await serve(db, item.sku) == [entry_id]
        await assert_invariants(db)

    async def test_a_line_that_somebody_serves_is_left_to_him(self, db: Database) -> None:
        item, other = await add_stock(db, 1), await add_stock(db, 1)
        mine, theirs = await join(db, item.sku), await join(db, other.sku)
        async with db.write() as session:
            assert await try_lock_line(session, item.sku)
            assert await offer_next(db, item.sku) is None
            assert await serve(db, other.sku) == [theirs]
        assert await serve(db, item.sku) == [mine]

    async def test_the_delay_counts_from_the_later_of_stock_and_wish(self, db: Database) -> None:
        item = await add_stock(db, 1)
        async with db.write() as session:
            await session.execute(
                text("update inventory set updated_at = now() - interval '1 hour' where inventory_id = :id"),
                {"id": item.inventory_id},
            )
        await join(db, item.sku)
        offer = await offer_next(db, item.sku)
        assert offer is not None
        assert 0 <= offer.delay_seconds < 60


class TestLeaving:
    async def test_whoever_leaves_is_told_of_once(self, db: Database) -> None:
        item = await add_stock(db)
        entry_id = await join(db, item.sku)
        assert [await withdraw(db, entry_id), await withdraw(db, entry_id)] == [1, 0]
        entry = (await look(db, entry_id)).entry
        assert (entry.status, entry.sequence) == (WITHDRAWN, 2)
        assert entry.settled_at is not None
        assert [news.type for news in await news_of(db, entry_id)] == [
            "inventory.waitlist_joined",
            "inventory.waitlist_withdrawn",
        ]

    async def test_whoever_has_waited_too_long_expires_batch_by_batch_and_nobody_else(self, db: Database) -> None:
        item = await add_stock(db)
        late, patient = [await join(db, item.sku) for _ in range(5)], await join(db, item.sku)
        await age(db, *late)
        assert [await expire(db, 2) for _ in range(4)] == [2, 2, 1, 0]
        assert await statuses(db, *late, patient) == [EXPIRED] * 5 + [WAITING]
        _, told = await news_of(db, late[0])
        assert (told.type, told.data["status"]) == ("inventory.waitlist_expired", "EXPIRED")
        await assert_invariants(db)

    @pytest.mark.parametrize("first", ["offer", "leaving"])
    async def test_an_offer_and_a_leave_at_once_have_one_winner(self, db: Database, first: str) -> None:
        item = await add_stock(db, 1)
        entry_id = await join(db, item.sku)
        async with db.write() as session:
            if first == "offer":
                await lock_stock(session, [item.inventory_id])
                offering = asyncio.create_task(offer_next(db, item.sku))
                await wait_until_blocked(db)
                leaving = asyncio.create_task(withdraw(db, entry_id))
                await wait_until_blocked(db, 2)
            else:
                await waitlist.withdraw(session, [entry_id], None)
                leaving = asyncio.create_task(withdraw(db, entry_id))
                offering = asyncio.create_task(offer_next(db, item.sku))
                await wait_until_blocked(db, 2)
        assert (await offering is not None, await leaving) == (first == "offer", 0)
        assert await statuses(db, entry_id) == [OFFERED if first == "offer" else WITHDRAWN]
        assert (await stock_now(db, item)).quantity_reserved == (1 if first == "offer" else 0)
        await assert_invariants(db)


class TestLooking:
    async def test_lists_are_in_the_order_of_the_line_and_narrow(self, db: Database) -> None:
        item, other = await add_stock(db), await add_stock(db)
        line = [await join(db, item.sku, order_id="same" if number < 2 else unique("ORDER")) for number in range(5)]
        elsewhere = await join(db, other.sku, order_id="same")
        await withdraw(db, line[1])

        async def found(order_by: str | None = None, **narrow: Any) -> list[UUID]:
            entries: list[WaitlistEntry] = []
            token = None
            while True:
                page = PageRequest(size=2, token=token, order_by=order_by)
                one = await db.reading(
                    lambda session: waitlist.listed(session, WaitlistFilter(**narrow), page)  # noqa: B023
                )
                entries += one.items
                if (token := one.next_token) is None:
                    return [entry.entry_id for entry in entries]

        assert await found(sku=item.sku) == line
        assert await found("joinedAt desc", sku=item.sku) == line[::-1]
        assert await found(sku=item.sku, status=WAITING) == [line[0], *line[2:]]
        assert await found(order_id="same") == [line[0], line[1], elsewhere]
        assert await found(order_id="same", status=WITHDRAWN, sku=item.sku) == [line[1]]
        assert elsewhere in await found()
        entries = await db.reading(lambda session: waitlist.of_order(session, "same"))
        assert [entry.entry_id for entry in entries] == [line[0], line[1], elsewhere]

    async def test_skus_that_are_waited_for_are_found_once_each_a_few_at_a_time(self, db: Database) -> None:
        async with db.write() as session:
            await session.execute(
                text(
                    "update waitlist_entries set status = 'WITHDRAWN', settled_at = now(),"
                    " sequence = sequence where status = 'WAITING'"
                )
            )
        items = sorted([await add_stock(db, number) for number in (0, 3, 1)], key=lambda item: item.sku)
        for item in items:
            for _ in range(3):
                await join(db, item.sku)
        left = await add_stock(db, 9)
        await withdraw(db, await join(db, left.sku))

        async def wanted(after: str = "", most: int = 100) -> list[tuple[str, bool]]:
            found = await db.reading(lambda session: waitlist_offers.wanted_skus(session, after=after, most=most))
            return [(one.sku, one.is_there) for one in found]

        expected = [(item.sku, item.quantity_total > 0) for item in items]
        assert await wanted() == expected
        assert await wanted(most=2) == expected[:2]
        assert await wanted(after=items[1].sku) == expected[2:]
        assert await wanted(after=items[2].sku) == []
        assert await db.reading(waitlist.waiting_count) == 9
