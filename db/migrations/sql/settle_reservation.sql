-- The guarded transition out of PENDING: commit, cancel or expiry, with one winner by construction.
--
-- Answers the status after the call, whatever was asked, and whether this call changed it. Clocks are compared after
-- the lock is held. A commit or cancel past the deadline expires the row in this same transaction; an expiry that
-- comes early by this clock answers PENDING. Answers no row when there is no such reservation.

create function settle_reservation(
    p_reservation_id uuid, p_target text, p_reason text,
    p_performed_by uuid, p_performed_by_name text, p_traceparent text
) returns table (status varchar, changed boolean, expires_at timestamptz)
language plpgsql as $$
#variable_conflict use_column
declare
    v_row reservations%rowtype;
    v_now timestamptz;
    v_target text := p_target;
    v_reason text := p_reason;
    v_ids uuid[];
    v_quantities integer[];
    v_total_deltas integer[];
    v_reserved_deltas integer[];
begin
    select * into v_row from reservations r where r.reservation_id = p_reservation_id for no key update;
    if not found then
        return;
    end if;
    if v_row.status <> 'PENDING' then
        return query select v_row.status, false, v_row.expires_at;
        return;
    end if;
    v_now := clock_timestamp();
    if v_target = 'EXPIRED' and v_row.expires_at > v_now then
        return query select v_row.status, false, v_row.expires_at;
        return;
    end if;
    if v_row.expires_at <= v_now then
        v_target := 'EXPIRED';
        v_reason := 'expired';
    end if;

    select array_agg(l.inventory_id order by l.inventory_id), array_agg(l.quantity order by l.inventory_id),
           array_agg(case when v_target = 'COMMITTED' then -l.quantity else 0 end order by l.inventory_id),
           array_agg(-l.quantity order by l.inventory_id)
    into v_ids, v_quantities, v_total_deltas, v_reserved_deltas
    from reservation_lines l where l.reservation_id = p_reservation_id;
    if cardinality(v_ids) > 1 then
        perform lock_stock(v_ids);
    end if;

    update reservations r
    set status = v_target, sequence = r.sequence + 1, updated_at = v_now,
        release_reason = case when v_target = 'COMMITTED' then null else v_reason end,
        committed_at = case when v_target = 'COMMITTED' then v_now end,
        cancelled_at = case when v_target = 'CANCELLED' then v_now end,
        expired_at = case when v_target = 'EXPIRED' then v_now end
    where r.reservation_id = p_reservation_id;

    with changed as (
        select * from change_stock(v_ids, v_total_deltas, v_reserved_deltas, p_traceparent)
    ),
    sold as (
        insert into stock_movements (inventory_id, type, quantity, total_after, sequence, reason, reference,
                                     performed_by, performed_by_name)
        select c.inventory_id, 'OUTBOUND', -w.quantity, c.total, c.sequence, 'sold', v_row.order_id,
               p_performed_by, p_performed_by_name
        from changed c join unnest(v_ids, v_quantities) as w (id, quantity) on w.id = c.inventory_id
        where v_target = 'COMMITTED'
    )
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    select case when v_target = 'COMMITTED' then 'inventory.committed' else 'inventory.released' end,
           v_row.order_id, p_reservation_id, v_row.sequence + 1,
           jsonb_build_object('reservationId', p_reservation_id, 'orderId', v_row.order_id, 'status', v_target,
               'lines', jsonb_agg(jsonb_build_object('inventoryId', c.inventory_id, 'warehouseId', c.warehouse_id,
                                                     'sku', c.sku, 'quantity', w.quantity) order by c.inventory_id),
               'expiresAt', v_row.expires_at, 'settledAt', v_now)
           || case when v_target = 'COMMITTED' then '{}' else jsonb_build_object('reason', v_reason) end,
           p_traceparent
    from changed c join unnest(v_ids, v_quantities) as w (id, quantity) on w.id = c.inventory_id
    having count(*) = cardinality(v_ids);
    if not found then
        raise exception 'reservation % holds stock that its rows do not show', p_reservation_id using errcode = 'HF002';
    end if;
    return query select v_target::varchar, true, v_row.expires_at;
end $$;
