-- The state of the service. Every quantity rule of domain/ stands here again as a CHECK constraint.

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'no % of % is allowed', lower(tg_op), tg_table_name using errcode = 'HF003';
end $$;

create table warehouses (
    warehouse_id uuid primary key default uuidv7(),
    code varchar(20) not null,
    name varchar(255) not null,
    address varchar(500) not null default '',
    city varchar(100) not null default '',
    state varchar(100) not null default '',
    country varchar(100) not null default '',
    postal_code varchar(20) not null default '',
    region varchar(50) not null default '',
    is_active boolean not null default true,
    priority integer not null default 1,
    latitude double precision,
    longitude double precision,
    version bigint not null default 1,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint warehouses_code_unique unique (code),
    constraint warehouses_priority_in_range check (priority between 0 and 1000000),
    constraint warehouses_latitude_in_range check (latitude between -90 and 90),
    constraint warehouses_longitude_in_range check (longitude between -180 and 180),
    constraint warehouses_coordinates_together check ((latitude is null) = (longitude is null))
);
create index warehouses_region on warehouses (region);

-- fillfactor leaves room on the page, so that a hot row's new versions stay heap-only (no index entry is touched).
create table inventory (
    inventory_id uuid primary key default uuidv7(),
    product_id uuid not null,
    variant_id uuid,
    warehouse_id uuid not null constraint inventory_warehouse references warehouses (warehouse_id),
    sku varchar(50) not null,
    quantity_total integer not null default 0,
    quantity_reserved integer not null default 0,
    quantity_available integer not null generated always as (quantity_total - quantity_reserved) stored,
    reorder_point integer not null default 10,
    reorder_quantity integer not null default 50,
    sequence bigint not null default 0,
    version bigint not null default 1,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    deleted_at timestamptz,
    constraint inventory_total_not_negative check (quantity_total >= 0),
    constraint inventory_reserved_not_negative check (quantity_reserved >= 0),
    constraint inventory_available_not_negative check (quantity_total >= quantity_reserved),
    constraint inventory_total_in_range check (quantity_total <= 2000000000),
    constraint inventory_reorder_point_not_negative check (reorder_point >= 0),
    constraint inventory_reorder_quantity_positive check (reorder_quantity >= 1),
    constraint inventory_deleted_holds_nothing check (deleted_at is null or quantity_reserved = 0)
) with (fillfactor = 70);
create unique index inventory_sku_per_warehouse on inventory (sku, warehouse_id) where deleted_at is null;
create index inventory_product on inventory (product_id, variant_id);
create index inventory_warehouse_listing on inventory (warehouse_id, inventory_id);
create index inventory_warehouse_skus on inventory (warehouse_id, sku) where deleted_at is null;

create trigger inventory_never_deleted before delete on inventory
    for each row execute function refuse_change();

create table reservations (
    reservation_id uuid primary key,
    order_id varchar(100) not null,
    status varchar(20) not null,
    fingerprint varchar(64) not null,
    source varchar(20) not null,
    shortages jsonb not null default '[]',
    release_reason varchar(20),
    extends_count integer not null default 0,
    sequence bigint not null default 1,
    performed_by uuid not null,
    performed_by_name varchar(255) not null,
    reserved_at timestamptz not null,
    expires_at timestamptz not null,
    committed_at timestamptz,
    cancelled_at timestamptz,
    expired_at timestamptz,
    returned_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint reservations_status_known
        check (status in ('PENDING', 'COMMITTED', 'CANCELLED', 'EXPIRED', 'REJECTED')),
    constraint reservations_one_terminal_state check (
        (committed_at is not null) = (status = 'COMMITTED')
        and (cancelled_at is not null) = (status = 'CANCELLED')
        and (expired_at is not null) = (status = 'EXPIRED')
        and (returned_at is null or status = 'COMMITTED')),
    constraint reservations_committed_in_time check (committed_at is null or committed_at < expires_at)
) with (fillfactor = 80);
create index reservations_order on reservations (order_id, reservation_id);
create index reservations_overdue on reservations (expires_at) where status = 'PENDING';
create index reservations_status on reservations (status, created_at, reservation_id);

-- No foreign key to inventory: its check would share-lock a hot row before the hold changes it, and every waiter would
-- pay for it. A line is written only beside change_stock_row for the same row, and inventory rows are never deleted.
create table reservation_lines (
    reservation_id uuid not null
        constraint reservation_lines_reservation references reservations (reservation_id) on delete cascade,
    inventory_id uuid not null,
    quantity integer not null,
    quantity_returned integer not null default 0,
    primary key (reservation_id, inventory_id),
    constraint reservation_lines_quantity_in_range check (quantity between 1 and 200000000),
    constraint reservation_lines_returned_at_most_sold check (quantity_returned between 0 and quantity)
);
create index reservation_lines_inventory on reservation_lines (inventory_id, reservation_id);

-- The ledger: one row for each change of a total, never changed afterwards.
create table stock_movements (
    movement_id uuid primary key default uuidv7(),
    inventory_id uuid not null constraint stock_movements_inventory references inventory (inventory_id),
    type varchar(20) not null,
    quantity integer not null,
    total_after integer not null,
    sequence bigint not null,
    reason varchar(255) not null default '',
    reference varchar(100) not null default '',
    performed_by uuid not null,
    performed_by_name varchar(255) not null,
    created_at timestamptz not null default clock_timestamp(),
    constraint stock_movements_type_known
        check (type in ('INBOUND', 'OUTBOUND', 'ADJUSTMENT', 'TRANSFER', 'RETURN', 'DAMAGE')),
    constraint stock_movements_quantity_not_zero check (quantity <> 0),
    constraint stock_movements_total_after_not_negative check (total_after >= 0),
    constraint stock_movements_one_per_change unique (inventory_id, sequence)
);
create index stock_movements_time on stock_movements (inventory_id, created_at, sequence);

create trigger stock_movements_append_only before update or delete on stock_movements
    for each row execute function refuse_change();
create trigger stock_movements_no_truncate before truncate on stock_movements
    for each statement execute function refuse_change();

-- News in the same commit as the fact. `stream_id` is the inventory row or reservation whose `sequence` orders it;
-- `bucket` spreads keys over relays, so that each key has one owner at a time.
create table outbox (
    outbox_id bigint generated always as identity primary key,
    event_id uuid not null default uuidv7(),
    type varchar(60) not null,
    key varchar(100) not null,
    stream_id uuid not null,
    sequence bigint not null,
    data jsonb not null,
    traceparent varchar(55),
    bucket smallint not null generated always as (abs(hashtext(key)::bigint) % 16) stored,
    created_at timestamptz not null default clock_timestamp(),
    sent_at timestamptz
);
create index outbox_unsent on outbox (bucket, outbox_id) where sent_at is null;
create index outbox_sent on outbox (sent_at) where sent_at is not null;

create table relay_leases (
    bucket smallint primary key,
    owner varchar(100),
    leased_until timestamptz not null default '-infinity'
);
insert into relay_leases (bucket) select generate_series(0, 15);

create table relay_members (
    owner varchar(100) primary key,
    seen_at timestamptz not null
);

-- What came in. A row exists from the moment an event was read; only `delivered` makes a repeat a no-op.
create table inbox (
    source varchar(200) not null,
    event_id varchar(200) not null,
    type varchar(100) not null,
    order_id varchar(100),
    topic varchar(249) not null,
    partition integer not null,
    "offset" bigint not null,
    status varchar(20) not null,
    body jsonb not null,
    headers jsonb not null default '{}',
    reason varchar(500) not null default '',
    attempts integer not null default 0,
    received_at timestamptz not null default clock_timestamp(),
    retry_at timestamptz,
    deadline_at timestamptz,
    delivered_at timestamptz,
    primary key (source, event_id),
    constraint inbox_status_known check (status in ('RECEIVED', 'WAITING', 'DELIVERED', 'DEAD'))
);
create index inbox_waiting on inbox (retry_at) where status in ('RECEIVED', 'WAITING');
create index inbox_order on inbox (order_id) where order_id is not null;
create index inbox_settled on inbox (delivered_at) where status in ('DELIVERED', 'DEAD');

create table idempotency_keys (
    subject varchar(255) not null,
    method varchar(100) not null,
    path varchar(500) not null,
    key varchar(255) not null,
    fingerprint varchar(64) not null,
    resource_id uuid not null,
    leased_until timestamptz not null,
    answer_status integer,
    answer_headers jsonb,
    answer_body bytea,
    created_at timestamptz not null default clock_timestamp(),
    primary key (subject, method, path, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);
