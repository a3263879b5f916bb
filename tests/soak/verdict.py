"""What must be true when a soak is over: nothing lost, nothing left, every end told, every invariant."""

from __future__ import annotations

import aiohttp
from sqlalchemy import text

from db.engine import Database, ReadSession
from db.invariants import violations_of
from holdfast.service import Service
from tests.soak.found import Row, Soak

OVERDUE_LAG_SECONDS = 5.0
WRONG_TOLD_MAX = 20

_ROWS = text("""
    select reservation_id::text, status, extract(epoch from expires_at)::float8, extract(epoch from expired_at)::float8
    from reservations where order_id like 'herd-%'
""")
_LEFT = text("""
    select (select count(*) from reservations where status = 'PENDING') as "reservations pending",
           (select count(*) from outbox where sent_at is null) as "events unsent",
           (select coalesce(sum(quantity_reserved), 0) from inventory) as "pieces reserved"
""")


async def look_back(service: Service, found: Soak) -> None:
    """Read what became of everything, and note in `found.wrong` whatever should not be."""
    database = Database.connect(service.settings, process="soak")
    try:
        found.rows = await database.reading(_rows)
        left = await database.reading(_left)
        found.wrong += [f"{count} {what} left" for what, count in left.items() if count]
        violations = await violations_of(database, overdue_lag_seconds=OVERDUE_LAG_SECONDS)
        found.wrong += [f"{broken.invariant}: {broken.count} ({broken.samples[:1]})" for broken in violations]
    finally:
        await database.close()
    found.swept = await _swept(service.facts()["metrics"]["relay"])
    found.wrong += wrong_ends(found)


def wrong_ends(found: Soak) -> list[str]:
    """Reservations that ended otherwise than their customers were told, and ends that were not told."""
    paid = {str(held.reservation_id) for held in [*found.cold.paid, *found.warm.paid]}
    should_be = {str(held.reservation_id): "EXPIRED" for held in found.herd.held} | dict.fromkeys(paid, "COMMITTED")
    became = {row.reservation_id: row.status for row in found.rows}
    seen = found.news.seen_at
    wrong = [
        f"{reservation_id} should be {should_be.get(reservation_id)} and is {became.get(reservation_id)}"
        for reservation_id in should_be.keys() | became.keys()
        if should_be.get(reservation_id) != became.get(reservation_id)
    ]
    wrong += [
        f"{it} has expired and nobody was told" for it, end in became.items() if end == "EXPIRED" and it not in seen
    ]
    wrong += [f"{it} was sold and told to be released" for it in paid & seen.keys()]
    return [f"{len(wrong)} wrong ends", *wrong[:WRONG_TOLD_MAX]] if wrong else []


async def _rows(session: ReadSession) -> list[Row]:
    return [Row(*row) for row in await session.execute(_ROWS)]


async def _left(session: ReadSession) -> dict[str, int]:
    return dict((await session.execute(_LEFT)).mappings().one())


async def _swept(metrics_url: str) -> int:
    """How many reservations the sweeper has expired, by its own count."""
    async with aiohttp.ClientSession() as http, http.get(metrics_url) as answer:
        lines = (await answer.text()).splitlines()
    return round(
        sum(float(line.split()[-1]) for line in lines if line.startswith("inventory_swept_reservations_total"))
    )
