"""Warehouses over REST."""

from __future__ import annotations

from domain.warehouses import Warehouse as WarehouseRow
from gateway.http.call import Call, Reply
from gateway.http.inventory import listing
from gateway.http.preconditions import check_read_only
from gateway.http.schemas.pages import PageQuery
from gateway.http.schemas.warehouses import (
    Warehouse,
    WarehouseCreate,
    WarehouseListing,
    WarehouseQuery,
    WarehouseUpdate,
)

PATH = "/api/v1/warehouses"


async def list_all(call: Call[None, WarehouseQuery]) -> Reply:
    """List warehouses.

    `orderBy` is `code` or `priority`.
    """
    page = await call.services.views.warehouse_list(call.query.filters(), call.query.page_request())
    items = [Warehouse.model_validate(row) for row in page.items]
    return Reply(body=WarehouseListing.of(items, page.next_token))


async def read(call: Call[None, None]) -> Reply:
    """Get a warehouse."""
    return _reply(await call.services.views.warehouse(call.ids["warehouseId"]))


async def create(call: Call[WarehouseCreate, None]) -> Reply:
    """Create a warehouse.

    409 `already_exists` when the code is taken. A threshold, `adjustmentThresholdQuantity` or `…Value`, also needs the
    scope `operations:approve`: it says what one person may change alone.
    """
    row = await call.services.warehouses.create(call.body.new_warehouse(), call.actor, warehouse_id=call.resource_id)
    return Reply(
        status=201,
        body=Warehouse.model_validate(row),
        version=row.version,
        headers={"Location": f"{PATH}/{row.warehouse_id}"},
    )


async def update(call: Call[WarehouseUpdate, None]) -> Reply:
    """Update a warehouse.

    Send `If-Match` to be sure of what you change. Another `adjustmentThresholdQuantity` or `…Value` than it has also
    needs the scope `operations:approve`: it says what one person may change alone.
    """
    warehouse_id = call.ids["warehouseId"]
    if read_only := call.body.read_only():
        check_read_only(await call.services.views.warehouse(warehouse_id), read_only, call.expected_version)
    row = await call.services.warehouses.update(
        warehouse_id, call.body.changes(), call.actor, expected_version=call.expected_version
    )
    return _reply(row)


async def list_inventory(call: Call[None, PageQuery]) -> Reply:
    """List what stands in a warehouse."""
    page = await call.services.views.warehouse_inventory(call.ids["warehouseId"], call.query.page_request())
    return Reply(body=await listing(call.services, page))


def _reply(row: WarehouseRow) -> Reply:
    return Reply(body=Warehouse.model_validate(row), version=row.version)
