-- What was sold comes back: whole when its order is cancelled, or a part of it as somebody has received it.
--
-- Both ways share `return_lines`, which writes the return down, puts the pieces on the shelf and into the ledger, and
-- counts them. Locks in the one order: the reservation, then inventory rows by id.

create table reservation_returns (
    reservation_id uuid not null constraint reservation_returns_reservation references reservations (reservation_id),
    return_id uuid not null default uuidv7(),
    fingerprint varchar(64) not null,
    reason varchar(255) not null,
    is_complete boolean not null,
    sequence bigint not null,
    performed_by uuid not null,
    performed_by_name varchar(255) not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (reservation_id, return_id),
    constraint reservation_returns_one_per_change unique (reservation_id, sequence)
);

-- No foreign key to inventory, for the reason that reservation_lines has none.
create table reservation_return_lines (
    reservation_id uuid not null,
    return_id uuid not null,
    inventory_id uuid not null,
    condition varchar(20) not null,
    quantity integer not null,
    movement_id uuid not null constraint reservation_return_lines_movement references stock_movements (movement_id),
    damage_movement_id uuid
        constraint reservation_return_lines_damage_movement references stock_movements (movement_id),
    primary key (reservation_id, return_id, inventory_id, condition),
    constraint reservation_return_lines_return foreign key (reservation_id, return_id)
        references reservation_returns (reservation_id, return_id),
    constraint reservation_return_lines_quantity_positive check (quantity >= 1),
    constraint reservation_return_lines_condition_known check (condition in ('sellable', 'damaged')),
    constraint reservation_return_lines_damaged_are_written_off
        check ((condition = 'damaged') = (damage_movement_id is not null)),
    constraint reservation_return_lines_movement_once unique (movement_id),
    constraint reservation_return_lines_damage_movement_once unique (damage_movement_id)
);

create trigger reservation_returns_append_only before update or delete on reservation_returns
    for each row execute function refuse_change();
create trigger reservation_returns_no_truncate before truncate on reservation_returns
    for each statement execute function refuse_change();
create trigger reservation_return_lines_append_only before update or delete on reservation_return_lines
    for each row execute function refuse_change();
create trigger reservation_return_lines_no_truncate before truncate on reservation_return_lines
    for each statement execute function refuse_change();

-- The other door to a stock row: pieces that come and go at once, and so change no quantity. Two steps of `sequence`,
-- each with its event, and never a crossing of the reorder point: change_stock_row would tell of a shelf that is full
-- for an instant. Answers the total and the sequence of the second step; null when there is no such row.

create function pass_through_row(
    p_inventory_id uuid, p_quantity integer, p_traceparent text, out total integer, out sequence bigint
)
language plpgsql as $$
declare
    c record;
begin
    update inventory i
    set sequence = i.sequence + 2, version = i.version + 1, updated_at = clock_timestamp()
    where i.inventory_id = p_inventory_id
    returning i.* into c;
    if not found then
        return;
    end if;
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    select 'inventory.stock_updated', c.sku, p_inventory_id, step.sequence, jsonb_build_object(
        'inventoryId', p_inventory_id, 'productId', c.product_id, 'variantId', c.variant_id,
        'warehouseId', c.warehouse_id, 'sku', c.sku,
        'oldStock', c.quantity_available + step.before, 'newStock', c.quantity_available + step.after,
        'oldTotal', c.quantity_total + step.before, 'newTotal', c.quantity_total + step.after,
        'reserved', c.quantity_reserved, 'reorderPoint', c.reorder_point), p_traceparent
    from (values (c.sequence - 1, 0, p_quantity), (c.sequence, p_quantity, 0)) as step (sequence, before, after)
    order by step.sequence;
    total := c.quantity_total;
    sequence := c.sequence;
end $$;

create function write_movement(
    p_inventory_id uuid, p_type text, p_quantity integer, p_total_after integer, p_sequence bigint, p_reason text,
    p_reference text, p_performed_by uuid, p_performed_by_name text
) returns uuid
language sql as $$
    insert into stock_movements (inventory_id, type, quantity, total_after, sequence, reason, reference,
                                 performed_by, performed_by_name)
    values (p_inventory_id, p_type, p_quantity, p_total_after, p_sequence, p_reason, p_reference, p_performed_by,
            p_performed_by_name)
    returning movement_id
$$;

-- `p_row` is locked and COMMITTED; the parts are by inventory row and condition. Answers the lines for the event. A stock
-- row that is not there leaves its sequence null, which the ledger refuses.

create function return_lines(
    p_row reservations, p_return_id uuid, p_fingerprint text,
    p_inventory_ids uuid[], p_conditions text[], p_quantities integer[], p_reason text,
    p_performed_by uuid, p_performed_by_name text, p_traceparent text
) returns jsonb
language plpgsql as $$
declare
    v_part record;
    v_back uuid;
    v_damage uuid;
    v_rows integer;
    v_complete boolean;
    v_lines jsonb := '[]';
    c record;
begin
    update reservation_lines l set quantity_returned = l.quantity_returned + w.quantity
    from (select id, sum(quantity) as quantity from unnest(p_inventory_ids, p_quantities) as w (id, quantity)
          group by id) w
    where l.reservation_id = p_row.reservation_id and l.inventory_id = w.id;
    get diagnostics v_rows = row_count;
    if v_rows <> (select count(distinct id) from unnest(p_inventory_ids) as w (id)) then
        raise exception 'reservation % sold nothing of a row that is to take stock back', p_row.reservation_id
            using errcode = 'HF002';
    end if;
    v_complete := not exists (select from reservation_lines l where l.reservation_id = p_row.reservation_id
                                                                and l.quantity_returned < l.quantity);
    update reservations r
    set sequence = r.sequence + 1, updated_at = clock_timestamp(),
        returned_at = case when v_complete then clock_timestamp() end
    where r.reservation_id = p_row.reservation_id;
    insert into reservation_returns (reservation_id, return_id, fingerprint, reason, is_complete, sequence,
                                     performed_by, performed_by_name)
    values (p_row.reservation_id, p_return_id, p_fingerprint, p_reason, v_complete, p_row.sequence + 1,
            p_performed_by, p_performed_by_name);
    for v_part in
        select w.inventory_id, w.condition, w.quantity, i.warehouse_id, i.sku
        from unnest(p_inventory_ids, p_conditions, p_quantities) as w (inventory_id, condition, quantity)
        left join inventory i using (inventory_id)
        order by w.inventory_id, w.condition
    loop
        v_damage := null;
        if v_part.condition = 'damaged' then
            c := pass_through_row(v_part.inventory_id, v_part.quantity, p_traceparent);
            v_back := write_movement(v_part.inventory_id, 'RETURN', v_part.quantity, c.total + v_part.quantity,
                                     c.sequence - 1, p_reason, p_row.order_id, p_performed_by, p_performed_by_name);
            v_damage := write_movement(v_part.inventory_id, 'DAMAGE', -v_part.quantity, c.total, c.sequence, p_reason,
                                       p_row.order_id, p_performed_by, p_performed_by_name);
        else
            c := change_stock_row(v_part.inventory_id, v_part.quantity, 0, p_traceparent);
            v_back := write_movement(v_part.inventory_id, 'RETURN', v_part.quantity, c.total, c.sequence, p_reason,
                                     p_row.order_id, p_performed_by, p_performed_by_name);
        end if;
        insert into reservation_return_lines (reservation_id, return_id, inventory_id, condition, quantity,
                                              movement_id, damage_movement_id)
        values (p_row.reservation_id, p_return_id, v_part.inventory_id, v_part.condition, v_part.quantity, v_back,
                v_damage);
        v_lines := v_lines || jsonb_build_object(
            'inventoryId', v_part.inventory_id, 'warehouseId', v_part.warehouse_id, 'sku', v_part.sku,
            'quantity', v_part.quantity, 'condition', v_part.condition);
    end loop;
    return v_lines;
end $$;

-- A part of a sale, or all of it, as planned by domain/returns.py under the same lock. Told as `inventory.returned`.

create function return_part(
    p_reservation_id uuid, p_return_id uuid, p_fingerprint text,
    p_inventory_ids uuid[], p_conditions text[], p_quantities integer[], p_reason text,
    p_performed_by uuid, p_performed_by_name text, p_traceparent text
) returns void
language plpgsql as $$
declare
    v_row reservations%rowtype;
    v_lines jsonb;
begin
    select * into v_row from reservations r where r.reservation_id = p_reservation_id for no key update;
    if v_row.status is distinct from 'COMMITTED' then
        raise exception 'reservation % was not sold', p_reservation_id using errcode = 'HF002';
    end if;
    v_lines := return_lines(v_row, p_return_id, p_fingerprint, p_inventory_ids, p_conditions, p_quantities, p_reason,
                            p_performed_by, p_performed_by_name, p_traceparent);
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    select 'inventory.returned', r.order_id, r.reservation_id, r.sequence, jsonb_build_object(
        'reservationId', r.reservation_id, 'orderId', r.order_id, 'returnId', p_return_id, 'status', r.status,
        'lines', v_lines, 'reason', p_reason, 'isComplete', r.returned_at is not null), p_traceparent
    from reservations r where r.reservation_id = p_reservation_id;
end $$;

-- A sold order is cancelled: what was sold and is not back yet comes back, once, told as `inventory.released`.
-- Answers the status and whether this call brought stock back; no row when there is no such reservation.

create or replace function return_reservation(
    p_reservation_id uuid, p_reason text, p_performed_by uuid, p_performed_by_name text, p_traceparent text
) returns table (status varchar, changed boolean)
language plpgsql as $$
#variable_conflict use_column
declare
    v_row reservations%rowtype;
    v_ids uuid[];
    v_quantities integer[];
    v_lines jsonb;
begin
    select * into v_row from reservations r where r.reservation_id = p_reservation_id for no key update;
    if not found then
        return;
    end if;
    if v_row.status <> 'COMMITTED' or v_row.returned_at is not null then
        return query select v_row.status, false;
        return;
    end if;
    select array_agg(l.inventory_id), array_agg(l.quantity - l.quantity_returned)
    into v_ids, v_quantities
    from reservation_lines l where l.reservation_id = p_reservation_id and l.quantity > l.quantity_returned;
    v_lines := return_lines(v_row, uuidv7(), '', v_ids, array_fill('sellable'::text, array[cardinality(v_ids)]),
                            v_quantities, p_reason, p_performed_by, p_performed_by_name, p_traceparent);
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    values ('inventory.released', v_row.order_id, p_reservation_id, v_row.sequence + 1,
            jsonb_build_object('reservationId', p_reservation_id, 'orderId', v_row.order_id, 'status', 'COMMITTED',
                               'lines', v_lines, 'expiresAt', v_row.expires_at, 'settledAt', clock_timestamp(),
                               'reason', 'order_cancelled'), p_traceparent);
    return query select v_row.status, true;
end $$;
