"""Rows of stock, the ledger behind them and the news of them."""

from __future__ import annotations

STOCK: dict[str, str] = {
    "total_is_sum_of_movements": """
        select i.inventory_id, i.sku, i.quantity_total, coalesce(m.total, 0) as ledger
        from inventory i
        left join (select inventory_id, sum(quantity) as total from stock_movements group by inventory_id) m
            using (inventory_id)
        where i.quantity_total <> coalesce(m.total, 0)
    """,
    "nothing_is_negative": """
        select inventory_id, sku, quantity_total, quantity_reserved, quantity_available
        from inventory
        where quantity_total < 0 or quantity_reserved < 0 or quantity_available < 0
           or quantity_available <> quantity_total - quantity_reserved
    """,
    "retired_rows_hold_nothing": """
        select inventory_id, sku, quantity_reserved from inventory
        where deleted_at is not null and quantity_reserved <> 0
    """,
    "ledger_adds_up": """
        select * from (
            select m.inventory_id, m.sequence, m.quantity, m.total_after, i.quantity_total, i.sequence as row_sequence,
                   lag(m.total_after, 1, 0) over ledger as total_before,
                   lead(m.sequence) over ledger is null as is_last
            from stock_movements m join inventory i using (inventory_id)
            window ledger as (partition by m.inventory_id order by m.sequence)
        ) line
        where total_before + quantity <> total_after
           or sequence not between 1 and row_sequence
           or (is_last and total_after <> quantity_total)
    """,
    "every_change_of_stock_is_news": """
        select m.inventory_id, m.sequence, 'no event of this movement' as problem
        from stock_movements m
        where m.created_at > statement_timestamp() - cast(:kept as interval)
          and not exists (select from outbox o where o.stream_id = m.inventory_id and o.sequence = m.sequence
                                                 and o.type = 'inventory.stock_updated')
        union all
        select i.inventory_id, i.sequence, 'events are missing or too many'
        from inventory i
        join (
            select stream_id, min(sequence) as first, max(sequence) as last, count(*) as events
            from outbox
            where type = 'inventory.stock_updated' and created_at > statement_timestamp() - cast(:kept as interval)
            group by stream_id
        ) o on o.stream_id = i.inventory_id
        where o.last <> i.sequence or o.events <> o.last - o.first + 1
    """,
}
