"""The hold function on one hot row, driven by pgbench, beside pgbench's own single guarded statement.

Both with 16 connections, prepared, on the same server, one after the other.
"""

from __future__ import annotations

import re
import tempfile

from holdfast.bench.programs import run_program
from runtime.settings import Settings

CONNECTIONS = 16
SECONDS = 5

PREPARE = """
create table bench_hot (id int primary key, left_over int not null check (left_over >= 0));
insert into bench_hot values (1, 1000000000);
insert into warehouses (code, name) values ('BENCH', 'Bench');
insert into inventory (product_id, warehouse_id, sku, quantity_total)
select uuidv7(), warehouse_id, 'BENCH-HOT', 1000000000 from warehouses;
"""
HOT_ROW = "select inventory_id from inventory where sku = 'BENCH-HOT'"
ONE_STATEMENT = "update bench_hot set left_over = left_over - 1 where id = 1 and left_over >= 1;"
HOLD = """
call hold_early_release(uuidv7(), 'bench', repeat('f', 64), 'bench', interval '15 minutes', array['{row}'::uuid],
    array[1], '[{{"inventoryId": "{row}", "warehouseId": "{row}", "sku": "BENCH-HOT", "quantity": 1}}]'::jsonb,
    '{row}'::uuid, 'bench', null);
"""


async def prepare(settings: Settings) -> str:
    """Make both hot rows in an empty, migrated database; answers the inventory row's id."""
    await run_program(settings, "psql", "--quiet", "--no-psqlrc", "--command", PREPARE)
    return (
        await run_program(settings, "psql", "--no-psqlrc", "--no-align", "--tuples-only", "--command", HOT_ROW)
    ).strip()


async def one_statement_per_second(settings: Settings) -> float:
    """Transactions a second of one guarded update of one row."""
    return await _pgbench(settings, ONE_STATEMENT)


async def holds_per_second(settings: Settings, inventory_id: str) -> float:
    """Holds a second on one inventory row: reservation, line, stock and news, committed."""
    return await _pgbench(settings, HOLD.format(row=inventory_id))


async def _pgbench(settings: Settings, script: str) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(" ".join(script.split()) + "\n")
        file.flush()
        output = await run_program(
            settings, "pgbench", "--no-vacuum", "--protocol=prepared", f"--client={CONNECTIONS}", "--jobs=1",
            f"--time={SECONDS}", f"--file={file.name}",
        )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", output)
    assert found, output
    return float(found.group(1))
