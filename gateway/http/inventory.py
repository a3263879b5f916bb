"""Inventory rows and their ledger over REST."""

from __future__ import annotations

from db.paging import Page
from domain.adjustments import BatchResult
from domain.stock import StockItem
from gateway.http.adjustments import accepted, shape
from gateway.http.call import Call, Reply
from gateway.http.preconditions import check_read_only
from gateway.http.problems import problem_of, status_of
from gateway.http.schemas.batches import BatchItemResult, BatchResults, InventoryBatch
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
from gateway.http.schemas.movements import Movement, MovementListing, MovementQuery
from gateway.http.schemas.pages import PageQuery
from gateway.services import Services

PATH = "/api/v1/inventory"


async def list_all(call: Call[None, InventoryQuery]) -> Reply:
    """List inventory rows.

    `orderBy` is `inventoryId` or `sku`.
    """
    page = await call.services.views.inventory_list(call.query.filters(), call.query.page_request())
    return Reply(body=await listing(call.services, page))


async def read(call: Call[None, None]) -> Reply:
    """Get an inventory row."""
    item = await call.services.views.inventory_item(call.ids["inventoryId"])
    incoming = await call.services.views.incoming([item])
    return Reply(body=InventoryRow.of(item, incoming[item.inventory_id]), version=item.version)


async def list_of_product(call: Call[None, PageQuery]) -> Reply:
    """List a product's rows in all warehouses, its variants included."""
    page = await call.services.views.inventory_of_product(call.ids["productId"], call.query.page_request())
    return Reply(body=await listing(call.services, page))


async def list_of_sku(call: Call[None, PageQuery]) -> Reply:
    """List a SKU's rows in all warehouses."""
    page = await call.services.views.inventory_of_sku(call.texts["sku"], call.query.page_request())
    return Reply(body=await listing(call.services, page))


async def create(call: Call[InventoryCreate, None]) -> Reply:
    """Create an inventory row: a SKU in a warehouse, with its opening stock.

    409 `already_exists` when the warehouse has that SKU.
    """
    item = await call.services.stock.create(call.body.new_item(), call.actor, inventory_id=call.resource_id)
    return Reply(
        status=201,
        body=InventoryItem.model_validate(item),
        version=item.version,
        headers={"Location": f"{PATH}/{item.inventory_id}"},
    )


async def update(call: Call[InventoryUpdate, None]) -> Reply:
    """Update an inventory row: its reorder rule, its cost, or its counted stock.

    Send `If-Match` to be sure of what you change. 202 with the adjustment when the count is so far off that somebody
    else has to approve it; everything else is changed already then.
    """
    inventory_id = call.ids["inventoryId"]
    if read_only := call.body.read_only():
        check_read_only(await call.services.views.inventory_item(inventory_id), read_only, call.expected_version)
    changed = await call.services.stock.update(
        inventory_id, call.body.changes(), call.actor, expected_version=call.expected_version
    )
    if changed.adjustment is not None and changed.is_waiting:
        return accepted(call.services, changed.adjustment)
    return _reply(changed.item)


async def delete(call: Call[None, None]) -> Reply:
    """Retire an inventory row, softly.

    What is left of it is written off in its ledger, as an ADJUSTMENT by whoever asks. 409 `stock_in_use` while anything
    is reserved; 422 `approval_required` when more is left than one person may write off alone: adjust it to 0 first.
    """
    await call.services.stock.delete(call.ids["inventoryId"], call.actor, expected_version=call.expected_version)
    return Reply(status=204)


async def adjust(call: Call[InventoryAdjust, None]) -> Reply:
    """Adjust stock by hand, signed: damage, loss, something found.

    200 when it is applied. 202 with the adjustment when it is larger than one person may make alone: it waits for
    somebody else at `/adjustments/{adjustmentId}/approve`.
    """
    adjusted = await call.services.stock.adjust(
        call.ids["inventoryId"], call.body.adjustment(), call.actor, adjustment_id=call.resource_id
    )
    if adjusted.adjustment is not None and adjusted.is_waiting:
        return accepted(call.services, adjusted.adjustment)
    return Reply(body=AdjustedItem.of(adjusted), version=adjusted.item.version)


async def batch(call: Call[InventoryBatch, None]) -> Reply:
    """Update many rows at once, answered item by item in order.

    An item too large for one person answers 202 with the adjustment that waits; the others do not wait for it. With
    `atomic` one item that is refused or would wait undoes all: 409 `batch_refused` lists every such item.
    """
    results = await call.services.stock.batch(
        [item.update() for item in call.body.items],
        call.actor,
        atomic=call.body.atomic,
        batch_id=call.resource_id,
    )
    return Reply(body=BatchResults(items=[_result(call.services, result, call.path) for result in results]))


async def list_movements(call: Call[None, MovementQuery]) -> Reply:
    """List a row's ledger, newest first: every change of its total, who made it and why."""
    page = await call.services.views.movements(call.ids["inventoryId"], call.query.filters(), call.query.page_request())
    items = [Movement.model_validate(line) for line in page.items]
    return Reply(body=MovementListing.of(items, page.next_token))


async def listing(services: Services, page: Page[StockItem]) -> InventoryListing:
    """A page of rows as callers see it, with what is on its way to each."""
    incoming = await services.views.incoming(page.items)
    rows = [InventoryRow.of(item, incoming[item.inventory_id]) for item in page.items]
    return InventoryListing.of(rows, page.next_token)


def _reply(item: StockItem) -> Reply:
    return Reply(body=InventoryItem.model_validate(item), version=item.version)


def _result(services: Services, result: BatchResult, path: str) -> BatchItemResult:
    if result.error is not None:
        return BatchItemResult(status=status_of(result.error), problem=problem_of(result.error, path))
    assert result.adjusted is not None, "an item of a batch is applied or refused"
    if result.adjusted.adjustment is not None and result.adjusted.is_waiting:
        return BatchItemResult(status=202, adjustment=shape(services, result.adjusted.adjustment))
    return BatchItemResult(status=200, item=AdjustedItem.of(result.adjusted))
