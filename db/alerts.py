"""Alerts: raised and resolved beside the change they are about, acknowledged and resolved by hand, listed.

Whoever raises or resolves by subject holds the subject's lock already; by hand only the alert itself is touched.
Alerts of stock are raised by change_stock_row itself (db/migrations/sql/change_stock_with_alerts.sql).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from itertools import product
from typing import Any
from uuid import UUID

from sqlalchemy import Select, String, bindparam, column, func, select, text, true, values
from sqlalchemy.dialects.postgresql import JSONB

from db.engine import ReadSession, WriteSession
from db.paging import Cursor, Listing, Page, PageRequest
from db.tables import alerts
from domain.alerts import Alert, AlertKind, AlertStatus, Resolution
from domain.ids import Actor

LISTING = Listing(
    name="alerts",
    orders={"raisedAt": (alerts.c.raised_at, alerts.c.alert_id)},
    default="raisedAt desc",
)

_RAISE = text("select raise_alert(:kind, :subject_id, :sku, :warehouse_id, :details)").bindparams(
    bindparam("details", type_=JSONB)
)
_RESOLVE_OF = text("""
    select resolve_alerts(unresolved_alerts(:subject_id, cast(:kinds as text[])), :resolution, :reason,
                          :resolved_by, :resolved_by_name, :traceparent)
""")
_RESOLVE = text("""
    select resolve_alerts(array[cast(:alert_id as uuid)], 'by_hand', :reason, :by, :by_name, :traceparent)
""")
_ACKNOWLEDGE = text("select acknowledge_alert(:alert_id, :by, :by_name, :traceparent)")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """Which alerts to list; None does not narrow."""

    kind: AlertKind | None = None
    status: AlertStatus | None = None
    warehouse_id: UUID | None = None
    sku: str | None = None


async def raise_alert(
    session: WriteSession,
    kind: AlertKind,
    subject_id: UUID,
    *,
    sku: str | None = None,
    warehouse_id: UUID | None = None,
    details: Mapping[str, Any] | None = None,
) -> UUID | None:
    """Raise an alert about a locked subject; None when one of this kind is open for it already."""
    given = {
        "kind": kind.value,
        "subject_id": subject_id,
        "sku": sku,
        "warehouse_id": warehouse_id,
        "details": dict(details or {}),
    }
    return (await session.execute(_RAISE, given)).scalar_one()  # type: ignore[no-any-return]


async def resolve_alerts(
    session: WriteSession,
    subject_id: UUID,
    kinds: Collection[AlertKind],
    resolution: Resolution,
    *,
    actor: Actor | None = None,
    reason: str = "",
    traceparent: str | None = None,
) -> int:
    """Resolve what is open about a locked subject; answers how many were. No `actor`: it resolved itself."""
    given = {
        "subject_id": subject_id,
        "kinds": [kind.value for kind in kinds],
        "resolution": resolution.value,
        "reason": reason,
        "resolved_by": actor.actor_id if actor else None,
        "resolved_by_name": actor.name if actor else None,
        "traceparent": traceparent,
    }
    return int((await session.execute(_RESOLVE_OF, given)).scalar_one())


async def acknowledge(session: WriteSession, alert_id: UUID, actor: Actor, traceparent: str | None) -> None:
    """Note who has seen an open alert; any other is left as it is."""
    await session.execute(_ACKNOWLEDGE, {"alert_id": alert_id, **_by(actor, traceparent)})


async def resolve_by_hand(
    session: WriteSession, alert_id: UUID, actor: Actor, reason: str, traceparent: str | None
) -> None:
    """Resolve an alert although what it tells of may go on; a resolved one is left as it is."""
    await session.execute(_RESOLVE, {"alert_id": alert_id, "reason": reason, **_by(actor, traceparent)})


async def get(session: ReadSession, alert_id: UUID) -> Alert | None:
    """One alert."""
    row = (await session.execute(select(alerts).where(alerts.c.alert_id == alert_id))).first()
    return _alert_of(row) if row else None


async def listed(session: ReadSession, filters: AlertFilter, page: PageRequest) -> Page[Alert]:
    """A page of alerts. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, filters)
    rows = (await session.execute(page_statement(cursor, filters))).all()
    return cursor.page(rows, _alert_of)


def page_statement(cursor: Cursor, filters: AlertFilter) -> Select[Any]:
    """The query behind a page. Without a SKU it walks the index of each status and kind and merges."""
    statement = select(alerts)
    if filters.warehouse_id is not None:
        statement = statement.where(alerts.c.warehouse_id == filters.warehouse_id)
    statuses = [status.value for status in ([filters.status] if filters.status else AlertStatus)]
    kinds = [kind.value for kind in ([filters.kind] if filters.kind else AlertKind)]
    if filters.sku is not None:
        wanted_ones = (alerts.c.status.in_(statuses), alerts.c.kind.in_(kinds))
        return cursor.narrow(statement.where(alerts.c.sku == filters.sku, *wanted_ones))
    wanted = values(column("status", String), column("kind", String), name="wanted").data(
        list(product(statuses, kinds))
    )
    of_one = statement.where(alerts.c.status == wanted.c.status, alerts.c.kind == wanted.c.kind)
    there = cursor.narrow(of_one).lateral("there")
    return cursor.ordered(select(there).select_from(wanted.join(there, true())), there)


async def unresolved_by_kind(session: ReadSession) -> dict[AlertKind, int]:
    """How many alerts are not resolved, by kind; 0 for a kind without any."""
    statement = (
        select(alerts.c.kind, func.count().label("alerts"))
        .where(alerts.c.resolved_at.is_(None))
        .group_by(alerts.c.kind)
    )
    found = {row.kind: row.alerts for row in await session.execute(statement)}
    return {kind: found.get(kind.value, 0) for kind in AlertKind}


def _by(actor: Actor, traceparent: str | None) -> dict[str, Any]:
    return {"by": actor.actor_id, "by_name": actor.name, "traceparent": traceparent}


def _alert_of(row: Any) -> Alert:
    facts = {field.name: getattr(row, field.name) for field in fields(Alert)}
    resolution = Resolution(row.resolution) if row.resolution else None
    known = {"kind": AlertKind(row.kind), "status": AlertStatus(row.status), "resolution": resolution}
    return Alert(**{**facts, **known})
