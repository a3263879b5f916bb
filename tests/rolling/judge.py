"""What must be true when every process has been replaced: no request failed, nothing was lost or happened twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from sqlalchemy import text

from db.engine import Database
from db.invariants import violations_of
from holdfast.demo.news import Newsroom
from tests.rolling.load import Diary

QUIET_SECONDS_MAX = 60.0
OVERDUE_LAG_SECONDS = 5.0
SHOWN_MAX = 20

_OPEN = text("""
    select (select count(*) from outbox where sent_at is null) as unsent,
           (select count(*) from inbox where status not in ('DELIVERED', 'DEAD')) as undelivered
""")
_RESERVATIONS = text("select reservation_id::text as id, order_id, status from reservations")
_EVENTS = text("select event_id::text as id, type, key from outbox order by outbox_id")
_DEAD = text("select count(*) from inbox where status = 'DEAD'")

_SETTLED_BY = {"COMMITTED": "inventory.committed", "CANCELLED": "inventory.released"}


async def until_quiet(database: Database, news: Newsroom) -> dict[str, int]:
    """Wait until every event is out and in; answers what is still open when patience ends."""
    left: dict[str, int] = {}
    try:
        async with asyncio.timeout(QUIET_SECONDS_MAX):
            while True:
                left = dict((await _rows(database, _OPEN))[0]._mapping)
                if not any(left.values()):
                    break
                await asyncio.sleep(0.2)
        ids = {row.id for row in await _rows(database, _EVENTS)}
        await news.wait_for(lambda: ids <= {it.event_id for it in news.seen}, 10.0)
    except TimeoutError:
        pass
    return {name: count for name, count in left.items() if count}


async def findings(database: Database, news: Newsroom, diary: Diary) -> list[str]:
    """Everything that is wrong, in words; empty when all is well."""
    wrong = [f"left open: {name} {count}" for name, count in (await until_quiet(database, news)).items()]
    wrong += [f"{call.door} {call.name} failed: {call.wrong}" for call in diary.calls if call.wrong]
    wrong += [
        f"invariant {it.invariant}: {it.count} ({it.samples[:1]})"
        for it in await violations_of(database, overdue_lag_seconds=OVERDUE_LAG_SECONDS)
    ]
    wrong += await _broken_promises(database, diary)
    wrong += await _lost_or_doubled(database, news)
    wrong += _misread(news, diary)
    if dead := (await _rows(database, _DEAD))[0][0]:
        wrong.append(f"{dead} events were dead-lettered")
    return wrong


async def _broken_promises(database: Database, diary: Diary) -> list[str]:
    rows = await _rows(database, _RESERVATIONS)
    status_of = {row.id: row.status for row in rows}
    wrong = [
        f"reservation {name}: told {told}, is {status_of.get(name)}"
        for name, told in diary.told.items()
        if status_of.get(name) != told
    ]
    orders: dict[str, list[str]] = {}
    for row in rows:
        orders.setdefault(row.order_id, []).append(row.status)
    wrong += [f"order {name}: {statuses}" for name, statuses in orders.items() if len(statuses) != 1]
    return wrong + [
        f"order {name}: told {told} by event, is {orders.get(name)}"
        for name, told in diary.by_event.items()
        if orders.get(name) != [told]
    ]


async def _lost_or_doubled(database: Database, news: Newsroom) -> list[str]:
    """Each row of the outbox is one record on the topic, and no record is of anything else."""
    written = {row.id: row for row in await _rows(database, _EVENTS)}
    heard = Counter(it.event_id for it in news.seen)
    wrong = [f"event {name} ({row.type}) was never sent" for name, row in written.items() if name not in heard]
    wrong += [f"event {name} was sent {count} times" for name, count in heard.items() if count > 1]
    return wrong + [f"event {name} is in no outbox" for name in heard if name not in written]


def _misread(news: Newsroom, diary: Diary) -> list[str]:
    """For each order that was settled, exactly one hold and then one end were told."""
    told: dict[str, list[str]] = {}
    for it in news.seen:
        if "orderId" in it.body and it.type.startswith("inventory."):
            told.setdefault(it.body["orderId"], []).append(it.type)
    return [
        f"order {name}: told {told.get(name)}"
        for name, status in diary.by_event.items()
        if told.get(name) != ["inventory.reserved", _SETTLED_BY[status]]
    ]


async def _rows(database: Database, statement: Any) -> list[Any]:
    async with database.read() as session:
        return list((await session.execute(statement)).all())
