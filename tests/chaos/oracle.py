"""What must be true when everything is calm again: by the invariants, by what clients were told, and by what was read.

Every finding is a sentence; none means that all held. Looks only when nobody is at work any more.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from db.engine import Database
from db.invariants import violations_of
from domain.errors import Unavailable
from tests.chaos.load import Claims
from tests.chaos.news import News

QUIET_SECONDS_MAX = 120.0
OVERDUE_LAG_SECONDS = 5.0
LOSABLE_SECONDS = 10.0
"""A broker that forgets takes with it what was sent so shortly before and not read yet."""

SAID_MAX = 5
"""Of findings of one kind so many are told; the others are counted."""

_OPEN = text("""
    select (select count(*) from reservations where status = 'PENDING') as pending,
           (select count(*) from outbox where sent_at is null) as unsent,
           (select count(*) from inbox where status not in ('DELIVERED', 'DEAD')) as undelivered,
           (select count(*) from (select unnest(cast(:told as text[])) except select event_id from inbox) t) as unread
""")
_UNREAD = text("select unnest(cast(:told as text[])) as event_id except select event_id from inbox")
_RESERVATIONS = text("""
    with told as (select stream_id, type, count(*) as n from outbox group by stream_id, type),
         news as (select stream_id, jsonb_object_agg(type, n) as news from told group by stream_id),
         lines as (select reservation_id, count(*) as lines from reservation_lines group by reservation_id),
         sales as (select reference, count(*) as sales from stock_movements where type = 'OUTBOUND' group by reference)
    select r.reservation_id::text as id, r.order_id, r.status, coalesce(n.news, '{}') as news,
           coalesce(l.lines, 0) as lines, coalesce(s.sales, 0) as sales
    from reservations r left join news n on n.stream_id = r.reservation_id
    left join lines l using (reservation_id) left join sales s on s.reference = r.order_id
""")
"""One pass over each table: to look into each for every reservation takes longer than a statement may."""

_OUTBOX = text("select event_id::text, type, stream_id::text, sequence, key, sent_at from outbox order by outbox_id")
_STOCK = text("""
    with sold as (select s.sku, sum(l.quantity) as sold
                  from reservations r join reservation_lines l using (reservation_id)
                  join inventory s using (inventory_id) where r.status = 'COMMITTED' group by s.sku)
    select i.sku, sum(i.quantity_total) as now, coalesce(max(sold), 0) as sold
    from inventory i left join sold using (sku) group by i.sku
""")
_DEAD = text("select event_id, type, reason from inbox where status = 'DEAD'")

_ENDS = {"COMMITTED": "inventory.committed", "CANCELLED": "inventory.released", "EXPIRED": "inventory.released"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the oracle is told: what there was of each SKU, what clients heard, what was read, when topics were lost.

    `broker_lost_at` are instants of a broker that forgets; empty for one that does not.
    """

    pieces: Mapping[str, int]
    claims: Claims
    read: Sequence[News]
    told_events: Collection[str]
    broker_lost_at: Sequence[datetime]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`wrong` is empty when all held. `counts` says how much was looked at."""

    wrong: list[str]
    counts: dict[str, int]


async def until_quiet(database: Database, told_events: Collection[str]) -> dict[str, int]:
    """Wait until nothing is open; answers what still is when patience ends."""
    left: dict[str, int] = {}
    try:
        async with asyncio.timeout(QUIET_SECONDS_MAX):
            while not left or any(left.values()):
                await asyncio.sleep(0.2)
                left = await _open(database, told_events)
    except TimeoutError:
        left.setdefault("unanswered", 1)
    return left


async def unread(database: Database, told_events: Collection[str]) -> list[str]:
    """Ids of events that Kafka has had and nobody here has read."""
    async with database.read() as session:
        return list((await session.execute(_UNREAD, {"told": list(told_events)})).scalars())


async def verdict(database: Database, evidence: Evidence) -> Verdict:
    """Everything that is wrong."""
    reservations = await _rows(database, _RESERVATIONS)
    outbox = await _rows(database, _OUTBOX)
    lost = _not_read(outbox, evidence)
    wrong = [
        *await _invariants(database),
        *_some("claims", _broken_claims(reservations, evidence.claims)),
        *_some("settled", _not_settled_once(reservations)),
        *_some("orders", _wrong_orders(reservations, evidence.claims, outbox)),
        *_some("stock", _wrong_stock(await _rows(database, _STOCK), evidence.pieces)),
        *_some("dead letters", (f"{row.type} {row.event_id}: {row.reason}" for row in await _rows(database, _DEAD))),
        *_some("event ids", _not_one_id_each(outbox, evidence.read)),
        *_some("order of events", _out_of_order(evidence.read)),
        *_some("events lost", lost.inexcusable),
    ]
    counts = {
        "reservations": len(reservations),
        "commits that clients were told of": sum(told == "COMMITTED" for told in evidence.claims.told.values()),
        "other ends that clients were told of": sum(
            told in {"CANCELLED", "EXPIRED"} for told in evidence.claims.told.values()
        ),
        "order events": len(evidence.told_events),
        "changes in the outbox": len(outbox),
        "events read from Kafka": len({news.event_id for news in evidence.read}),
        "records read more than once": len(evidence.read) - len({news.event_id for news in evidence.read}),
        "events that a forgetful broker took along": lost.excused,
    }
    by_status = Counter(f"reservations {row.status}" for row in reservations)
    return Verdict(wrong, {**counts, **dict(sorted(by_status.items()))})


async def _invariants(database: Database) -> list[str]:
    found = await violations_of(database, overdue_lag_seconds=OVERDUE_LAG_SECONDS)
    return [f"invariant {one.invariant}: {one.count} ({one.samples[:1]})" for one in found]


def _broken_claims(reservations: Iterable[Any], claims: Claims) -> Iterable[str]:
    """Whatever a client was told last is so; a hold that it was told of is there, whatever became of it."""
    status_of = {row.id: row.status for row in reservations}
    for reservation_id, told in claims.told.items():
        is_now = status_of.get(reservation_id)
        if is_now is None or told not in {"PENDING", is_now}:
            yield f"reservation {reservation_id}: told {told}, is {is_now}"


def _not_settled_once(reservations: Iterable[Any]) -> Iterable[str]:
    """One end each: its news once and no other end's, and a line of the ledger for each line that was sold."""
    for row in reservations:
        ends = {kind: row.news.get(kind, 0) for kind in set(_ENDS.values())}
        expected = {kind: int(_ENDS.get(row.status) == kind) for kind in ends}
        begins = row.news.get("inventory.reserved", 0) + row.news.get("inventory.reservation_rejected", 0)
        if ends != expected or begins != 1:
            yield f"reservation {row.id} is {row.status}, its news {row.news}"
        if row.sales != (row.lines if row.status == "COMMITTED" else 0):
            yield f"reservation {row.id} is {row.status} with {row.lines} lines and {row.sales} sales in the ledger"


def _wrong_orders(reservations: Iterable[Any], claims: Claims, outbox: Iterable[Any]) -> Iterable[str]:
    """No order has two reservations; one that was paid by an event is sold, or the payer was told that it is not."""
    by_order: dict[str, list[str]] = defaultdict(list)
    for row in reservations:
        by_order[row.order_id].append(row.status)
    refused = {row.key for row in outbox if row.type == "inventory.commit_refused"}
    for order_id, statuses in by_order.items():
        if len(statuses) > 1:
            yield f"order {order_id} has {statuses}"
    for order_id in claims.paid_by_event:
        statuses = by_order.get(order_id, [])
        if "COMMITTED" not in statuses and set(statuses) != {"REJECTED"} and order_id not in refused:
            yield f"order {order_id}: paid, but {statuses}, and nobody was told"


def _wrong_stock(stock: Iterable[Any], pieces: Mapping[str, int]) -> Iterable[str]:
    """What there was, less what was sold, is there: by our own count of what there was."""
    for row in stock:
        if row.now != pieces[row.sku] - row.sold:
            yield f"{row.sku}: {pieces[row.sku]} less {row.sold} sold, but {row.now} are there"


def _not_one_id_each(outbox: Iterable[Any], read: Iterable[News]) -> Iterable[str]:
    """A change is a type, a stream and a sequence: one event id for each, and each id one change, in both places."""
    ids: dict[tuple[str, str, int], set[str]] = defaultdict(set)
    changes: dict[str, set[tuple[str, str, int]]] = defaultdict(set)
    known: set[str] = set()
    for row in outbox:
        known.add(row.event_id)
        ids[row.type, row.stream_id, row.sequence].add(row.event_id)
        changes[row.event_id].add((row.type, row.stream_id, row.sequence))
    for news in read:
        ids[news.type, news.stream_id, news.sequence].add(news.event_id)
        changes[news.event_id].add((news.type, news.stream_id, news.sequence))
        if news.event_id not in known:
            yield f"{news.type} {news.event_id} was read and is not in the outbox"
    yield from (f"{change} has the events {found}" for change, found in ids.items() if len(found) > 1)
    yield from (f"event {event_id} tells of {found}" for event_id, found in changes.items() if len(found) > 1)


def _out_of_order(read: Iterable[News]) -> Iterable[str]:
    """What is read for the first time of a stream never has a lower sequence than what was read before."""
    seen: set[str] = set()
    last: dict[str, int] = {}
    for news in read:
        if news.event_id in seen:
            continue
        seen.add(news.event_id)
        if news.sequence < last.get(news.stream_id, 0):
            yield f"{news.type} {news.sequence} of {news.stream_id} came after {last[news.stream_id]}"
        last[news.stream_id] = max(news.sequence, last.get(news.stream_id, 0))


@dataclass(frozen=True, slots=True)
class _NotRead:
    inexcusable: list[str]
    excused: int


def _not_read(outbox: Iterable[Any], evidence: Evidence) -> _NotRead:
    """Events that never came to us: excused only when they were sent just before a broker forgot its topics."""
    read = {news.event_id for news in evidence.read}
    missing = [row for row in outbox if row.event_id not in read]
    inexcusable = [
        f"{row.type} {row.event_id}, sent at {row.sent_at}, was never read"
        for row in missing
        if not _went_with_the_broker(row.sent_at, evidence.broker_lost_at)
    ]
    return _NotRead(inexcusable, len(missing) - len(inexcusable))


def _went_with_the_broker(sent_at: datetime | None, lost_at: Iterable[datetime]) -> bool:
    if sent_at is None:
        return False
    losable = timedelta(seconds=LOSABLE_SECONDS)
    return any(lost - losable < sent_at < lost + timedelta(seconds=1) for lost in lost_at)


def _some(kind: str, findings: Iterable[str]) -> list[str]:
    every = list(findings)
    more = [f"{kind}: and {len(every) - SAID_MAX} more"] if len(every) > SAID_MAX else []
    return [f"{kind}: {finding}" for finding in every[:SAID_MAX]] + more


async def _open(database: Database, told_events: Collection[str]) -> dict[str, int]:
    try:
        return dict((await _rows(database, _OPEN, told=sorted(told_events)))[0]._mapping)
    except Unavailable:
        return {"unanswered": 1}


async def _rows(database: Database, statement: Any, **values: Any) -> list[Any]:
    async with database.read() as session:
        return list((await session.execute(statement, values)).all())
