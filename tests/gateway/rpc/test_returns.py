"""ReturnReservation: what came back, as REST takes it and answers it."""

from __future__ import annotations

from uuid import UUID, uuid4

import grpc
import pytest

from domain.contracts.reservations import Source
from domain.errors import ExcessReturn, ReservationNotSold, ReturnExceedsSale
from domain.returns import Condition, ReturnItem
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from tests.gateway.rpc.face import MOVEMENT, NOON, RESERVATION, RETURN, ROW, Face


def request(*lines: pb.ReturnItem, **fields: str) -> pb.ReturnReservationRequest:
    return pb.ReturnReservationRequest(reservation_id=str(RESERVATION), lines=lines, **fields)


async def test_pieces_come_back_in_their_condition_and_are_answered_with_their_movements(face: Face) -> None:
    lines = [
        pb.ReturnItem(sku="TEA", quantity=2),
        pb.ReturnItem(inventory_id=str(ROW), quantity=1, condition=pb.RETURN_CONDITION_DAMAGED),
    ]
    answer = await face.call("ReturnReservation", request(*lines, reason="torn"))
    (reservation_id, wanted, caller), _ = face.returns.last("take_back")
    assert (reservation_id, caller.subject, caller.source) == (RESERVATION, "tester", Source.GRPC)
    assert (wanted.reason, wanted.items) == (
        "torn",
        (
            ReturnItem(sku="TEA", quantity=2),
            ReturnItem(inventory_id=ROW, quantity=1, condition=Condition.DAMAGED),
        ),
    )
    (line,) = answer.lines
    assert (answer.return_id, answer.order_id, answer.reason, answer.is_complete) == (
        str(RETURN),
        "order-1",
        "torn",
        False,
    )
    assert (line.movement_id, line.damage_movement_id) == (str(MOVEMENT), str(UUID(int=17)))
    assert (line.condition, line.quantity) == (pb.RETURN_CONDITION_DAMAGED, 1)
    assert answer.created_at.ToDatetime(NOON.tzinfo) == NOON


async def test_a_return_has_the_id_of_its_caller_or_one_of_its_own(face: Face) -> None:
    own = uuid4()
    await face.call("ReturnReservation", request(return_id=str(own)))
    assert face.returns.last("take_back")[0][1].return_id == own
    await face.call("ReturnReservation", request())
    assert face.returns.last("take_back")[0][1].return_id not in {own, UUID(int=0)}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (request(pb.ReturnItem(quantity=1)), "lines[0]"),
        (request(pb.ReturnItem(sku="A")), "lines[0].quantity"),
        (
            request(pb.ReturnItem(sku="A", quantity=1), pb.ReturnItem(inventory_id="x", quantity=1)),
            "lines[1].inventory_id",
        ),
        (request(pb.ReturnItem(sku="A", quantity=1, condition=7)), "lines[0].condition"),  # type: ignore[arg-type]
        (request(reason="r" * 256), "reason"),
        (request(return_id="mine"), "return_id"),
        (pb.ReturnReservationRequest(), "reservation_id"),
    ],
)
async def test_a_wrong_field_is_pointed_at(face: Face, wrong: pb.ReturnReservationRequest, field: str) -> None:
    refusal = await face.refusal("ReturnReservation", wrong)
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
    assert face.returns.asked == []


async def test_what_is_too_much_and_what_was_not_sold_is_refused(face: Face) -> None:
    face.returns.answers["take_back"] = ReturnExceedsSale([ExcessReturn("/lines/1/quantity", "TEA", 3, 2)])
    refusal = await face.refusal("ReturnReservation", request())
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "return_exceeds_sale")
    assert refusal.fields == ["lines[1].quantity"]
    face.returns.answers["take_back"] = ReservationNotSold("PENDING", reservation_id=str(RESERVATION))
    refusal = await face.refusal("ReturnReservation", request())
    assert refusal.reason == "reservation_not_sold"
