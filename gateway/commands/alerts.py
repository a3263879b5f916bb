"""What staff may do about an alert, through any protocol: say that it was seen, or that it is over."""

from __future__ import annotations

from uuid import UUID

from db import alerts
from db.engine import Database, WriteSession
from domain.alerts import Alert, AlertStatus, check_reason
from domain.errors import AlertResolved, NotFound
from gateway.auth import Caller


class AlertCommands:
    """Commands on alerts. They raise domain errors only; whoever comes first is the one whose name stays."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acknowledge(self, alert_id: UUID, caller: Caller) -> Alert:
        """Note that somebody has seen it. Raises NotFound, AlertResolved when it was over before."""

        async def work(session: WriteSession) -> Alert:
            await alerts.acknowledge(session, alert_id, caller.actor, caller.traceparent)
            return await _existing(session, alert_id)

        alert = await self._database.writing(work, idempotent=True)
        if alert.status is AlertStatus.RESOLVED:
            raise AlertResolved(extra={"alertId": str(alert_id), "resolution": alert.resolution})
        return alert

    async def resolve(self, alert_id: UUID, caller: Caller, *, reason: str) -> Alert:
        """Declare it over; a resolved one stays as it is. Raises Unprocessable, NotFound."""
        check_reason(reason)

        async def work(session: WriteSession) -> Alert:
            await alerts.resolve_by_hand(session, alert_id, caller.actor, reason, caller.traceparent)
            return await _existing(session, alert_id)

        return await self._database.writing(work, idempotent=True)


async def _existing(session: WriteSession, alert_id: UUID) -> Alert:
    alert = await alerts.get(session, alert_id)
    if alert is None:
        raise NotFound("no alert has this id")
    return alert
