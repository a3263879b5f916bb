-- Who sells to us, and on which terms. The upper bound of a cost keeps out NaN.

create table suppliers (
    supplier_id uuid primary key default uuidv7(),
    code varchar(20) not null,
    name varchar(255) not null,
    email varchar(254) not null default '',
    currency varchar(3) not null,
    lead_time_days integer not null default 7,
    is_active boolean not null default true,
    version bigint not null default 1,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint suppliers_code_unique unique (code),
    constraint suppliers_currency_is_a_code check (currency ~ '^[A-Z]{3}$'),
    constraint suppliers_lead_time_in_range check (lead_time_days between 0 and 365)
);

create table supplier_items (
    supplier_id uuid not null constraint supplier_items_supplier references suppliers (supplier_id),
    sku varchar(50) not null,
    unit_cost numeric(14, 4) not null,
    pack_size integer not null default 1,
    minimum_quantity integer not null default 1,
    lead_time_days integer,
    is_preferred boolean not null default false,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    primary key (supplier_id, sku),
    constraint supplier_items_unit_cost_in_range check (unit_cost between 0 and 9999999999.9999),
    constraint supplier_items_pack_size_in_range check (pack_size between 1 and 1000000),
    constraint supplier_items_minimum_in_range check (minimum_quantity between 1 and 1000000),
    constraint supplier_items_lead_time_in_range check (lead_time_days between 0 and 365)
);
create index supplier_items_sku on supplier_items (sku);
