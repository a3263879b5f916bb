"""Transfers with the commands, the workflow and the activities on real servers: what staff do, by every door."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import Client

from activities.maintenance import MaintenanceActivities
from db.availability_view import AvailabilityView
from db.engine import Database
from domain.contracts.names import operation_workflow_id
from domain.contracts.reservations import Source
from domain.errors import (
    InsufficientStock,
    NotFound,
    OperationClosed,
    ReceiptExceedsShipment,
    ReceiptMismatch,
    SelfApproval,
    StepNotAllowed,
    UnknownItem,
)
from domain.ids import Actor, actor_from_subject
from domain.operations import OperationKind, Step
from domain.transfers import NewTransfer, Transfer, TransferStatus
from gateway.auth import Caller
from gateway.commands.operations import OperationDesk
from gateway.commands.transfers import TransferCommands
from runtime.policies import transfer_policy
from runtime.search_attributes import ensure_search_attributes
from runtime.settings import Settings
from tests.gateway.commands.desk import closed, connect
from tests.patience import PATIENCE_SECONDS
from tests.stocking import assert_documented, assert_invariants, audit_of
from tests.transferring import Road, lines, road
from workers.temporal_workers import operations_worker

ANN = Caller(actor_from_subject(Settings().jwt_issuer, "ann"), "ann", frozenset(), "request-1", source=Source.GRPC)
BOSS = Caller(Actor(uuid.uuid4(), "boss"), "boss", frozenset(), "request-2", source=Source.REST)


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
def commands(db: Database, temporal: Client, view: AvailabilityView, settings: Settings) -> TransferCommands:
    desk = OperationDesk(database=db, temporal=temporal, deadline_seconds=6 * PATIENCE_SECONDS)
    return TransferCommands(db, desk, view, policy=transfer_policy(settings))


def asked(way: Road, **pieces: int) -> NewTransfer:
    return NewTransfer(from_warehouse_id=way.source.warehouse_id, to_warehouse_id=way.target.warehouse_id, lines=pieces)


async def request(commands: TransferCommands, way: Road, **pieces: int) -> Transfer:
    return await commands.request(asked(way, **pieces), ANN, transfer_id=uuid.uuid4())


async def decide(
    commands: TransferCommands, transfer: Transfer, step: Step, by: Caller = BOSS, **said: Any
) -> Transfer:
    return await commands.decide(transfer.transfer_id, step, by, **{"decision_id": uuid.uuid4(), **said})


async def listed(temporal: Client, transfer: Transfer, query: str) -> None:
    """Wait until operators find it so: lists are a moment behind."""
    wanted = f"WorkflowId = '{operation_workflow_id(OperationKind.TRANSFER, transfer.transfer_id)}' AND {query}"
    async with asyncio.timeout(15):
        while (await temporal.count_workflows(wanted)).count != 1:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.05)


def workflow(temporal: Client, transfer: Transfer) -> Any:
    return temporal.get_workflow_handle(operation_workflow_id(OperationKind.TRANSFER, transfer.transfer_id))


@pytest.mark.usefixtures("working")
async def test_stock_goes_to_another_region_short_and_the_gap_is_decided(
    db: Database, commands: TransferCommands, temporal: Client
) -> None:
    way = await road(db, far=True, A=10, B=5)
    made = await request(commands, way, A=6, B=5)
    assert await (await workflow(temporal, made).describe()).static_details() == "source grpc, request `request-1`"
    assert made.status is TransferStatus.PENDING_APPROVAL
    with pytest.raises(SelfApproval):
        await decide(commands, made, Step.APPROVE, ANN)
    assert (await decide(commands, made, Step.APPROVE)).status is TransferStatus.APPROVED
    shipped = await decide(commands, made, Step.SHIP, ANN)
    assert (shipped.status, shipped.wakes_for) == (TransferStatus.IN_TRANSIT, Step.LATE)
    with pytest.raises(ReceiptExceedsShipment):
        await decide(commands, made, Step.RECEIVE, ANN, lines=lines(A=7))
    slip = {"receipt_id": "slip-1", "lines": lines(A=5, B=5)}
    partly = await decide(commands, made, Step.RECEIVE, ANN, **slip)
    assert partly.status is TransferStatus.PARTLY_RECEIVED
    assert await decide(commands, made, Step.RECEIVE, ANN, **slip) == partly
    done = await decide(commands, made, Step.RESOLVE, BOSS, discrepancy="lost", reason="fell off")
    assert (done.status, done.lines[0].quantity_lost) == (TransferStatus.CLOSED, 1)
    assert await workflow(temporal, made).result() == "CLOSED"
    assert (await way.levels(way.source), await way.levels(way.target)) == ({"A": 4, "B": 0}, {"A": 5, "B": 5})
    trail = await audit_of(db, OperationKind.TRANSFER, made.transfer_id)
    assert [(line.step, line.performed_by_name, line.source, line.refusal_code) for line in trail] == [
        ("request", "ann", "grpc", None),
        ("approve", "ann", "grpc", "self_approval"),
        ("approve", "boss", "rest", None),
        ("ship", "ann", "grpc", None),
        ("receive", "ann", "grpc", "receipt_exceeds_shipment"),
        ("receive", "ann", "grpc", None),
        ("resolve", "boss", "rest", None),
    ]
    await assert_documented(db, made.transfer_id)
    await assert_invariants(db)


@pytest.mark.usefixtures("working")
async def test_after_the_end_a_repeat_is_answered_and_anything_else_is_too_late(
    db: Database, commands: TransferCommands, temporal: Client
) -> None:
    way = await road(db, A=10)
    made = await request(commands, way, A=4)
    await decide(commands, made, Step.SHIP)
    decision_id = uuid.uuid4()
    done = await decide(commands, made, Step.RECEIVE, decision_id=decision_id, receipt_id="slip-1")
    await closed(workflow(temporal, made))
    assert await decide(commands, made, Step.RECEIVE, decision_id=decision_id, receipt_id="slip-1") == done
    assert await decide(commands, made, Step.RECEIVE, receipt_id="slip-1") == done
    with pytest.raises(ReceiptMismatch):
        await decide(commands, made, Step.RECEIVE, receipt_id="slip-1", lines=lines(A=1))
    for step in (Step.SHIP, Step.RECEIVE, Step.CANCEL, Step.APPROVE):
        with pytest.raises(OperationClosed):
            await decide(commands, made, step)


@pytest.mark.usefixtures("working")
async def test_people_in_temporal_ui_need_a_name_and_what_they_say(
    db: Database, commands: TransferCommands, temporal: Client
) -> None:
    way = await road(db, far=True, A=10)
    made = await request(commands, way, A=4)
    handle = workflow(temporal, made)
    await handle.signal("approve", {"actor_name": ["not", "a", "name"]})
    await handle.signal("approve", {"actor_name": "ann"})
    await handle.signal("approve", {"actor_name": "carl"})
    await handle.signal("ship", {"actor_name": "ann", "lines": [{"sku": "A", "quantity": 3}]})
    await handle.signal("receive", {"actor_name": "dora", "lines": [{"sku": "A", "quantity": 2}]})
    await handle.signal("resolve", {"actor_name": "dora", "discrepancy": "return", "reason": "ü" * 5_000})
    await handle.signal("resolve", {"actor_name": "dora", "discrepancy": "return"})
    assert await handle.result() == "CLOSED"
    trail = await audit_of(db, OperationKind.TRANSFER, made.transfer_id)
    assert [(line.step, line.performed_by_name, line.source, line.refusal_code) for line in trail[1:]] == [
        ("approve", "ann", "temporal", "self_approval"),
        ("approve", "carl", "temporal", None),
        ("ship", "ann", "temporal", None),
        ("receive", "dora", "temporal", None),
        ("resolve", "dora", "temporal", "validation_failed"),
        ("resolve", "dora", "temporal", None),
    ]
    assert (await way.levels(way.source), await way.levels(way.target)) == ({"A": 8}, {"A": 2})


@pytest.mark.usefixtures("working")
async def test_operators_find_what_waits_what_is_on_the_road_and_what_is_late(
    db: Database, commands: TransferCommands, temporal: Client
) -> None:
    way = await road(db, far=True, A=10)
    made = await request(commands, way, A=4)
    await listed(temporal, made, "OperationStatus = 'PENDING_APPROVAL'")
    await decide(commands, made, Step.APPROVE)
    await decide(commands, made, Step.SHIP)
    await listed(temporal, made, "OperationStatus = 'IN_TRANSIT' AND IsLate = false")
    late = await commands.request(replace(asked(way, A=1), transit_seconds=1), ANN, transfer_id=uuid.uuid4())
    await decide(commands, late, Step.APPROVE)
    await decide(commands, late, Step.SHIP)
    await listed(temporal, late, "IsLate = true AND ExecutionStatus = 'Running' AND Skus = 'A'")


@pytest.mark.usefixtures("working")
async def test_asking_again_with_the_same_id_answers_the_transfer_as_it_is(
    db: Database, commands: TransferCommands
) -> None:
    way = await road(db, A=10)
    transfer_id = uuid.uuid4()
    first = await commands.request(asked(way, A=4), ANN, transfer_id=transfer_id)
    shipped = await decide(commands, first, Step.SHIP)
    assert await commands.request(asked(way, A=4), ANN, transfer_id=transfer_id) == shipped
    with pytest.raises(UnknownItem):
        await request(commands, way, Z=1)


@pytest.mark.usefixtures("working")
async def test_a_decision_finds_a_transfer_whose_workflow_is_gone(
    db: Database, commands: TransferCommands, temporal: Client
) -> None:
    way = await road(db, A=10)
    made = await request(commands, way, A=4)
    await decide(commands, made, Step.SHIP)
    await workflow(temporal, made).terminate()
    assert (await decide(commands, made, Step.CANCEL)).status is TransferStatus.CANCELLED
    assert await way.levels(way.source) == {"A": 10}


@pytest.mark.usefixtures("working")
async def test_reconcile_starts_the_workflow_of_a_transfer_that_lost_it(
    db: Database, commands: TransferCommands, temporal: Client, settings: Settings
) -> None:
    way = await road(db, A=10)
    made = await request(commands, way, A=4)
    await decide(commands, made, Step.SHIP)
    await workflow(temporal, made).terminate()
    async with db.write() as session:
        await session.execute(text("update transfers set requested_at = requested_at - interval '1 minute'"))
    maintenance = MaintenanceActivities(db, temporal, settings)
    assert await maintenance.adopt_orphans() >= 1
    handle = workflow(temporal, made)
    await handle.signal("receive", {"actor_name": "dora"})
    assert await handle.result() == "CLOSED"


@pytest.mark.usefixtures("working")
async def test_what_refuses_a_step_reaches_whoever_took_it(db: Database, commands: TransferCommands) -> None:
    way = await road(db, A=10)
    made = await request(commands, way, A=40)
    with pytest.raises(InsufficientStock) as short:
        await decide(commands, made, Step.SHIP)
    assert short.value.extra["shortages"] == [{"sku": "A", "requested": 40, "available": 10}]
    with pytest.raises(StepNotAllowed):
        await decide(commands, made, Step.RECEIVE)
    with pytest.raises(NotFound):
        await decide(commands, replace(made, transfer_id=uuid.uuid4()), Step.SHIP)
