-- Orders that wait for a SKU that is short, and the hold that ends their waiting.
--
-- An entry is WAITING until it is OFFERED a reservation of its own, gets too old or is withdrawn, once. The offer and
-- its hold are one commit, so nothing can be lost or doubled between them; who is next is decided under the lock of the
-- SKU's line (db/locks.py). Locks in the one order: the entry, the new reservation, inventory rows by id.

create table waitlist_entries (
    entry_id uuid primary key,
    place bigint not null generated always as identity,
    order_id varchar(100) not null,
    sku varchar(50) not null,
    quantity integer not null,
    warehouse_id uuid constraint waitlist_entries_warehouse references warehouses (warehouse_id),
    region varchar(50),
    hold_seconds integer not null,
    status varchar(20) not null default 'WAITING',
    reservation_id uuid constraint waitlist_entries_reservation references reservations (reservation_id),
    sequence bigint not null default 1,
    performed_by uuid not null,
    performed_by_name varchar(255) not null,
    traceparent varchar(55),
    joined_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    settled_at timestamptz,
    constraint waitlist_entries_place_unique unique (place),
    constraint waitlist_entries_status_known check (status in ('WAITING', 'OFFERED', 'EXPIRED', 'WITHDRAWN')),
    constraint waitlist_entries_quantity_in_range check (quantity between 1 and 1000000),
    constraint waitlist_entries_hold_in_range check (hold_seconds between 1 and 604800),
    constraint waitlist_entries_settled_once check ((status = 'WAITING') = (settled_at is null)),
    constraint waitlist_entries_offered_is_reserved check ((status = 'OFFERED') = (reservation_id is not null))
);
create index waitlist_entries_line on waitlist_entries (sku, place) include (quantity) where status = 'WAITING';
create index waitlist_entries_overdue on waitlist_entries (expires_at) where status = 'WAITING';
create index waitlist_entries_settled on waitlist_entries (settled_at) where settled_at is not null;
create index waitlist_entries_sku on waitlist_entries (sku, place);
create index waitlist_entries_order on waitlist_entries (order_id, place);
create index waitlist_entries_status on waitlist_entries (status, place);
create index waitlist_entries_at_warehouse on waitlist_entries (warehouse_id) where warehouse_id is not null;
create unique index waitlist_entries_one_reservation on waitlist_entries (reservation_id);

create function waitlist_news(e waitlist_entries, p_type text, p_more jsonb, p_traceparent text) returns void
language sql as $$
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    values (p_type, e.order_id, e.entry_id, e.sequence,
            jsonb_build_object('entryId', e.entry_id, 'orderId', e.order_id, 'sku', e.sku, 'quantity', e.quantity,
                               'warehouseId', e.warehouse_id, 'region', e.region, 'status', e.status,
                               'joinedAt', e.joined_at, 'expiresAt', e.expires_at) || p_more, p_traceparent)
$$;

-- A repeat with the same id changes nothing. Answers whether this call made the entry.

create function join_waitlist(
    p_entry_id uuid, p_order_id text, p_sku text, p_quantity integer, p_warehouse_id uuid, p_region text,
    p_hold_seconds integer, p_wait interval, p_expires_at timestamptz, p_performed_by uuid, p_performed_by_name text,
    p_traceparent text
) returns boolean
language plpgsql as $$
declare
    e waitlist_entries;
begin
    insert into waitlist_entries (entry_id, order_id, sku, quantity, warehouse_id, region, hold_seconds, expires_at,
                                  performed_by, performed_by_name, traceparent)
    values (p_entry_id, p_order_id, p_sku, p_quantity, p_warehouse_id, p_region, p_hold_seconds,
            coalesce(p_expires_at, clock_timestamp() + p_wait), p_performed_by, p_performed_by_name, p_traceparent)
    on conflict (entry_id) do nothing returning * into e;
    if not found then
        return false;
    end if;
    perform waitlist_news(e, 'inventory.waitlist_joined', '{}', p_traceparent);
    return true;
end $$;

-- Ends the waiting without an offer: p_status is WITHDRAWN or EXPIRED. What does not wait any more is left as it is.
-- Answers how many entries this call ended.

create function leave_waitlist(p_entry_ids uuid[], p_status text, p_traceparent text) returns integer
language plpgsql as $$
declare
    e waitlist_entries;
    v_count integer := 0;
begin
    for e in
        update waitlist_entries w set status = p_status, settled_at = clock_timestamp(), sequence = w.sequence + 1
        where w.entry_id = any (p_entry_ids) and w.status = 'WAITING' returning *
    loop
        v_count := v_count + 1;
        perform waitlist_news(e, 'inventory.waitlist_' || lower(p_status),
                              jsonb_build_object('settledAt', e.settled_at), coalesce(p_traceparent, e.traceparent));
    end loop;
    return v_count;
end $$;

-- One batch of those that have waited too long, oldest deadline first; whom somebody else is ending is skipped.

create function expire_waitlist(p_batch_rows integer) returns integer
language sql as $$
    select leave_waitlist(array(
        select entry_id from waitlist_entries
        where status = 'WAITING' and expires_at <= statement_timestamp()
        order by expires_at limit p_batch_rows for no key update skip locked), 'EXPIRED', null)
$$;

-- The offer: the entry's reservation is held and the entry OFFERED, or nothing at all. Raises HF001 when the plan does
-- not fit the stock any more. Answers how long the stock and the entry have waited for each other, counted from the
-- later of the entry's coming and the last change of the stock; null when the entry does not wait any more.

create function offer_waitlist_entry(
    p_entry_id uuid, p_reservation_id uuid, p_fingerprint text, p_source text,
    p_inventory_ids uuid[], p_quantities integer[], p_lines jsonb, p_allocation jsonb
) returns interval
language plpgsql as $$
declare
    e waitlist_entries;
    v_freed_at timestamptz;
    v_reserved_at timestamptz;
    v_hold interval;
begin
    select * into e from waitlist_entries w where w.entry_id = p_entry_id for no key update;
    if not found or e.status <> 'WAITING' or e.expires_at <= clock_timestamp() then
        return null;
    end if;
    select max(i.updated_at) into v_freed_at from inventory i where i.inventory_id = any (p_inventory_ids);
    v_hold := make_interval(secs => e.hold_seconds);
    v_reserved_at := hold_reservation(p_reservation_id, e.order_id, p_fingerprint, p_source, v_hold, p_inventory_ids,
                                      p_quantities, p_lines, e.performed_by, e.performed_by_name, e.traceparent,
                                      p_allocation);
    update waitlist_entries w
    set status = 'OFFERED', reservation_id = p_reservation_id, settled_at = v_reserved_at, sequence = w.sequence + 1
    where w.entry_id = p_entry_id returning * into e;
    perform waitlist_news(e, 'inventory.waitlist_offered', jsonb_build_object(
        'reservationId', e.reservation_id, 'settledAt', e.settled_at, 'holdExpiresAt', v_reserved_at + v_hold),
        e.traceparent);
    return clock_timestamp() - greatest(v_freed_at, e.joined_at);
end $$;
