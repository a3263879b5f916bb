-- What a piece costs, and from which change on a warehouse wants a second person. The upper bounds keep out NaN, which
-- Postgres takes for greater than any number.

alter table inventory
    add column unit_cost numeric(14, 4),
    add column currency varchar(3),
    add constraint inventory_unit_cost_in_range check (unit_cost between 0 and 9999999999.9999),
    add constraint inventory_currency_is_a_code check (currency ~ '^[A-Z]{3}$'),
    add constraint inventory_unit_cost_in_a_currency check ((unit_cost is null) = (currency is null));

alter table warehouses
    add column adjustment_threshold_quantity integer,
    add column adjustment_threshold_value numeric(14, 4),
    add constraint warehouses_adjustment_threshold_quantity_not_negative check (adjustment_threshold_quantity >= 0),
    add constraint warehouses_adjustment_threshold_value_in_range
        check (adjustment_threshold_value between 0 and 9999999999.9999);
