"""A rush for the last pieces: who cannot get any any more is told so by Postgres, not by a workflow of his own."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import pytest

from db import holding
from db.engine import Database
from domain.allocation import Level, Pick, Plan
from domain.errors import InsufficientStock, Saturated
from domain.reservations import Reservation
from domain.stock import StockItem
from gateway.admission import Admission
from gateway.commands import holding as gateway_holding
from gateway.commands.holding import Holding
from gateway.commands.under_way import UnderWay
from runtime.rendezvous import Rendezvous
from runtime.shared_work import SharedWork
from tests.stocking import add_stock, hold_request, want

SECONDS_MAX = 20.0


class Watched(UnderWay):
    """Tells when somebody begins to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.somebody_waits = asyncio.Event()

    async def ended(self, levels: Sequence[Level], *, seconds_max: float) -> None:
        self.somebody_waits.set()
        await super().ended(levels, seconds_max=seconds_max)


class WorkingTemporal:
    """Starts a workflow by doing its hold at once, in this process."""

    def __init__(self, db: Database, rendezvous: Rendezvous[Reservation]) -> None:
        self._db = db
        self._rendezvous = rendezvous
        self.started = 0

    async def start_workflow(self, *, arg: Any = None, args: Any = (), **_options: Any) -> Any:
        self.started += 1
        request = arg or args[0]
        row = await holding.hold(self._db, request)
        self._rendezvous.resolve(str(request.reservation_id), row)


class Rush:
    """A holding with its parts at hand."""

    def __init__(self, db: Database, *, in_work_max: int = 256) -> None:
        rendezvous: Rendezvous[Reservation] = Rendezvous()
        self.temporal = WorkingTemporal(db, rendezvous)
        self.under_way = Watched()
        self.holding = Holding(
            database=db,
            temporal=cast("Any", self.temporal),
            rendezvous=rendezvous,
            holds=SharedWork(kept_seconds=10),
            admission=Admission(in_work_max=in_work_max, target_seconds=10.0),
        )
        self.holding.under_way = self.under_way

    def buy(self, item: StockItem) -> asyncio.Task[Any]:
        request = hold_request([want(item, 1)])
        return asyncio.create_task(self.holding.hold(request, deadline_seconds=SECONDS_MAX))


def plan_for(item: StockItem, quantity: int) -> Plan:
    pick = Pick(inventory_id=item.inventory_id, warehouse_id=item.warehouse_id, sku=item.sku, quantity=quantity)
    return Plan(picks=(pick,))


@pytest.fixture
def rush(db: Database, monkeypatch: pytest.MonkeyPatch) -> Rush:
    """Whoever waits for a rival waits as long as it takes: a busy machine makes nobody try all the same."""
    monkeypatch.setattr(gateway_holding, "RENDEZVOUS_SECONDS", SECONDS_MAX)
    return Rush(db)


async def test_who_loses_the_last_piece_to_a_rival_under_way_starts_no_workflow(db: Database, rush: Rush) -> None:
    item = await add_stock(db, 1)
    with rush.under_way.taking(plan_for(item, 1)):
        buyer = rush.buy(item)
        await rush.under_way.somebody_waits.wait()
        await holding.hold(db, hold_request([want(item, 1)]))
    with pytest.raises(InsufficientStock):
        await buyer
    assert rush.temporal.started == 0


async def test_a_rival_that_fails_leaves_the_piece_to_who_waited(db: Database, rush: Rush) -> None:
    item = await add_stock(db, 1)
    with rush.under_way.taking(plan_for(item, 1)):
        buyer = rush.buy(item)
        await rush.under_way.somebody_waits.wait()
    assert (await buyer).reservation.lines[0].quantity == 1
    assert rush.temporal.started == 1


async def test_nobody_waits_while_there_is_enough_for_all(db: Database, rush: Rush) -> None:
    item = await add_stock(db, 5)
    with rush.under_way.taking(plan_for(item, 4)):
        assert (await rush.buy(item)).is_new
    assert not rush.under_way.somebody_waits.is_set()


async def test_a_crowd_for_three_pieces_makes_three_holds(db: Database, rush: Rush) -> None:
    item = await add_stock(db, 3)
    outcomes = await asyncio.gather(*(rush.buy(item) for _ in range(40)), return_exceptions=True)
    assert sum(isinstance(outcome, InsufficientStock) for outcome in outcomes) == 37
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 3


async def test_who_would_make_the_queue_too_long_is_sent_away_and_told_when_to_come_back(db: Database) -> None:
    item, rush = await add_stock(db, 1), Rush(db, in_work_max=2)
    with rush.under_way.taking(plan_for(item, 1)):
        buyers = [rush.buy(item) for _ in range(3)]
        first, _ = await asyncio.wait(buyers, return_when=asyncio.FIRST_COMPLETED)
        await holding.hold(db, hold_request([want(item, 1)]))
    outcomes = await asyncio.gather(*buyers, return_exceptions=True)
    assert Counter(type(outcome) for outcome in outcomes) == {InsufficientStock: 2, Saturated: 1}
    assert [type(one.exception()) for one in first] == [Saturated]


async def test_only_rivals_at_the_same_shelf_are_waited_for() -> None:
    under_way = UnderWay()
    here, elsewhere = _level(), _level()
    with under_way.taking(_taking(elsewhere, 5)):
        await under_way.ended([here], seconds_max=SECONDS_MAX)
        assert under_way.left_of([here, elsewhere]) == [here, _level_like(elsewhere, quantity=0)]
    assert under_way.left_of([elsewhere]) == [elsewhere]


def _level() -> Level:
    return Level(inventory_id=uuid.uuid4(), warehouse_id=uuid.uuid4(), sku="SKU", quantity_available=3)


def _level_like(level: Level, *, quantity: int) -> Level:
    return Level(
        inventory_id=level.inventory_id, warehouse_id=level.warehouse_id, sku=level.sku, quantity_available=quantity
    )


def _taking(level: Level, quantity: int) -> Plan:
    pick = Pick(inventory_id=level.inventory_id, warehouse_id=level.warehouse_id, sku=level.sku, quantity=quantity)
    return Plan(picks=(pick,))


async def test_shelves_are_less_what_is_about_to_be_taken_and_the_same_when_nothing_is() -> None:
    under_way = UnderWay()
    here, elsewhere = [
        Level(inventory_id=uuid.uuid4(), warehouse_id=uuid.uuid4(), sku="A", quantity_available=5) for _ in range(2)
    ]
    pick = Pick(inventory_id=here.inventory_id, warehouse_id=here.warehouse_id, sku="A", quantity=3)
    with under_way.taking(Plan(picks=(pick,))), under_way.taking(Plan(picks=(pick,))):
        assert [level.quantity_available for level in under_way.left_of([here, elsewhere])] == [0, 5]
        assert under_way.left_of(others := [elsewhere]) is others
    assert under_way.left_of(shelves := [here, elsewhere]) is shelves
