-- Many overdue reservations at once. Each stock row changes once for the whole batch.
--
-- expire_locked settles reservations that the caller has locked, PENDING and past their deadline, with their stock
-- rows locked too. expire_overdue is the sweeper's batch: reservations taken with SKIP LOCKED (somebody who holds one
-- is settling it), then their stock rows in id order. Both answer one row for each reservation they expired.

create function expire_locked(p_reservation_ids uuid[], p_traceparent text)
returns table (reservation_id uuid, expires_at timestamptz, expired_at timestamptz)
language plpgsql as $$
#variable_conflict use_column
declare
    v_row record;
    c record;
begin
    for v_row in
        select l.inventory_id, sum(l.quantity)::integer as quantity from reservation_lines l
        where l.reservation_id = any (p_reservation_ids) group by l.inventory_id order by l.inventory_id
    loop
        c := change_stock_row(v_row.inventory_id, 0, -v_row.quantity, p_traceparent);
        if c.inventory_id is null then
            raise exception 'an overdue reservation holds stock that its rows do not show' using errcode = 'HF002';
        end if;
    end loop;
    return query
    with settled as (
        update reservations r
        set status = 'EXPIRED', sequence = r.sequence + 1, release_reason = 'expired',
            expired_at = clock_timestamp(), updated_at = clock_timestamp()
        where r.reservation_id = any (p_reservation_ids)
        returning r.reservation_id, r.order_id, r.sequence, r.expires_at, r.expired_at
    ),
    lines as (
        select l.reservation_id, jsonb_agg(jsonb_build_object(
                   'inventoryId', l.inventory_id, 'warehouseId', i.warehouse_id, 'sku', i.sku, 'quantity', l.quantity)
                   order by l.inventory_id) as lines
        from reservation_lines l join inventory i using (inventory_id)
        where l.reservation_id = any (p_reservation_ids) group by l.reservation_id
    ),
    news as (
        insert into outbox (type, key, stream_id, sequence, data, traceparent)
        select 'inventory.released', s.order_id, s.reservation_id, s.sequence,
               jsonb_build_object('reservationId', s.reservation_id, 'orderId', s.order_id, 'status', 'EXPIRED',
                   'lines', l.lines, 'expiresAt', s.expires_at, 'settledAt', s.expired_at, 'reason', 'expired'),
               p_traceparent
        from settled s join lines l using (reservation_id)
    )
    select s.reservation_id, s.expires_at, s.expired_at from settled s;
end $$;

create function expire_overdue(p_grace interval, p_batch_rows integer, p_traceparent text)
returns table (reservation_id uuid, expires_at timestamptz, expired_at timestamptz)
language plpgsql as $$
declare
    v_reservations uuid[];
begin
    select array_agg(o.reservation_id) into v_reservations
    from (select r.reservation_id from reservations r
          where r.status = 'PENDING' and r.expires_at <= statement_timestamp() - p_grace
          order by r.expires_at limit p_batch_rows for no key update skip locked) o;
    if v_reservations is null then
        return;
    end if;
    perform lock_stock(array(select distinct l.inventory_id from reservation_lines l
                             where l.reservation_id = any (v_reservations)));
    return query select * from expire_locked(v_reservations, p_traceparent);
end $$;
