"""Availability over gRPC: an answer, not a promise."""

from __future__ import annotations

from typing import TypedDict

from domain.allocation_terms import Strategy
from domain.availability import AvailabilityQuery, BulkAvailabilityItem, WarehouseAvailability
from domain.destinations import Destination
from gateway.rpc.allocation import (
    allocation_message,
    place_message,
    read_destination,
    read_strategy,
    read_warehouse,
    rejected_message,
)
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
        told = answer.explanation
        return pb.AvailabilityResponse(
            available=answer.available,
            items=[_item(query, found) for query, found in zip(queries, answer.items, strict=True)],
            allocation=[allocation_message(it) for it in told.allocated] if told else [],
            rejected=[rejected_message(it) for it in told.rejected] if told else [],
        )

    return look


def _queries(request: pb.CheckAvailabilityRequest) -> list[AvailabilityQuery]:
    reading = Reading()
    of_all = _Terms(
        strategy=read_strategy(reading, request.strategy),
        allow_split=request.allow_split if request.HasField("allow_split") else True,
        region=_region(reading, "/region", request),
        destination=read_destination(reading, "/destination", request),
    )
    queries = []
    if reading.lines(len(request.items)):
        queries = [_query(reading, f"/items/{number}", item, of_all) for number, item in enumerate(request.items)]
    reading.refuse()
    return queries


class _Terms(TypedDict):
    """How the warehouses of items are chosen, as keyword arguments of a query."""

    strategy: Strategy
    allow_split: bool
    region: str | None
    destination: Destination | None


def _query(reading: Reading, pointer: str, item: pb.AvailabilityQuery, of_all: _Terms) -> AvailabilityQuery:
    quantity = item.quantity if item.HasField("quantity") else QUANTITY_DEFAULT
    reading.quantity(f"{pointer}/quantity", quantity)
    terms: _Terms = {
        **of_all,
        "region": _region(reading, f"{pointer}/region", item) or of_all["region"],
        "destination": read_destination(reading, f"{pointer}/destination", item) or of_all["destination"],
    }
    return AvailabilityQuery(
        quantity=quantity,
        warehouse_id=read_warehouse(reading, f"{pointer}/warehouseId", item, "warehouse_id"),
        preferred_warehouse_id=read_warehouse(
            reading, f"{pointer}/preferredWarehouseId", item, "preferred_warehouse_id"
        ),
        **terms,
        **reading.what(pointer, item),
    )


def _region(reading: Reading, pointer: str, asked: pb.AvailabilityQuery | pb.CheckAvailabilityRequest) -> str | None:
    region = asked.region if asked.HasField("region") else None
    reading.region(pointer, region)
    return region


def _item(query: AvailabilityQuery, found: BulkAvailabilityItem) -> pb.ItemAvailability:
    if found.availability is None:
        assert found.error is not None, "an item has an answer or an error"
        error = pb.ItemError(code=found.error.code, detail=found.error.detail)
        return pb.ItemAvailability(quantity_requested=query.quantity, error=error)
    answer, told = found.availability, found.availability.explanation
    return pb.ItemAvailability(
        available=answer.available,
        sku=answer.sku,
        quantity_requested=answer.quantity_requested,
        quantity_available=answer.quantity_available,
        warehouses=[_warehouse(warehouse) for warehouse in answer.warehouses],
        place=place_message(told.place) if told.place else None,
        allocation=[allocation_message(it) for it in told.allocated],
        rejected=[rejected_message(it) for it in told.rejected],
    )


def _warehouse(warehouse: WarehouseAvailability) -> pb.WarehouseAvailability:
    return pb.WarehouseAvailability(
        inventory_id=str(warehouse.inventory_id),
        warehouse_id=str(warehouse.warehouse_id),
        code=warehouse.code,
        region=warehouse.region,
        quantity_available=warehouse.quantity_available,
        distance_km=warehouse.distance_km,
    )
