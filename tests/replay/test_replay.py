"""Workflows that were started by yesterday's code go on with today's, and an edit that would break them is seen."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.worker import Replayer

from domain.allocation import Rules
from domain.contracts.reservations import HoldRequest
from runtime.temporal import DATA_CONVERTER
from tests.replay.fingerprint import fingerprint
from tests.replay.record import HISTORIES, stored
from tests.replay.scenarios import SCENARIOS, played, recording_server
from workflows.adjustment import AdjustmentWorkflow
from workflows.maintenance import ReconcileWorkflow
from workflows.purchase_order import PurchaseOrderWorkflow
from workflows.reservation import ReservationWorkflow
from workflows.restock import RestockWorkflow
from workflows.transfer import TransferWorkflow

WORKFLOWS = [
    AdjustmentWorkflow,
    PurchaseOrderWorkflow,
    ReconcileWorkflow,
    ReservationWorkflow,
    RestockWorkflow,
    TransferWorkflow,
]
STORED = sorted(path.stem for path in HISTORIES.glob("*.json"))


@pytest.fixture(scope="module")
async def recorder() -> AsyncIterator[Client]:
    async with recording_server() as client:
        yield client


@pytest.mark.parametrize("name", STORED)
async def test_a_stored_history_replays(name: str) -> None:
    replayer = Replayer(workflows=WORKFLOWS, data_converter=DATA_CONVERTER)
    await replayer.replay_workflow(stored(name))


@pytest.mark.parametrize("name", sorted(SCENARIOS))
async def test_a_scenario_makes_the_commands_that_were_stored(recorder: Client, name: str) -> None:
    assert fingerprint(await played(recorder, name)) == fingerprint(stored(name))


def test_every_scenario_has_its_history() -> None:
    assert set(SCENARIOS) <= set(STORED)


def test_histories_of_workflows_that_wait_are_among_them() -> None:
    for name in (
        "held_and_waiting",
        "extended_and_waiting",
        "adjustment_waiting",
        "adjustment_refused_and_waiting",
        "transfer_on_the_road",
        "purchase_order_sent_and_waiting",
    ):
        assert "start timer" in (commands := fingerprint(stored(name)))
        assert "complete" not in commands


@pytest.mark.parametrize("name", ["held_and_waiting", "committed_by_a_signal", "continued_as_new"])
async def test_a_history_of_before_strategies_is_planned_as_it_was(name: str) -> None:
    """Its request says nothing of strategy and destination: by priority, as ever."""
    started = stored(name).events[0].workflow_execution_started_event_attributes
    [request] = await DATA_CONVERTER.decode(list(started.input.payloads)[:1], [HoldRequest])
    assert b"strategy" not in started.input.payloads[0].data
    assert request.rules(None) == Rules()
    assert all(item.preferred_warehouse_id is None for item in request.items)


def test_no_history_tells_about_the_machine_it_came_from() -> None:
    for name in STORED:
        text = (HISTORIES / f"{name}.json").read_text("utf-8")
        assert "/work" not in text
        assert "/home" not in text
        assert '"identity": "recorder"' in text
        assert text.count('"identity"') == text.count('"identity": "recorder"')
