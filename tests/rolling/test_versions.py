"""What was begun by one version of our code is finished by another, on a real server and real stock.

Yesterday's workflows are kept in previous/, tomorrow's have a step more behind a patch. Workers of two versions share a
task queue as they do while a deployment rolls, and any task may reach any of them.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

from activities.adjustments import AdjustmentActivities
from activities.reservations import ReservationActivities
from activities.transfers import TransferActivities
from db.engine import Database
from domain.contracts.adjustments import AdjustmentRequest
from domain.contracts.names import ADJUSTMENT_WORKFLOW, COMMIT, DECIDE, RESERVATION_WORKFLOW, TRANSFER_WORKFLOW
from domain.contracts.operations import StaffDecision, StepOutcome
from domain.contracts.reservations import SettleOutcome
from domain.operations import Step
from domain.stock import MovementType, StockItem
from gateway.commands.readiness import when_ready
from runtime.search_attributes import ensure_search_attributes
from runtime.settings import Settings
from runtime.temporal import DATA_CONVERTER
from tests.gateway.commands.desk import connect
from tests.replay.fingerprint import fingerprint
from tests.replay.histories_so_far import until
from tests.replay.record import stored
from tests.rolling.previous import adjustment as previous_adjustment
from tests.rolling.previous import reservation as previous_reservation
from tests.rolling.previous import transfer as previous_transfer
from tests.rolling.record import PATCHED
from tests.rolling.tomorrow import LINGER, TomorrowsAdjustment, TomorrowsReservation, TomorrowsTransfer
from tests.stocking import TESTER, add_stock, assert_invariants, hold_request, ledger_of, stock_now, want
from tests.transferring import road, sku
from tests.workflows.fakes import decision
from workflows.adjustment import AdjustmentWorkflow
from workflows.reservation import ReservationWorkflow
from workflows.transfer import TransferWorkflow

Version: TypeAlias = "tuple[type[Any], ...]"
Handle: TypeAlias = "WorkflowHandle[Any, str]"

YESTERDAY: Version = (
    previous_reservation.ReservationWorkflow,
    previous_adjustment.AdjustmentWorkflow,
    previous_transfer.TransferWorkflow,
)
TODAY: Version = (ReservationWorkflow, AdjustmentWorkflow, TransferWorkflow)
TOMORROW: Version = (TomorrowsReservation, TomorrowsAdjustment, TomorrowsTransfer)

WORKFLOWS = [RESERVATION_WORKFLOW, ADJUSTMENT_WORKFLOW, TRANSFER_WORKFLOW]
DONE = {"COMMITTED", "APPLIED", "CLOSED"}
REFUSED = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR

OF_YESTERDAY = [
    "held_and_waiting",
    "extended_and_waiting",
    "committed_by_a_signal",
    "expired",
    "adjustment_waiting",
    "transfer_on_the_road",
]
UNPATCHED = [
    *OF_YESTERDAY,
    "cancelled_by_a_request",
    "adjustment_approved_by_an_update",
    "transfer_approved_and_received_in_parts",
]
"""Stored histories (tests/replay) that were written before the patch."""

STICKY_SECONDS = 0.2
"""How long a task waits for a worker that is gone: short, so that the other version gets it soon."""


@dataclass(frozen=True, slots=True)
class Shop:
    """A task queue of its own, stock, and workers of whichever version."""

    client: Client
    db: Database
    settings: Settings
    queue: str

    @asynccontextmanager
    async def working(self, *versions: Version) -> AsyncIterator[None]:
        """Workers of these versions side by side, each with a connection of its own, as in processes."""
        async with AsyncExitStack() as workers:
            for version in versions:
                await workers.enter_async_context(await self._worker(version))
            yield

    async def _worker(self, version: Version) -> Worker:
        reservations = ReservationActivities(self.db, self.settings)
        adjustments = AdjustmentActivities(self.db, self.settings)
        transfers = TransferActivities(self.db, self.settings)
        return Worker(
            await connect(self.settings),
            task_queue=self.queue,
            workflows=list(version),
            activities=[
                *(reservations.hold, reservations.settle),
                *(adjustments.open, adjustments.take),
                *(transfers.open, transfers.take),
            ],
            workflow_runner=UnsandboxedWorkflowRunner(),
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=STICKY_SECONDS),
        )

    async def begin(self, kind: str, request: Any) -> Handle:
        """Start a workflow by the name that all its versions have."""
        return await self.client.start_workflow(
            kind, request, id=f"{kind}-{uuid.uuid4()}", task_queue=self.queue, result_type=str
        )


@dataclass(frozen=True, slots=True)
class Story:
    """One workflow of which the first half is told by one version and the second by another.

    `item` has `before` pieces until it is decided and `after` of them then, by `movements` in all.
    """

    kind: str
    handle: Handle
    item: StockItem
    before: int = 200
    after: int = 50
    movements: int = 2

    async def waits(self) -> None:
        """Return when it waits for a decision."""
        await until(self.handle, "timer_started_event_attributes")

    async def decide(self) -> str:
        """Sell, approve or receive, as the commands of the gateway ask for it; answers the status afterwards."""
        if self.kind == RESERVATION_WORKFLOW:
            paid = decision()
            sold = await when_ready(
                lambda: self.handle.execute_update(COMMIT, paid, id=paid.decision_id, result_type=SettleOutcome)
            )
            return str(sold.status)
        return await self.take(Step.RECEIVE if self.kind == TRANSFER_WORKFLOW else Step.APPROVE)

    async def take(self, step: Step) -> str:
        """Have somebody else of the staff take a step; answers the status afterwards."""
        asked = StaffDecision(decision_id=str(uuid.uuid4()), actor_id=uuid.uuid4(), actor_name="boss")
        done = await when_ready(
            lambda: self.handle.execute_update(
                DECIDE, args=[step, asked], id=asked.decision_id, result_type=StepOutcome
            )
        )
        return str(done.status)


@pytest.fixture(scope="module")
async def shop(settings: Settings) -> AsyncIterator[Shop]:
    client = await connect(settings)
    await ensure_search_attributes(client)
    db = Database.connect(settings, process="tests")
    yield Shop(client, db, settings, f"versions-{uuid.uuid4()}")
    await db.close()


async def begun(shop: Shop, kind: str) -> Story:
    """A reservation of 150 pieces of 200, a loss of as many that needs a second person, or as many on the road."""
    if kind == TRANSFER_WORKFLOW:
        return await _on_the_road(shop)
    item = await add_stock(shop.db, 200)
    if kind == RESERVATION_WORKFLOW:
        request: Any = hold_request([want(item, 150)])
    else:
        request = AdjustmentRequest(
            adjustment_id=uuid.uuid4(),
            inventory_id=item.inventory_id,
            delta=-150,
            type=MovementType.ADJUSTMENT,
            reason="counted",
            actor_id=TESTER.actor_id,
            actor_name=TESTER.name,
        )
    return Story(kind, await shop.begin(kind, request), item)


async def _on_the_road(shop: Shop) -> Story:
    name = sku()
    way = await road(shop.db, **{name: 200})
    shelf = await add_stock(shop.db, warehouse=way.target, sku=name)
    handle = await shop.begin(TRANSFER_WORKFLOW, way.ask(**{name: 150}))
    story = Story(TRANSFER_WORKFLOW, handle, shelf, before=0, after=150, movements=1)
    assert await story.take(Step.SHIP) == "IN_TRANSIT"
    return story


async def assert_done_once(shop: Shop, story: Story) -> None:
    now = await stock_now(shop.db, story.item)
    assert (now.quantity_total, now.quantity_reserved) == (story.after, 0)
    assert len(await ledger_of(shop.db, story.item)) == story.movements
    await assert_invariants(shop.db)


async def words_of(story: Story) -> list[str]:
    """The commands, with the names of patches for their markers."""
    return fingerprint(await story.handle.fetch_history())


async def refused_tasks(story: Story) -> list[int]:
    """Why tasks of the workflow failed."""
    history = await story.handle.fetch_history()
    kind = "workflow_task_failed_event_attributes"
    return [getattr(event, kind).cause for event in history.events if event.HasField(kind)]


@pytest.mark.parametrize("kind", WORKFLOWS)
@pytest.mark.parametrize(("old", "new"), [(YESTERDAY, TODAY), (TODAY, TOMORROW)], ids=["to today", "to tomorrow"])
async def test_what_was_begun_on_the_old_code_is_finished_by_the_new(
    shop: Shop, kind: str, old: Version, new: Version
) -> None:
    async with shop.working(old):
        story = await begun(shop, kind)
        await story.waits()
    async with shop.working(new):
        assert await story.decide() in DONE
        assert await story.handle.result() in DONE
    assert f"patch {LINGER}" not in await words_of(story)
    assert await refused_tasks(story) == []
    await assert_done_once(shop, story)


@pytest.mark.parametrize("kind", WORKFLOWS)
async def test_what_is_begun_on_the_new_code_takes_the_new_path(shop: Shop, kind: str) -> None:
    async with shop.working(TOMORROW):
        story = await begun(shop, kind)
        await story.waits()
        assert await story.decide() in DONE
        await story.handle.result()
    assert (await words_of(story)).count(f"patch {LINGER}") == 1
    await assert_done_once(shop, story)


@pytest.mark.parametrize("kind", WORKFLOWS)
async def test_a_task_that_falls_back_to_the_old_code_is_refused_there_and_done_by_the_new(
    shop: Shop, kind: str
) -> None:
    """The worst of a rolling deployment: the new worker that had begun it is gone, and an old one is asked first."""
    async with shop.working(TOMORROW):
        story = await begun(shop, kind)
        await story.waits()
    async with AsyncExitStack() as workers:
        await workers.enter_async_context(shop.working(TODAY))
        deciding = asyncio.create_task(story.decide())
        await until(story.handle, "workflow_task_failed_event_attributes")
        assert not deciding.done()
        assert (await stock_now(shop.db, story.item)).quantity_total == story.before
        await workers.enter_async_context(shop.working(TOMORROW))
        async with asyncio.timeout(60):
            assert await deciding in DONE
            assert await story.handle.result() in DONE
    assert set(await refused_tasks(story)) == {REFUSED}
    await assert_done_once(shop, story)


async def test_the_history_of_a_patched_path_replays_on_code_that_knows_it_and_on_no_other() -> None:
    history = WorkflowHistory.from_json("patched", PATCHED.read_text("utf-8"))
    assert f"patch {LINGER}" in fingerprint(history)
    await Replayer(workflows=list(TOMORROW), data_converter=DATA_CONVERTER).replay_workflow(history)
    with pytest.raises(workflow.NondeterminismError):
        await Replayer(workflows=list(TODAY), data_converter=DATA_CONVERTER).replay_workflow(history)


@pytest.mark.parametrize("name", UNPATCHED)
async def test_histories_of_before_the_patch_replay_on_the_code_that_has_it(name: str) -> None:
    await Replayer(workflows=list(TOMORROW), data_converter=DATA_CONVERTER).replay_workflow(stored(name))


@pytest.mark.parametrize("name", OF_YESTERDAY)
async def test_histories_that_yesterday_left_replay_on_its_code(name: str) -> None:
    """So that what is called yesterday here is what wrote them."""
    await Replayer(workflows=list(YESTERDAY), data_converter=DATA_CONVERTER).replay_workflow(stored(name))
