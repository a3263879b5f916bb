-- What reports look things up by. The block-range index tells which part of the ledger is of a period: it costs the sale
-- that writes the ledger nothing, because movements stand in the heap in the order of time.

create index inventory_sku on inventory (sku, inventory_id);
create index stock_movements_period on stock_movements using brin (created_at)
    with (pages_per_range = 32, autosummarize = on);
