-- A later deadline for a live hold. `p_number` counts the extensions of this reservation: repeating number n changes
-- nothing. Past the deadline the row expires instead: a dead hold is never revived.
--
-- Answers the row after the call: status, whether this call extended it, deadline, number of extensions;
-- `refused` when the limit is met.

create function extend_reservation(
    p_reservation_id uuid, p_number integer, p_hold interval, p_lifetime_max interval, p_extends_max integer,
    p_performed_by uuid, p_performed_by_name text, p_traceparent text
) returns table (status varchar, changed boolean, refused boolean, expires_at timestamptz, extends_count integer)
language plpgsql as $$
#variable_conflict use_column
declare
    v_row reservations%rowtype;
    v_now timestamptz;
    v_deadline timestamptz;
begin
    select * into v_row from reservations r where r.reservation_id = p_reservation_id for no key update;
    if not found then
        return;
    end if;
    v_now := clock_timestamp();
    if v_row.status = 'PENDING' and v_row.expires_at <= v_now then
        return query select s.status, s.changed, false, s.expires_at, v_row.extends_count
        from settle_reservation(p_reservation_id, 'EXPIRED', 'expired', p_performed_by, p_performed_by_name,
                                p_traceparent) s;
        return;
    end if;
    if v_row.status <> 'PENDING' or v_row.extends_count >= p_number then
        return query select v_row.status, false, false, v_row.expires_at, v_row.extends_count;
        return;
    end if;
    v_deadline := greatest(v_row.expires_at, v_now + p_hold);
    if v_row.extends_count >= p_extends_max or v_deadline > v_row.reserved_at + p_lifetime_max then
        return query select v_row.status, false, true, v_row.expires_at, v_row.extends_count;
        return;
    end if;
    update reservations r
    set expires_at = v_deadline, extends_count = r.extends_count + 1, sequence = r.sequence + 1, updated_at = v_now
    where r.reservation_id = p_reservation_id;
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    values ('inventory.reservation_extended', v_row.order_id, p_reservation_id, v_row.sequence + 1, jsonb_build_object(
        'reservationId', p_reservation_id, 'orderId', v_row.order_id, 'status', 'PENDING',
        'oldExpiresAt', v_row.expires_at, 'expiresAt', v_deadline), p_traceparent);
    return query select v_row.status, true, false, v_deadline, v_row.extends_count + 1;
end $$;
