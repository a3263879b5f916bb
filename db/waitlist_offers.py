"""Who is next in line, and the offer: a hold of the entry's own, in the same commit as the entry's end of waiting.

Nothing can be lost or doubled between the two. The workflow is started afterwards by whoever made the offer; a row
that lost its workflow gets another (the Reconcile schedule, or the first decision about it), as every reservation does.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from db.allocation import candidates, planned
from db.engine import Database, ReadSession, WriteSession, sqlstate
from db.explanations import told_of
from db.holding import PLAN_DOES_NOT_FIT
from db.locks import try_lock_line
from db.reservation_rows import hold_values
from db.waitlist import entry_of
from domain.contracts.reservations import HoldRequest, Source
from domain.reservations import Item, fingerprint
from domain.waitlist import WaitlistEntry

# Jumps from SKU to SKU along the index of those that wait, however long their lines are.
_WANTED = text("""
    with recursive wanted as (
        (select sku, 1 as n from waitlist_entries where status = 'WAITING' and sku > :after order by sku limit 1)
        union all
        select next.sku, wanted.n + 1
        from wanted cross join lateral (
            select e.sku from waitlist_entries e where e.status = 'WAITING' and e.sku > wanted.sku
            order by e.sku limit 1) next
        where wanted.n < :most
    )
    select wanted.sku, exists (
        select from inventory i join warehouses w using (warehouse_id)
        where i.sku = wanted.sku and i.deleted_at is null and i.quantity_available > 0 and w.is_active) as is_there
    from wanted order by wanted.sku
""")
# Whether an entry fits is what domain/allocation.py would say of it: pieces may come from several warehouses, but only
# from where it wants them. Big wishes are passed over by the sum of all shelves before their own are looked at.
_FIRST_THAT_FITS = text("""
    with shelves as materialized (
        select i.warehouse_id, w.region, i.quantity_available as pieces
        from inventory i join warehouses w using (warehouse_id)
        where i.sku = :sku and i.deleted_at is null and i.quantity_available > 0 and w.is_active
    )
    select e.* from waitlist_entries e
    where e.sku = :sku and e.status = 'WAITING' and e.expires_at > statement_timestamp()
      and e.quantity <= (select coalesce(sum(pieces), 0) from shelves)
      and e.quantity <= (select coalesce(sum(s.pieces), 0) from shelves s
                         where (e.warehouse_id is null or s.warehouse_id = e.warehouse_id)
                           and (e.region is null or s.region = e.region))
    order by e.place limit 1
""")
_OFFER = text("""
    select offer_waitlist_entry(:entry_id, :reservation_id, :fingerprint, :source,
                                cast(:inventory_ids as uuid[]), cast(:quantities as integer[]), :lines, :allocation)
""").bindparams(bindparam("lines", type_=JSONB), bindparam("allocation", type_=JSONB(none_as_null=True)))


@dataclass(frozen=True, slots=True)
class WantedSku:
    """A SKU that somebody waits for, and whether there is any of it."""

    sku: str
    is_there: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """A hold that was made for an entry: what its workflow is started with, and how late it came."""

    entry: WaitlistEntry
    request: HoldRequest
    delay_seconds: float


async def wanted_skus(session: ReadSession, *, after: str, most: int) -> list[WantedSku]:
    """Up to `most` SKUs that are waited for, in their order, behind `after`."""
    rows = await session.execute(_WANTED, {"after": after, "most": most})
    return [WantedSku(row.sku, row.is_there) for row in rows]


async def offer_next(database: Database, sku: str) -> Offer | None:
    """Serve the first in line whose wish fits what is there; None when nobody's does.

    None as well while somebody else serves this line, and when a buyer was faster: who is next stays next.
    """
    try:
        return await database.writing(lambda session: _offer_next(session, sku))
    except DBAPIError as error:
        if sqlstate(error) != PLAN_DOES_NOT_FIT:
            raise
        return None


async def _offer_next(session: WriteSession, sku: str) -> Offer | None:
    if not await try_lock_line(session, sku):
        return None
    row = (await session.execute(_FIRST_THAT_FITS, {"sku": sku})).first()
    if row is None:
        return None
    entry = entry_of(row)
    request = _request(entry)
    chosen = planned(request, await candidates(session, request.items))
    if chosen.shortages:
        return None
    values = {"entry_id": entry.entry_id, **hold_values(request, chosen, told_of(chosen))}
    delay = (await session.execute(_OFFER, values)).scalar_one()
    return None if delay is None else Offer(entry, request, delay.total_seconds())


def _request(entry: WaitlistEntry) -> HoldRequest:
    items = [Item(quantity=entry.quantity, sku=entry.sku, warehouse_id=entry.warehouse_id)]
    return HoldRequest(
        reservation_id=uuid.uuid4(),
        order_id=entry.order_id,
        items=items,
        fingerprint=fingerprint(entry.order_id, items, entry.hold_seconds, region=entry.region),
        actor_id=entry.performed_by,
        actor_name=entry.performed_by_name,
        hold_seconds=entry.hold_seconds,
        region=entry.region,
        source=Source.WAITLIST,
        traceparent=entry.traceparent,
    )
