-- What is ordered from suppliers, and what came of it. The head of the table is that of every operation.

create table purchase_orders (
    purchase_order_id uuid primary key,
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
    order_number bigint not null generated always as identity,
    supplier_id uuid not null constraint purchase_orders_supplier references suppliers (supplier_id),
    warehouse_id uuid not null constraint purchase_orders_warehouse references warehouses (warehouse_id),
    currency varchar(3) not null,
    reference varchar(100) not null default '',
    restock_run varchar(200),
    expected_at timestamptz,
    decided_by uuid,
    decided_by_name varchar(255),
    decided_at timestamptz,
    sent_at timestamptz,
    closing_reason varchar(255) not null default '',
    constraint purchase_orders_number_unique unique (order_number),
    constraint purchase_orders_status_known check (status in (
        'DRAFT', 'APPROVED', 'SENT', 'PARTIALLY_RECEIVED', 'RECEIVED', 'CLOSED', 'REJECTED', 'CANCELLED')),
    constraint purchase_orders_currency_is_a_code check (currency ~ '^[A-Z]{3}$'),
    constraint purchase_orders_end_once
        check ((closed_at is not null) = (status in ('RECEIVED', 'CLOSED', 'REJECTED', 'CANCELLED'))),
    constraint purchase_orders_wake_while_open check ((wakes_at is null) = (wakes_for is null)
        and (wakes_at is null or closed_at is null)),
    constraint purchase_orders_four_eyes check (
        (decided_by is null) = (decided_at is null)
        and (status not in ('APPROVED', 'SENT', 'PARTIALLY_RECEIVED', 'RECEIVED', 'CLOSED')
             or (decided_by is not null and decided_by <> requested_by))),
    constraint purchase_orders_sent_before_received check (
        status not in ('SENT', 'PARTIALLY_RECEIVED', 'RECEIVED', 'CLOSED')
        or (sent_at is not null and expected_at is not null))
);
create index purchase_orders_listing on purchase_orders (requested_at, purchase_order_id);
create index purchase_orders_status on purchase_orders (status, requested_at, purchase_order_id);
create index purchase_orders_supplier on purchase_orders (supplier_id, requested_at, purchase_order_id);
create index purchase_orders_warehouse on purchase_orders (warehouse_id, requested_at, purchase_order_id);
create index purchase_orders_open on purchase_orders (requested_at) where closed_at is null;
create index purchase_orders_late on purchase_orders (requested_at, purchase_order_id)
    where late_since is not null and closed_at is null;
create index purchase_orders_restock_run on purchase_orders (restock_run) where restock_run is not null;

-- `quantity_outstanding` is what may still come: kept beside the rest so that what is on order for a SKU is one look
-- into a small index, however many orders there have ever been.
create table purchase_order_lines (
    purchase_order_id uuid not null
        constraint purchase_order_lines_order references purchase_orders (purchase_order_id),
    sku varchar(50) not null,
    position integer not null,
    quantity integer not null,
    unit_cost numeric(14, 4) not null,
    quantity_received integer not null default 0,
    quantity_outstanding integer not null,
    primary key (purchase_order_id, sku),
    constraint purchase_order_lines_quantity_in_range check (quantity between 1 and 1000000),
    constraint purchase_order_lines_unit_cost_in_range check (unit_cost between 0 and 9999999999.9999),
    constraint purchase_order_lines_received_in_range check (quantity_received between 0 and 2 * quantity),
    constraint purchase_order_lines_outstanding_is_the_rest
        check (quantity_outstanding in (0, greatest(quantity - quantity_received, 0)))
);
create index purchase_order_lines_sku on purchase_order_lines (sku, purchase_order_id);
create index purchase_order_lines_outstanding on purchase_order_lines (sku) where quantity_outstanding > 0;

-- Which of the ledger's lines are of deliveries: few, and looked at whole by the invariants.
create index stock_movements_deliveries on stock_movements (reference) where type = 'INBOUND' and reference <> '';
