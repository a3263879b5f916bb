"""What must be true when the storm is over: the invariants, every claim of a customer, and nothing left half done."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import text

from db.engine import Database
from db.invariants import violations_of
from tests.chaos.load import Claims

QUIET_SECONDS_MAX = 60.0
OVERDUE_LAG_SECONDS = 5.0

_OPEN = text("""
    select (select count(*) from reservations where status = 'PENDING') as pending,
           (select count(*) from outbox where sent_at is null) as unsent,
           (select count(*) from inbox where status not in ('DELIVERED', 'DEAD')) as undelivered
""")
_STATUSES = text("select reservation_id::text as id, order_id, status from reservations")
_COUNTS = text("select status, count(*) as n from reservations group by 1 order by 1")
_REFUSED = text("select distinct key from outbox where type = 'inventory.commit_refused'")
_DEAD = text("select count(*) from inbox where status = 'DEAD'")


async def until_quiet(database: Database) -> dict[str, int]:
    """Wait until nothing is open; answers what still is when patience ends."""
    left: dict[str, int] = {}
    try:
        async with asyncio.timeout(QUIET_SECONDS_MAX):
            while True:
                left = await _open(database)
                if not any(left.values()):
                    return left
                await asyncio.sleep(0.2)
    except TimeoutError:
        return left


async def statuses(database: Database) -> dict[str, int]:
    """How many reservations ended how."""
    return {row.status: row.n for row in await _rows(database, _COUNTS)}


async def findings(database: Database, claims: Claims) -> list[str]:
    """Everything that is wrong, in words; empty when all is well."""
    wrong = [
        f"{violation.invariant}: {violation.count} ({violation.samples[:1]})"
        for violation in await violations_of(database, overdue_lag_seconds=OVERDUE_LAG_SECONDS)
    ]
    rows = await _rows(database, _STATUSES)
    status_of = {row.id: row.status for row in rows}
    for reservation_id, told in claims.told.items():
        is_now = status_of.get(reservation_id)
        if is_now is None or told not in {"PENDING", is_now}:
            wrong.append(f"reservation {reservation_id}: told {told}, is {is_now}")
    by_order: dict[str, list[str]] = {}
    for row in rows:
        by_order.setdefault(row.order_id, []).append(row.status)
    wrong += _orders_served_twice(claims, by_order)
    refused = {row.key for row in await _rows(database, _REFUSED)}
    wrong += [
        f"order {order_id}: paid, but {by_order.get(order_id)} and nobody was told"
        for order_id in claims.paid_by_event
        if not _is_paid(by_order.get(order_id, [])) and order_id not in refused
    ]
    if dead := (await _rows(database, _DEAD))[0][0]:
        wrong.append(f"{dead} events were dead-lettered")
    return wrong


def _is_paid(statuses: list[str]) -> bool:
    """Sold, or refused before there was anything to pay for."""
    return "COMMITTED" in statuses or set(statuses) == {"REJECTED"}


def _orders_served_twice(claims: Claims, by_order: dict[str, list[str]]) -> list[str]:
    return [
        f"order {order_id}: {statuses}"
        for order_id, statuses in by_order.items()
        if order_id in claims.orders and len(statuses) > 1
    ]


async def _open(database: Database) -> dict[str, int]:
    return dict((await _rows(database, _OPEN))[0]._mapping)


async def _rows(database: Database, statement: Any) -> list[Any]:
    async with database.read() as session:
        return list((await session.execute(statement)).all())
