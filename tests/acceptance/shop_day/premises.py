"""The shop before it opens: its warehouses, its 2 000 SKUs, and how they come into the service and into the books.

Every aisle has the same ten SKUs under other names, so that a run of the machine finds the same shop in any of them.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from runtime.settings import Settings
from tests.acceptance.shop_day.books.aisle import Books
from tests.acceptance.shop_day.books.places import Place
from tests.acceptance.shop_day.books.shelves import Shelf
from tests.acceptance.shop_day.floor import ANNA, Floor
from tests.acceptance.up import ROOT

NORTH, SOUTH, WEST = "day-north", "day-south", "day-west"

PLACES = (
    Place("DAY-HAM", NORTH, "dayland", 1, 53.55, 9.99, alone=20),
    Place("DAY-BER", NORTH, "dayland", 2, 52.52, 13.40, alone=20, alone_worth=Decimal(100)),
    Place("DAY-MUC", SOUTH, "dayland", 3, 48.14, 11.58, alone=5),
    Place("DAY-VIE", SOUTH, "eveland", 4, 48.21, 16.37, alone=20),
    Place("DAY-NYC", WEST, "westland", 5, 40.71, -74.01, alone=0),
)

AISLES = 200


@dataclass(frozen=True, slots=True)
class Item:
    """One SKU of an aisle: what stands in each of the five warehouses; None where it is not kept."""

    stock: tuple[int | None, ...]
    reorder_point: int = 2
    unit_cost: Decimal | None = None


ITEMS = (
    Item((60, 40, 50, 30, 70), reorder_point=10, unit_cost=Decimal("12.50")),
    Item((3, 2, 4, 1, 2)),
    Item((6, 6, None, None, None), unit_cost=Decimal("49.99")),
    Item((8, None, 5, None, None)),
    Item((None, None, None, 1, None), reorder_point=0),
    Item((0, 12, 0, 9, None), reorder_point=4),
    Item((0, 0, 0, 0, 15), reorder_point=5),
    Item((10, None, None, None, 10), unit_cost=Decimal("7.00")),
    Item((None, None, 25, 25, None), reorder_point=20),
    Item((2, None, None, 0, None), reorder_point=3),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file that is imported."""

    sku: str
    product_id: str
    place: Place
    quantity: int
    item: Item


def open_shop(floor: Floor, settings: Settings, directory: Path) -> list[Books]:
    """Open the shop through its public interfaces; answers the books of each aisle."""
    places = tuple(_open_place(floor, place) for place in PLACES)
    file = directory / "stock.csv"
    lines = [line for number in range(AISLES) for line in _lines(number, places)]
    file.write_text(_as_csv(lines), "utf-8")
    reference = f"import {_import(file, settings)}"
    ids = {
        (row["sku"], row["warehouseId"]): row["inventoryId"]
        for place in places
        for row in floor.pages(f"/warehouses/{place.warehouse_id}/inventory", pageSize=200)
    }
    assert len(ids) == len(lines), "the import made other rows than were in its file"
    return [_books(number, places, ids, reference) for number in range(AISLES)]


def _open_place(floor: Floor, place: Place) -> Place:
    body = {
        "code": place.code,
        "name": place.code,
        "region": place.region,
        "country": place.country,
        "priority": place.priority,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "adjustmentThresholdQuantity": place.alone,
        "adjustmentThresholdValue": None if place.alone_worth is None else str(place.alone_worth),
    }
    made = floor.ask(ANNA, "POST", "/warehouses", body).must(201)
    return replace(place, warehouse_id=made["warehouseId"])


def _lines(number: int, places: tuple[Place, ...]) -> Iterator[Line]:
    for position, item in enumerate(ITEMS):
        sku = f"DAY-{number:03}-{position}"
        product_id = str(uuid.uuid5(uuid.NAMESPACE_URL, sku))
        for place, quantity in zip(places, item.stock, strict=True):
            if quantity is not None:
                yield Line(sku, product_id, place, quantity, item)


def _as_csv(lines: list[Line]) -> str:
    file = io.StringIO()
    write = csv.writer(file).writerow
    write(("sku", "product_id", "warehouse", "quantity", "reorder_point", "unit_cost", "currency"))
    for line in lines:
        cost = line.item.unit_cost
        priced = (cost, "EUR") if cost is not None else ("", "")
        write((line.sku, line.product_id, line.place.code, line.quantity, line.item.reorder_point, *priced))
    return file.getvalue()


def _import(file: Path, settings: Settings) -> str:
    """`holdfast import`, led to the servers of the stack; answers the import's id."""
    names = ("db_host", "db_port", "db_name", "db_user", "redis_host", "redis_port", "redis_db")
    servers = {name.upper(): str(getattr(settings, name)) for name in names}
    environment = {**os.environ, **servers, "DB_PASSWORD": settings.db_password.get_secret_value()}
    command = [sys.executable, "-m", "holdfast", "import", str(file), "--as", ANNA.name, "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(json.loads(done.stdout)["importId"])


def _books(number: int, places: tuple[Place, ...], ids: dict[tuple[str, str], str], reference: str) -> Books:
    books = Books(f"aisle-{number:03}", places)
    for line in _lines(number, places):
        shelf = Shelf(
            ids[line.sku, line.place.warehouse_id],
            line.sku,
            line.product_id,
            line.place,
            line.item.reorder_point,
            line.item.unit_cost,
        )
        if line.quantity:
            shelf.move(line.quantity, "INBOUND", reference)
        books.shelves.append(shelf)
    return books
