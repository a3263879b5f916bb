"""Who waits for stock, and what came of it."""

from __future__ import annotations

WAITLIST: dict[str, str] = {
    "offers_are_reservations": """
        select e.entry_id, e.sku, e.quantity, e.reservation_id, r.status, r.order_id, held.pieces
        from waitlist_entries e
        left join reservations r using (reservation_id)
        left join lateral (
            select coalesce(sum(l.quantity), 0) as pieces from reservation_lines l join inventory i using (inventory_id)
            where l.reservation_id = e.reservation_id and i.sku = e.sku
        ) held on r.reservation_id is not null
        where (e.status = 'OFFERED') <> (r.reservation_id is not null)
           or r.status = 'REJECTED' or r.order_id <> e.order_id or held.pieces <> e.quantity
    """,
    "waiting_ends_in_time": """
        select entry_id, expires_at, clock_timestamp() - expires_at as overdue from waitlist_entries
        where status = 'WAITING' and expires_at < statement_timestamp() - cast(:lag as interval)
    """,
    "every_change_of_the_waitlist_is_news": """
        select e.entry_id, e.status, e.sequence, o.first, o.last, o.events
        from waitlist_entries e
        left join (
            select stream_id, min(sequence) as first, max(sequence) as last, count(*) as events
            from outbox
            where created_at > clock_timestamp() - cast(:kept as interval) and type like 'inventory.waitlist_%'
            group by stream_id
        ) o on o.stream_id = e.entry_id
        where coalesce(e.settled_at, e.joined_at) > clock_timestamp() - cast(:kept as interval)
          and (o.last is distinct from e.sequence or o.events <> o.last - o.first + 1)
    """,
}
