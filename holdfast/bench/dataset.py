"""A year in a large shop, as rows: what queries are measured on. Filled by a few set-based statements, in minutes.

The rows are as true as those the service writes: the ledger adds up, every sale has its reservation, every invariant
holds. Few rows are busy and most are not: the number of movements of row n falls with the square root of n. The news
of that year are sent and trimmed. The same size gives the same rows, but for the times, which end an hour ago.
"""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.bench.programs import run_program
from runtime.settings import Settings

REGIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is of everything; `pending` of the reservations are open, most of the others are sales.

    There are `warehouses` times `skus` inventory rows; each needs several movements, so that it has stock to hold.
    """

    warehouses: int = 20
    skus: int = 5_000
    movements: int = 5_000_000
    reservations: int = 1_000_000
    pending: int = 50_000

    @property
    def rows(self) -> int:
        """Inventory rows."""
        return self.warehouses * self.skus


LARGE = Size()
"""The size that queries are measured at."""

_WAREHOUSES = """
insert into warehouses (warehouse_id, code, name, country, region, priority, latitude, longitude, created_at)
select md5('warehouse ' || n)::uuid, 'BENCH-' || to_char(n, 'FM000'), 'Warehouse ' || n, 'DE',
       'region-' || n % :regions, n, 45 + n % 10, n % 20, clock_timestamp() - interval '366 days'
from generate_series(0, :warehouses - 1) n;
"""

_PLAN = """
-- Ten movements of a row in turn: one delivery, seven sales, one return and one loss, which leaves one piece more.
create unlogged table bench_ledger as
with placed as (
    select n, floor(:rows * power(n * 0.6180339887498949 % 1, 2))::integer as row,
           clock_timestamp() - interval '1 hour' - (:movements - n) * (interval '365 days' / :movements) as created_at
    from generate_series(1, :movements) n
),
numbered as (
    select *, row_number() over (partition by row order by n) as sequence from placed
),
typed as (
    select *,
           case sequence % 10 when 1 then 'INBOUND' when 6 then 'RETURN' when 0 then 'DAMAGE' else 'OUTBOUND' end
               as type,
           case sequence % 10 when 1 then 8 when 6 then 1 else -1 end + case sequence when 1 then 20 else 0 end
               as quantity
    from numbered
)
select *, sum(quantity) over (partition by row order by sequence) as total_after,
       (count(*) filter (where type = 'OUTBOUND') over (order by n) - 1) / :lines_per_order as order_number
from typed;
create unlogged table bench_holds as
select n, floor(:rows * (n * 0.6180339887498949 % 1))::integer as row from generate_series(1, :pending) n;
analyze bench_ledger, bench_holds;
"""

_ROWS = """
insert into inventory (inventory_id, product_id, warehouse_id, sku, quantity_total, quantity_reserved, reorder_point,
                       unit_cost, currency, sequence, created_at, updated_at)
select md5('row ' || n)::uuid, md5('product ' || n / :warehouses)::uuid, md5('warehouse ' || n % :warehouses)::uuid,
       'SKU-' || to_char(n / :warehouses, 'FM000000'), coalesce(l.total, 0), coalesce(h.pieces, 0), 25,
       case when n % 10 < 9 then 0.25 + n / :warehouses % 500 end,
       case when n % 10 < 9 then case when n % :warehouses % :regions = 0 then 'GBP' else 'EUR' end end,
       coalesce(l.changes, 0) + coalesce(h.pieces, 0), clock_timestamp() - interval '366 days',
       coalesce(l.changed_at, clock_timestamp() - interval '366 days')
from generate_series(0, :rows - 1) n
left join (select row, sum(quantity) as total, count(*) as changes, max(created_at) as changed_at
           from bench_ledger group by row) l on l.row = n
left join (select row, count(*) as pieces from bench_holds group by row) h on h.row = n;
"""

_LEDGER = """
insert into stock_movements (movement_id, inventory_id, type, quantity, total_after, sequence, reason, reference,
                             performed_by, performed_by_name, created_at)
select uuidv7(created_at - clock_timestamp()), md5('row ' || row)::uuid, type, quantity, total_after, sequence, 'bench',
       case type when 'OUTBOUND' then 'order-' || order_number else '' end, md5('bench')::uuid, 'bench', created_at
from bench_ledger order by n;
"""

_RESERVATIONS = """
create unlogged table bench_reservations as
select md5('sale ' || order_number)::uuid as reservation_id, 'order-' || order_number as order_id,
       'COMMITTED' as status, min(created_at) as settled_at
from bench_ledger where type = 'OUTBOUND' group by order_number
union all
select md5('given up ' || n)::uuid, 'given-up-' || n, case n % 2 when 0 then 'CANCELLED' else 'EXPIRED' end,
       clock_timestamp() - interval '1 hour' - n * (interval '365 days' / :given_up)
from generate_series(1, :given_up) n
union all
select md5('open ' || n)::uuid, 'open-' || n, 'PENDING', clock_timestamp() - interval '1 hour' from bench_holds;

insert into reservations (reservation_id, order_id, status, fingerprint, source, release_reason, sequence,
                          performed_by, performed_by_name, reserved_at, expires_at, committed_at, cancelled_at,
                          expired_at, created_at, updated_at)
select reservation_id, order_id, status, repeat('f', 64), 'bench',
       case status when 'CANCELLED' then 'cancelled' when 'EXPIRED' then 'expired' end,
       case status when 'PENDING' then 1 else 2 end, md5('bench')::uuid, 'bench', settled_at - interval '1 minute',
       settled_at + case status when 'PENDING' then interval '6 days' when 'EXPIRED' then interval '0'
                                else interval '14 minutes' end,
       case status when 'COMMITTED' then settled_at end, case status when 'CANCELLED' then settled_at end,
       case status when 'EXPIRED' then settled_at end, settled_at - interval '1 minute', settled_at
from bench_reservations order by settled_at;

insert into reservation_lines (reservation_id, inventory_id, quantity)
select md5('sale ' || order_number)::uuid, md5('row ' || row)::uuid, -sum(quantity)
from bench_ledger where type = 'OUTBOUND' group by order_number, row order by order_number;
insert into reservation_lines (reservation_id, inventory_id, quantity)
select md5('given up ' || n)::uuid, md5('row ' || n % :rows)::uuid, 1 from generate_series(1, :given_up) n;
insert into reservation_lines (reservation_id, inventory_id, quantity)
select md5('open ' || n)::uuid, md5('row ' || row)::uuid, 1 from bench_holds;
"""

_TIDY = """
drop table bench_ledger, bench_holds, bench_reservations;
vacuum (analyze);
"""

_STATEMENTS = (_WAREHOUSES, _PLAN, _ROWS, _LEDGER, _RESERVATIONS, _TIDY)


async def fill(settings: Settings, size: Size = LARGE) -> None:
    """Fill an empty, migrated database. Needs the embedded Postgres's psql."""
    outbound = size.movements * 7 // 10
    given_up = max(1, size.reservations // 10 - size.pending)
    values = {
        "regions": REGIONS,
        "warehouses": size.warehouses,
        "rows": size.rows,
        "movements": size.movements,
        "pending": size.pending,
        "given_up": given_up,
        "lines_per_order": max(1, round(outbound / (size.reservations - given_up - size.pending))),
    }
    variables = [word for name, value in values.items() for word in ("-v", f"{name}={value}")]
    script = "set work_mem = '256MB';\n" + "\n".join(_STATEMENTS)
    await run_program(settings, "psql", "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", *variables, stdin=script)
