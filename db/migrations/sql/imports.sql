-- What an import has dealt with, in the same commit as its effect: a row once, so that the same file again, or the rest
-- of it after a crash, does nothing twice. A count that found what was expected leaves its line here and nowhere else.
-- No foreign key to inventory, for the reason that reservation_lines has none.

create table import_lines (
    import_id uuid not null,
    inventory_id uuid not null,
    line integer not null,
    performed_by uuid not null,
    performed_by_name varchar(255) not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (import_id, inventory_id)
);
