"""What a check says on quiet stock is what a reservation then gets: the same plan, piece by piece and word by word."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.availability_view import AvailabilityView
from db.engine import Database
from domain.allocation import Strategy
from domain.availability import AvailabilityQuery, BulkAvailability
from domain.destinations import Destination
from domain.distance import Coordinates
from domain.errors import InsufficientStock
from domain.explanations import Explanation
from domain.reservations import Item, Reservation
from domain.warehouses import Warehouse
from gateway.views import Views
from holdfast.stack.embedded import Stack
from runtime.settings import Settings
from tests.conftest import NAMESPACES
from tests.gateway.commands.desk import CALLER, Desk, connect, open_desk
from tests.patience import patient_view
from tests.stocking import add_stock, add_warehouse, unique

SKUS = ("A", "B")
SITES = ((0.0, 1), (2.0, 2), (7.0, 1), (30.0, 3), (None, 2))
"""Degrees east along the equator, and priority; the last has no coordinates, and the third is out of use."""

DESTINATIONS = (
    None,
    Destination(point=Coordinates(0, 6)),
    Destination(country="north"),
    Destination(region="south"),
    Destination(country="nowhere"),
)


@dataclass(frozen=True)
class Shop:
    """Five warehouses in areas of their own names, and a way to ask both the check and the checkout."""

    desk: Desk
    views: Views
    warehouses: Sequence[Warehouse]
    prefix: str

    @property
    def database(self) -> Database:
        return self.desk.database

    def named(self, area: str | None) -> str | None:
        return None if area is None else f"{self.prefix}-{area}"

    def destination(self, asked: Destination | None) -> Destination | None:
        if asked is None or asked.point is not None:
            return asked
        return Destination(country=self.named(asked.country), region=self.named(asked.region))


@pytest.fixture(scope="module")
async def there(database: Settings, temporal_server: Stack) -> Settings:
    return database.model_copy(update={**temporal_server.addresses, "temporal_namespace": NAMESPACES[-2]})


@pytest.fixture(scope="module", params=["with Redis", "without Redis"])
async def checks(request: pytest.FixtureRequest, db: Database, redis_server: Stack) -> AsyncIterator[Views]:
    there = redis_server.settings
    view: AvailabilityView = patient_view(
        there if request.param == "with Redis" else there.model_copy(update={"redis_port": 1})
    )
    yield Views(db, view)
    await view.close()


@pytest.fixture(scope="module")
async def shop(db: Database, there: Settings, checks: Views) -> AsyncIterator[Shop]:
    prefix = unique("SHOP")
    warehouses = [
        await add_warehouse(
            db,
            latitude=None if east is None else 0,
            longitude=east,
            priority=priority,
            country=f"{prefix}-{('north', 'south')[number % 2]}",
            region=f"{prefix}-{('south', 'north')[number // 3]}",
            is_active=number != 2,
        )
        for number, (east, priority) in enumerate(SITES)
    ]
    desk = await open_desk(db, await connect(there), there)
    async with desk.serving():
        yield Shop(desk, checks, warehouses, prefix)


_warehouse = st.none() | st.integers(0, len(SITES) - 1)
_items = st.lists(
    st.fixed_dictionaries(
        {
            "sku": st.sampled_from(SKUS),
            "quantity": st.integers(1, 5),
            "warehouse": st.sampled_from([None] * 6 + [0, 1]),
            "preferred": _warehouse,
            "by_row": st.sampled_from([False] * 5 + [True]),
        }
    ),
    min_size=1,
    max_size=3,
)


def has_its_destination(terms: dict[str, Any]) -> bool:
    return terms["destination"] is not None or terms["strategy"] not in {Strategy.NEAREST, Strategy.REGION}


_terms = st.fixed_dictionaries(
    {
        "strategy": st.sampled_from(Strategy),
        "destination": st.sampled_from(DESTINATIONS),
        "region": st.sampled_from([None, None, None, None, "north", "south"]),
        "allow_split": st.booleans(),
    }
).filter(has_its_destination)
_levels = st.lists(
    st.lists(st.sampled_from([6, 4, 2, 1, 0, None]), min_size=len(SITES), max_size=len(SITES)),
    min_size=len(SKUS),
    max_size=len(SKUS),
)


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(levels=_levels, items=_items, terms=_terms)
async def test_what_a_check_says_is_what_a_reservation_does(
    shop: Shop, levels: list[list[int | None]], items: list[dict[str, Any]], terms: dict[str, Any]
) -> None:
    terms = {**terms, "destination": shop.destination(terms["destination"]), "region": shop.named(terms["region"])}
    wishes = await stocked(shop, levels, items)
    if not wishes:
        return
    checked = await shop.views.check_availability_bulk([query_of(item, terms) for item in wishes])
    if len(wishes) == 1:
        alone = await shop.views.check_availability(query_of(wishes[0], terms))
        assert (alone.available, alone.explanation) == (checked.available, checked.explanation)
    try:
        held = (await shop.desk.reserve(*wishes, **terms)).reservation
    except InsufficientStock as refused:
        check_refusal(refused, checked)
    else:
        await shop.desk.commands.cancel(held.reservation_id, CALLER)
        check_hold(held, checked)


def check_hold(held: Reservation, checked: BulkAvailability) -> None:
    assert checked.available
    assert all(item.availability and item.availability.available for item in checked.items)
    assert held.allocation == checked.explanation


def check_refusal(refused: InsufficientStock, checked: BulkAvailability) -> None:
    assert not checked.available
    told = checked.explanation
    assert isinstance(told, Explanation)
    assert told.allocated == ()
    assert [it.as_json() for it in told.rejected] == refused.extra.get("rejected", [])
    if len(checked.items) == 1:
        [item] = checked.items
        assert item.availability is not None
        assert item.availability.quantity_available == refused.shortages[0].available


async def stocked(shop: Shop, levels: list[list[int | None]], items: list[dict[str, Any]]) -> list[Item]:
    """Put new SKUs on the shelves and say the items by them; those of a SKU that nobody keeps are left out."""
    rows: dict[tuple[str, int], Any] = {}
    skus = {sku: unique("SKU") for sku in SKUS}
    for sku, quantities in zip(SKUS, levels, strict=True):
        for number, quantity in enumerate(quantities):
            if quantity is not None:
                rows[sku, number] = await add_stock(
                    shop.database, quantity, warehouse=shop.warehouses[number], sku=skus[sku]
                )
    wishes = []
    for item in items:
        kept = [row for (sku, _), row in rows.items() if sku == item["sku"]]
        if kept:
            named = {"inventory_id": kept[0].inventory_id} if item["by_row"] else {"sku": skus[item["sku"]]}
            wishes.append(
                Item(
                    quantity=item["quantity"],
                    warehouse_id=warehouse_of(shop, item["warehouse"]),
                    preferred_warehouse_id=warehouse_of(shop, item["preferred"]),
                    **named,
                )
            )
    return wishes


def warehouse_of(shop: Shop, number: int | None) -> uuid.UUID | None:
    return None if number is None else shop.warehouses[number].warehouse_id


def query_of(item: Item, terms: dict[str, Any]) -> AvailabilityQuery:
    return AvailabilityQuery(
        quantity=item.quantity,
        sku=item.sku,
        inventory_id=item.inventory_id,
        warehouse_id=item.warehouse_id,
        preferred_warehouse_id=item.preferred_warehouse_id,
        **terms,
    )
