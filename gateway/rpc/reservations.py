"""Reservations over gRPC: hold, look, settle, extend."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from domain.limits import ORDER_ID_CHARACTERS_MAX
from domain.reservations import Item, ReleaseReason, Reservation, ReservationStatus
from gateway.commands.reservations import ReserveCommand
from gateway.rpc.allocation import (
    allocation_message,
    place_message,
    read_destination,
    read_strategy,
    read_warehouse,
    rejected_message,
    strategy_number,
)
from gateway.rpc.calls import Call, Work
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from gateway.rpc.reading import Reading
from gateway.rpc.times import timestamp
from gateway.services import Services

_STATUSES = {status: pb.ReservationStatus.Value(f"RESERVATION_STATUS_{status.name}") for status in ReservationStatus}
_REASONS = {reason: pb.ReleaseReason.Value(f"RELEASE_REASON_{reason.name}") for reason in ReleaseReason}
_CANCEL_REASONS = {number: reason for reason, number in _REASONS.items() if reason is not ReleaseReason.EXPIRED}
_CANCEL_REASONS[pb.RELEASE_REASON_UNSPECIFIED] = ReleaseReason.CANCELLED


def reserve_stock(services: Services, request: pb.ReserveStockRequest) -> Work:
    """ReserveStock. Without an id of the caller's own, the one recorded with his key makes it repeatable."""
    command = _reserve_command(request, services.settings.reservation_hold_seconds_max)

    async def reserve(call: Call) -> pb.ReservationResponse:
        reserved = await services.reservations.reserve(
            replace(command, reservation_id=command.reservation_id or call.resource_id),
            call.caller,
            deadline_seconds=call.deadline_seconds,
        )
        response = reservation_response(services, reserved.reservation)
        response.already_existed = not reserved.is_new
        return response

    return reserve


def get_reservation(services: Services, request: pb.GetReservationRequest) -> Work:
    """GetReservation."""
    reservation_id = _reservation_id(request)

    async def look(_call: Call) -> pb.ReservationResponse:
        return reservation_response(services, await services.views.reservation(reservation_id))

    return look


def commit_reservation(services: Services, request: pb.CommitReservationRequest) -> Work:
    """CommitReservation."""
    reservation_id = _reservation_id(request)

    async def commit(call: Call) -> Empty:
        await services.reservations.commit(reservation_id, call.caller, decision_id=call.resource_id)
        return Empty()

    return commit


def cancel_reservation(services: Services, request: pb.CancelReservationRequest) -> Work:
    """CancelReservation."""
    reading = Reading()
    reservation_id = reading.uuid("/reservationId", request.reservation_id)
    reason = reading.choice("/reason", request.reason, _CANCEL_REASONS)
    reading.refuse()
    assert reason is not None, "an unknown reason has been refused"

    async def cancel(call: Call) -> Empty:
        await services.reservations.cancel(reservation_id, call.caller, reason=reason, decision_id=call.resource_id)
        return Empty()

    return cancel


def extend_reservation(services: Services, request: pb.ExtendReservationRequest) -> Work:
    """ExtendReservation."""
    reading = Reading()
    reservation_id = reading.uuid("/reservationId", request.reservation_id)
    reading.hold_seconds(request.hold_seconds)
    reading.refuse()

    async def extend(call: Call) -> pb.ReservationResponse:
        reservation = await services.reservations.extend(
            reservation_id, call.caller, hold_seconds=request.hold_seconds, decision_id=call.resource_id
        )
        return reservation_response(services, reservation)

    return extend


def reservation_response(services: Services, row: Reservation) -> pb.ReservationResponse:
    """A reservation as callers see it."""
    told = row.allocation
    reason = _REASONS[ReleaseReason(row.release_reason)] if row.release_reason else pb.RELEASE_REASON_UNSPECIFIED
    return pb.ReservationResponse(
        reservation_id=str(row.reservation_id),
        order_id=row.order_id,
        status=_STATUSES[row.status],
        lines=[
            pb.ReservationLine(
                inventory_id=str(line.inventory_id),
                warehouse_id=str(line.warehouse_id),
                sku=line.sku,
                quantity=line.quantity,
                quantity_returned=line.quantity_returned,
            )
            for line in row.lines
        ],
        shortages=[
            pb.Shortage(sku=short.sku, requested=short.requested, available=short.available) for short in row.shortages
        ],
        release_reason=reason,
        extends_count=row.extends_count,
        sequence=row.sequence,
        reserved_at=timestamp(row.reserved_at),
        expires_at=timestamp(row.expires_at),
        committed_at=timestamp(row.committed_at),
        cancelled_at=timestamp(row.cancelled_at),
        expired_at=timestamp(row.expired_at),
        returned_at=timestamp(row.returned_at),
        created_at=timestamp(row.created_at),
        updated_at=timestamp(row.updated_at),
        workflow_url=services.reservation_link(row.reservation_id),
        strategy=strategy_number(told.strategy),
        place=place_message(told.place) if told.place else None,
        allocation=[allocation_message(allocated) for allocated in told.allocated],
        rejected=[rejected_message(rejected) for rejected in told.rejected],
    )


def _reservation_id(request: pb.GetReservationRequest | pb.CommitReservationRequest) -> UUID:
    reading = Reading()
    reservation_id = reading.uuid("/reservationId", request.reservation_id)
    reading.refuse()
    return reservation_id


def _reserve_command(request: pb.ReserveStockRequest, hold_seconds_max: int) -> ReserveCommand:
    reading = Reading()
    reading.text("/orderId", request.order_id, characters_max=ORDER_ID_CHARACTERS_MAX, required=True)
    items = []
    if reading.lines(len(request.items)):
        items = [_item(reading, f"/items/{number}", item) for number, item in enumerate(request.items)]
    hold_seconds = request.hold_seconds if request.HasField("hold_seconds") else None
    reading.hold_seconds(hold_seconds, most=hold_seconds_max)
    own_id = reading.uuid("/reservationId", request.reservation_id) if request.HasField("reservation_id") else None
    region = request.region if request.HasField("region") else None
    reading.region("/region", region)
    strategy = read_strategy(reading, request.strategy)
    destination = read_destination(reading, "/destination", request)
    reading.refuse()
    return ReserveCommand(
        order_id=request.order_id,
        items=items,
        reservation_id=own_id,
        hold_seconds=hold_seconds,
        region=region,
        allow_split=request.allow_split if request.HasField("allow_split") else True,
        strategy=strategy,
        destination=destination,
    )


def _item(reading: Reading, pointer: str, item: pb.Item) -> Item:
    reading.quantity(f"{pointer}/quantity", item.quantity)
    return Item(
        quantity=item.quantity,
        warehouse_id=read_warehouse(reading, f"{pointer}/warehouseId", item, "warehouse_id"),
        preferred_warehouse_id=read_warehouse(
            reading, f"{pointer}/preferredWarehouseId", item, "preferred_warehouse_id"
        ),
        **reading.what(pointer, item),
    )
