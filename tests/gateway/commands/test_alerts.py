"""What staff do about alerts: the first one's name stays, a repeat changes nothing, what is over cannot be seen to."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace

import pytest

from db.alerts import AlertFilter
from db.engine import Database
from db.paging import PageRequest
from domain.alerts import STOCK_ALERTS, Alert, AlertStatus, Resolution
from domain.contracts.reservations import Source
from domain.errors import AlertResolved, NotFound, Unprocessable
from domain.ids import Actor
from domain.stock import StockItemChanges
from gateway.auth import Caller
from gateway.commands.alerts import AlertCommands
from gateway.commands.stock import StockCommands
from gateway.views import Views
from tests.stocking import add_stock, assert_invariants, hold, news_of, want


@pytest.fixture(scope="module")
def commands(db: Database) -> AlertCommands:
    return AlertCommands(db)


@pytest.fixture
async def alert(db: Database, views: Views) -> Alert:
    item = await add_stock(db, 20)
    await hold(db, want(item, 15))
    return await only_alert(views, item.sku)


async def only_alert(views: Views, sku: str) -> Alert:
    [alert] = (await views.alert_list(AlertFilter(sku=sku), PageRequest())).items
    return alert


async def test_whoever_sees_it_first_has_seen_it(db: Database, commands: AlertCommands, alert: Alert) -> None:
    clerks = [
        Caller(
            actor=Actor(uuid.uuid4(), f"clerk {n}"),
            subject=str(n),
            scopes=frozenset(),
            request_id="",
            source=Source.REST,
        )
        for n in range(4)
    ]
    seen = await asyncio.gather(*(commands.acknowledge(alert.alert_id, clerk) for clerk in clerks))
    assert all(each == seen[0] for each in seen)
    assert (seen[0].status, seen[0].version) == (AlertStatus.ACKNOWLEDGED, 2)
    assert seen[0].acknowledged_by in {clerk.actor.actor_id for clerk in clerks}
    assert len(await news_of(db, alert.alert_id)) == 1


async def test_it_is_resolved_once_by_hand_and_then_cannot_be_acknowledged(
    db: Database, commands: AlertCommands, alert: Alert, caller: Caller, views: Views
) -> None:
    traced = replace(caller, traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    first = await commands.resolve(alert.alert_id, traced, reason="on its way")
    again = await commands.resolve(alert.alert_id, caller, reason="another reason")
    assert first == again == await views.alert(alert.alert_id)
    assert (first.status, first.resolution, first.reason) == (AlertStatus.RESOLVED, Resolution.BY_HAND, "on its way")
    assert (first.resolved_by, first.resolved_by_name) == (caller.actor.actor_id, "clerk")
    with pytest.raises(AlertResolved) as refused:
        await commands.acknowledge(alert.alert_id, caller)
    assert refused.value.extra == {"alertId": str(alert.alert_id), "resolution": "by_hand"}
    [news] = await news_of(db, alert.alert_id)
    assert (news.type, news.traceparent) == ("inventory.alert_resolved", traced.traceparent)
    await assert_invariants(db)


async def test_what_nobody_raised_is_not_there(commands: AlertCommands, caller: Caller, views: Views) -> None:
    with pytest.raises(NotFound):
        await commands.acknowledge(uuid.uuid4(), caller)
    with pytest.raises(NotFound):
        await commands.resolve(uuid.uuid4(), caller, reason="")
    with pytest.raises(NotFound):
        await views.alert(uuid.uuid4())


async def test_a_reason_that_no_row_can_hold_is_refused(commands: AlertCommands, alert: Alert, caller: Caller) -> None:
    with pytest.raises(Unprocessable):
        await commands.resolve(alert.alert_id, caller, reason="x" * 256)


async def test_a_row_that_is_counted_or_given_another_point_or_retired_has_its_alerts_follow(
    db: Database, stock_commands: StockCommands, views: Views, caller: Caller
) -> None:
    item = await add_stock(db, 20, reorder_point=10)
    changes = StockItemChanges(quantity_total=15, reorder_point=15, reason="count")
    await stock_commands.update(item.inventory_id, changes, caller, expected_version=None)
    raised = await only_alert(views, item.sku)
    assert raised.details == {"quantityAvailable": 15, "reorderPoint": 15, "reorderQuantity": 50, "sequence": 2}
    await stock_commands.update(item.inventory_id, StockItemChanges(reorder_quantity=7), caller, expected_version=None)
    assert (await only_alert(views, item.sku)).status is AlertStatus.OPEN
    await stock_commands.delete(item.inventory_id, caller, expected_version=None)
    over = (await views.alert_list(AlertFilter(sku=item.sku), PageRequest())).items
    assert {alert.kind: alert.resolution for alert in over} == dict.fromkeys(STOCK_ALERTS, Resolution.RETIRED)
    await assert_invariants(db)
