"""Purchase orders. What a person books in by hand under an order's id is no receipt: it is an adjustment."""

from __future__ import annotations

PURCHASE_ORDERS: dict[str, str] = {
    "purchase_orders_match_their_lines": """
        select o.purchase_order_id, o.status, l.complete, l.begun, l.outstanding
        from purchase_orders o
        left join (
            select purchase_order_id, bool_and(quantity_received >= quantity) as complete,
                   bool_or(quantity_received > 0) as begun, sum(quantity_outstanding) as outstanding,
                   sum(greatest(quantity - quantity_received, 0)) as missing
            from purchase_order_lines group by purchase_order_id
        ) l using (purchase_order_id)
        where l.complete is null
           or (o.status = 'RECEIVED') <> l.complete
           or (o.status in ('PARTIALLY_RECEIVED', 'RECEIVED', 'CLOSED')) <> l.begun
           or l.outstanding <> case when o.closed_at is null then l.missing else 0 end
    """,
    "purchases_are_in_the_ledger": """
        select purchase_order_id, sku, warehouse_id, lines.pieces as received, ledger.pieces as inbound
        from (
            select o.purchase_order_id, l.sku, o.warehouse_id, l.quantity_received as pieces
            from purchase_orders o join purchase_order_lines l using (purchase_order_id)
        ) lines
        full join (
            select o.purchase_order_id, i.sku, i.warehouse_id, sum(m.quantity) as pieces
            from purchase_orders o
            join stock_movements m
                on m.reference = o.purchase_order_id::text and m.type = 'INBOUND' and m.reference <> ''
            join inventory i using (inventory_id)
            where not exists (select from adjustments a where a.adjustment_id = m.movement_id)
            group by o.purchase_order_id, i.sku, i.warehouse_id
        ) ledger using (purchase_order_id, sku, warehouse_id)
        where coalesce(lines.pieces, 0) <> coalesce(ledger.pieces, 0)
           or (lines.pieces is null and ledger.pieces is not null)
    """,
    "receipts_add_up": """
        select purchase_order_id, sku, l.quantity_received, receipts.pieces
        from purchase_order_lines l
        full join (
            select a.subject_id as purchase_order_id, arrived.sku, sum(arrived.quantity) as pieces
            from audit a
            cross join lateral jsonb_to_recordset(a.details -> 'lines') as arrived (sku text, quantity integer)
            where a.subject_kind = 'purchase-order' and a.step = 'receive' and a.refusal_code is null
            group by a.subject_id, arrived.sku
        ) receipts using (purchase_order_id, sku)
        where l.quantity_received is distinct from coalesce(receipts.pieces, 0)
    """,
    "late_purchase_orders_are_alerts": """
        select coalesce(o.purchase_order_id, a.subject_id) as purchase_order_id, o.status, o.late_since, a.alert_id
        from (select * from purchase_orders where late_since is not null and closed_at is null) o
        full join (select * from alerts where kind = 'purchase_order_late') a on a.subject_id = o.purchase_order_id
        where a.alert_id is null or (o.purchase_order_id is null and a.resolved_at is null)
    """,
}
