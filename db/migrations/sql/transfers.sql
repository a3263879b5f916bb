-- Stock on its way from one warehouse to another. domain/transfers.py draws the states; domain/transfer_lines.py says
-- what becomes of pieces. Each movement of a transfer is a TRANSFER line of the ledger with its id as reference.

create table transfers (
    transfer_id uuid primary key,
    status varchar(30) not null,
    version bigint not null default 1,
    requested_by uuid not null,
    requested_by_name varchar(255) not null,
    requested_at timestamptz not null default clock_timestamp(),
    wakes_at timestamptz,
    wakes_for varchar(20),
    late_since timestamptz,
    closed_at timestamptz,
    updated_at timestamptz not null default clock_timestamp(),
    from_warehouse_id uuid not null constraint transfers_from_warehouse references warehouses (warehouse_id),
    to_warehouse_id uuid not null constraint transfers_to_warehouse references warehouses (warehouse_id),
    reason varchar(255) not null default '',
    reference varchar(100) not null default '',
    approval_reason varchar(20),
    transit_seconds integer,
    expected_at timestamptz,
    shipped_at timestamptz,
    decided_by uuid,
    decided_by_name varchar(255),
    decided_at timestamptz,
    decision_reason varchar(255) not null default '',
    constraint transfers_status_known check (status in ('PENDING_APPROVAL', 'REQUESTED', 'APPROVED', 'IN_TRANSIT',
        'PARTLY_RECEIVED', 'CLOSED', 'CANCELLED', 'REJECTED', 'LAPSED')),
    constraint transfers_go_elsewhere check (from_warehouse_id <> to_warehouse_id),
    constraint transfers_approval_reason_known check (approval_reason in ('quantity', 'region')),
    constraint transfers_approval_where_needed check (
        (status <> 'REQUESTED' or approval_reason is null)
        and (status not in ('PENDING_APPROVAL', 'APPROVED', 'REJECTED', 'LAPSED') or approval_reason is not null)),
    constraint transfers_four_eyes check (
        (status <> 'APPROVED' and shipped_at is null) or approval_reason is null
        or (decided_by is not null and decided_by <> requested_by)),
    constraint transfers_end_once check (
        (closed_at is not null) = (status in ('CLOSED', 'CANCELLED', 'REJECTED', 'LAPSED'))),
    constraint transfers_shipped_on_the_road check (
        (status not in ('IN_TRANSIT', 'PARTLY_RECEIVED', 'CLOSED') or shipped_at is not null)
        and (status not in ('PENDING_APPROVAL', 'REQUESTED', 'APPROVED', 'REJECTED', 'LAPSED') or shipped_at is null)
        and (shipped_at is null or expected_at is not null)
        and (late_since is null or shipped_at is not null)),
    constraint transfers_transit_seconds_positive check (transit_seconds >= 1),
    constraint transfers_wake_while_open check ((wakes_at is null) = (wakes_for is null)
        and (wakes_at is null or closed_at is null))
);
create index transfers_from on transfers (from_warehouse_id, requested_at, transfer_id);
create index transfers_to on transfers (to_warehouse_id, requested_at, transfer_id);
create index transfers_status on transfers (status, requested_at, transfer_id);
create index transfers_listing on transfers (requested_at, transfer_id);
create index transfers_open on transfers (requested_at) where closed_at is null;
create index transfers_late on transfers (requested_at, transfer_id) where late_since is not null and closed_at is null;

-- `from_inventory_id` is the row that the pieces were asked from and, once shipped, the one that they left.
create table transfer_lines (
    transfer_id uuid not null constraint transfer_lines_transfer references transfers (transfer_id),
    sku varchar(50) not null,
    from_inventory_id uuid not null constraint transfer_lines_inventory references inventory (inventory_id),
    quantity integer not null,
    quantity_shipped integer not null default 0,
    quantity_received integer not null default 0,
    quantity_lost integer not null default 0,
    quantity_returned integer not null default 0,
    quantity_in_transit integer not null generated always as
        (quantity_shipped - quantity_received - quantity_lost - quantity_returned) stored,
    primary key (transfer_id, sku),
    constraint transfer_lines_quantity_in_range check (quantity between 1 and 200000000),
    constraint transfer_lines_shipped_at_most_asked check (quantity_shipped between 0 and quantity),
    constraint transfer_lines_nothing_negative
        check (quantity_received >= 0 and quantity_lost >= 0 and quantity_returned >= 0),
    constraint transfer_lines_accounted_at_most_shipped
        check (quantity_received + quantity_lost + quantity_returned <= quantity_shipped)
);
create index transfer_lines_sku on transfer_lines (sku, transfer_id);
create index transfer_lines_inventory on transfer_lines (from_inventory_id);
create index transfer_lines_in_transit on transfer_lines (sku) where quantity_in_transit > 0;

-- A receipt counts once (db/receipts.py): the line of the step that counted it is the only one with its id.
create unique index audit_one_count_per_receipt on audit (subject_id, (details ->> 'receiptId'))
    where refusal_code is null and details ->> 'receiptId' is not null;
