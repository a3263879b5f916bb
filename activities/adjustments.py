"""The steps of adjustments that wait for a second person: approve, reject, cancel, and what the clock does."""

from __future__ import annotations

from temporalio import activity

from activities.operations import Effect, Noun, StepTaken, for_temporal, take_step
from db import adjustments, movements, operations, stock, tables
from db.adjustment_rows import facts_of, get
from db.engine import Database, WriteSession
from db.locks import lock_stock
from db.operations import Advance
from domain.adjustments import AdjustmentStatus, StockAdjustment, check_adjustment_step
from domain.contracts.adjustments import AdjustmentRequest
from domain.contracts.operations import StepOutcome, StepRequest
from domain.errors import HoldfastError, NotFound
from domain.events import Produced
from domain.operations import OperationKind, Step
from domain.stock import check_takeable
from runtime.policies import adjustment_policy
from runtime.settings import Settings
from workflows import ports


class AdjustmentActivities(ports.AdjustmentActivities):
    """The implementation on real Postgres."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._issuer = settings.jwt_issuer
        self._policy = adjustment_policy(settings)
        self._noun = Noun(
            kind=OperationKind.ADJUSTMENT,
            table=tables.adjustments,
            read=get,
            facts_of=facts_of,
            effects={
                Step.APPROVE: _apply,
                Step.REJECT: _end_as(AdjustmentStatus.REJECTED, Produced.ADJUSTMENT_REJECTED),
                Step.CANCEL: _end_as(AdjustmentStatus.CANCELLED, Produced.ADJUSTMENT_CANCELLED),
                Step.LAPSE: _end_as(AdjustmentStatus.LAPSED, Produced.ADJUSTMENT_LAPSED),
                Step.REMIND: self._nudge,
                Step.ESCALATE: self._nudge,
            },
        )

    @activity.defn(name="open_adjustment")
    async def open(self, request: AdjustmentRequest) -> StepOutcome:
        """Record the adjustment if nobody has, apply it if one person is enough; answers the row as it is now."""
        try:
            return await self._database.writing(lambda session: self._open(session, request), idempotent=True)
        except HoldfastError as error:
            raise for_temporal(error) from error

    @activity.defn(name="take_adjustment_step")
    async def take(self, request: StepRequest) -> StepOutcome:
        """Take one step under its rules, or record who was refused and why."""
        return await take_step(self._database, self._noun, request, issuer=self._issuer)

    async def _open(self, session: WriteSession, request: AdjustmentRequest) -> StepOutcome:
        await adjustments.request(session, request, self._policy)
        row = await operations.get(session, tables.adjustments, request.adjustment_id)
        return operations.outcome_of(row)

    async def _nudge(self, _session: WriteSession, taken: StepTaken[StockAdjustment]) -> Advance:
        """Remind, then escalate: the event is what somebody's mailbox listens for."""
        asked = taken.operation
        check_adjustment_step(asked, taken.step, taken.actor.actor_id)
        reminded = taken.step is Step.REMIND
        return Advance(
            status=asked.status,
            event=Produced.ADJUSTMENT_REMINDED if reminded else Produced.ADJUSTMENT_ESCALATED,
            wake=self._policy.patience.wake_after(asked.requested_at, taken.step),
        )


async def _apply(session: WriteSession, taken: StepTaken[StockAdjustment]) -> Advance:
    """Approve: the rules once more, now that the stock may have moved, then the movement."""
    asked = taken.operation
    check_adjustment_step(asked, taken.step, taken.actor.actor_id)
    await lock_stock(session, [asked.inventory_id])
    item = await stock.get(session, asked.inventory_id)
    if item is None:
        raise NotFound("the inventory row was retired meanwhile")
    check_takeable(item, asked.delta)
    change = adjustments.as_change(asked)
    [line] = await movements.apply(session, [change], taken.actor, taken.decision.traceparent)
    around = {"applied_total_before": item.quantity_total, "total_after": line.total_after}
    return Advance(
        status=AdjustmentStatus.APPLIED,
        event=Produced.ADJUSTMENT_APPLIED,
        columns={**_decided(taken), **around},
        is_closed=True,
        details={"totalBefore": item.quantity_total, "totalAfter": line.total_after},
    )


def _end_as(status: AdjustmentStatus, event: Produced) -> Effect:
    """A step that ends an adjustment without moving stock."""

    async def end(_session: WriteSession, taken: StepTaken[StockAdjustment]) -> Advance:
        check_adjustment_step(taken.operation, taken.step, taken.actor.actor_id)
        return Advance(status=status, event=event, columns=_decided(taken), is_closed=True)

    return end


def _decided(taken: StepTaken[StockAdjustment]) -> dict[str, object]:
    return {
        "decided_by": taken.actor.actor_id,
        "decided_by_name": taken.actor.name,
        "decided_at": operations.CLOCK,
        "decision_reason": taken.decision.reason,
    }
