"""Availability over gRPC: an answer, not a promise."""

from __future__ import annotations

from domain.availability import AvailabilityQuery, BulkAvailabilityItem
from gateway.rpc.calls import Call, Work
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from gateway.rpc.reading import Reading
from gateway.services import Services

QUANTITY_DEFAULT = 1


def check_availability(services: Services, request: pb.CheckAvailabilityRequest) -> Work:
    """CheckAvailability."""
    queries = _queries(request)

    async def look(_call: Call) -> pb.AvailabilityResponse:
        answer = await services.views.check_availability_bulk(queries)
        return pb.AvailabilityResponse(
            available=answer.available,
            items=[_item(query, found) for query, found in zip(queries, answer.items, strict=True)],
        )

    return look


def _queries(request: pb.CheckAvailabilityRequest) -> list[AvailabilityQuery]:
    reading = Reading()
    queries = []
    if reading.lines(len(request.items)):
        queries = [_query(reading, f"/items/{number}", item) for number, item in enumerate(request.items)]
    reading.refuse()
    return queries


def _query(reading: Reading, pointer: str, item: pb.AvailabilityQuery) -> AvailabilityQuery:
    quantity = item.quantity if item.HasField("quantity") else QUANTITY_DEFAULT
    region = item.region if item.HasField("region") else None
    reading.quantity(f"{pointer}/quantity", quantity)
    reading.region(f"{pointer}/region", region)
    return AvailabilityQuery(quantity=quantity, region=region, **reading.what(pointer, item))


def _item(query: AvailabilityQuery, found: BulkAvailabilityItem) -> pb.ItemAvailability:
    if found.availability is None:
        assert found.error is not None, "an item has an answer or an error"
        error = pb.ItemError(code=found.error.code, detail=found.error.detail)
        return pb.ItemAvailability(quantity_requested=query.quantity, error=error)
    return pb.ItemAvailability(
        available=found.availability.available,
        sku=found.availability.sku,
        quantity_requested=found.availability.quantity_requested,
        quantity_available=found.availability.quantity_available,
        warehouses=[
            pb.WarehouseAvailability(
                inventory_id=str(warehouse.inventory_id),
                warehouse_id=str(warehouse.warehouse_id),
                code=warehouse.code,
                region=warehouse.region,
                quantity_available=warehouse.quantity_available,
            )
            for warehouse in found.availability.warehouses
        ],
    )
