"""The catalogue to begin with: believable, made by the commands, and safe to make again."""

from __future__ import annotations

import asyncio
import os
import sys

from sqlalchemy import update

from db import stock
from db.engine import Database
from db.tables import warehouses
from domain.reservations import Item
from holdfast.catalogue import WAREHOUSES, skus, stock_items
from runtime.settings import Settings
from tests.stocking import add_warehouse, assert_invariants, hold


def test_it_is_a_shop_that_one_could_believe() -> None:
    rows = list(stock_items())
    assert len(WAREHOUSES) == 4
    assert len({warehouse.region for warehouse in WAREHOUSES}) == 3
    assert all(warehouse.latitude and warehouse.longitude for warehouse in WAREHOUSES)
    assert len(skus()) == len(set(skus())) == 60
    assert len({inventory_id for inventory_id, _ in rows}) == len(rows) == 240
    assert all(item.quantity_total > 0 for _, item in rows)


async def seeding(settings: Settings) -> tuple[int | None, str, str]:
    """Run `holdfast seed`, without a Redis (it needs none): exit code and what it said."""
    environment = {
        "DB_HOST": settings.db_host,
        "DB_PORT": str(settings.db_port),
        "DB_NAME": settings.db_name,
        "DB_USER": settings.db_user,
        "DB_PASSWORD": settings.db_password.get_secret_value(),
        "REDIS_PORT": "1",
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "holdfast", "seed"),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await child.communicate()
    return child.returncode, said.decode(), complained.decode()


async def test_seeding_twice_is_seeding_once_and_what_happened_meanwhile_stays(database: Settings) -> None:
    said = "There are 4 warehouses and 60 SKUs in 240 rows.\n"
    assert (await seeding(database))[:2] == (0, said)
    db = Database.connect(database, process="tests")
    inventory_id, new = next(iter(stock_items()))
    await hold(db, Item(sku=new.sku, quantity=2))
    assert (await seeding(database))[:2] == (0, said)
    row = await db.reading(lambda session: stock.get(session, inventory_id))
    assert row is not None
    assert (row.quantity_total, row.quantity_reserved, row.sequence) == (new.quantity_total, 2, 2)
    await assert_invariants(db)
    await db.close()


async def test_a_warehouse_that_is_in_the_way_is_said_to_be(database: Settings) -> None:
    taken = WAREHOUSES[0].code
    db = Database.connect(database, process="tests")
    async with db.write() as session:
        await session.execute(update(warehouses).where(warehouses.c.code == taken).values(code="GONE-1"))
    await add_warehouse(db, code=taken)
    await db.close()
    code, _, complained = await seeding(database)
    assert code == 1
    assert taken in complained
