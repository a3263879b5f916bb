-- The one door to a stock row: the guarded change of quantities, with its events.
--
-- Each change raises `sequence` by one: the same number stands on its movement and its events. A row that would break
-- a rule is left alone and answers null, so the caller looks at the answer (never assume). A deleted row takes no new
-- holds, but what was sold from it may come back. Row by row on purpose: measured, the same in one set-based statement
-- costs twice as much for the usual single line. Several rows are changed, and so locked, in the order given: by id.

create function change_stock_row(
    p_inventory_id uuid, p_total_delta integer, p_reserved_delta integer, p_traceparent text,
    out inventory_id uuid, out warehouse_id uuid, out sku varchar, out total integer, out reserved integer,
    out sequence bigint
)
language plpgsql as $$
declare
    c record;
begin
    update inventory i
    set quantity_total = i.quantity_total + p_total_delta,
        quantity_reserved = i.quantity_reserved + p_reserved_delta,
        sequence = i.sequence + 1,
        version = i.version + 1,
        updated_at = clock_timestamp()
    where i.inventory_id = p_inventory_id
      and (i.deleted_at is null or p_reserved_delta <= 0)
      and i.quantity_reserved + p_reserved_delta >= 0
      and i.quantity_total + p_total_delta >= i.quantity_reserved + p_reserved_delta
    returning new.warehouse_id, new.product_id, new.variant_id, new.sku, new.reorder_point, new.reorder_quantity,
        new.quantity_total, new.quantity_reserved, new.sequence, old.quantity_total as old_total,
        old.quantity_available as old_available, new.quantity_available as new_available
    into c;
    if not found then
        return;
    end if;
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    values ('inventory.stock_updated', c.sku, p_inventory_id, c.sequence, jsonb_build_object(
        'inventoryId', p_inventory_id, 'productId', c.product_id, 'variantId', c.variant_id,
        'warehouseId', c.warehouse_id, 'sku', c.sku, 'oldStock', c.old_available, 'newStock', c.new_available,
        'oldTotal', c.old_total, 'newTotal', c.quantity_total, 'reserved', c.quantity_reserved,
        'reorderPoint', c.reorder_point), p_traceparent);
    if c.old_available > c.reorder_point and c.new_available <= c.reorder_point then
        insert into outbox (type, key, stream_id, sequence, data, traceparent)
        values ('inventory.low_stock', c.sku, p_inventory_id, c.sequence, jsonb_build_object(
            'inventoryId', p_inventory_id, 'productId', c.product_id, 'variantId', c.variant_id,
            'warehouseId', c.warehouse_id, 'sku', c.sku, 'currentStock', c.new_available,
            'reorderPoint', c.reorder_point, 'reorderQuantity', c.reorder_quantity), p_traceparent);
    end if;
    if c.old_available > 0 and c.new_available = 0 then
        insert into outbox (type, key, stream_id, sequence, data, traceparent)
        values ('inventory.out_of_stock', c.sku, p_inventory_id, c.sequence, jsonb_build_object(
            'inventoryId', p_inventory_id, 'productId', c.product_id, 'variantId', c.variant_id,
            'warehouseId', c.warehouse_id, 'sku', c.sku), p_traceparent);
    end if;
    inventory_id := p_inventory_id;
    warehouse_id := c.warehouse_id;
    sku := c.sku;
    total := c.quantity_total;
    reserved := c.quantity_reserved;
    sequence := c.sequence;
end $$;

create function change_stock(
    p_inventory_ids uuid[], p_total_deltas integer[], p_reserved_deltas integer[], p_traceparent text
) returns table (inventory_id uuid, warehouse_id uuid, sku varchar, total integer, reserved integer, sequence bigint)
language plpgsql as $$
declare
    n integer;
begin
    for n in 1 .. coalesce(cardinality(p_inventory_ids), 0) loop
        select * into inventory_id, warehouse_id, sku, total, reserved, sequence
        from change_stock_row(p_inventory_ids[n], p_total_deltas[n], p_reserved_deltas[n], p_traceparent);
        if inventory_id is not null then
            return next;
        end if;
    end loop;
end $$;

-- The lines of an event: what an inventory row is never changes, so this needs no lock.

create function lines_of(p_inventory_ids uuid[], p_quantities integer[]) returns jsonb
language sql stable
return (
    select jsonb_agg(jsonb_build_object('inventoryId', i.inventory_id, 'warehouseId', i.warehouse_id, 'sku', i.sku,
                                        'quantity', w.quantity) order by i.inventory_id)
    from unnest(p_inventory_ids, p_quantities) as w (id, quantity)
    join inventory i on i.inventory_id = w.id
);
