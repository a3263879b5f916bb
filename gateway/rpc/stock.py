"""Inventory rows over gRPC: look at one, change its stock."""

from __future__ import annotations

from uuid import UUID

from domain.adjustments import StockAdjustment
from domain.limits import STOCK_TOTAL_MAX
from domain.money import amount_text
from domain.stock import MovementType, StockItem, StockUpdate
from domain.stock_fields import check_update
from gateway.rpc.calls import Call, Work
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from gateway.rpc.reading import Reading
from gateway.rpc.times import timestamp
from gateway.services import Services

_TYPES = {pb.MovementType.Value(f"MOVEMENT_TYPE_{type_.name}"): type_ for type_ in MovementType}
_TYPES[pb.MOVEMENT_TYPE_UNSPECIFIED] = MovementType.ADJUSTMENT


def get_inventory(services: Services, request: pb.GetInventoryRequest) -> Work:
    """GetInventory."""
    reading = Reading()
    inventory_id = reading.uuid("/inventoryId", request.inventory_id)
    reading.refuse()

    async def look(_call: Call) -> pb.InventoryResponse:
        return inventory_response(await services.views.inventory_item(inventory_id))

    return look


def update_stock(services: Services, request: pb.UpdateStockRequest) -> Work:
    """UpdateStock."""
    update = _stock_update(request)
    expected_version = request.expected_version if request.HasField("expected_version") else None

    async def change(call: Call) -> pb.InventoryResponse:
        changed = await services.stock.set_stock(
            UUID(request.inventory_id),
            total=update.quantity_total,
            delta=update.delta,
            type=update.type,
            reason=update.reason,
            reference=update.reference,
            expected_version=expected_version,
            caller=call.caller,
            adjustment_id=call.resource_id,
        )
        return inventory_response(changed.item, waiting=changed.adjustment if changed.is_waiting else None)

    return change


def inventory_response(item: StockItem, *, waiting: StockAdjustment | None = None) -> pb.InventoryResponse:
    """A row as callers see it, and the change of it that waits for an approval."""
    return pb.InventoryResponse(
        inventory_id=str(item.inventory_id),
        product_id=str(item.product_id),
        variant_id=str(item.variant_id) if item.variant_id else None,
        warehouse_id=str(item.warehouse_id),
        sku=item.sku,
        quantity_available=item.quantity_available,
        quantity_reserved=item.quantity_reserved,
        quantity_total=item.quantity_total,
        reorder_point=item.reorder_point,
        reorder_quantity=item.reorder_quantity,
        sequence=item.sequence,
        version=item.version,
        created_at=timestamp(item.created_at),
        updated_at=timestamp(item.updated_at),
        pending_adjustment_id=str(waiting.adjustment_id) if waiting else None,
        unit_cost=None if item.unit_cost is None else amount_text(item.unit_cost),
        currency=item.currency,
    )


def _stock_update(request: pb.UpdateStockRequest) -> StockUpdate:
    reading = Reading()
    inventory_id = reading.uuid("/inventoryId", request.inventory_id)
    type_ = reading.choice("/type", request.type, _TYPES)
    if request.WhichOneof("change") is None:
        reading.add("/change", "give either total or delta")
    reading.number("/total", request.total, least=0, most=STOCK_TOTAL_MAX)
    reading.refuse()
    assert type_ is not None, "an unknown type has been refused"
    update = StockUpdate(
        inventory_id=inventory_id,
        quantity_total=request.total if request.HasField("total") else None,
        delta=request.delta if request.HasField("delta") else None,
        type=type_,
        reason=request.reason,
        reference=request.reference,
    )
    check_update(update)
    return update
