"""Workflows as they may be one day: each with a new step, behind a patch, as CONTRIBUTING wants it.

What was begun without the step never takes it; what was begun with it is refused by code that does not know it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow

from domain.contracts.adjustments import AdjustmentRequest
from domain.contracts.names import ADJUSTMENT_WORKFLOW, RESERVATION_WORKFLOW, TRANSFER_WORKFLOW
from domain.contracts.operations import StepOutcome
from domain.contracts.reservations import HoldRequest, SettleOutcome
from domain.contracts.transfers import TransferRequest
from workflows.adjustment import AdjustmentWorkflow
from workflows.operation import Activities, Operation
from workflows.reservation import ReservationWorkflow
from workflows.transfer import TransferWorkflow

LINGER = "linger"
"""The new step: a workflow stays for a moment after its end, so that latecomers still find it."""

LINGER_TIME = timedelta(milliseconds=50)


@workflow.defn(name=RESERVATION_WORKFLOW)
class TomorrowsReservation(ReservationWorkflow):
    """A reservation that lingers."""

    @workflow.init
    def __init__(self, request: HoldRequest) -> None:
        super().__init__(request)
        self._lingers = False

    @workflow.run
    async def run(self, request: HoldRequest) -> str:
        """As today."""
        return await super().run(request)

    async def _hold(self, request: HoldRequest) -> SettleOutcome:
        self._lingers = workflow.patched(LINGER)
        return await super()._hold(request)

    async def _answer_latecomers(self, row: SettleOutcome) -> SettleOutcome:
        if self._lingers:
            await workflow.sleep(LINGER_TIME, summary=LINGER)
        return await super()._answer_latecomers(row)


class Lingering(Operation):
    """Work that waits for people, and lingers; the patch is asked for before the first command."""

    _lingers = False

    async def story(self, activities: Activities, request: Any) -> str:
        """As today."""
        self._lingers = workflow.patched(LINGER)
        return await super().story(activities, request)

    async def _answer_latecomers(self, activities: Activities, row: StepOutcome) -> StepOutcome:
        if self._lingers:
            await workflow.sleep(LINGER_TIME, summary=LINGER)
        return await super()._answer_latecomers(activities, row)


@workflow.defn(name=ADJUSTMENT_WORKFLOW)
class TomorrowsAdjustment(Lingering, AdjustmentWorkflow):
    """An adjustment that lingers."""

    @workflow.run
    async def run(self, request: AdjustmentRequest) -> str:
        """As today."""
        return await super().run(request)


@workflow.defn(name=TRANSFER_WORKFLOW)
class TomorrowsTransfer(Lingering, TransferWorkflow):
    """A transfer that lingers."""

    @workflow.run
    async def run(self, request: TransferRequest) -> str:
        """As today."""
        return await super().run(request)
