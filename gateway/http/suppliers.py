"""Suppliers over REST."""

from __future__ import annotations

from domain.suppliers import Supplier as SupplierRow
from domain.suppliers import SupplierItem as SupplierItemRow
from gateway.http.call import Call, Reply
from gateway.http.preconditions import check_named_alike, check_read_only
from gateway.http.schemas.pages import PageQuery
from gateway.http.schemas.suppliers import (
    Supplier,
    SupplierCreate,
    SupplierItem,
    SupplierItemListing,
    SupplierItemPut,
    SupplierListing,
    SupplierQuery,
    SupplierUpdate,
)

PATH = "/api/v1/suppliers"


async def list_all(call: Call[None, SupplierQuery]) -> Reply:
    """List suppliers.

    `orderBy` is `code`.
    """
    page = await call.services.purchasing.supplier_list(call.query.filters(), call.query.page_request())
    return Reply(body=SupplierListing.of([Supplier.model_validate(row) for row in page.items], page.next_token))


async def read(call: Call[None, None]) -> Reply:
    """Get a supplier."""
    return _reply(await call.services.purchasing.supplier(call.ids["supplierId"]))


async def create(call: Call[SupplierCreate, None]) -> Reply:
    """Create a supplier.

    409 `already_exists` when the code is taken.
    """
    row = await call.services.suppliers.create(call.body.new_supplier(), call.actor, supplier_id=call.resource_id)
    return Reply(
        status=201,
        body=Supplier.model_validate(row),
        version=row.version,
        headers={"Location": f"{PATH}/{row.supplier_id}"},
    )


async def update(call: Call[SupplierUpdate, None]) -> Reply:
    """Update a supplier.

    One that is not active gets no new orders. Send `If-Match` to be sure of what you change.
    """
    supplier_id = call.ids["supplierId"]
    if read_only := call.body.read_only():
        check_read_only(await call.services.purchasing.supplier(supplier_id), read_only, call.expected_version)
    row = await call.services.suppliers.update(
        supplier_id, call.body.changes(), call.actor, expected_version=call.expected_version
    )
    return _reply(row)


async def list_items(call: Call[None, PageQuery]) -> Reply:
    """List what a supplier sells.

    `orderBy` is `sku`.
    """
    page = await call.services.purchasing.supplier_items(call.ids["supplierId"], call.query.page_request())
    items = [SupplierItem.model_validate(item) for item in page.items]
    return Reply(body=SupplierItemListing.of(items, page.next_token))


async def read_item(call: Call[None, None]) -> Reply:
    """Get the terms on which a supplier sells a SKU."""
    return _item_reply(await call.services.purchasing.supplier_item(call.ids["supplierId"], call.texts["sku"]))


async def put_item(call: Call[SupplierItemPut, None]) -> Reply:
    """Say on which terms a supplier sells a SKU.

    201 when it did not sell it before. The terms hold for orders to come; those that are made keep theirs. Send
    `If-Match` to be sure of what you change: where nothing is sold, no version is the right one, nor is `*`.
    """
    supplier_id, sku = call.ids["supplierId"], call.texts["sku"]
    check_named_alike({"supplier_id": supplier_id, "sku": sku}, call.body.read_only())
    item, is_new = await call.services.suppliers.put_item(
        supplier_id,
        sku,
        call.body.terms(),
        call.actor,
        expected_version=call.expected_version,
        must_exist=call.must_exist,
    )
    if not is_new:
        return _item_reply(item)
    body = SupplierItem.model_validate(item)
    return Reply(status=201, body=body, version=item.version, headers={"Location": call.path})


async def remove_item(call: Call[None, None]) -> Reply:
    """Forget that a supplier sells a SKU.

    Orders that are made keep their lines.
    """
    await call.services.suppliers.remove_item(
        call.ids["supplierId"], call.texts["sku"], call.actor, expected_version=call.expected_version
    )
    return Reply(status=204)


def _reply(row: SupplierRow) -> Reply:
    return Reply(body=Supplier.model_validate(row), version=row.version)


def _item_reply(item: SupplierItemRow) -> Reply:
    return Reply(body=SupplierItem.model_validate(item), version=item.version)
