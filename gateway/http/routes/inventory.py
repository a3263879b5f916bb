"""The routes of inventory rows and their ledger."""

from __future__ import annotations

from gateway.auth import INVENTORY_READ, INVENTORY_WRITE
from gateway.http import inventory
from gateway.http.route import Route, answers
from gateway.http.schemas.adjustments import Adjustment
from gateway.http.schemas.batches import BatchResults, InventoryBatch
from gateway.http.schemas.inventory import (
    AdjustedItem,
    InventoryAdjust,
    InventoryCreate,
    InventoryItem,
    InventoryListing,
    InventoryQuery,
    InventoryRow,
    InventoryUpdate,
)
from gateway.http.schemas.movements import MovementListing, MovementQuery
from gateway.http.schemas.pages import PageQuery

READ = (INVENTORY_READ,)
WRITE = (INVENTORY_WRITE,)

ROW = answers(InventoryItem)
ROWS = answers(InventoryListing)

INVENTORY = (
    Route("GET", "/api/v1/inventory", inventory.list_all, READ, ROWS, query=InventoryQuery),
    Route(
        "GET",
        "/api/v1/inventory/{inventoryId}",
        inventory.read,
        READ,
        answers(InventoryRow),
        has_version=True,
        tells_more=True,  # what is on its way to it
    ),
    Route("GET", "/api/v1/inventory/product/{productId}", inventory.list_of_product, READ, ROWS, query=PageQuery),
    Route("GET", "/api/v1/inventory/sku/{sku}", inventory.list_of_sku, READ, ROWS, query=PageQuery),
    Route(
        "POST",
        "/api/v1/inventory",
        inventory.create,
        WRITE,
        answers(InventoryItem, 201),
        body=InventoryCreate,
        makes="inventoryId",
        has_version=True,
        problems={409: ("already_exists",), 422: ("unknown_item",)},
    ),
    Route(
        "POST",
        "/api/v1/inventory/batch",
        inventory.batch,
        WRITE,
        answers(BatchResults),
        body=InventoryBatch,
        makes="batchId",
        problems={409: ("batch_refused",)},
    ),
    Route(
        "PUT",
        "/api/v1/inventory/{inventoryId}",
        inventory.update,
        WRITE,
        ROW + answers(Adjustment, 202),
        body=InventoryUpdate,
        has_version=True,
        problems={409: ("insufficient_stock",)},
    ),
    Route(
        "DELETE",
        "/api/v1/inventory/{inventoryId}",
        inventory.delete,
        WRITE,
        answers(None, 204),
        has_version=True,
        problems={409: ("stock_in_use",), 422: ("approval_required",)},
    ),
    Route(
        "POST",
        "/api/v1/inventory/{inventoryId}/adjust",
        inventory.adjust,
        WRITE,
        answers(AdjustedItem) + answers(Adjustment, 202),
        body=InventoryAdjust,
        makes="adjustmentId",
        has_version=True,
        problems={409: ("insufficient_stock",)},
    ),
    Route(
        "GET",
        "/api/v1/inventory/{inventoryId}/movements",
        inventory.list_movements,
        READ,
        answers(MovementListing),
        query=MovementQuery,
    ),
)
