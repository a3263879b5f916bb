"""Alerts follow the stock: one for each crossing, in the same commit, until it is over or somebody says so."""

from __future__ import annotations

import asyncio
import random
import uuid
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from db import alerts, reservations, stock
from db.alerts import AlertFilter
from db.engine import Database, WriteSession
from db.locks import lock_stock
from db.movements import Change, apply
from db.paging import PageRequest
from domain.alerts import Alert, AlertKind, AlertStatus, Resolution
from domain.reservations import ReservationStatus
from domain.stock import MovementType, StockItem
from tests.stocking import (
    TESTER,
    add_stock,
    add_warehouse,
    assert_invariants,
    hold,
    news_of,
    return_sold,
    settle,
    stock_now,
    unique,
    want,
)

LOW, OUT = AlertKind.LOW_STOCK, AlertKind.OUT_OF_STOCK
OPEN, ACKNOWLEDGED, RESOLVED = AlertStatus
CANCELLED, COMMITTED, EXPIRED = ReservationStatus.CANCELLED, ReservationStatus.COMMITTED, ReservationStatus.EXPIRED


async def alerts_of(db: Database, item: StockItem) -> list[Alert]:
    """The alerts of a row's SKU, oldest first."""
    page = PageRequest(size=200, order_by="raisedAt")
    return list((await db.reading(lambda session: alerts.listed(session, AlertFilter(sku=item.sku), page))).items)


async def told_of(db: Database, item: StockItem) -> list[tuple[AlertKind, Any]]:
    """What the alerts of a row are and how they ended, oldest first."""
    return [(alert.kind, alert.resolution) for alert in await alerts_of(db, item)]


async def change_total(db: Database, item: StockItem, delta: int, type_: MovementType = MovementType.INBOUND) -> None:
    async def work(session: WriteSession) -> None:
        await lock_stock(session, [item.inventory_id])
        await apply(
            session, [Change(inventory_id=item.inventory_id, delta=delta, type=type_, reason="x")], TESTER, None
        )

    await db.writing(work)


async def move_point(db: Database, item: StockItem, point: int) -> None:
    async def work(session: WriteSession) -> None:
        await lock_stock(session, [item.inventory_id])
        now = await stock.get(session, item.inventory_id)
        assert now is not None
        await stock.set_details(session, now, {"reorder_point": point}, None)

    await db.writing(work)


async def acknowledge(db: Database, alert: Alert, actor: Any = TESTER) -> None:
    await db.writing(lambda session: alerts.acknowledge(session, alert.alert_id, actor, None))


async def resolve(db: Database, alert: Alert, reason: str = "", actor: Any = TESTER) -> None:
    await db.writing(lambda session: alerts.resolve_by_hand(session, alert.alert_id, actor, reason, None))


async def test_each_crossing_raises_one_alert_with_what_was_seen(db: Database) -> None:
    item = await add_stock(db, 10, reorder_point=5, reorder_quantity=40)
    await hold(db, want(item, 4))
    assert await alerts_of(db, item) == []
    await hold(db, want(item, 2))
    await hold(db, want(item, 1))
    [low] = await alerts_of(db, item)
    assert (low.kind, low.status, low.subject_id, low.version) == (LOW, OPEN, item.inventory_id, 1)
    assert (low.sku, low.warehouse_id) == (item.sku, item.warehouse_id)
    assert low.details == {"quantityAvailable": 4, "reorderPoint": 5, "reorderQuantity": 40, "sequence": 3}
    await hold(db, want(item, 3))
    assert await told_of(db, item) == [(LOW, None), (OUT, None)]
    await assert_invariants(db)


async def test_one_change_may_cross_both_ways_at_once(db: Database) -> None:
    item = await add_stock(db, 10, reorder_point=5)
    all_of_it = await hold(db, want(item, 10))
    assert sorted(await told_of(db, item)) == [(LOW, None), (OUT, None)]
    await settle(db, all_of_it, CANCELLED)
    assert sorted(await told_of(db, item)) == [(LOW, Resolution.RELEASED), (OUT, Resolution.RELEASED)]
    await hold(db, want(item, 10))
    assert len(await alerts_of(db, item)) == 4
    await assert_invariants(db)


async def test_a_row_that_never_had_more_is_nobodys_alert(db: Database) -> None:
    item = await add_stock(db, 0, reorder_point=5)
    await change_total(db, item, 3)
    assert await alerts_of(db, item) == []
    await assert_invariants(db)


@pytest.mark.parametrize(
    ("way", "resolution"),
    [
        ("receipt", Resolution.RESTOCKED),
        ("return", Resolution.RESTOCKED),
        ("cancel", Resolution.RELEASED),
        ("expiry", Resolution.RELEASED),
        ("sweep", Resolution.RELEASED),
        ("another buyer", Resolution.RELEASED),
        ("point", Resolution.RULE_CHANGED),
        ("retirement", Resolution.RETIRED),
    ],
)
async def test_whatever_ends_it_resolves_it(db: Database, way: str, resolution: Resolution) -> None:
    item = await add_stock(db, 10, reorder_point=5)
    held = await hold(db, want(item, 6), hold_seconds=-5 if way in {"expiry", "sweep", "another buyer"} else 900)
    if way in {"return", "retirement"}:
        await settle(db, held, COMMITTED)
    ways: dict[str, Any] = {
        "receipt": lambda: change_total(db, item, 2),
        "return": lambda: return_sold(db, held),
        "cancel": lambda: settle(db, held, CANCELLED),
        "expiry": lambda: settle(db, held, EXPIRED),
        "sweep": lambda: db.calling(lambda s: reservations.expire_overdue(s, grace_seconds=0, batch_rows=100)),
        "another buyer": lambda: hold(db, want(item, 5)),
        "point": lambda: move_point(db, item, 3),
        "retirement": lambda: db.writing(lambda session: stock.retire(session, item.inventory_id)),
    }
    await ways[way]()
    first = (await alerts_of(db, item))[0]
    assert (first.kind, first.status, first.resolution) == (LOW, RESOLVED, resolution)
    assert (first.resolved_by, first.resolved_by_name, first.version) == (None, None, 2)
    await assert_invariants(db)


async def test_a_sale_of_what_was_held_changes_nothing_about_it(db: Database) -> None:
    item = await add_stock(db, 10, reorder_point=5)
    await settle(db, await hold(db, want(item, 6)), COMMITTED)
    assert await told_of(db, item) == [(LOW, None)]
    await assert_invariants(db)


async def test_out_of_stock_ends_with_the_first_piece_and_low_stock_goes_on(db: Database) -> None:
    item = await add_stock(db, 10, reorder_point=5)
    await settle(db, await hold(db, want(item, 10)), COMMITTED)
    await change_total(db, item, 1)
    assert sorted(await told_of(db, item)) == [(LOW, None), (OUT, Resolution.RESTOCKED)]
    await assert_invariants(db)


async def test_a_reorder_point_is_crossed_by_moving_it_and_by_nothing_less(db: Database) -> None:
    item = await add_stock(db, 10, reorder_point=5)
    await move_point(db, item, 9)
    assert await alerts_of(db, item) == []
    await move_point(db, item, 10)
    await move_point(db, item, 20)
    [low] = await alerts_of(db, item)
    assert low.details["reorderPoint"] == 10
    await move_point(db, item, 9)
    assert await told_of(db, item) == [(LOW, Resolution.RULE_CHANGED)]
    await assert_invariants(db)


async def test_what_was_resolved_by_hand_comes_back_with_the_next_crossing_only(db: Database) -> None:
    item = await add_stock(db, 10, reorder_point=5)
    await hold(db, want(item, 6))
    await resolve(db, (await alerts_of(db, item))[0], reason="sells out")
    last = await hold(db, want(item, 2))
    await settle(db, last, CANCELLED)
    [by_hand] = await alerts_of(db, item)
    assert (by_hand.resolution, by_hand.reason, by_hand.resolved_by_name) == (
        Resolution.BY_HAND,
        "sells out",
        TESTER.name,
    )
    await change_total(db, item, 2)
    await hold(db, want(item, 1))
    assert await told_of(db, item) == [(LOW, Resolution.BY_HAND), (LOW, None)]
    await assert_invariants(db)


async def test_an_acknowledged_alert_is_still_resolved_by_itself_and_keeps_who_saw_it(db: Database) -> None:
    item = await add_stock(db, 10, reorder_point=5)
    held = await hold(db, want(item, 6))
    await acknowledge(db, (await alerts_of(db, item))[0])
    [seen] = await alerts_of(db, item)
    assert (seen.status, seen.acknowledged_by, seen.version) == (ACKNOWLEDGED, TESTER.actor_id, 2)
    await settle(db, held, CANCELLED)
    [over] = await alerts_of(db, item)
    assert (over.status, over.acknowledged_by_name, over.resolution) == (RESOLVED, TESTER.name, Resolution.RELEASED)


async def test_what_happens_to_an_alert_is_news_in_its_order(db: Database) -> None:
    item = await add_stock(db, 10, reorder_point=5)
    held = await hold(db, want(item, 6))
    [alert] = await alerts_of(db, item)
    for _ in range(2):
        await acknowledge(db, alert)
    await settle(db, held, CANCELLED)
    await acknowledge(db, alert)
    await resolve(db, alert)
    news = await news_of(db, alert.alert_id)
    assert [(one.type, one.sequence, one.key) for one in news] == [
        ("inventory.alert_acknowledged", 2, item.sku),
        ("inventory.alert_resolved", 3, item.sku),
    ]
    assert (news[1].data["resolution"], news[1].data["resolvedBy"]) == ("released", None)


async def test_another_noun_raises_one_alert_however_often_it_looks(db: Database) -> None:
    transfer_id = uuid.uuid4()

    async def look(session: WriteSession) -> UUID | None:
        return await alerts.raise_alert(session, LOW, transfer_id, details={"lateSeconds": 60})

    raised = [alert_id for alert_id in await asyncio.gather(*(db.writing(look) for _ in range(4))) if alert_id]
    assert len(raised) == 1

    async def arrive(session: WriteSession) -> int:
        return await alerts.resolve_alerts(session, transfer_id, [LOW, OUT], Resolution.RECOVERED, actor=TESTER)

    assert [await db.writing(arrive) for _ in range(2)] == [1, 0]
    found = await db.reading(lambda session: alerts.get(session, raised[0]))
    assert found is not None
    assert (found.details, found.resolution, found.resolved_by) == (
        {"lateSeconds": 60},
        Resolution.RECOVERED,
        TESTER.actor_id,
    )
    [news] = await news_of(db, found.alert_id)
    assert news.key == str(transfer_id)
    assert await db.writing(look) is not None, "it may be late again"
    await db.writing(arrive)


async def test_a_change_that_is_undone_raises_nothing(db: Database) -> None:
    item, other = await add_stock(db, 10, reorder_point=5), await add_stock(db, 1)
    refused = await hold(db, want(item, 6), want(other, 2))
    assert refused.status is ReservationStatus.REJECTED
    assert await alerts_of(db, item) == []


async def test_buyers_and_staff_at_once_leave_at_most_one_alert_of_a_kind(db: Database) -> None:
    item = await add_stock(db, 6, reorder_point=3)

    async def buy() -> None:
        for _ in range(8):
            held = await hold(db, want(item, 2))
            if held.status is ReservationStatus.PENDING:
                await settle(db, held, CANCELLED)

    async def act(how: Any) -> None:
        for _ in range(8):
            for alert in await alerts_of(db, item):
                await how(db, alert)

    await asyncio.gather(*(buy() for _ in range(4)), act(acknowledge), act(resolve))
    assert await stock_now(db, item) is not None
    assert {alert.status for alert in await alerts_of(db, item)} <= {RESOLVED}
    await assert_invariants(db)


@dataclass
class Expected:
    """The alerts that a row must have, worked out from its quantities alone."""

    available: int
    point: int
    unresolved: set[AlertKind] = field(default_factory=set)
    raised: int = 0

    def become(self, available: int, point: int) -> None:
        was, is_ = self._wrong(self.available, self.point), self._wrong(available, point)
        self.raised += len(is_ - was)
        self.unresolved = (self.unresolved | (is_ - was)) & is_
        self.available, self.point = available, point

    @staticmethod
    def _wrong(available: int, point: int) -> set[AlertKind]:
        return {kind for kind, is_wrong in ((LOW, available <= point), (OUT, available == 0)) if is_wrong}


@pytest.mark.parametrize("seed", range(3))
async def test_any_walk_of_stock_and_point_leaves_the_alerts_that_the_numbers_say(db: Database, seed: int) -> None:
    chance = random.Random(seed)
    item = await add_stock(db, 8, reorder_point=4)
    expected, held = Expected(8, 4), []
    for _ in range(40):
        step = chance.choice(["take", "give", "in", "point", "hand"])
        if step == "take" and expected.available:
            held.append(await hold(db, want(item, chance.randint(1, expected.available))))
        elif step == "give" and held:
            await settle(db, held.pop(chance.randrange(len(held))), CANCELLED)
        elif step == "in":
            await change_total(db, item, chance.randint(1, 3))
        elif step == "point":
            await move_point(db, item, chance.randint(0, 9))
        elif step == "hand" and expected.unresolved:
            kind = chance.choice(sorted(expected.unresolved))
            [alert] = [a for a in await alerts_of(db, item) if a.kind == kind and a.status is not RESOLVED]
            await resolve(db, alert)
            expected.unresolved.discard(kind)
        now = await stock_now(db, item)
        expected.become(now.quantity_available, now.reorder_point)
        found = await alerts_of(db, item)
        unresolved = sorted(alert.kind for alert in found if alert.status is not RESOLVED)
        assert (unresolved, len(found)) == (sorted(expected.unresolved), expected.raised)
    await assert_invariants(db)


async def test_alerts_are_listed_by_whatever_narrows_them(db: Database) -> None:
    place = await add_warehouse(db)
    first, second = [await add_stock(db, 10, warehouse=place, reorder_point=5) for _ in range(2)]
    elsewhere = await add_stock(db, 10, sku=first.sku, reorder_point=5)
    for item in (first, second, elsewhere):
        await hold(db, want(item, 10, warehouse_id=item.warehouse_id))
    await acknowledge(db, next(a for a in await alerts_of(db, second) if a.kind is LOW))
    await resolve(db, next(a for a in await alerts_of(db, second) if a.kind is OUT))

    async def found(**narrow: Any) -> set[tuple[UUID, AlertKind]]:
        listed: list[Alert] = []
        token = None
        while True:
            page = PageRequest(size=2, token=token)
            one = await db.reading(lambda session: alerts.listed(session, AlertFilter(**narrow), page))  # noqa: B023
            listed += one.items
            if (token := one.next_token) is None:
                break
        assert listed == sorted(listed, key=lambda alert: (alert.raised_at, alert.alert_id), reverse=True)
        return {(alert.subject_id, alert.kind) for alert in listed}

    one, two, other = (item.inventory_id for item in (first, second, elsewhere))
    here = place.warehouse_id
    assert await found(warehouse_id=here) == {(one, LOW), (one, OUT), (two, LOW), (two, OUT)}
    assert await found(sku=first.sku) == {(one, LOW), (one, OUT), (other, LOW), (other, OUT)}
    assert await found(sku=first.sku, warehouse_id=here, kind=OUT) == {(one, OUT)}
    assert await found(warehouse_id=here, status=OPEN) == {(one, LOW), (one, OUT)}
    assert await found(warehouse_id=here, status=ACKNOWLEDGED) == {(two, LOW)}
    assert await found(warehouse_id=here, status=RESOLVED, kind=OUT) == {(two, OUT)}
    assert await found(sku=second.sku, status=RESOLVED, kind=LOW) == set()
    assert await found() >= {(one, LOW), (two, OUT), (other, OUT)}
    assert await found(sku=unique("NONE")) == set()
