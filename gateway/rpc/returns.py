"""Returns of sold stock over gRPC."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from domain.returns import Condition, Return, ReturnItem, ReturnRequest, check_return
from gateway.rpc.calls import Call, Work
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from gateway.rpc.reading import NIL, Reading
from gateway.rpc.times import timestamp
from gateway.services import Services

_NUMBERS = {condition: pb.ReturnCondition.Value(f"RETURN_CONDITION_{condition.name}") for condition in Condition}
_CONDITIONS = {number: condition for condition, number in _NUMBERS.items()}
_CONDITIONS[pb.RETURN_CONDITION_UNSPECIFIED] = Condition.SELLABLE


def return_reservation(services: Services, request: pb.ReturnReservationRequest) -> Work:
    """ReturnReservation. Without an id of the caller's own, the one recorded with his key makes it repeatable."""
    reading = Reading()
    reservation_id = reading.uuid("/reservationId", request.reservation_id)
    own_id = reading.uuid("/returnId", request.return_id) if request.HasField("return_id") else None
    items = tuple(_item(reading, f"/lines/{number}", line) for number, line in enumerate(request.lines))
    reading.refuse()
    wanted = ReturnRequest(return_id=own_id or NIL, items=items, reason=request.reason)
    check_return(wanted)

    async def take_back(call: Call) -> pb.ReturnResponse:
        identified = replace(wanted, return_id=own_id or call.resource_id)
        taken = await services.returns.take_back(reservation_id, identified, call.caller)
        return return_response(taken.recorded)

    return take_back


def return_response(recorded: Return) -> pb.ReturnResponse:
    """A return as callers see it."""
    return pb.ReturnResponse(
        return_id=str(recorded.return_id),
        reservation_id=str(recorded.reservation_id),
        order_id=recorded.order_id,
        lines=[
            pb.ReturnLine(
                inventory_id=str(line.inventory_id),
                warehouse_id=str(line.warehouse_id),
                sku=line.sku,
                quantity=line.quantity,
                condition=_NUMBERS[line.condition],
                movement_id=str(line.movement_id),
                damage_movement_id=str(line.damage_movement_id) if line.damage_movement_id else None,
            )
            for line in recorded.lines
        ],
        reason=recorded.reason,
        is_complete=recorded.is_complete,
        performed_by=str(recorded.performed_by),
        performed_by_name=recorded.performed_by_name,
        created_at=timestamp(recorded.created_at),
    )


def _item(reading: Reading, pointer: str, line: pb.ReturnItem) -> ReturnItem:
    condition = reading.choice(f"{pointer}/condition", line.condition, _CONDITIONS) or Condition.SELLABLE
    row: UUID | None = None
    if line.WhichOneof("what") == "inventory_id":
        row = reading.uuid(f"{pointer}/inventoryId", line.inventory_id)
    sku = line.sku if line.WhichOneof("what") == "sku" else None
    return ReturnItem(quantity=line.quantity, sku=sku, inventory_id=row, condition=condition)
