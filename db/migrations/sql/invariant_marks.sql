-- How far the invariants have been looked at, a part of the rows a minute, and what was found on the way.

create table invariant_marks (
    scope varchar(20) primary key,
    after uuid not null,
    changed_since timestamptz not null,
    rounds integer not null,
    found jsonb not null,
    found_before jsonb not null
);

-- Which reservations changed lately; being of block ranges, it costs a transition next to nothing.
create index reservations_changed on reservations using brin (updated_at)
    with (pages_per_range = 32, autosummarize = on);

-- Which of the ledger's lines are of transfers: few, and looked at whole.
create index stock_movements_transfers on stock_movements (reference) where type = 'TRANSFER';
