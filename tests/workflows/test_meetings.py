"""Whatever meets in one task, in every order, and whatever comes while the last word is being spoken."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from domain.contracts.names import ADJUSTMENT_WORKFLOW, CANCEL, COMMIT, DECIDE, EXTEND, HELD
from domain.contracts.operations import StaffDecision, StepOutcome
from domain.contracts.reservations import Decision, HoldOutcome, HoldRequest, SettleOutcome, SettleRequest
from domain.operations import Step
from domain.reservations import ReservationStatus
from holdfast.stack.embedded import Stack
from runtime.search_attributes import ensure_search_attributes
from runtime.settings import Settings
from runtime.temporal import connect
from tests.conftest import NAMESPACES
from tests.replay.histories_so_far import until
from tests.workflows.alone import FORGETS_QUICKLY, now, start
from tests.workflows.conftest import worker
from tests.workflows.fake_desk import FakeDesk, adjustment_request
from tests.workflows.fakes import FakeStock, decision, hold_request
from tests.workflows.test_cancel_requests import running_slowly, under_way
from workflows import ports
from workflows.adjustment import AdjustmentWorkflow

TIMER = "the timer"
TIMER_FIRED = "timer_fired_event_attributes"
ENDS = {COMMIT: ReservationStatus.COMMITTED, CANCEL: ReservationStatus.CANCELLED}
ORDERS = [
    (*pair[:place], TIMER, *pair[place:])
    for pair in itertools.permutations((COMMIT, CANCEL, EXTEND), 2)
    for place in range(3)
]


@dataclass
class ManyStocks(ports.ReservationActivities):
    """Many reservations on one queue, each on a fake of its own."""

    of: dict[uuid.UUID, FakeStock] = field(default_factory=lambda: defaultdict(lambda: FakeStock(now)))

    @activity.defn(name="hold")
    async def hold(self, request: HoldRequest) -> HoldOutcome:
        return await self.of[request.reservation_id].hold(request)

    @activity.defn(name="settle")
    async def settle(self, request: SettleRequest) -> SettleOutcome:
        return await self.of[request.reservation_id].settle(request)


async def _comes(handle: WorkflowHandle[Any, str], order: tuple[str, ...]) -> None:
    for name in order:
        if name == TIMER:
            await until(handle, TIMER_FIRED)
        else:
            await handle.signal(name, decision(hold_seconds=600))
    await until(handle, TIMER_FIRED)


async def test_two_decisions_and_the_timer_in_one_task_are_taken_in_the_order_of_their_coming(
    dev_client: Client,
) -> None:
    hold_seconds = 3
    while True:  # until the worker is gone before the first deadline, however slow the machine is
        stocks, queue = ManyStocks(), f"reservations-{uuid.uuid4()}"
        requests = [hold_request(hold_seconds=hold_seconds) for _ in ORDERS]
        handles = [await start(dev_client, request, queue) for request in requests]
        async with worker(dev_client, stocks, queue, **FORGETS_QUICKLY):
            await asyncio.gather(*(until(handle, "timer_started_event_attributes") for handle in handles))
        if not any(stock.asked for stock in stocks.of.values()):
            break
        hold_seconds *= 3
    await asyncio.gather(*(_comes(handle, order) for handle, order in zip(handles, ORDERS, strict=True)))
    async with worker(dev_client, stocks, queue, **FORGETS_QUICKLY):
        ended = await asyncio.gather(*(handle.result() for handle in handles))
    for order, request, status in zip(ORDERS, requests, ended, strict=True):
        decisions = [name for name in order if name != TIMER]
        assert stocks.of[request.reservation_id].decisions == [Decision(name) for name in decisions], order
        assert status == next(ENDS[name] for name in decisions if name in ENDS), order


@pytest.mark.parametrize("late", [COMMIT, CANCEL, EXTEND])
async def test_an_update_that_comes_as_the_workflow_closes_is_answered_by_the_row(
    dev_client: Client, late: str
) -> None:
    async with running_slowly(dev_client) as it:
        it.stock.gate.set()
        await it.handle.execute_update(HELD, result_type=HoldOutcome)
        it.stock.gate.clear()
        await it.handle.signal(COMMIT, decision("paid"))
        await under_way(it)
        answer = asyncio.ensure_future(
            it.handle.execute_update(late, decision("late", hold_seconds=600), result_type=SettleOutcome)
        )
        await until(it.handle, "workflow_task_started_event_attributes", 3)
        it.stock.gate.set()
        assert await it.handle.result() == ReservationStatus.COMMITTED
        outcome = (await asyncio.gather(answer, return_exceptions=True))[0]
        if isinstance(outcome, SettleOutcome):
            assert (outcome.status, outcome.changed) == (ReservationStatus.COMMITTED, False)
        else:  # it was closed already; the command asks the row then
            assert _is_too_late(outcome)
        assert it.stock.decided[0] == "paid"


@pytest.fixture(scope="module")
async def client(temporal_server: Stack) -> Client:
    """Of a namespace that knows the search attributes of operations."""
    there = {**temporal_server.addresses, "temporal_namespace": NAMESPACES[-7]}
    connected = await connect(Settings(**there))
    await ensure_search_attributes(connected)
    return connected


async def _alone_at_the_desk(
    client: Client, patience: timedelta = timedelta(days=1)
) -> tuple[WorkflowHandle[Any, str], FakeDesk, str]:
    """An adjustment that waits, with no worker; for longer where the machine is too slow to take it away in time."""
    while True:
        desk, queue, request = FakeDesk(now, patience), f"operations-{uuid.uuid4()}", adjustment_request()
        handle = await client.start_workflow(
            ADJUSTMENT_WORKFLOW, request, id=f"adjustment-{request.adjustment_id}", task_queue=queue, result_type=str
        )
        async with _at(client, desk, queue):
            await until(handle, "timer_started_event_attributes")
        if not desk.taken:
            return handle, desk, queue
        await handle.terminate()
        patience *= 3


def _at(client: Client, desk: FakeDesk, queue: str) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[AdjustmentWorkflow],
        activities=[desk.open, desk.take],
        **FORGETS_QUICKLY,
    )


def _staff(name: str) -> StaffDecision:
    return StaffDecision(decision_id=f"{name}'s", actor_id=uuid.uuid4(), actor_name=name)


@pytest.mark.parametrize(
    ("steps", "status"),
    [((Step.APPROVE, Step.REJECT), "APPLIED"), ((Step.REJECT, Step.APPROVE), "REJECTED")],
    ids=["approve first", "reject first"],
)
async def test_decisions_of_staff_that_meet_the_clock_in_one_task_go_first_and_in_order(
    client: Client, steps: tuple[Step, Step], status: str
) -> None:
    handle, desk, queue = await _alone_at_the_desk(client, timedelta(seconds=2))
    await handle.signal(steps[0], _staff("boss"))
    await until(handle, TIMER_FIRED)
    await handle.signal(steps[1], _staff("other"))
    async with _at(client, desk, queue):
        assert await handle.result() == status
    assert [request.step for request in desk.taken] == list(steps)


async def test_staff_who_decide_at_once_have_one_winner_and_all_hear_of_it(client: Client) -> None:
    handle, desk, queue = await _alone_at_the_desk(client)
    async with _at(client, desk, queue):
        answers = await asyncio.gather(
            *(
                handle.execute_update(DECIDE, args=[step, _staff(f"{step} {n}")], result_type=StepOutcome)
                for n in range(4)
                for step in (Step.APPROVE, Step.REJECT)
            ),
            return_exceptions=True,
        )
        final = await handle.result()
    heard = [answer for answer in answers if isinstance(answer, StepOutcome)]
    assert sum(outcome.changed for outcome in heard) == 1
    assert {outcome.status for outcome in heard} == {final}
    assert all(_is_too_late(answer) for answer in answers if not isinstance(answer, StepOutcome))


def _is_too_late(answer: Any) -> bool:
    """What Temporal says of an update whose workflow has closed before it was taken in."""
    if isinstance(answer, WorkflowUpdateFailedError):
        return "completed" in str(answer.cause)
    return isinstance(answer, RPCError) and answer.status is RPCStatusCode.NOT_FOUND
