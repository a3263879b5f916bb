"""Restocking when somebody asks for it, beside the schedule."""

from __future__ import annotations

from uuid import UUID

from temporalio.client import Client, RPCTimeoutOrCancelledError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from domain.contracts.names import MAINTENANCE_QUEUE, RESTOCK_WORKFLOW, restock_workflow_id
from domain.contracts.restock import RestockRequest
from domain.errors import Unavailable
from domain.restock import RestockMode
from gateway.auth import Caller
from runtime.logs import get_logger
from runtime.search_attributes import asked_through
from runtime.temporal import RPC_TIMEOUT

_log = get_logger(__name__)


class RestockCommands:
    """Commands on restocking. They raise domain errors only."""

    def __init__(self, temporal: Client, mode: RestockMode) -> None:
        self._temporal = temporal
        self._mode = RestockMode.REVIEW if mode is RestockMode.OFF else mode

    async def run(self, caller: Caller, *, run_id: UUID) -> str:
        """Start a run; a repeat with the same id starts none. Answers the workflow's id. Raises Unavailable."""
        workflow_id = restock_workflow_id(run_id)
        try:
            await self._temporal.start_workflow(
                RESTOCK_WORKFLOW,
                RestockRequest(mode=self._mode),
                id=workflow_id,
                task_queue=MAINTENANCE_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                rpc_timeout=RPC_TIMEOUT,
                static_summary=f"asked for by {caller.actor.name}",
                static_details=asked_through(caller.source, caller.request_id),
            )
        except WorkflowAlreadyStartedError:
            _log.info("restock_ran_already", workflow_id=workflow_id)
        except (RPCError, RPCTimeoutOrCancelledError) as error:
            raise Unavailable("Temporal cannot be reached, the schedule will run later") from error
        return workflow_id
