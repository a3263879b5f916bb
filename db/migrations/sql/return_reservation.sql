-- A sold order is cancelled: what was sold and not yet returned comes back on the shelf, once, with RETURN movements.
-- Answers the status and whether this call brought stock back; no row when there is no such reservation.

create function return_reservation(
    p_reservation_id uuid, p_reason text, p_performed_by uuid, p_performed_by_name text, p_traceparent text
) returns table (status varchar, changed boolean)
language plpgsql as $$
#variable_conflict use_column
declare
    v_row reservations%rowtype;
    v_ids uuid[];
    v_quantities integer[];
begin
    select * into v_row from reservations r where r.reservation_id = p_reservation_id for no key update;
    if not found then
        return;
    end if;
    if v_row.status <> 'COMMITTED' or v_row.returned_at is not null then
        return query select v_row.status, false;
        return;
    end if;
    select array_agg(l.inventory_id order by l.inventory_id),
           array_agg(l.quantity - l.quantity_returned order by l.inventory_id)
    into v_ids, v_quantities
    from reservation_lines l where l.reservation_id = p_reservation_id and l.quantity > l.quantity_returned;
    update reservations r set returned_at = clock_timestamp(), updated_at = clock_timestamp(), sequence = r.sequence + 1
    where r.reservation_id = p_reservation_id;
    if v_ids is null then
        return query select v_row.status, false;
        return;
    end if;
    perform lock_stock(v_ids);
    update reservation_lines l set quantity_returned = l.quantity where l.reservation_id = p_reservation_id;
    with changed as (
        select * from change_stock(v_ids, v_quantities, array_fill(0, array[cardinality(v_ids)]), p_traceparent)
    ),
    returned as (
        insert into stock_movements (inventory_id, type, quantity, total_after, sequence, reason, reference,
                                     performed_by, performed_by_name)
        select c.inventory_id, 'RETURN', w.quantity, c.total, c.sequence, p_reason, v_row.order_id,
               p_performed_by, p_performed_by_name
        from changed c join unnest(v_ids, v_quantities) as w (id, quantity) on w.id = c.inventory_id
    )
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    select 'inventory.released', v_row.order_id, p_reservation_id, v_row.sequence + 1,
           jsonb_build_object('reservationId', p_reservation_id, 'orderId', v_row.order_id, 'status', 'COMMITTED',
               'lines', jsonb_agg(jsonb_build_object('inventoryId', c.inventory_id, 'warehouseId', c.warehouse_id,
                                                     'sku', c.sku, 'quantity', w.quantity) order by c.inventory_id),
               'expiresAt', v_row.expires_at, 'settledAt', clock_timestamp(), 'reason', 'order_cancelled'),
           p_traceparent
    from changed c join unnest(v_ids, v_quantities) as w (id, quantity) on w.id = c.inventory_id
    having count(*) = cardinality(v_ids);
    if not found then
        raise exception 'returned stock of reservation % has no row to go to', p_reservation_id using errcode = 'HF002';
    end if;
    return query select v_row.status, true;
end $$;
