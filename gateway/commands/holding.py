"""The way of a hold: plan it, start its workflow, meet the committed row, and never guess an outcome.

The quick way is to hold as soon as the workflow exists, for its local activity, wherever that will run; a rendezvous
with an activity is the second, the workflow itself the third, the row the last. Knows nothing of callers and their
rights.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from temporalio.client import Client, RPCTimeoutOrCancelledError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from db import allocation, holding, reservations
from db.engine import Database
from domain.allocation import Plan
from domain.allocation_reasons import explain
from domain.contracts.names import HELD, reservation_workflow_id
from domain.contracts.reservations import HoldIdentity, HoldRequest
from domain.errors import (
    HoldfastError,
    InsufficientStock,
    OutcomeUnknown,
    ReservationMismatch,
    Saturated,
    Unavailable,
    UnknownItem,
)
from domain.reservations import Reservation, ReservationStatus
from gateway.admission import Admission
from gateway.commands.last_look import last_look, leaving_time_to_look
from gateway.commands.under_way import UnderWay
from runtime import metrics
from runtime.failpoints import failpoint
from runtime.rendezvous import Rendezvous
from runtime.reservation_start import has_first_task, start_options
from runtime.shared_work import Once, SharedWork

RENDEZVOUS_SECONDS = 2.0
"""How long the quick way may stay silent before the workflow itself is asked; the quick way stays open meanwhile."""

ELSEWHERE_SECONDS = 0.15
"""How long a first task that the server kept may take to come to this process before the hold is made all the same: it
may stand behind a herd, or have gone to a process that cannot tell us."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """A held reservation; `is_new` unless the same reservation was asked for before."""

    reservation: Reservation
    is_new: bool


class Holding:
    """Holds of one serving process."""

    def __init__(
        self,
        *,
        database: Database,
        temporal: Client,
        rendezvous: Rendezvous[Reservation],
        holds: SharedWork[HoldIdentity, Reservation],
        admission: Admission,
    ) -> None:
        self._database = database
        self._temporal = temporal
        self._rendezvous = rendezvous
        self._holds = holds
        self.under_way = UnderWay()
        self._admission = admission

    async def hold(self, request: HoldRequest, *, deadline_seconds: float) -> Reserved:
        """Hold what is asked for. Raises what ReservationCommands.reserve names."""
        self._admission.check()
        begin = time.perf_counter()
        try:
            async with asyncio.timeout(deadline_seconds):
                planned = await self._planned(request)
                if isinstance(planned, HoldfastError):
                    return await self._earlier_answer(request, planned)
        except TimeoutError as error:
            raise Unavailable("the database did not answer in time; nothing was asked for") from error
        with self._admission.hold(), self.under_way.taking(planned):
            begun = self._offered(request, planned)
            seconds_left = deadline_seconds - (time.perf_counter() - begin)
            reserved = await self._start_and_meet(request, begun, seconds_left)
        metrics.HOLD_DURATION.observe(time.perf_counter() - begin)
        return replace(reserved, reservation=_accepted(reserved.reservation, request))

    async def _planned(self, request: HoldRequest) -> Plan | HoldfastError:
        """A plan to try, or what no workflow could change: an unknown item, a shortage with every overdue hold free.

        When the last pieces are all about to be somebody's, their fate is awaited: else everyone in a rush would start
        a workflow only to be refused by it. Who has waited enough tries all the same.
        """
        for patience_seconds in (RENDEZVOUS_SECONDS, RENDEZVOUS_SECONDS, 0.0):
            found = await self._database.reading(
                lambda session: allocation.candidates(session, request.items, request.destination)
            )
            if found.unknown:
                return UnknownItem(fields=found.unknown)
            planned = allocation.planned(request, found)
            if planned.shortages:
                return await self._hopeless(request, found) or planned
            left = self.under_way.left_of(found.levels)
            spared = planned if left is found.levels else allocation.planned(request, found, left)
            if not spared.shortages:
                return spared
            with self._admission.waiting():
                await self.under_way.ended(found.levels, seconds_max=patience_seconds)
        return planned

    async def _hopeless(self, request: HoldRequest, found: allocation.Candidates) -> InsufficientStock | None:
        """What is short even if every overdue hold were free; None when it is worth a try."""
        hopeful = await self._database.reading(lambda session: allocation.planned_with_overdue(session, request, found))
        return _refusal(hopeful) if hopeful.shortages else None

    def _offered(self, request: HoldRequest, planned: Plan) -> Once[Reservation]:
        """The hold, made once, by this request or its workflow's activity in this process; its plan is but a hint.

        By fingerprint too: for another request with the same reservationId it must not be made.
        """

        async def hold() -> Reservation:
            row = await holding.hold(self._database, request, planned)
            failpoint("after_hold_commit")
            return row

        return self._holds.offer(request.identity, hold)

    async def _earlier_answer(self, request: HoldRequest, refusal: HoldfastError) -> Reserved:
        """A repeated request may find the shelf empty because it emptied it itself: the row knows."""
        row = await self._row(request.reservation_id)
        if row is None:
            metrics.RESERVATIONS.labels(outcome="refused", source=request.source).inc()
            raise refusal
        return Reserved(_accepted(row, request), is_new=False)

    async def _start_and_meet(
        self, request: HoldRequest, begun: Once[Reservation], deadline_seconds: float
    ) -> Reserved:
        with self._rendezvous.expect(str(request.reservation_id)) as met:
            try:
                async with leaving_time_to_look(deadline_seconds):
                    return await self._start_or_join(request, begun, met)
            except (
                TimeoutError,
                RPCError,
                RPCTimeoutOrCancelledError,
                WorkflowUpdateFailedError,
                Unavailable,
            ) as error:
                return await self._last_look(request, error)

    async def _start_or_join(
        self, request: HoldRequest, begun: Once[Reservation], met: asyncio.Future[Reservation]
    ) -> Reserved:
        """A workflow that runs already means that the same reservation was asked for before: its row may be there."""
        options = {**start_options(request), "id_conflict_policy": WorkflowIDConflictPolicy.FAIL}
        try:
            handle = await self._temporal.start_workflow(**options, request_eager_start=True)
        except WorkflowAlreadyStartedError:
            row = await self._row(request.reservation_id)
            if row is None:
                joined = self._temporal.get_workflow_handle(reservation_workflow_id(request.reservation_id))
                row = await self._meet_or_ask(joined, met, request, patience_seconds=0)
            return Reserved(row, is_new=False)
        if not has_first_task(handle):
            await asyncio.wait({met}, timeout=ELSEWHERE_SECONDS)
        if not met.done():
            with contextlib.suppress(Unavailable):  # the activity tries on
                return _reserved(await begun.outcome())
        return _reserved(await self._meet_or_ask(handle, met, request, patience_seconds=RENDEZVOUS_SECONDS))

    async def _meet_or_ask(
        self,
        handle: WorkflowHandle[Any, Any],
        met: asyncio.Future[Reservation],
        request: HoldRequest,
        *,
        patience_seconds: float,
    ) -> Reservation:
        """The committed row from this process when it has the task; else the workflow says when to read it."""
        done, _ = await asyncio.wait({met}, timeout=patience_seconds)
        if done:
            return met.result()
        ask = asyncio.ensure_future(handle.execute_update(HELD, id=HELD))
        try:
            await asyncio.wait({met, ask}, return_when=asyncio.FIRST_COMPLETED)
            if met.done():
                return met.result()
            await ask
        finally:
            ask.cancel()
            await asyncio.gather(ask, return_exceptions=True)
        held = await self._row(request.reservation_id)
        assert held is not None, "a hold that was answered has a row"
        return held

    async def _last_look(self, request: HoldRequest, error: Exception) -> Reserved:
        row = await last_look(self._row(request.reservation_id))
        if row is not None:
            return Reserved(row, is_new=False)
        if isinstance(error, RPCError) and error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
            raise Saturated(extra={"reservationId": str(request.reservation_id)}) from error
        raise OutcomeUnknown(
            "the hold was asked for, its outcome is not known yet: repeat with the same key or reservationId",
            extra={"reservationId": str(request.reservation_id)},
        ) from error

    async def _row(self, reservation_id: UUID) -> Reservation | None:
        return await self._database.calling(lambda session: reservations.get_durable(session, reservation_id))


def _reserved(row: Reservation) -> Reserved:
    return Reserved(row, is_new=row.sequence == 1)


def _accepted(row: Reservation, request: HoldRequest) -> Reservation:
    """A reservation is answered to the one who asked for it; a refusal is an error."""
    if row.fingerprint != request.fingerprint:
        raise ReservationMismatch(extra={"reservationId": str(row.reservation_id)})
    if row.status is ReservationStatus.REJECTED:
        rejected = [it.as_json() for it in row.allocation.rejected]
        raise InsufficientStock(row.shortages, reservation_id=str(row.reservation_id), rejected=rejected)
    return row


def _refusal(short: Plan) -> InsufficientStock:
    return InsufficientStock(short.shortages, rejected=[it.as_json() for it in explain(short).rejected])
