-- The one door to a stock row: the guarded change of quantities, with its events, in one statement.
--
-- Answers one row for each inventory row changed; a row that would break a rule is left out, so the caller compares
-- counts (never assume). A deleted row takes no new holds, but what was sold from it may come back. The caller has
-- locked the rows in id order when there are several.
-- Each change raises `sequence` by one: the same number stands on its movement and its events.

create function change_stock(
    p_inventory_ids uuid[], p_total_deltas integer[], p_reserved_deltas integer[], p_traceparent text
) returns table (inventory_id uuid, warehouse_id uuid, sku varchar, total integer, reserved integer, sequence bigint)
language sql
begin atomic
    with wanted as (
        select * from unnest(p_inventory_ids, p_total_deltas, p_reserved_deltas) as w (id, total_delta, reserved_delta)
    ),
    changed as (
        update inventory i
        set quantity_total = i.quantity_total + w.total_delta,
            quantity_reserved = i.quantity_reserved + w.reserved_delta,
            sequence = i.sequence + 1,
            version = i.version + 1,
            updated_at = clock_timestamp()
        from wanted w
        where i.inventory_id = w.id
          and (i.deleted_at is null or w.reserved_delta <= 0)
          and i.quantity_reserved + w.reserved_delta >= 0
          and i.quantity_total + w.total_delta >= i.quantity_reserved + w.reserved_delta
        returning new.inventory_id, new.warehouse_id, new.product_id, new.variant_id, new.sku, new.reorder_point,
            new.reorder_quantity, new.quantity_total, new.quantity_reserved, new.sequence,
            old.quantity_total as old_total,
            old.quantity_total - old.quantity_reserved as old_available,
            new.quantity_total - new.quantity_reserved as new_available
    ),
    news as (
        insert into outbox (type, key, stream_id, sequence, data, traceparent)
        select e.type, c.sku, c.inventory_id, c.sequence, e.data, p_traceparent
        from changed c
        cross join lateral (
            select 'inventory.stock_updated' as type, jsonb_build_object(
                'inventoryId', c.inventory_id, 'productId', c.product_id, 'variantId', c.variant_id,
                'warehouseId', c.warehouse_id, 'sku', c.sku,
                'oldStock', c.old_available, 'newStock', c.new_available,
                'oldTotal', c.old_total, 'newTotal', c.quantity_total,
                'reserved', c.quantity_reserved, 'reorderPoint', c.reorder_point) as data
            union all
            select 'inventory.low_stock', jsonb_build_object(
                'inventoryId', c.inventory_id, 'productId', c.product_id, 'variantId', c.variant_id,
                'warehouseId', c.warehouse_id, 'sku', c.sku,
                'currentStock', c.new_available, 'reorderPoint', c.reorder_point,
                'reorderQuantity', c.reorder_quantity)
            where c.old_available > c.reorder_point and c.new_available <= c.reorder_point
            union all
            select 'inventory.out_of_stock', jsonb_build_object(
                'inventoryId', c.inventory_id, 'productId', c.product_id, 'variantId', c.variant_id,
                'warehouseId', c.warehouse_id, 'sku', c.sku)
            where c.old_available > 0 and c.new_available = 0
        ) e
    )
    select c.inventory_id, c.warehouse_id, c.sku, c.quantity_total, c.quantity_reserved, c.sequence
    from changed c;
end;
