"""The routes of warehouses."""

from __future__ import annotations

from gateway.auth import INVENTORY_READ, INVENTORY_WRITE
from gateway.http import warehouses
from gateway.http.route import Route, answers
from gateway.http.schemas.inventory import InventoryListing
from gateway.http.schemas.pages import PageQuery
from gateway.http.schemas.warehouses import (
    Warehouse,
    WarehouseCreate,
    WarehouseListing,
    WarehouseQuery,
    WarehouseUpdate,
)

READ = (INVENTORY_READ,)
WRITE = (INVENTORY_WRITE,)

WAREHOUSE = answers(Warehouse)

WAREHOUSES = (
    Route("GET", "/api/v1/warehouses", warehouses.list_all, READ, answers(WarehouseListing), query=WarehouseQuery),
    Route("GET", "/api/v1/warehouses/{warehouseId}", warehouses.read, READ, WAREHOUSE, has_version=True),
    Route(
        "POST",
        "/api/v1/warehouses",
        warehouses.create,
        WRITE,
        answers(Warehouse, 201),
        body=WarehouseCreate,
        makes="warehouseId",
        has_version=True,
        problems={409: ("already_exists",)},
    ),
    Route(
        "PUT",
        "/api/v1/warehouses/{warehouseId}",
        warehouses.update,
        WRITE,
        WAREHOUSE,
        body=WarehouseUpdate,
        has_version=True,
    ),
    Route(
        "GET",
        "/api/v1/warehouses/{warehouseId}/inventory",
        warehouses.list_inventory,
        READ,
        answers(InventoryListing),
        query=PageQuery,
    ),
)
