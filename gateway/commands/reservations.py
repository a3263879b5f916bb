"""What a checkout can do with a reservation, whatever protocol it speaks: reserve, commit, cancel, extend.

The workflow is asked, the row answers. Everything raised here is one of domain/errors.py, and an outcome that could
not be learned in time is said to be unknown, never guessed.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from temporalio.client import Client, RPCTimeoutOrCancelledError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from db import allocation, reservations
from db.engine import Database
from domain.allocation import Level, Plan, plan
from domain.contracts.names import CANCEL, COMMIT, EXTEND, HELD, reservation_workflow_id
from domain.contracts.reservations import DecisionRequest, HoldRequest, SettleOutcome, Source, adoption
from domain.errors import (
    ExtensionLimit,
    HoldfastError,
    InsufficientStock,
    NotFound,
    OutcomeUnknown,
    ReservationMismatch,
    ReservationSettled,
    Saturated,
    Unavailable,
    UnknownItem,
)
from domain.reservations import Item, ReleaseReason, Reservation, ReservationStatus, fingerprint
from gateway.admission import Admission
from gateway.auth import Caller
from runtime import metrics
from runtime.rendezvous import Rendezvous
from runtime.reservation_start import start_options
from runtime.settings import Settings

RENDEZVOUS_SECONDS = 2.0
"""How long the quick way may stay silent before the workflow itself is asked; the quick way stays open meanwhile."""

UPDATE_ATTEMPT_SECONDS = 4.0
LAST_READ_SECONDS = 1.0
RESTARTS_MAX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveCommand:
    """A wish for stock. Quantities in pieces; at most 200 items; the same SKU twice is summed."""

    order_id: str
    items: Sequence[Item]
    reservation_id: UUID | None = None
    hold_seconds: int | None = None
    region: str | None = None
    allow_split: bool = True


@dataclass(frozen=True, slots=True)
class Reserved:
    """A held reservation; `is_new` unless the same reservation was asked for before."""

    reservation: Reservation
    is_new: bool


class ReservationCommands:
    """The commands on reservations."""

    def __init__(
        self,
        *,
        database: Database,
        temporal: Client,
        rendezvous: Rendezvous[Reservation],
        plans: dict[UUID, Plan],
        admission: Admission,
        settings: Settings,
    ) -> None:
        self._database = database
        self._temporal = temporal
        self._rendezvous = rendezvous
        self._plans = plans
        self._admission = admission
        self._settings = settings

    async def reserve(
        self, command: ReserveCommand, caller: Caller, *, source: Source, deadline_seconds: float
    ) -> Reserved:
        """Hold stock for an order. `deadline_seconds` bounds the wait, not the hold.

        Raises UnknownItem, InsufficientStock (every short SKU), ReservationMismatch, Saturated, Unavailable, or
        OutcomeUnknown naming the reservationId by which the outcome can be found out.
        """
        request = self._hold_request(command, caller, source)
        begin = time.perf_counter()
        planned = await self._planned(request)
        if isinstance(planned, HoldfastError):
            return await self._earlier_answer(request, planned)
        async with self._admission.hold():
            with self._hinting(request, planned):
                reservation, is_new = await self._start_and_meet(request, deadline_seconds)
        metrics.HOLD_DURATION.observe(time.perf_counter() - begin)
        return Reserved(_accepted(reservation, request), is_new)

    async def commit(self, reservation_id: UUID, caller: Caller, *, decision_id: UUID | None = None) -> Reservation:
        """Turn the hold into a sale. Raises NotFound, ReservationSettled naming the winner, OutcomeUnknown."""
        begin = time.perf_counter()
        asked = _decision(caller, decision_id)
        outcome = await self._decide(reservation_id, COMMIT, asked)
        self._admission.observe(time.perf_counter() - begin)
        return await self._settled(reservation_id, outcome, ReservationStatus.COMMITTED)

    async def cancel(
        self,
        reservation_id: UUID,
        caller: Caller,
        *,
        reason: ReleaseReason = ReleaseReason.CANCELLED,
        decision_id: UUID | None = None,
    ) -> Reservation:
        """Let the stock go. Raises NotFound, ReservationSettled naming the winner, OutcomeUnknown."""
        asked = replace(_decision(caller, decision_id), reason=reason.value)
        outcome = await self._decide(reservation_id, CANCEL, asked)
        return await self._settled(reservation_id, outcome, ReservationStatus.CANCELLED)

    async def extend(
        self, reservation_id: UUID, caller: Caller, *, hold_seconds: int, decision_id: UUID | None = None
    ) -> Reservation:
        """Move the deadline to `hold_seconds` from now, never back, never past the longest life of a hold.

        Raises NotFound, ReservationSettled for a dead hold, ExtensionLimit, OutcomeUnknown.
        """
        asked = replace(_decision(caller, decision_id), hold_seconds=hold_seconds)
        outcome = await self._decide(reservation_id, EXTEND, asked)
        if outcome.refused:
            raise ExtensionLimit(
                f"at most {self._settings.reservation_extends_max} extensions and "
                f"{self._settings.reservation_hold_seconds_max} seconds in all",
                extra={"reservationId": str(reservation_id)},
            )
        return await self._settled(reservation_id, outcome, ReservationStatus.PENDING)

    def _hold_request(self, command: ReserveCommand, caller: Caller, source: Source) -> HoldRequest:
        return HoldRequest(
            reservation_id=command.reservation_id or uuid.uuid4(),
            order_id=command.order_id,
            items=list(command.items),
            fingerprint=fingerprint(command.order_id, command.items, command.hold_seconds),
            actor_id=caller.actor.actor_id,
            actor_name=caller.actor.name,
            hold_seconds=command.hold_seconds or self._settings.reservation_hold_seconds,
            region=command.region,
            allow_split=command.allow_split,
            source=source,
            request_id=caller.request_id,
            traceparent=caller.traceparent,
        )

    async def _planned(self, request: HoldRequest) -> Plan | HoldfastError:
        """A plan to try, or what no workflow could change: an unknown item, a shortage with every overdue hold free."""
        found = await self._database.reading(lambda session: allocation.candidates(session, request.items))
        if found.unknown:
            return UnknownItem(fields=found.unknown)
        planned = _plan(request, found, found.levels)
        if not planned.shortages:
            return planned
        ids = [level.inventory_id for level in found.levels]
        overdue = await self._database.reading(lambda session: allocation.overdue_quantities(session, ids))
        hopeful = _plan(request, found, _with_overdue(found.levels, overdue))
        return InsufficientStock(hopeful.shortages) if hopeful.shortages else planned

    @contextmanager
    def _hinting(self, request: HoldRequest, planned: Plan) -> Iterator[None]:
        """The hold in this process need not plan again; it checks the plan under the row's lock."""
        self._plans[request.reservation_id] = planned
        try:
            yield
        finally:
            self._plans.pop(request.reservation_id, None)

    async def _earlier_answer(self, request: HoldRequest, refusal: HoldfastError) -> Reserved:
        """A repeated request may find the shelf empty because it emptied it itself: the row knows."""
        row = await self._row(request.reservation_id)
        if row is None:
            metrics.RESERVATIONS.labels(outcome="refused", source=request.source).inc()
            raise refusal
        return Reserved(_accepted(row, request), is_new=False)

    async def _start_and_meet(self, request: HoldRequest, deadline_seconds: float) -> tuple[Reservation, bool]:
        key = str(request.reservation_id)
        with self._rendezvous.expect(key) as met:
            try:
                # A caller in a hurry still gets half of his time for the hold itself.
                async with asyncio.timeout(max(deadline_seconds / 2, deadline_seconds - LAST_READ_SECONDS)):
                    handle = await self._temporal.start_workflow(**start_options(request), request_eager_start=True)
                    return await self._meet_or_ask(handle, met, request)
            except (TimeoutError, RPCError, WorkflowUpdateFailedError) as error:
                return await self._last_look(request, error)

    async def _meet_or_ask(
        self, handle: WorkflowHandle[Any, Any], met: asyncio.Future[Reservation], request: HoldRequest
    ) -> tuple[Reservation, bool]:
        """The committed row from this process when it has the task; else the workflow says when to read it."""
        done, _ = await asyncio.wait({met}, timeout=RENDEZVOUS_SECONDS)
        if done:
            row = met.result()
            return row, row.sequence == 1
        ask = asyncio.ensure_future(handle.execute_update(HELD, id=HELD))
        try:
            await asyncio.wait({met, ask}, return_when=asyncio.FIRST_COMPLETED)
            if met.done():
                return met.result(), True
            await ask
        finally:
            ask.cancel()
            await asyncio.gather(ask, return_exceptions=True)
        held = await self._row(request.reservation_id)
        assert held is not None, "a hold that was answered has a row"
        return held, False

    async def _last_look(self, request: HoldRequest, error: Exception) -> tuple[Reservation, bool]:
        try:
            async with asyncio.timeout(LAST_READ_SECONDS):
                row = await self._row(request.reservation_id)
        except (TimeoutError, Unavailable):
            row = None
        if row is not None:
            return row, False
        if isinstance(error, RPCError) and error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
            raise Saturated(extra={"reservationId": str(request.reservation_id)}) from error
        raise OutcomeUnknown(
            "the hold was asked for, its outcome is not known yet: repeat with the same key or reservationId",
            extra={"reservationId": str(request.reservation_id)},
        ) from error

    async def _decide(self, reservation_id: UUID, update: str, asked: DecisionRequest) -> SettleOutcome:
        """Ask the workflow; a closed one is answered by its row, a lost one is started again and adopts the row."""
        deadline_seconds = self._settings.request_timeout_seconds
        try:
            async with asyncio.timeout(deadline_seconds):
                for _attempt in range(RESTARTS_MAX):
                    outcome = await self._update(reservation_id, update, asked)
                    if outcome is not None:
                        return outcome
                    row = await self._row(reservation_id)
                    if row is None:
                        raise NotFound(f"no reservation {reservation_id}")
                    if row.status.is_terminal:
                        return SettleOutcome(status=row.status, expires_at=row.expires_at)
                    await self._temporal.start_workflow(**start_options(adoption(row)))
        except (TimeoutError, RPCError) as error:
            raise _unknown(reservation_id) from error
        raise _unknown(reservation_id)

    async def _update(self, reservation_id: UUID, update: str, asked: DecisionRequest) -> SettleOutcome | None:
        """The workflow's answer; None when there is no running workflow of this reservation."""
        handle = self._temporal.get_workflow_handle(reservation_workflow_id(reservation_id))
        try:
            outcome: SettleOutcome = await handle.execute_update(
                update,
                asked,
                id=f"{update}-{asked.decision_id}",
                result_type=SettleOutcome,
                rpc_timeout=timedelta(seconds=self._settings.request_timeout_seconds),
            )
        except RPCTimeoutOrCancelledError as error:
            raise _unknown(reservation_id) from error
        except WorkflowUpdateFailedError as error:
            if _closed_meanwhile(error):
                return None
            raise _unknown(reservation_id) from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        return outcome

    async def _settled(self, reservation_id: UUID, outcome: SettleOutcome, wanted: ReservationStatus) -> Reservation:
        if outcome.status is not wanted:
            raise ReservationSettled(outcome.status, reservation_id=str(reservation_id))
        row = await self._row(reservation_id)
        assert row is not None, "a settled reservation has a row"
        return row

    async def _row(self, reservation_id: UUID) -> Reservation | None:
        return await self._database.reading(lambda session: reservations.get(session, reservation_id))


def _accepted(row: Reservation, request: HoldRequest) -> Reservation:
    """A reservation is answered to the one who asked for it; a refusal is an error."""
    if row.fingerprint != request.fingerprint:
        raise ReservationMismatch(extra={"reservationId": str(row.reservation_id)})
    if row.status is ReservationStatus.REJECTED:
        raise InsufficientStock(row.shortages, reservation_id=str(row.reservation_id))
    return row


def _plan(request: HoldRequest, found: allocation.Candidates, levels: Sequence[Level]) -> Plan:
    return plan(found.demands, levels, region=request.region, allow_split=request.allow_split)


def _with_overdue(levels: Sequence[Level], overdue: Mapping[UUID, int]) -> list[Level]:
    return [
        replace(level, quantity_available=level.quantity_available + overdue.get(level.inventory_id, 0))
        for level in levels
    ]


def _decision(caller: Caller, decision_id: UUID | None) -> DecisionRequest:
    return DecisionRequest(
        decision_id=str(decision_id or uuid.uuid4()),
        actor_id=caller.actor.actor_id,
        actor_name=caller.actor.name,
        request_id=caller.request_id,
        traceparent=caller.traceparent,
    )


def _closed_meanwhile(error: WorkflowUpdateFailedError) -> bool:
    """The workflow ended before it took the update: the server refuses it, the row answers instead."""
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type == "AcceptedUpdateCompletedWorkflow"


def _unknown(reservation_id: UUID) -> OutcomeUnknown:
    return OutcomeUnknown(
        "the outcome is not known yet: read the reservation, or repeat the request",
        extra={"reservationId": str(reservation_id)},
    )
