-- A hold keeps why it was allocated as it is, when there was a choice (null: each item came from the only warehouse
-- that keeps it, which the lines say). Replaces hold_reservation.sql, and the procedure of hold_early_release.sql.

alter table reservations add column allocation jsonb;

drop procedure hold_early_release;
drop function hold_reservation;

-- A planned hold in one statement and one commit: reservation, lines, stock and news, or nothing at all.
--
-- p_lines are the lines as events tell them (what a row is never changes; only how much of it). Inventory rows are
-- changed, and so locked, in the order given: by id; they are touched last, since from there to the commit others wait.
-- Raises HF001 when the plan no longer fits the stock: everything is undone, and the caller plans again under locks.
-- A repeated call with the same id changes nothing and answers null: the caller reads the row as it is now.
-- p_opened_at is given by a caller who has opened the reservation's row itself, in the same transaction.
create function hold_reservation(
    p_reservation_id uuid, p_order_id text, p_fingerprint text, p_source text, p_hold interval,
    p_inventory_ids uuid[], p_quantities integer[], p_lines jsonb,
    p_performed_by uuid, p_performed_by_name text, p_traceparent text, p_allocation jsonb default null,
    p_opened_at timestamptz default null
) returns timestamptz
language plpgsql as $$
declare
    v_now timestamptz := coalesce(p_opened_at, clock_timestamp());
    c record;
begin
    if p_opened_at is null then
        insert into reservations (reservation_id, order_id, status, fingerprint, source, allocation, performed_by,
                                  performed_by_name, reserved_at, expires_at, created_at, updated_at)
        values (p_reservation_id, p_order_id, 'PENDING', p_fingerprint, p_source, p_allocation, p_performed_by,
                p_performed_by_name, v_now, v_now + p_hold, v_now, v_now)
        on conflict (reservation_id) do nothing;
        if not found then
            return null;
        end if;
    elsif p_allocation is not null then
        update reservations set allocation = p_allocation where reservation_id = p_reservation_id;
    end if;
    for n in 1 .. cardinality(p_inventory_ids) loop
        insert into reservation_lines (reservation_id, inventory_id, quantity)
        values (p_reservation_id, p_inventory_ids[n], p_quantities[n]);
    end loop;
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    values ('inventory.reserved', p_order_id, p_reservation_id, 1, jsonb_build_object(
        'reservationId', p_reservation_id, 'orderId', p_order_id, 'status', 'PENDING', 'lines', p_lines,
        'reservedAt', v_now, 'expiresAt', v_now + p_hold), p_traceparent);
    for n in 1 .. cardinality(p_inventory_ids) loop
        c := change_stock_row(p_inventory_ids[n], 0, p_quantities[n], p_traceparent);
        if c.inventory_id is null then
            raise exception 'the plan no longer fits the stock' using errcode = 'HF001';
        end if;
    end loop;
    return v_now;
end $$;

-- The same as a transaction of its own that lets go of the hot row before the disk has answered; why that is right is
-- said in hold_early_release.sql. Not for use inside a transaction.
create procedure hold_early_release(
    p_reservation_id uuid, p_order_id text, p_fingerprint text, p_source text, p_hold interval,
    p_inventory_ids uuid[], p_quantities integer[], p_lines jsonb,
    p_performed_by uuid, p_performed_by_name text, p_traceparent text, p_allocation jsonb default null,
    inout p_reserved_at timestamptz default null
)
language plpgsql as $$
begin
    perform set_config('synchronous_commit', 'off', true);
    p_reserved_at := hold_reservation(p_reservation_id, p_order_id, p_fingerprint, p_source, p_hold, p_inventory_ids,
                                      p_quantities, p_lines, p_performed_by, p_performed_by_name, p_traceparent,
                                      p_allocation);
    commit;
    perform wait_until_durable();
end $$;
