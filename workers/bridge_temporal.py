"""The way of the bridge and of the waitlist to the reservation workflows: starts and signals, nothing that waits for an
outcome."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.contracts.names import reservation_workflow_id
from domain.contracts.reservations import Decision, DecisionRequest, HoldRequest
from domain.errors import Unavailable, Unprocessable
from runtime.reservation_start import start_options

SIGNAL_TIMEOUT = timedelta(seconds=5)


class TemporalReservations:
    """Implements bridge_port.ReservationWorkflows, and waitlist.Reservations with its start."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self, request: HoldRequest) -> None:
        """See the port. With a worker on the same client the first task comes back at once, past the task queue."""
        with _errors_in_our_words():
            await self._client.start_workflow(**start_options(request), request_eager_start=True)

    async def decide(self, reservation_id: UUID, decision: Decision, request: DecisionRequest) -> bool:
        """See the port. The signals are named after the decisions."""
        handle = self._client.get_workflow_handle(reservation_workflow_id(reservation_id))
        try:
            with _errors_in_our_words():
                await handle.signal(decision.value, request, rpc_timeout=SIGNAL_TIMEOUT)
        except _NotRunning:
            return False
        return True

    async def adopt(self, row: HoldRequest, decision: Decision, request: DecisionRequest) -> None:
        """See the port. Signal-with-start: one that came up meanwhile just gets the signal."""
        with _errors_in_our_words():
            await self._client.start_workflow(
                **start_options(row), start_signal=decision.value, start_signal_args=[request]
            )


class _NotRunning(Exception):
    """There is no such workflow, or it has ended."""


@contextmanager
def _errors_in_our_words() -> Iterator[None]:
    try:
        yield
    except WorkflowAlreadyStartedError:
        return
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise _NotRunning from error
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise Unprocessable(f"Temporal refuses it: {error.message}") from error
        raise Unavailable("Temporal cannot answer right now") from error
