"""A believable catalogue: four warehouses in three regions and sixty SKUs of a shop for outdoor goods.

Plain values with ids that are derived from their names, so that seeding twice makes nothing twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from domain.ids import NAMESPACE
from domain.stock import NewStockItem
from domain.warehouses import NewWarehouse

WAREHOUSES = (
    NewWarehouse(
        code="BER-1",
        name="Berlin",
        address="Landsberger Allee 300",
        city="Berlin",
        state="Berlin",
        country="DE",
        postal_code="10365",
        region="eu-central",
        priority=1,
        latitude=52.5316,
        longitude=13.4790,
    ),
    NewWarehouse(
        code="ROT-1",
        name="Rotterdam",
        address="Waalhaven Zuidzijde 21",
        city="Rotterdam",
        state="Zuid-Holland",
        country="NL",
        postal_code="3089 JH",
        region="eu-central",
        priority=2,
        latitude=51.8858,
        longitude=4.4375,
    ),
    NewWarehouse(
        code="RNO-1",
        name="Reno",
        address="1500 Lear Boulevard",
        city="Reno",
        state="NV",
        country="US",
        postal_code="89506",
        region="us-west",
        priority=3,
        latitude=39.6516,
        longitude=-119.8930,
    ),
    NewWarehouse(
        code="SIN-1",
        name="Singapore",
        address="10 Changi South Lane",
        city="Singapore",
        country="SG",
        postal_code="486162",
        region="ap-southeast",
        priority=4,
        latitude=1.3369,
        longitude=103.9632,
    ),
)


@dataclass(frozen=True, slots=True)
class Product:
    """A product with its variants, and the pieces that stand in the first warehouse at the start."""

    sku: str
    variants: tuple[str, ...]
    opening: int
    reorder_point: int = 10


_SIZES = ("S", "M", "L", "XL")

PRODUCTS = (
    Product("JACKET-RAIN-BLU", _SIZES, 80),
    Product("JACKET-RAIN-BLK", _SIZES, 120),
    Product("JACKET-DOWN-RED", _SIZES, 40),
    Product("FLEECE-GRY", _SIZES, 150, reorder_point=25),
    Product("TSHIRT-MERINO-GRN", _SIZES, 200, reorder_point=30),
    Product("TSHIRT-MERINO-BLK", _SIZES, 240, reorder_point=30),
    Product("TROUSERS-TREK-KHK", _SIZES, 90),
    Product("SOCKS-HIKE-WOOL", ("36-38", "39-41", "42-44", "45-47"), 300, reorder_point=50),
    Product("BOOTS-ALPINE", ("40", "41", "42", "43", "44"), 30),
    Product("BACKPACK-TOUR", ("30L", "45L", "65L"), 60),
    Product("TENT-DOME", ("1P", "2P", "3P"), 25, reorder_point=5),
    Product("SLEEPINGBAG-DOWN", ("REG", "LONG"), 35, reorder_point=5),
    Product("MAT-AIR", ("REG", "WIDE"), 70),
    Product("STOVE-GAS", ("SOLO", "DUO"), 45),
    Product("COOKSET-TI", ("1P", "2P"), 40),
    Product("BOTTLE-STEEL", ("05L", "07L", "10L"), 180, reorder_point=20),
    Product("LAMP-HEAD", ("200LM", "400LM", "600LM"), 110),
    Product("POLES-TREK", ("110", "120", "130"), 55),
)

_SHARES = (1.0, 0.6, 0.5, 0.25)
"""How much of a product's opening stock each warehouse has, in the order above."""


def warehouse_id_of(code: str) -> UUID:
    """The id that a warehouse of the catalogue gets."""
    return uuid.uuid5(NAMESPACE, f"catalogue/warehouse/{code}")


def skus() -> list[str]:
    """All SKUs of the catalogue."""
    return [f"{product.sku}-{variant}" for product in PRODUCTS for variant in product.variants]


def stock_items() -> Iterator[tuple[UUID, NewStockItem]]:
    """Every row of the catalogue with the id it gets: each SKU in each warehouse."""
    for product in PRODUCTS:
        for variant in product.variants:
            sku = f"{product.sku}-{variant}"
            for warehouse, share in zip(WAREHOUSES, _SHARES, strict=True):
                yield (
                    uuid.uuid5(NAMESPACE, f"catalogue/stock/{sku}/{warehouse.code}"),
                    NewStockItem(
                        sku=sku,
                        product_id=uuid.uuid5(NAMESPACE, f"catalogue/product/{product.sku}"),
                        variant_id=uuid.uuid5(NAMESPACE, f"catalogue/variant/{sku}"),
                        warehouse_id=warehouse_id_of(warehouse.code),
                        quantity_total=round(product.opening * share),
                        reorder_point=product.reorder_point,
                        reorder_quantity=product.opening,
                    ),
                )
