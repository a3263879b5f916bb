"""Transfers: every piece that left a shelf is on the road, on another shelf, back, or lost."""

from __future__ import annotations

TRANSFERS: dict[str, str] = {
    "in_transit_is_accounted_for": """
        select t.transfer_id, t.status, l.sku, l.quantity_shipped, l.quantity_received, l.quantity_lost,
               l.quantity_returned, l.quantity_in_transit
        from transfers t left join transfer_lines l using (transfer_id)
        where l.transfer_id is null
           or l.quantity_in_transit <> l.quantity_shipped - l.quantity_received - l.quantity_lost - l.quantity_returned
           or least(l.quantity_received, l.quantity_lost, l.quantity_returned, l.quantity_in_transit) < 0
           or l.quantity_shipped > l.quantity
           or (t.shipped_at is null and l.quantity_shipped > 0)
           or (t.closed_at is not null and l.quantity_in_transit > 0)
    """,
    "transfers_are_in_the_ledger": """
        select transfer_id, sku, warehouse_id, lines.pieces as by_lines, ledger.pieces as by_ledger
        from (
            select t.transfer_id::text as transfer_id, l.sku, t.from_warehouse_id as warehouse_id,
                   l.quantity_returned - l.quantity_shipped as pieces
            from transfers t join transfer_lines l using (transfer_id)
            union all
            select t.transfer_id::text, l.sku, t.to_warehouse_id, l.quantity_received
            from transfers t join transfer_lines l using (transfer_id)
        ) lines
        full join (
            select m.reference as transfer_id, i.sku, i.warehouse_id, sum(m.quantity) as pieces
            from stock_movements m join inventory i using (inventory_id)
            where m.type = 'TRANSFER' group by m.reference, i.sku, i.warehouse_id
        ) ledger using (transfer_id, sku, warehouse_id)
        where coalesce(lines.pieces, 0) <> coalesce(ledger.pieces, 0)
           or (lines.pieces is null and ledger.pieces is not null)
    """,
    "in_transit_is_what_the_ledger_lacks": """
        select l.transfer_id, l.sku, l.quantity_in_transit, l.quantity_lost, coalesce(m.pieces, 0) as ledger
        from transfer_lines l
        left join (
            select m.reference, i.sku, sum(m.quantity) as pieces
            from stock_movements m join inventory i using (inventory_id)
            where m.type = 'TRANSFER' group by m.reference, i.sku
        ) m on m.reference = l.transfer_id::text and m.sku = l.sku
        where l.quantity_in_transit <> -coalesce(m.pieces, 0) - l.quantity_lost
    """,
    "late_transfers_are_alerts": """
        select coalesce(t.transfer_id, a.subject_id) as transfer_id, t.status, t.late_since, a.alert_id
        from (select * from transfers where late_since is not null and closed_at is null) t
        full join (select * from alerts where kind = 'transfer_late') a on a.subject_id = t.transfer_id
        where a.alert_id is null or (t.transfer_id is null and a.resolved_at is null)
    """,
}
