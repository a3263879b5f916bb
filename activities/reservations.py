"""The stock side of a reservation's life: each method is one Postgres transaction, safe to repeat.

The hold also resolves the rendezvous of the request that waits for it in this process: the row is committed then.
"""

from __future__ import annotations

from datetime import UTC, datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from db import holding, outbox, reservations
from db.engine import Database, WriteSession
from domain.contracts.reservations import (
    Decision,
    HoldIdentity,
    HoldOutcome,
    HoldRequest,
    SettleOutcome,
    SettleRequest,
    Source,
)
from domain.errors import HoldfastError, Unavailable
from domain.reservations import ReleaseReason, Reservation, ReservationStatus
from runtime import metrics
from runtime.crowd import WAKES_PER_SECOND_BESIDE, Crowd
from runtime.failpoints import failpoint, task_failpoint
from runtime.rendezvous import Rendezvous
from runtime.settings import Settings
from runtime.shared_work import SharedWork
from workflows import ports


class ReservationActivities(ports.ReservationActivities):
    """The implementation on real Postgres.

    `holds` are offered by requests in this process, which make them themselves when they come first.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        rendezvous: Rendezvous[Reservation] | None = None,
        holds: SharedWork[HoldIdentity, Reservation] | None = None,
        wakes_per_second: int = WAKES_PER_SECOND_BESIDE,
    ) -> None:
        self._database = database
        self._settings = settings
        self._rendezvous = rendezvous if rendezvous is not None else Rendezvous()
        self._holds = holds if holds is not None else SharedWork(kept_seconds=0)
        self._crowd = Crowd(wakes_per_second=wakes_per_second)

    @activity.defn(name="hold")
    async def hold(self, request: HoldRequest) -> HoldOutcome:
        """Hold stock or record the refusal; a repeat answers the row as it is now."""
        try:
            row = await self._held(request)
        except HoldfastError as error:
            raise _for_temporal(error) from error
        self._rendezvous.resolve(str(request.reservation_id), row)
        await task_failpoint("after_rendezvous")
        if row.sequence == 1:
            metrics.RESERVATIONS.labels(outcome=_outcome_label(row.status), source=request.source).inc()
        late_seconds = self._crowd.late_seconds(row.expires_at) if row.status is ReservationStatus.PENDING else 0.0
        return HoldOutcome(
            status=row.status,
            expires_at=row.expires_at,
            extends_count=row.extends_count,
            late_seconds=late_seconds,
        )

    @activity.defn(name="settle")
    async def settle(self, request: SettleRequest) -> SettleOutcome:
        """Make a guarded transition; the answer is the row's status afterwards, whoever won."""
        try:
            outcome = await self._settle(request)
        except HoldfastError as error:
            raise _for_temporal(error) from error
        failpoint("after_settle_commit")
        if outcome is None:
            raise ApplicationError("the reservation has no row", type="reservation_lost", non_retryable=True)
        _count(request, outcome)
        return outcome

    async def _held(self, request: HoldRequest) -> Reservation:
        if (begun := self._holds.take(request.identity)) is not None:
            return await begun.outcome()
        row = await holding.hold(self._database, request)
        failpoint("after_hold_commit")
        return row

    async def _settle(self, request: SettleRequest) -> SettleOutcome | None:
        if request.decision is Decision.EXTEND:
            return await self._database.calling(lambda session: self._extend(session, request))
        if request.decision is Decision.COMMIT and request.source is Source.KAFKA:
            return await self._database.writing(lambda session: _commit_paid(session, request), idempotent=True)
        target = _TARGETS[request.decision]
        outcome = await self._database.calling(lambda session: reservations.settle(session, request, target=target))
        if _is_return(request, outcome):
            return await self._database.calling(lambda session: reservations.return_sold(session, request))
        return outcome

    async def _extend(self, session: WriteSession, request: SettleRequest) -> SettleOutcome | None:
        return await reservations.extend(
            session,
            request,
            lifetime_seconds_max=self._settings.reservation_hold_seconds_max,
            extends_max=self._settings.reservation_extends_max,
        )


_TARGETS = {
    Decision.COMMIT: ReservationStatus.COMMITTED,
    Decision.CANCEL: ReservationStatus.CANCELLED,
    Decision.EXPIRE: ReservationStatus.EXPIRED,
}


async def _commit_paid(session: WriteSession, request: SettleRequest) -> SettleOutcome | None:
    """A payment event: when it comes too late, the refusal is news in the same commit, so that money can go back."""
    outcome = await reservations.settle(session, request, target=ReservationStatus.COMMITTED)
    if outcome is not None and outcome.status is not ReservationStatus.COMMITTED:
        row = await reservations.get(session, request.reservation_id)
        assert row is not None
        await outbox.add_commit_refused(
            session,
            row,
            reason=outcome.status.value.lower(),
            decision_id=request.decision_id,
            traceparent=request.traceparent,
        )
    return outcome


def _is_return(request: SettleRequest, outcome: SettleOutcome | None) -> bool:
    """An order that is cancelled after it was sold brings its stock back; any other cancel does not."""
    cancelled_order = request.decision is Decision.CANCEL and request.reason == ReleaseReason.ORDER_CANCELLED
    return cancelled_order and outcome is not None and outcome.status is ReservationStatus.COMMITTED


def _count(request: SettleRequest, outcome: SettleOutcome) -> None:
    if not outcome.changed or outcome.status is ReservationStatus.PENDING:
        return
    label = "returned" if outcome.returned else outcome.status.value.lower()
    metrics.RESERVATIONS.labels(outcome=label, source=request.source).inc()
    if outcome.status is ReservationStatus.EXPIRED:
        lag_seconds = (datetime.now(UTC) - outcome.expires_at).total_seconds()
        metrics.EXPIRY_LAG.observe(max(0.0, lag_seconds))


def _outcome_label(status: ReservationStatus) -> str:
    return "held" if status is ReservationStatus.PENDING else status.value.lower()


def _for_temporal(error: HoldfastError) -> ApplicationError:
    """A typed failure: what may pass is retried for as long as it takes, what cannot pass is not."""
    passing = isinstance(error, Unavailable)
    category = ApplicationErrorCategory.BENIGN if passing else ApplicationErrorCategory.UNSPECIFIED
    return ApplicationError(error.detail, type=error.code, non_retryable=not passing, category=category)
