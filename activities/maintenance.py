"""The housekeeping of the Reconcile schedule: look, adopt, trim. Small batches, safe to repeat."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from db import alerts, housekeeping, operations, reservations, waitlist
from db.engine import Database
from db.invariants.rolling import count_violations
from db.operations import Place
from db.registers import REGISTERS, Register
from domain.contracts.names import operation_workflow_id, reservation_workflow_id
from domain.contracts.reservations import adoption
from domain.operations import OperationKind
from runtime import metrics
from runtime.logs import get_logger
from runtime.operation_start import start_options as operation_start_options
from runtime.reservation_start import start_options
from runtime.settings import Settings
from workflows import ports

LOOKED_AT_PER_RUN_MAX = 500
"""Reservations, and operations of each kind."""

DESCRIBE_TIMEOUT = timedelta(seconds=5)
ORPHAN_AGE_SECONDS = 30.0
"""A row younger than this may simply not have its first workflow task completed yet."""

_log = get_logger(__name__)


class MaintenanceActivities(ports.MaintenanceActivities):
    """The implementation on Postgres and Temporal."""

    def __init__(self, database: Database, temporal: Client, settings: Settings) -> None:
        self._database = database
        self._temporal = temporal
        self._settings = settings
        self._reached: dict[OperationKind, Place] = {}

    @activity.defn(name="check_invariants")
    async def check_invariants(self) -> dict[str, int]:
        """Count the violations of each invariant and export them as a metric, and what waits beside them."""
        await self._count_what_waits()
        counts = await count_violations(self._database)
        for name, violations in counts.items():
            metrics.INVARIANT_VIOLATIONS.labels(invariant=name).set(violations)
            if violations:
                _log.error("invariant_violated", invariant=name, violations=violations)
        return counts

    @activity.defn(name="adopt_orphans")
    async def adopt_orphans(self) -> int:
        """Start a workflow for each PENDING row that has none; answers how many."""
        adopted = 0
        async with self._database.read() as session:
            oldest = await housekeeping.pending_reservations(
                session, older_than_seconds=ORPHAN_AGE_SECONDS, most=LOOKED_AT_PER_RUN_MAX
            )
        for reservation_id in oldest:
            if await self._is_running(reservation_workflow_id(reservation_id)):
                continue
            async with self._database.read() as session:
                row = await reservations.get(session, reservation_id)
            if row is not None and not row.status.is_terminal:
                await self._temporal.start_workflow(**start_options(adoption(row)))
                _log.warning("orphan_adopted", reservation_id=str(reservation_id))
                adopted += 1
        for register in REGISTERS:
            adopted += await self._adopt_operations(register)
        return adopted

    async def _count_what_waits(self) -> None:
        """Unresolved alerts, orders in line, and operations that have not ended."""
        for kind, unresolved in (await self._database.reading(alerts.unresolved_by_kind)).items():
            metrics.UNRESOLVED_ALERTS.labels(kind=kind).set(unresolved)
        metrics.WAITLIST_WAITING.set(await self._database.reading(waitlist.waiting_count))
        metrics.OPERATIONS_OPEN.clear()
        async with self._database.read() as session:
            for register in REGISTERS:
                for status, count in (await operations.counts_by_status(session, register.table)).items():
                    metrics.OPERATIONS_OPEN.labels(kind=register.kind, status=status).set(count)

    async def _adopt_operations(self, register: Register) -> int:
        """Start the workflows of open operations that have none, in turn: each run goes on where the last one was."""
        async with self._database.read() as session:
            open_ones = await operations.open_ones(
                session,
                register.table,
                after=self._reached.get(register.kind),
                older_than_seconds=ORPHAN_AGE_SECONDS,
                most=LOOKED_AT_PER_RUN_MAX,
            )
        adopted = 0
        for _, operation_id in open_ones:
            if await self._is_running(operation_workflow_id(register.kind, operation_id)):
                continue
            async with self._database.read() as session:
                start = await register.start_of(session, operation_id)
            if start is not None:
                await self._temporal.start_workflow(**operation_start_options(start))
                _log.warning("orphan_adopted", kind=register.kind, operation_id=str(operation_id))
                adopted += 1
        if len(open_ones) == LOOKED_AT_PER_RUN_MAX:
            self._reached[register.kind] = open_ones[-1]
        else:
            self._reached.pop(register.kind, None)
        return adopted

    @activity.defn(name="trim")
    async def trim(self) -> dict[str, int]:
        """Delete what is past its keeping; answers rows by table."""
        return await housekeeping.trim(self._database)

    async def _is_running(self, workflow_id: str) -> bool:
        try:
            described = await self._temporal.get_workflow_handle(workflow_id).describe(rpc_timeout=DESCRIBE_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return described.close_time is None
