"""Holds and sales: what they hold, how they end, and the news of them."""

from __future__ import annotations

RESERVATIONS: dict[str, str] = {
    "reserved_is_sum_of_pending_lines": """
        select i.inventory_id, i.sku, i.quantity_reserved, coalesce(h.pieces, 0) as held
        from inventory i
        left join (
            select l.inventory_id, sum(l.quantity) as pieces
            from reservations r join reservation_lines l using (reservation_id)
            where r.status = 'PENDING' group by l.inventory_id
        ) h using (inventory_id)
        where i.quantity_reserved <> coalesce(h.pieces, 0)
    """,
    "holds_end_in_time": """
        select reservation_id, expires_at, clock_timestamp() - expires_at as overdue
        from reservations
        where status = 'PENDING' and expires_at < statement_timestamp() - cast(:lag as interval)
    """,
    "one_terminal_state": """
        select reservation_id, status, committed_at, cancelled_at, expired_at, returned_at from reservations
        where num_nonnulls(committed_at, cancelled_at, expired_at)
                  <> (case when status in ('PENDING', 'REJECTED') then 0 else 1 end)
           or (committed_at is not null) <> (status = 'COMMITTED')
           or (cancelled_at is not null) <> (status = 'CANCELLED')
           or (expired_at is not null) <> (status = 'EXPIRED')
           or (returned_at is not null and status <> 'COMMITTED')
           or committed_at >= expires_at
    """,
    "holds_have_lines": """
        select r.reservation_id, r.status from reservations r
        where (r.status = 'REJECTED')
            = exists (select from reservation_lines l where l.reservation_id = r.reservation_id)
    """,
    "lines_name_rows_that_exist": """
        select l.reservation_id, l.inventory_id from reservation_lines l
        where not exists (select from inventory i where i.inventory_id = l.inventory_id)
    """,
    "sales_are_in_the_ledger": """
        select order_id, inventory_id, sold.pieces as committed, ledger.pieces as outbound
        from (
            select r.order_id, l.inventory_id, sum(l.quantity) as pieces
            from reservations r join reservation_lines l using (reservation_id)
            where r.status = 'COMMITTED' group by r.order_id, l.inventory_id
        ) sold
        full join (
            select reference as order_id, inventory_id, -sum(quantity) as pieces
            from stock_movements where type = 'OUTBOUND' group by reference, inventory_id
        ) ledger using (order_id, inventory_id)
        where sold.pieces is distinct from ledger.pieces
    """,
    "every_change_of_a_reservation_is_news": """
        select r.reservation_id, r.status, r.sequence, o.first, o.last, o.events
        from reservations r
        left join (
            select stream_id, min(sequence) as first, max(sequence) as last, count(*) as events
            from outbox
            where created_at > statement_timestamp() - cast(:kept as interval)
            group by stream_id
        ) o on o.stream_id = r.reservation_id
        where r.updated_at > statement_timestamp() - cast(:kept as interval)
          and (o.last is distinct from r.sequence or o.events <> o.last - o.first + 1)
    """,
}
