-- A refused payment looks for its own news by an index, however much news waits for a broker. Replaces
-- refuse_commit.sql's, which read the whole outbox under the reservation's lock.
--
-- The index holds refusals only, so that no sale pays for it; the type in the function's query lets it be used.

create index outbox_commit_refused on outbox (event_id) where type = 'inventory.commit_refused';

create or replace function refuse_commit(
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
    perform 1 from outbox o
    where o.type = 'inventory.commit_refused' and o.event_id = p_event_id and o.stream_id = p_reservation_id;
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
