"""Every route: method, path, handler, who may. What is not here does not exist."""

from __future__ import annotations

from gateway.auth import INVENTORY_READ, INVENTORY_WRITE, RESERVATIONS_READ, RESERVATIONS_WRITE
from gateway.http import availability, health, inventory, reservations, warehouses
from gateway.http.route import Route, Success
from gateway.http.schemas import availability as availability_shapes
from gateway.http.schemas import health as health_shapes
from gateway.http.schemas import inventory as inventory_shapes
from gateway.http.schemas import reservations as reservation_shapes
from gateway.http.schemas import warehouses as warehouse_shapes
from gateway.http.schemas.pages import PageQuery

READ = (INVENTORY_READ,)
WRITE = (INVENTORY_WRITE,)
RESERVE = (RESERVATIONS_WRITE,)
ANYBODY = ()

_ROW = Success(status=200, shape=inventory_shapes.InventoryItem)
_ROWS = Success(status=200, shape=inventory_shapes.InventoryListing)
_RESERVATION = Success(status=200, shape=reservation_shapes.Reservation)
_RESERVATIONS = Success(status=200, shape=reservation_shapes.ReservationListing)
_WAREHOUSE = Success(status=200, shape=warehouse_shapes.Warehouse)
_LIVENESS = Success(status=200, shape=health_shapes.Liveness)

INVENTORY = (
    Route(
        "GET",
        "/api/v1/inventory",
        inventory.list_all,
        READ,
        query=inventory_shapes.InventoryQuery,
        successes=(_ROWS,),
    ),
    Route("GET", "/api/v1/inventory/{inventoryId}", inventory.read, READ, has_version=True, successes=(_ROW,)),
    Route(
        "GET",
        "/api/v1/inventory/product/{productId}",
        inventory.list_of_product,
        READ,
        query=PageQuery,
        successes=(_ROWS,),
    ),
    Route("GET", "/api/v1/inventory/sku/{sku}", inventory.list_of_sku, READ, query=PageQuery, successes=(_ROWS,)),
    Route(
        "POST",
        "/api/v1/inventory",
        inventory.create,
        WRITE,
        body=inventory_shapes.InventoryCreate,
        makes="inventoryId",
        has_version=True,
        successes=(Success(status=201, shape=inventory_shapes.InventoryItem),),
        problems={409: ("already_exists",), 422: ("unknown_item",)},
    ),
    Route(
        "POST",
        "/api/v1/inventory/batch",
        inventory.batch,
        WRITE,
        body=inventory_shapes.InventoryBatch,
        makes="batchId",
        successes=(Success(status=200, shape=inventory_shapes.BatchResults),),
        problems={409: ("batch_refused",)},
    ),
    Route(
        "PUT",
        "/api/v1/inventory/{inventoryId}",
        inventory.update,
        WRITE,
        body=inventory_shapes.InventoryUpdate,
        has_version=True,
        successes=(_ROW,),
        problems={409: ("insufficient_stock",), 422: ("approval_required",)},
    ),
    Route(
        "DELETE",
        "/api/v1/inventory/{inventoryId}",
        inventory.delete,
        WRITE,
        has_version=True,
        successes=(Success(status=204, shape=None),),
        problems={409: ("stock_in_use",)},
    ),
    Route(
        "POST",
        "/api/v1/inventory/{inventoryId}/adjust",
        inventory.adjust,
        WRITE,
        body=inventory_shapes.InventoryAdjust,
        makes="movementId",
        has_version=True,
        successes=(Success(status=200, shape=inventory_shapes.AdjustedItem),),
        problems={409: ("insufficient_stock",), 422: ("approval_required",)},
    ),
    Route(
        "GET",
        "/api/v1/inventory/{inventoryId}/movements",
        inventory.list_movements,
        READ,
        query=inventory_shapes.MovementQuery,
        successes=(Success(status=200, shape=inventory_shapes.MovementListing),),
    ),
)

RESERVATIONS = (
    Route(
        "POST",
        "/api/v1/reservations",
        reservations.create,
        RESERVE,
        body=reservation_shapes.ReservationCreate,
        makes="reservationId",
        has_version=True,
        successes=(Success(status=201, shape=reservation_shapes.Reservation), _RESERVATION),
        problems={409: ("insufficient_stock", "reservation_mismatch"), 422: ("unknown_item",), 503: ("saturated",)},
    ),
    Route(
        "GET",
        "/api/v1/reservations",
        reservations.list_all,
        RESERVATIONS_READ,
        query=reservation_shapes.ReservationQuery,
        successes=(_RESERVATIONS,),
    ),
    Route(
        "GET",
        "/api/v1/reservations/{reservationId}",
        reservations.read,
        RESERVATIONS_READ,
        has_version=True,
        successes=(_RESERVATION,),
    ),
    Route(
        "POST",
        "/api/v1/reservations/{reservationId}/commit",
        reservations.commit,
        RESERVE,
        body=reservation_shapes.ReservationCommit,
        body_required=False,
        has_version=True,
        successes=(_RESERVATION,),
        problems={409: ("reservation_settled",)},
    ),
    Route(
        "POST",
        "/api/v1/reservations/{reservationId}/cancel",
        reservations.cancel,
        RESERVE,
        body=reservation_shapes.ReservationCancel,
        body_required=False,
        has_version=True,
        successes=(_RESERVATION,),
        problems={409: ("reservation_settled",)},
    ),
    Route(
        "POST",
        "/api/v1/reservations/{reservationId}/extend",
        reservations.extend,
        RESERVE,
        body=reservation_shapes.ReservationExtend,
        has_version=True,
        successes=(_RESERVATION,),
        problems={409: ("reservation_settled", "extension_limit")},
    ),
    Route(
        "GET",
        "/api/v1/reservations/order/{orderId}",
        reservations.list_of_order,
        RESERVATIONS_READ,
        successes=(_RESERVATIONS,),
    ),
)

WAREHOUSES = (
    Route(
        "GET",
        "/api/v1/warehouses",
        warehouses.list_all,
        READ,
        query=warehouse_shapes.WarehouseQuery,
        successes=(Success(status=200, shape=warehouse_shapes.WarehouseListing),),
    ),
    Route("GET", "/api/v1/warehouses/{warehouseId}", warehouses.read, READ, has_version=True, successes=(_WAREHOUSE,)),
    Route(
        "POST",
        "/api/v1/warehouses",
        warehouses.create,
        WRITE,
        body=warehouse_shapes.WarehouseCreate,
        makes="warehouseId",
        has_version=True,
        successes=(Success(status=201, shape=warehouse_shapes.Warehouse),),
        problems={409: ("already_exists",)},
    ),
    Route(
        "PUT",
        "/api/v1/warehouses/{warehouseId}",
        warehouses.update,
        WRITE,
        body=warehouse_shapes.WarehouseUpdate,
        has_version=True,
        successes=(_WAREHOUSE,),
    ),
    Route(
        "GET",
        "/api/v1/warehouses/{warehouseId}/inventory",
        warehouses.list_inventory,
        READ,
        query=PageQuery,
        successes=(_ROWS,),
    ),
)

AVAILABILITY = (
    Route(
        "POST",
        "/api/v1/availability/check",
        availability.check,
        READ,
        body=availability_shapes.AvailabilityCheck,
        only_asks=True,
        successes=(Success(status=200, shape=availability_shapes.Availability),),
        problems={422: ("unknown_item",)},
    ),
    Route(
        "POST",
        "/api/v1/availability/bulk",
        availability.bulk,
        READ,
        body=availability_shapes.AvailabilityBulk,
        only_asks=True,
        successes=(Success(status=200, shape=availability_shapes.AvailabilityBulkAnswer),),
    ),
)

HEALTH = (
    Route(
        "GET",
        "/health",
        health.overview,
        ANYBODY,
        successes=(
            Success(status=200, shape=health_shapes.Health),
            Success(status=503, shape=health_shapes.Health),
        ),
    ),
    Route("GET", "/health/live", health.live, ANYBODY, successes=(_LIVENESS,)),
    Route(
        "GET",
        "/health/ready",
        health.ready,
        ANYBODY,
        successes=(_LIVENESS, Success(status=503, shape=health_shapes.Liveness)),
    ),
    Route(
        "GET",
        "/metrics",
        health.metrics,
        ANYBODY,
        successes=(Success(status=200, shape=None, content_type="text/plain"),),
    ),
)

ROUTES = (*INVENTORY, *RESERVATIONS, *WAREHOUSES, *AVAILABILITY, *HEALTH)
