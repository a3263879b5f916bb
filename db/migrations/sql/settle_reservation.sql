-- The guarded transition out of PENDING: commit, cancel or expiry, with one winner by construction.
--
-- Answers the status after the call, whatever was asked, and whether this call changed it. Clocks are compared after
-- the lock is held. A commit or cancel past the deadline expires the row in this same transaction; an expiry that
-- comes early by this clock answers PENDING, and how early it is. Answers no row when there is no such reservation.

create function settle_reservation(
    p_reservation_id uuid, p_target text, p_reason text,
    p_performed_by uuid, p_performed_by_name text, p_traceparent text
) returns table (status varchar, changed boolean, expires_at timestamptz, early interval)
language plpgsql as $$
#variable_conflict use_column
declare
    v_row reservations%rowtype;
    v_now timestamptz;
    v_target text := p_target;
    v_reason text := p_reason;
    v_ids uuid[];
    v_quantities integer[];
    c record;
begin
    select * into v_row from reservations r where r.reservation_id = p_reservation_id for no key update;
    if not found then
        return;
    end if;
    v_now := clock_timestamp();
    if v_row.status <> 'PENDING' or (v_target = 'EXPIRED' and v_row.expires_at > v_now) then
        return query select v_row.status, false, v_row.expires_at,
                            case when v_row.status = 'PENDING' then v_row.expires_at - v_now end;
        return;
    end if;
    if v_row.expires_at <= v_now then
        v_target := 'EXPIRED';
        v_reason := 'expired';
    end if;

    update reservations r
    set status = v_target, sequence = r.sequence + 1, updated_at = v_now,
        release_reason = case when v_target = 'COMMITTED' then null else v_reason end,
        committed_at = case when v_target = 'COMMITTED' then v_now end,
        cancelled_at = case when v_target = 'CANCELLED' then v_now end,
        expired_at = case when v_target = 'EXPIRED' then v_now end
    where r.reservation_id = p_reservation_id;

    select array_agg(l.inventory_id order by l.inventory_id), array_agg(l.quantity order by l.inventory_id)
    into v_ids, v_quantities
    from reservation_lines l where l.reservation_id = p_reservation_id;
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    values (case when v_target = 'COMMITTED' then 'inventory.committed' else 'inventory.released' end,
            v_row.order_id, p_reservation_id, v_row.sequence + 1,
            jsonb_build_object('reservationId', p_reservation_id, 'orderId', v_row.order_id, 'status', v_target,
                               'lines', lines_of(v_ids, v_quantities), 'expiresAt', v_row.expires_at,
                               'settledAt', v_now)
            || case when v_target = 'COMMITTED' then '{}' else jsonb_build_object('reason', v_reason) end,
            p_traceparent);
    for n in 1 .. cardinality(v_ids) loop
        c := change_stock_row(v_ids[n], case when v_target = 'COMMITTED' then -v_quantities[n] else 0 end,
                              -v_quantities[n], p_traceparent);
        if c.inventory_id is null then
            raise exception 'reservation % holds stock that its rows do not show', p_reservation_id
                using errcode = 'HF002';
        end if;
        if v_target = 'COMMITTED' then
            insert into stock_movements (inventory_id, type, quantity, total_after, sequence, reason, reference,
                                         performed_by, performed_by_name)
            values (c.inventory_id, 'OUTBOUND', -v_quantities[n], c.total, c.sequence, 'sold', v_row.order_id,
                    p_performed_by, p_performed_by_name);
        end if;
    end loop;
    return query select v_target::varchar, true, v_row.expires_at, null::interval;
end $$;
