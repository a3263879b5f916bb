"""The steps of transfers: how each is taken, and those that move no stock. The others are in transfer_steps.py."""

from __future__ import annotations

from temporalio import activity

from activities.operations import Effect, Noun, for_temporal, take_step
from activities.transfer_steps import Taken, cancel, mark_late, receive, resolve, shipping
from db import operations, tables, transfers
from db.engine import Database, WriteSession
from db.operations import Advance
from db.transfer_rows import facts_of, get
from domain.contracts.operations import StepOutcome, StepRequest
from domain.contracts.transfers import TransferRequest
from domain.errors import HoldfastError
from domain.events import Produced
from domain.operations import OperationKind, Step
from domain.transfers import TransferStatus, check_transfer_step
from runtime.policies import transfer_policy
from runtime.settings import Settings
from workflows import ports


class TransferActivities(ports.TransferActivities):
    """The implementation on real Postgres."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._issuer = settings.jwt_issuer
        self._policy = transfer_policy(settings)
        self._noun = Noun(
            kind=OperationKind.TRANSFER,
            table=tables.transfers,
            read=get,
            facts_of=facts_of,
            effects={
                Step.APPROVE: _approve,
                Step.REJECT: _end_as(TransferStatus.REJECTED, Produced.TRANSFER_REJECTED),
                Step.LAPSE: _end_as(TransferStatus.LAPSED, Produced.TRANSFER_LAPSED),
                Step.REMIND: self._nudge,
                Step.ESCALATE: self._nudge,
                Step.SHIP: shipping(self._policy),
                Step.RECEIVE: receive,
                Step.RESOLVE: resolve,
                Step.LATE: mark_late,
                Step.CANCEL: cancel,
            },
        )

    @activity.defn(name="open_transfer")
    async def open(self, request: TransferRequest) -> StepOutcome:
        """Record the transfer if nobody has; answers the row as it is now."""
        try:
            return await self._database.writing(lambda session: self._open(session, request), idempotent=True)
        except HoldfastError as error:
            raise for_temporal(error) from error

    @activity.defn(name="take_transfer_step")
    async def take(self, request: StepRequest) -> StepOutcome:
        """Take one step under its rules, or record who was refused and why."""
        return await take_step(self._database, self._noun, request, issuer=self._issuer)

    async def _open(self, session: WriteSession, request: TransferRequest) -> StepOutcome:
        await transfers.request(session, request, self._policy)
        return operations.outcome_of(await operations.get(session, tables.transfers, request.transfer_id))

    async def _nudge(self, _session: WriteSession, taken: Taken) -> Advance:
        """Remind, then escalate: the event is what somebody's mailbox listens for."""
        asked = taken.operation
        check_transfer_step(asked, taken.step, taken.actor.actor_id)
        reminded = taken.step is Step.REMIND
        return Advance(
            status=asked.status,
            event=Produced.TRANSFER_REMINDED if reminded else Produced.TRANSFER_ESCALATED,
            wake=self._policy.patience.wake_after(asked.requested_at, taken.step),
        )


async def _approve(_session: WriteSession, taken: Taken) -> Advance:
    """Somebody other than the asker agrees; from now on it may be shipped."""
    check_transfer_step(taken.operation, taken.step, taken.actor.actor_id)
    return Advance(status=TransferStatus.APPROVED, event=Produced.TRANSFER_APPROVED, columns=_decided(taken))


def _end_as(status: TransferStatus, event: Produced) -> Effect:
    """A step that ends a transfer before anything has left."""

    async def end(_session: WriteSession, taken: Taken) -> Advance:
        check_transfer_step(taken.operation, taken.step, taken.actor.actor_id)
        return Advance(status=status, event=event, columns=_decided(taken), is_closed=True)

    return end


def _decided(taken: Taken) -> dict[str, object]:
    return {
        "decided_by": taken.actor.actor_id,
        "decided_by_name": taken.actor.name,
        "decided_at": operations.CLOCK,
        "decision_reason": taken.decision.reason,
    }
