-- A sold order is cancelled: what was sold and not yet returned comes back on the shelf, once, with RETURN movements.
-- Answers the status and whether this call brought stock back; no row when there is no such reservation.

create function return_reservation(
    p_reservation_id uuid, p_reason text, p_performed_by uuid, p_performed_by_name text, p_traceparent text
) returns table (status varchar, changed boolean)
language plpgsql as $$
#variable_conflict use_column
declare
    v_row reservations%rowtype;
    v_line record;
    c record;
    v_lines jsonb := '[]';
begin
    select * into v_row from reservations r where r.reservation_id = p_reservation_id for no key update;
    if not found then
        return;
    end if;
    if v_row.status <> 'COMMITTED' or v_row.returned_at is not null then
        return query select v_row.status, false;
        return;
    end if;
    update reservations r set returned_at = clock_timestamp(), updated_at = clock_timestamp(), sequence = r.sequence + 1
    where r.reservation_id = p_reservation_id;
    for v_line in
        select l.inventory_id, l.quantity - l.quantity_returned as quantity from reservation_lines l
        where l.reservation_id = p_reservation_id and l.quantity > l.quantity_returned order by l.inventory_id
    loop
        c := change_stock_row(v_line.inventory_id, v_line.quantity, 0, p_traceparent);
        if c.inventory_id is null then
            raise exception 'returned stock of reservation % has no row to go to', p_reservation_id
                using errcode = 'HF002';
        end if;
        insert into stock_movements (inventory_id, type, quantity, total_after, sequence, reason, reference,
                                     performed_by, performed_by_name)
        values (c.inventory_id, 'RETURN', v_line.quantity, c.total, c.sequence, p_reason, v_row.order_id,
                p_performed_by, p_performed_by_name);
        v_lines := v_lines || jsonb_build_object('inventoryId', c.inventory_id, 'warehouseId', c.warehouse_id,
                                                 'sku', c.sku, 'quantity', v_line.quantity);
    end loop;
    update reservation_lines l set quantity_returned = l.quantity where l.reservation_id = p_reservation_id;
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    values ('inventory.released', v_row.order_id, p_reservation_id, v_row.sequence + 1,
            jsonb_build_object('reservationId', p_reservation_id, 'orderId', v_row.order_id, 'status', 'COMMITTED',
                               'lines', v_lines, 'expiresAt', v_row.expires_at, 'settledAt', clock_timestamp(),
                               'reason', 'order_cancelled'), p_traceparent);
    return query select v_row.status, true;
end $$;
