-- A payment came for a reservation that holds nothing any more: the news of it, once for each decision.
--
-- The reservation's sequence goes up by one, so that this event has its place among the others of the reservation.
-- Answers whether this call wrote the event; a PENDING reservation can still be committed and is left alone.

create function refuse_commit(
    p_reservation_id uuid, p_event_id uuid, p_decision_id text, p_reason text, p_traceparent text
) returns boolean
language plpgsql as $$
declare
    v_row reservations%rowtype;
begin
    select * into v_row from reservations r where r.reservation_id = p_reservation_id for no key update;
    if not found or v_row.status = 'PENDING' then
        return false;
    end if;
    perform 1 from outbox o where o.stream_id = p_reservation_id and o.event_id = p_event_id;
    if found then
        return false;
    end if;
    update reservations r set sequence = r.sequence + 1, updated_at = clock_timestamp()
    where r.reservation_id = p_reservation_id;
    insert into outbox (event_id, type, key, stream_id, sequence, data, traceparent)
    values (p_event_id, 'inventory.commit_refused', v_row.order_id, p_reservation_id, v_row.sequence + 1,
            jsonb_build_object('reservationId', p_reservation_id, 'orderId', v_row.order_id, 'status', v_row.status,
                               'reason', p_reason, 'decisionId', p_decision_id), p_traceparent);
    return true;
end $$;
