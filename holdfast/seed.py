"""`holdfast seed`: a catalogue to begin with, made by the same commands that callers use. Safe to run again.

What is there already stays as it is, stock that was sold or counted meanwhile included.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import typer

from db.availability_view import AvailabilityView
from db.engine import Database
from domain.contracts.reservations import Source
from domain.errors import HoldfastError
from domain.ids import system_actor
from gateway.auth import Caller
from gateway.commands.stock import StockCommands
from gateway.commands.warehouses import WarehouseCommands
from holdfast.catalogue import WAREHOUSES, skus, stock_items, warehouse_id_of
from runtime.logs import configure_logging
from runtime.settings import Settings

_SEED = system_actor("seed")
_CALLER = Caller(actor=_SEED, subject=_SEED.name, scopes=frozenset(), request_id="seed", source=Source.IMPORT)


@dataclass(frozen=True, slots=True)
class Seeded:
    """How much the catalogue holds."""

    warehouses: int
    skus: int
    stock_rows: int


def main(settings: Settings) -> int:
    """Put the catalogue into the database and say so; answers the exit code."""
    configure_logging(settings, "seed")
    try:
        made = asyncio.run(seed(settings))
    except HoldfastError as error:
        typer.echo(f"The catalogue could not be seeded: {error.detail}.", err=True)
        return 1
    typer.echo(f"There are {made.warehouses} warehouses and {made.skus} SKUs in {made.stock_rows} rows.")
    return 0


async def seed(settings: Settings) -> Seeded:
    """Put the catalogue into the database. Raises domain errors, as when a warehouse code is taken."""
    database = Database.connect(settings, process="seed")
    view = AvailabilityView.connect(settings)
    try:
        return await _seed(WarehouseCommands(database, view), StockCommands(database, view, settings))
    finally:
        await view.close()
        await database.close()


async def _seed(warehouses: WarehouseCommands, stock: StockCommands) -> Seeded:
    for new in WAREHOUSES:
        await warehouses.create(new, _CALLER, warehouse_id=warehouse_id_of(new.code))
    rows = list(stock_items())
    for inventory_id, item in rows:
        await stock.create(item, _CALLER, inventory_id=inventory_id)
    return Seeded(len(WAREHOUSES), len(skus()), len(rows))
