-- The one door to a stock row: the guarded change of quantities, with its events and alerts. Replaces change_stock.sql's.
--
-- Each change raises `sequence` by one: the same number stands on its movement, its events and its alerts. A row that
-- would break a rule is left alone and answers null, so the caller looks at the answer (never assume). A deleted row
-- takes no new holds, but what was sold from it may come back. A change that crosses neither the reorder point nor zero
-- pays for comparisons only.

create or replace function change_stock_row(
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
        perform raise_alert('low_stock', p_inventory_id, c.sku, c.warehouse_id, jsonb_build_object(
            'quantityAvailable', c.new_available, 'reorderPoint', c.reorder_point,
            'reorderQuantity', c.reorder_quantity, 'sequence', c.sequence));
    elsif c.old_available <= c.reorder_point and c.new_available > c.reorder_point then
        perform resolve_alerts(unresolved_alerts(p_inventory_id, '{low_stock}'),
                               case when p_total_delta > 0 then 'restocked' else 'released' end, '', null, null,
                               p_traceparent);
    end if;
    if c.old_available > 0 and c.new_available = 0 then
        insert into outbox (type, key, stream_id, sequence, data, traceparent)
        values ('inventory.out_of_stock', c.sku, p_inventory_id, c.sequence, jsonb_build_object(
            'inventoryId', p_inventory_id, 'productId', c.product_id, 'variantId', c.variant_id,
            'warehouseId', c.warehouse_id, 'sku', c.sku), p_traceparent);
        perform raise_alert('out_of_stock', p_inventory_id, c.sku, c.warehouse_id,
                            jsonb_build_object('quantityAvailable', 0, 'sequence', c.sequence));
    elsif c.old_available = 0 and c.new_available > 0 then
        perform resolve_alerts(unresolved_alerts(p_inventory_id, '{out_of_stock}'),
                               case when p_total_delta > 0 then 'restocked' else 'released' end, '', null, null,
                               p_traceparent);
    end if;
    inventory_id := p_inventory_id;
    warehouse_id := c.warehouse_id;
    sku := c.sku;
    total := c.quantity_total;
    reserved := c.quantity_reserved;
    sequence := c.sequence;
end $$;

-- A locked row's reorder point was changed: a point may cross the stock as much as stock crosses a point.

create function reorder_point_moved(p_inventory_id uuid, p_old_point integer, p_traceparent text) returns void
language plpgsql as $$
declare
    i inventory;
begin
    select * into i from inventory where inventory_id = p_inventory_id;
    if i.quantity_available > p_old_point and i.quantity_available <= i.reorder_point then
        perform raise_alert('low_stock', p_inventory_id, i.sku, i.warehouse_id, jsonb_build_object(
            'quantityAvailable', i.quantity_available, 'reorderPoint', i.reorder_point,
            'reorderQuantity', i.reorder_quantity, 'sequence', i.sequence));
    elsif i.quantity_available <= p_old_point and i.quantity_available > i.reorder_point then
        perform resolve_alerts(unresolved_alerts(p_inventory_id, '{low_stock}'), 'rule_changed', '', null, null,
                               p_traceparent);
    end if;
end $$;
