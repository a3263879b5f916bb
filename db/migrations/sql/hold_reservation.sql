-- A planned hold in one statement and one commit: reservation, lines, stock and news, or nothing at all.
--
-- fill_reservation gives an open reservation its lines (in the order of inventory ids: that is the lock order); it
-- raises HF001 when the plan no longer fits the stock: everything is undone, and the caller plans again under locks.
-- hold_reservation opens and fills; a repeated call with the same id changes nothing and answers null: the caller
-- reads the row as it is now.

create function fill_reservation(
    p_reservation_id uuid, p_order_id text, p_reserved_at timestamptz, p_expires_at timestamptz,
    p_inventory_ids uuid[], p_quantities integer[], p_traceparent text
) returns void
language plpgsql as $$
declare
    n integer;
    c record;
    v_lines jsonb := '[]';
begin
    for n in 1 .. cardinality(p_inventory_ids) loop
        c := change_stock_row(p_inventory_ids[n], 0, p_quantities[n], p_traceparent);
        if c.inventory_id is null then
            raise exception 'the plan no longer fits the stock' using errcode = 'HF001';
        end if;
        insert into reservation_lines (reservation_id, inventory_id, quantity)
        values (p_reservation_id, p_inventory_ids[n], p_quantities[n]);
        v_lines := v_lines || jsonb_build_object('inventoryId', c.inventory_id, 'warehouseId', c.warehouse_id,
                                                 'sku', c.sku, 'quantity', p_quantities[n]);
    end loop;
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    values ('inventory.reserved', p_order_id, p_reservation_id, 1, jsonb_build_object(
        'reservationId', p_reservation_id, 'orderId', p_order_id, 'status', 'PENDING', 'lines', v_lines,
        'reservedAt', p_reserved_at, 'expiresAt', p_expires_at), p_traceparent);
end $$;

create function hold_reservation(
    p_reservation_id uuid, p_order_id text, p_fingerprint text, p_source text, p_hold interval,
    p_inventory_ids uuid[], p_quantities integer[],
    p_performed_by uuid, p_performed_by_name text, p_traceparent text
) returns timestamptz
language plpgsql as $$
declare
    v_now timestamptz := clock_timestamp();
begin
    insert into reservations (reservation_id, order_id, status, fingerprint, source, performed_by, performed_by_name,
                              reserved_at, expires_at, created_at, updated_at)
    values (p_reservation_id, p_order_id, 'PENDING', p_fingerprint, p_source, p_performed_by, p_performed_by_name,
            v_now, v_now + p_hold, v_now, v_now)
    on conflict (reservation_id) do nothing;
    if not found then
        return null;
    end if;
    perform fill_reservation(p_reservation_id, p_order_id, v_now, v_now + p_hold, p_inventory_ids, p_quantities,
                             p_traceparent);
    return v_now;
end $$;
