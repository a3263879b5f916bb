"""A checkout that speaks gRPC: the same rules through the other door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from hypothesis import strategies as st

from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from tests.acceptance.shop_day.books.holds import Hold
from tests.acceptance.shop_day.books.shelves import Shelf
from tests.acceptance.shop_day.books.wishes import Wish
from tests.acceptance.shop_day.floor import ANNA, CARLA, Answer, Person, same
from tests.acceptance.shop_day.rules.checkout import Checkout
from tests.acceptance.shop_day.rules.day import kept, one_of, rule, there_are
from tests.acceptance.shop_day.rules.wanting import wishes

STATUSES = {
    grpc.StatusCode.INVALID_ARGUMENT.value[0]: 422,
    grpc.StatusCode.NOT_FOUND.value[0]: 404,
    grpc.StatusCode.PERMISSION_DENIED.value[0]: 403,
    grpc.StatusCode.FAILED_PRECONDITION.value[0]: 409,
}
"""What the REST API answers where a call ends so."""


class Calling(Checkout):
    """Rules of gRPC calls."""

    @rule(wish=wishes())
    def reserve_by_call(self, wish: Wish) -> None:
        """Held as the strategy says, or refused with every shortage."""
        order_id = self.books.new_order()
        answer = self.call(CARLA, "ReserveStock", _reserve_request(self.order(order_id, wish)), 201)
        self.judge_hold(answer, order_id, wish)

    @rule(hold=one_of(lambda day: day.books.holds), decision=st.sampled_from(["Commit", "Cancel"]))
    @there_are(lambda day: day.books.holds)
    def settle_by_call(self, hold: Hold, decision: str) -> None:
        """Paid for or given up; a decision that was taken before is harmless, another one is refused."""
        request = getattr(pb, f"{decision}ReservationRequest")(reservation_id=hold.reservation_id)
        answer = self.call(CARLA, f"{decision}Reservation", request)
        self.touch(hold)
        if hold.status not in ("PENDING", "COMMITTED" if decision == "Commit" else "CANCELLED"):
            answer.must(409, "reservation_settled")
            return
        answer.must(200)
        if hold.status == "PENDING" and decision == "Commit":
            hold.sell()
        elif hold.status == "PENDING":
            hold.release("CANCELLED", "cancelled")
        seen = self.call(CARLA, "GetReservation", pb.GetReservationRequest(reservation_id=hold.reservation_id))
        same(seen.must(200)["status"], hold.status, hold)

    @rule(shelf=one_of(kept))
    def look_by_call(self, shelf: Shelf) -> None:
        """A row is the same through both doors."""
        seen = self.call(ANNA, "GetInventory", pb.GetInventoryRequest(inventory_id=shelf.inventory_id)).must(200)
        said = tuple(seen[f"quantity{name}"] for name in ("Total", "Reserved", "Available"))
        same(said, (shelf.total, shelf.reserved, shelf.available), shelf)
        same(int(seen["sequence"]), len(shelf.steps), shelf)

    def call(self, person: Person, method: str, request: Message, status: int = 200) -> Answer:
        """One call and its answer in the words of REST."""
        said = self.floor.call(person, method, request)
        if isinstance(said, Status):
            return Answer(STATUSES[said.code], _problem(said), {})
        return Answer(status, _body(said), {})


def _reserve_request(order: Mapping[str, Any]) -> pb.ReserveStockRequest:
    """The body of POST /reservations as the call's request."""
    target = order.get("destination")
    said = {
        **order,
        "items": [_item(item) for item in order["items"]],
        "strategy": f"ALLOCATION_STRATEGY_{order['strategy'].upper()}",
    }
    if target and "latitude" in target:
        said["destination"] = {"point": target}
    return ParseDict(said, pb.ReserveStockRequest())


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    named = dict(item)
    product_id = named.pop("productId", None)
    return {**named, "product": {"productId": product_id}} if product_id else named


def _body(message: Message) -> dict[str, Any]:
    said = MessageToDict(message, always_print_fields_with_no_presence=True)
    if isinstance(message, pb.ReservationResponse):
        said["status"] = said["status"].removeprefix("RESERVATION_STATUS_")
        reason = said["releaseReason"].removeprefix("RELEASE_REASON_").lower()
        said |= {"releaseReason": None if reason == "unspecified" else reason, "returnedAt": said.get("returnedAt")}
    return said


def _problem(status: Status) -> dict[str, Any]:
    """The members of a problem that the rules look at."""
    info, short = ErrorInfo(), pb.StockShortage()
    status.details[0].Unpack(info)
    for detail in status.details:
        detail.Unpack(short)
    shortages = [{"sku": it.sku, "requested": it.requested, "available": it.available} for it in short.shortages]
    return {"code": info.reason, "shortages": shortages, **info.metadata}
