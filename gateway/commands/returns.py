"""What was sold comes back, through any protocol: one transaction in Postgres, whether the workflow is closed or runs.

The id comes from the caller, or is recorded with his idempotency key: a repeat answers what was recorded first.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from db import reservations, returns
from db.engine import Database, WriteSession
from db.locks import lock_reservation
from domain.contracts.reservations import Source
from domain.errors import NotFound, ReservationNotSold, ReturnMismatch
from domain.reservations import ReservationStatus
from domain.returns import Return, ReturnRequest, check_return, plan_return
from gateway.auth import Caller
from runtime import metrics
from runtime.logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A return; not `is_new` when the very same one was recorded before."""

    recorded: Return
    is_new: bool


class ReturnCommands:
    """The command on sold stock. It raises domain errors only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take_back(self, reservation_id: UUID, request: ReturnRequest, caller: Caller) -> TakenBack:
        """Take sold pieces back, at most those that are still out.

        Raises NotFound, Unprocessable, ReservationNotSold, ReturnExceedsSale (every line that is too much), and
        ReturnMismatch when the return's id belongs to another one.
        """
        check_return(request)
        taken = await self._database.writing(
            lambda session: _take_back(session, reservation_id, request, caller), idempotent=True
        )
        if taken.is_new:
            _tell(taken.recorded, caller.source)
        return taken


async def _take_back(session: WriteSession, reservation_id: UUID, request: ReturnRequest, caller: Caller) -> TakenBack:
    await lock_reservation(session, reservation_id)
    row = await reservations.get(session, reservation_id)
    if row is None:
        raise NotFound("no reservation has this id")
    recorded = await returns.get(session, reservation_id, request.return_id)
    if recorded is not None:
        if recorded.fingerprint != request.fingerprint:
            raise ReturnMismatch(extra={"returnId": str(request.return_id)})
        return TakenBack(recorded, is_new=False)
    if row.status is not ReservationStatus.COMMITTED:
        raise ReservationNotSold(row.status, reservation_id=str(reservation_id))
    parts = plan_return(row.lines, request.items)
    await returns.add(session, reservation_id, request, parts, actor=caller.actor, traceparent=caller.traceparent)
    made = await returns.get(session, reservation_id, request.return_id)
    assert made is not None, "a return is there once it was added"
    return TakenBack(made, is_new=True)


def _tell(made: Return, source: Source) -> None:
    if made.is_complete:
        metrics.RESERVATIONS.labels(outcome="returned", source=source).inc()
    _log.info(
        "stock_returned",
        reservation_id=str(made.reservation_id),
        return_id=str(made.return_id),
        order_id=made.order_id,
        pieces=sum(line.quantity for line in made.lines),
        is_complete=made.is_complete,
        performed_by=made.performed_by_name,
    )
