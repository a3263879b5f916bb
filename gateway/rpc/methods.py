"""The service as one table: which method does what, and which scope it takes; with any one of several it is enough."""

from __future__ import annotations

import grpc
from google.protobuf.message_factory import GetMessageClass

from gateway.auth import INVENTORY_READ, INVENTORY_WRITE, RESERVATIONS_READ, RESERVATIONS_WRITE
from gateway.rpc.availability import check_availability
from gateway.rpc.calls import Endpoint, Method
from gateway.rpc.generated.inventory.v1.inventory_pb2 import DESCRIPTOR
from gateway.rpc.in_flight import InFlight
from gateway.rpc.interceptor import Handler
from gateway.rpc.reservations import (
    cancel_reservation,
    commit_reservation,
    extend_reservation,
    get_reservation,
    reserve_stock,
)
from gateway.rpc.returns import return_reservation
from gateway.rpc.stock import get_inventory, update_stock
from gateway.services import Services

SERVICE = DESCRIPTOR.services_by_name["InventoryService"]

METHODS = (
    Method("GetInventory", (INVENTORY_READ,), get_inventory),
    Method("CheckAvailability", (INVENTORY_READ,), check_availability),
    Method("ReserveStock", (RESERVATIONS_WRITE,), reserve_stock, is_change=True),
    Method("CommitReservation", (RESERVATIONS_WRITE,), commit_reservation, is_change=True),
    Method("CancelReservation", (RESERVATIONS_WRITE,), cancel_reservation, is_change=True),
    Method("UpdateStock", (INVENTORY_WRITE,), update_stock, is_change=True),
    Method("GetReservation", RESERVATIONS_READ, get_reservation),
    Method("ExtendReservation", (RESERVATIONS_WRITE,), extend_reservation, is_change=True),
    Method("ReturnReservation", (RESERVATIONS_WRITE,), return_reservation, is_change=True),
)


def service_handler(services: Services, in_flight: InFlight) -> grpc.GenericRpcHandler:
    """InventoryService, ready to be added to a server."""
    return grpc.method_handlers_generic_handler(
        SERVICE.full_name, {method.name: _handler(services, in_flight, method) for method in METHODS}
    )


def _handler(services: Services, in_flight: InFlight, method: Method) -> Handler:
    described = SERVICE.methods_by_name[method.name]
    request, response = GetMessageClass(described.input_type), GetMessageClass(described.output_type)
    endpoint = Endpoint(services, in_flight, method, f"{SERVICE.full_name}/{method.name}", response)
    return grpc.unary_unary_rpc_method_handler(endpoint.serve, request.FromString, response.SerializeToString)
