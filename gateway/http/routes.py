"""Every route: method, path, handler, who may. What is not here does not exist."""

from __future__ import annotations

from gateway.auth import INVENTORY_READ, INVENTORY_WRITE, RESERVATIONS_READ, RESERVATIONS_WRITE
from gateway.http import availability, health, inventory, reservations, warehouses
from gateway.http.route import Route, answers
from gateway.http.schemas.availability import Availability, AvailabilityBulk, AvailabilityBulkAnswer, AvailabilityCheck
from gateway.http.schemas.batches import BatchResults, InventoryBatch
from gateway.http.schemas.health import Health, Liveness
from gateway.http.schemas.inventory import (
    AdjustedItem,
    InventoryAdjust,
    InventoryCreate,
    InventoryItem,
    InventoryListing,
    InventoryQuery,
    InventoryUpdate,
)
from gateway.http.schemas.movements import MovementListing, MovementQuery
from gateway.http.schemas.pages import PageQuery
from gateway.http.schemas.reservations import (
    Reservation,
    ReservationCancel,
    ReservationCommit,
    ReservationCreate,
    ReservationExtend,
    ReservationListing,
    ReservationQuery,
)
from gateway.http.schemas.warehouses import (
    Warehouse,
    WarehouseCreate,
    WarehouseListing,
    WarehouseQuery,
    WarehouseUpdate,
)

READ = (INVENTORY_READ,)
WRITE = (INVENTORY_WRITE,)
RESERVE = (RESERVATIONS_WRITE,)
ANYBODY = ()

ROW = answers(InventoryItem)
ROWS = answers(InventoryListing)
RESERVATION = answers(Reservation)
RESERVATION_PAGE = answers(ReservationListing)
WAREHOUSE = answers(Warehouse)

INVENTORY = (
    Route("GET", "/api/v1/inventory", inventory.list_all, READ, ROWS, query=InventoryQuery),
    Route("GET", "/api/v1/inventory/{inventoryId}", inventory.read, READ, ROW, has_version=True),
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
        ROW,
        body=InventoryUpdate,
        has_version=True,
        problems={409: ("insufficient_stock",), 422: ("approval_required",)},
    ),
    Route(
        "DELETE",
        "/api/v1/inventory/{inventoryId}",
        inventory.delete,
        WRITE,
        answers(None, 204),
        has_version=True,
        problems={409: ("stock_in_use",)},
    ),
    Route(
        "POST",
        "/api/v1/inventory/{inventoryId}/adjust",
        inventory.adjust,
        WRITE,
        answers(AdjustedItem),
        body=InventoryAdjust,
        makes="movementId",
        has_version=True,
        problems={409: ("insufficient_stock",), 422: ("approval_required",)},
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

RESERVATIONS = (
    Route(
        "POST",
        "/api/v1/reservations",
        reservations.create,
        RESERVE,
        answers(Reservation, 201) + RESERVATION,
        body=ReservationCreate,
        makes="reservationId",
        has_version=True,
        problems={409: ("insufficient_stock", "reservation_mismatch"), 422: ("unknown_item",), 503: ("saturated",)},
    ),
    Route(
        "GET",
        "/api/v1/reservations",
        reservations.list_all,
        RESERVATIONS_READ,
        RESERVATION_PAGE,
        query=ReservationQuery,
    ),
    Route(
        "GET",
        "/api/v1/reservations/{reservationId}",
        reservations.read,
        RESERVATIONS_READ,
        RESERVATION,
        has_version=True,
    ),
    Route(
        "POST",
        "/api/v1/reservations/{reservationId}/commit",
        reservations.commit,
        RESERVE,
        RESERVATION,
        body=ReservationCommit,
        body_required=False,
        has_version=True,
        problems={409: ("reservation_settled",)},
    ),
    Route(
        "POST",
        "/api/v1/reservations/{reservationId}/cancel",
        reservations.cancel,
        RESERVE,
        RESERVATION,
        body=ReservationCancel,
        body_required=False,
        has_version=True,
        problems={409: ("reservation_settled",)},
    ),
    Route(
        "POST",
        "/api/v1/reservations/{reservationId}/extend",
        reservations.extend,
        RESERVE,
        RESERVATION,
        body=ReservationExtend,
        has_version=True,
        problems={409: ("reservation_settled", "extension_limit")},
    ),
    Route(
        "GET", "/api/v1/reservations/order/{orderId}", reservations.list_of_order, RESERVATIONS_READ, RESERVATION_PAGE
    ),
)

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
    Route("GET", "/api/v1/warehouses/{warehouseId}/inventory", warehouses.list_inventory, READ, ROWS, query=PageQuery),
)

AVAILABILITY = (
    Route(
        "POST",
        "/api/v1/availability/check",
        availability.check,
        READ,
        answers(Availability),
        body=AvailabilityCheck,
        only_asks=True,
        problems={422: ("unknown_item",)},
    ),
    Route(
        "POST",
        "/api/v1/availability/bulk",
        availability.bulk,
        READ,
        answers(AvailabilityBulkAnswer),
        body=AvailabilityBulk,
        only_asks=True,
    ),
)

HEALTH = (
    Route("GET", "/health", health.overview, ANYBODY, answers(Health) + answers(Health, 503)),
    Route("GET", "/health/live", health.live, ANYBODY, answers(Liveness)),
    Route("GET", "/health/ready", health.ready, ANYBODY, answers(Liveness) + answers(Liveness, 503)),
    Route("GET", "/metrics", health.metrics, ANYBODY, answers(None, content_type="text/plain")),
)

ROUTES = (*INVENTORY, *RESERVATIONS, *WAREHOUSES, *AVAILABILITY, *HEALTH)
