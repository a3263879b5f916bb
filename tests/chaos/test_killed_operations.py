"""kill −9 of workers around steps, people's and the clock's, of every noun and all at once: each takes effect once, and
whoever took it hears of it.

In a module of its own: here no other operation is there that could strike the failpoints first.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from temporalio.client import Client

from activities.adjustments import AdjustmentActivities
from db.engine import Database
from db.registers import ADJUSTMENTS, PURCHASE_ORDERS, TRANSFERS, Register
from domain.contracts.adjustments import AdjustmentRequest
from domain.contracts.names import operation_workflow_id
from domain.contracts.operation_starts import OperationStart
from domain.operations import OperationKind, Step
from domain.stock import MovementType, StockItem
from gateway.auth import SCOPES, development_token
from holdfast.rest_client import Rest, open_rest
from runtime.operation_start import start_options
from runtime.settings import Settings
from runtime.temporal import connect
from tests import buying
from tests.chaos.conftest import Processes, killed
from tests.replay.histories_so_far import until
from tests.stocking import TESTER, add_stock, assert_invariants, audit_of, ledger_of, news_of
from tests.transferring import road, sku

PATIENCE_SECONDS = 90.0
"""A step of a dead worker is tried again after the 20 seconds that one may take, and two workers die."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An operation that waits for a step: what the step makes of it, and of the pieces on a shelf, if any."""

    kind: OperationKind
    operation_id: UUID
    step: Step
    status: str
    shelf: StockItem
    moved: int = 0
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/{self.kind}s/{self.operation_id}/{self.step}"


async def _adjustment(db: Database, step: Step) -> Waiting:
    shelf = await add_stock(db, 200)
    asked = AdjustmentRequest(
        adjustment_id=uuid.uuid4(),
        inventory_id=shelf.inventory_id,
        delta=-150,
        type=MovementType.ADJUSTMENT,
        reason="cannot be found",
        actor_id=TESTER.actor_id,
        actor_name=TESTER.name,
    )
    await AdjustmentActivities(db, Settings()).open(asked)
    status, moved = ("APPLIED", -150) if step is Step.APPROVE else ("REJECTED", 0)
    return Waiting(OperationKind.ADJUSTMENT, asked.adjustment_id, step, status, shelf, moved)


async def _transfer(db: Database, step: Step) -> Waiting:
    name = sku()
    way = await road(db, far=True, **{name: 10})
    target = await add_stock(db, 1, warehouse=way.target, sku=name)
    request = await way.opened(**{name: 4})
    made = Waiting(OperationKind.TRANSFER, request.transfer_id, step, "APPROVED", way.stock[name])
    if step is Step.CANCEL:
        return replace(made, status="CANCELLED")
    if step is Step.APPROVE:
        return made
    await way.take(request, Step.APPROVE)
    if step is Step.SHIP:
        return replace(made, status="IN_TRANSIT", moved=-4)
    await way.take(request, Step.SHIP)
    if step is Step.RECEIVE:
        return replace(made, status="CLOSED", shelf=target, moved=4)
    return replace(made, status="CLOSED", moved=4, body={"discrepancy": "return"})


async def _purchase_order(db: Database, step: Step) -> Waiting:
    shelf, orders = await add_stock(db, 1), buying.activities_of(db)
    order = await buying.draft_of(db, shelf, quantity=6)
    made = Waiting(OperationKind.PURCHASE_ORDER, order.purchase_order_id, step, "APPROVED", shelf)
    if step is Step.CANCEL:
        return replace(made, status="CANCELLED")
    if step is Step.APPROVE:
        return made
    await orders.take(buying.step(order, Step.APPROVE))
    if step is Step.SEND:
        return replace(made, status="SENT")
    await orders.take(buying.step(order, Step.SEND))
    if step is Step.RECEIVE:
        return replace(made, status="RECEIVED", moved=6)
    await orders.take(buying.arrival(order, **{shelf.sku: 2}))
    return replace(made, status="CLOSED", body={"reason": "discontinued"})


STEPS: tuple[tuple[Callable[[Database, Step], Awaitable[Waiting]], Step], ...] = (
    (_adjustment, Step.APPROVE),
    (_adjustment, Step.REJECT),
    (_transfer, Step.APPROVE),
    (_transfer, Step.SHIP),
    (_transfer, Step.RECEIVE),
    (_transfer, Step.RESOLVE),
    (_transfer, Step.CANCEL),
    (_purchase_order, Step.APPROVE),
    (_purchase_order, Step.SEND),
    (_purchase_order, Step.RECEIVE),
    (_purchase_order, Step.CLOSE),
    (_purchase_order, Step.CANCEL),
)


async def _seen(db: Database, one: Waiting) -> tuple[int, int, list[int]]:
    """How many events and audit lines there are, and the ledger of its shelf."""
    lines = len(await audit_of(db, one.kind, one.operation_id))
    ledger = [line.quantity for line in await ledger_of(db, one.shelf)]
    return len(await news_of(db, one.operation_id)), lines, ledger


async def _taken(boss: Rest, one: Waiting) -> str:
    """The step, with one key until it is answered."""
    key = f"k-{one.operation_id}"
    answer = await boss.post_patiently(one.path, one.body, key=key, patience_seconds=PATIENCE_SECONDS)
    assert answer.status == 200, answer.body
    return str(answer.body["status"])


async def test_steps_whose_workers_died_are_taken_once_and_told(
    processes: Processes, db: Database, settings: Settings
) -> None:
    """One dies before a step's transaction, the next one after another's, each with further steps on their way."""
    waiting = [await make(db, step) for make, step in STEPS]
    before = [await _seen(db, one) for one in waiting]
    (_, api), first = await asyncio.gather(
        processes.serve(REQUEST_TIMEOUT_SECONDS="4"), processes.worker("before_operation_step=kill@3")
    )
    token = development_token(settings, subject="boss", scopes=SCOPES)
    async with open_rest(api, token) as boss:
        steps = [asyncio.ensure_future(_taken(boss, one)) for one in waiting]
        await killed(first)
        await killed(await processes.worker("after_operation_step=kill@2"))
        await processes.worker()
        assert await asyncio.gather(*steps) == [one.status for one in waiting]
    for one, (events, lines, ledger) in zip(waiting, before, strict=True):
        moved = [one.moved] if one.moved else []
        # Of its last step and of its end.
        told = 2 if (one.kind, one.status) == (OperationKind.TRANSFER, "CLOSED") else 1
        assert await _seen(db, one) == (events + told, lines + 1, ledger + moved), one
    await assert_invariants(db)


DUE: tuple[tuple[Callable[[Database, Step], Awaitable[Waiting]], Register, Step, Step], ...] = (
    (_adjustment, ADJUSTMENTS, Step.APPROVE, Step.REMIND),
    (_adjustment, ADJUSTMENTS, Step.APPROVE, Step.LAPSE),
    (_transfer, TRANSFERS, Step.APPROVE, Step.ESCALATE),
    (_transfer, TRANSFERS, Step.RECEIVE, Step.LATE),
    (_purchase_order, PURCHASE_ORDERS, Step.RECEIVE, Step.LATE),
)
"""Who waits for which step of people, and which one the clock takes in its place."""


async def _due(db: Database, register: Register, one: Waiting, step: Step) -> OperationStart:
    """As if the clock had come to that step."""
    (key,) = register.table.primary_key
    alarm = {"wakes_for": step, "wakes_at": func.clock_timestamp()}
    async with db.write() as session:
        await session.execute(update(register.table).where(key == one.operation_id).values(alarm))
        start = await register.start_of(session, one.operation_id)
    assert start is not None
    return start


async def _steps_of(db: Database, one: Waiting) -> list[str]:
    return [line.step for line in await audit_of(db, one.kind, one.operation_id)]


async def _step_is_answered(client: Client, start: OperationStart) -> None:
    """Until the workflow has heard of its second activity: the first one opened the row."""
    handle = client.get_workflow_handle(operation_workflow_id(start.kind, start.operation_id))
    await until(handle, "activity_task_completed_event_attributes", 2, seconds_max=PATIENCE_SECONDS)


async def test_steps_of_the_clock_whose_workers_died_are_taken_once(
    processes: Processes, db: Database, settings: Settings
) -> None:
    client = await connect(settings)
    waiting = [(await make(db, before), register, step) for make, register, before, step in DUE]
    steps = [await _steps_of(db, one) for one, _, _ in waiting]
    news = [len(await news_of(db, one.operation_id)) for one, _, _ in waiting]
    starts = [await _due(db, register, one, step) for one, register, step in waiting]
    first = await processes.worker("before_operation_step=kill@2")
    for start in starts:
        await client.start_workflow(**start_options(start))
    await killed(first)
    await killed(await processes.worker("after_operation_step=kill@2"))
    await processes.worker()
    await asyncio.gather(*(_step_is_answered(client, start) for start in starts))
    for (one, _, step), lines, events in zip(waiting, steps, news, strict=True):
        assert await _steps_of(db, one) == [*lines, step]
        assert len(await news_of(db, one.operation_id)) == events + 1
    await assert_invariants(db)
