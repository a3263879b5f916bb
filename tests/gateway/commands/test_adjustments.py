"""Adjustments that wait, with the commands, the workflow and the activities on real servers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import text
from temporalio.client import Client

from activities import maintenance as maintenance_activities
from activities.maintenance import MaintenanceActivities
from db import stock
from db.availability_view import AvailabilityView
from db.engine import Database
from domain.adjustments import AdjustmentStatus, StockAdjustment
from domain.contracts.names import operation_workflow_id
from domain.contracts.reservations import Source
from domain.errors import NotFound, OperationClosed, SelfApproval
from domain.ids import Actor
from domain.operations import OperationKind, Step
from domain.stock import Adjustment
from gateway.auth import Caller
from gateway.commands.adjustments import AdjustmentCommands, leave_to_reconcile
from gateway.commands.operations import OperationDesk
from gateway.commands.stock import StockCommands
from runtime.search_attributes import ensure_search_attributes
from runtime.settings import Settings
from tests.gateway.commands.desk import closed, connect
from tests.patience import PATIENCE_SECONDS
from tests.stocking import add_stock, assert_invariants, audit_of
from workers.temporal_workers import operations_worker

BOSS = Caller(Actor(uuid.uuid4(), "boss"), "boss", frozenset(), "request-2", source=Source.GRPC)


@pytest.fixture(scope="module")
async def temporal(settings: Settings) -> Client:
    client = await connect(settings)
    await ensure_search_attributes(client)
    return client


@pytest.fixture(scope="module")
async def working(db: Database, temporal: Client, settings: Settings) -> AsyncIterator[None]:
    async with operations_worker(temporal, db, settings):
        yield


@pytest.fixture(scope="module")
def commands(db: Database, temporal: Client, view: AvailabilityView) -> AdjustmentCommands:
    return AdjustmentCommands(
        db, OperationDesk(database=db, temporal=temporal, deadline_seconds=6 * PATIENCE_SECONDS), view
    )


async def waiting(
    db: Database, view: AvailabilityView, caller: Caller, commands: AdjustmentCommands | None, delta: int = -150
) -> StockAdjustment:
    """A change that is too large for its asker."""
    item = await add_stock(db, 200)
    begin = commands.begin if commands else leave_to_reconcile
    by_hand = StockCommands(db, view, Settings(), begin=begin)
    change = Adjustment(delta=delta, reason="counted")
    made = (await by_hand.adjust(item.inventory_id, change, caller, adjustment_id=uuid.uuid4())).adjustment
    assert made is not None
    return made


@pytest.mark.usefixtures("working")
async def test_it_waits_in_a_workflow_until_somebody_else_decides(
    db: Database, view: AvailabilityView, caller: Caller, commands: AdjustmentCommands, temporal: Client
) -> None:
    made = await waiting(db, view, caller, commands)
    with pytest.raises(SelfApproval):
        await commands.decide(made.adjustment_id, Step.APPROVE, caller, decision_id=uuid.uuid4())
    decision_id = uuid.uuid4()
    done = await commands.decide(made.adjustment_id, Step.APPROVE, BOSS, reason="seen", decision_id=decision_id)
    assert (done.status, done.decided_by_name, done.total_after) == (AdjustmentStatus.APPLIED, "boss", 50)
    handle = temporal.get_workflow_handle(operation_workflow_id(OperationKind.ADJUSTMENT, made.adjustment_id))
    assert await (await handle.describe()).static_details() == "source rest, request `request-1`"
    await closed(handle)
    repeated = await commands.decide(made.adjustment_id, Step.APPROVE, BOSS, decision_id=decision_id)
    assert repeated == done
    with pytest.raises(OperationClosed):
        await commands.decide(made.adjustment_id, Step.REJECT, BOSS, decision_id=uuid.uuid4())
    lines = await audit_of(db, OperationKind.ADJUSTMENT, made.adjustment_id)
    assert [(line.step, line.performed_by_name, line.source, line.refusal_code) for line in lines] == [
        ("request", "clerk", "rest", None),
        ("approve", "clerk", "rest", "self_approval"),
        ("approve", "boss", "grpc", None),
    ]
    await assert_invariants(db)


@pytest.mark.usefixtures("working")
async def test_a_decision_finds_a_request_whose_workflow_was_never_started(
    db: Database, view: AvailabilityView, caller: Caller, commands: AdjustmentCommands
) -> None:
    made = await waiting(db, view, caller, None)
    done = await commands.decide(made.adjustment_id, Step.REJECT, BOSS, decision_id=uuid.uuid4())
    assert done.status is AdjustmentStatus.REJECTED


@pytest.mark.usefixtures("working")
async def test_reconcile_starts_the_workflow_of_a_request_that_lost_it(
    db: Database, view: AvailabilityView, caller: Caller, temporal: Client, settings: Settings
) -> None:
    made = await waiting(db, view, caller, None)
    async with db.write() as session:
        await session.execute(text("update adjustments set requested_at = requested_at - interval '1 minute'"))
    maintenance = MaintenanceActivities(db, temporal, settings)
    assert await maintenance.adopt_orphans() == 1
    assert await maintenance.adopt_orphans() == 0
    handle = temporal.get_workflow_handle(operation_workflow_id(OperationKind.ADJUSTMENT, made.adjustment_id))
    assert await (await handle.describe()).static_details() is None
    await handle.signal("reject", {"actor_name": "boss"})
    assert await handle.result() == "REJECTED"


async def test_reconcile_finds_who_lost_his_workflow_behind_any_number_of_others(
    db: Database, view: AvailabilityView, caller: Caller, temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance_activities, "LOOKED_AT_PER_RUN_MAX", 1)
    for _ in range(2):
        await waiting(db, view, caller, None)
    async with db.write() as session:
        await session.execute(text("update adjustments set requested_at = requested_at - interval '1 minute'"))
        open_ones = await session.execute(text("select count(*) from adjustments where closed_at is null"))
    maintenance = MaintenanceActivities(db, temporal, Settings())
    assert sum([await maintenance.adopt_orphans() for _ in range(open_ones.scalar_one())]) == 2


@pytest.mark.usefixtures("working")
async def test_of_many_approvers_at_once_one_applies_it(
    db: Database, view: AvailabilityView, caller: Caller, commands: AdjustmentCommands
) -> None:
    made = await waiting(db, view, caller, commands)
    bosses = [replace(BOSS, actor=Actor(uuid.uuid4(), f"boss-{n}")) for n in range(4)]
    answers = await asyncio.gather(
        *(commands.decide(made.adjustment_id, Step.APPROVE, boss, decision_id=uuid.uuid4()) for boss in bosses),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, OperationClosed) for answer in answers) == 3
    row = await db.reading(lambda session: stock.get(session, made.inventory_id))
    assert row is not None
    assert row.quantity_total == 50


async def test_an_unknown_adjustment_is_not_found(commands: AdjustmentCommands) -> None:
    with pytest.raises(NotFound):
        await commands.decide(uuid.uuid4(), Step.APPROVE, BOSS, decision_id=uuid.uuid4())
