"""Every error of the domain has one face over gRPC, and none is too big to arrive."""

from __future__ import annotations

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo

import domain.errors
from domain.errors import (
    ApprovalRequired,
    BatchRefused,
    Category,
    ExceededLine,
    ExcessReturn,
    FieldProblem,
    HoldfastError,
    InsufficientStock,
    Malformed,
    NotFound,
    OutcomeUnknown,
    ReceiptExceedsOrder,
    ReceiptExceedsShipment,
    ReservationNotSold,
    ReservationSettled,
    ReturnExceedsSale,
    Saturated,
    ShipmentExceedsRequest,
    Shortage,
    TooManyPieces,
    Unavailable,
    Unprocessable,
)
from gateway.rpc.errors import CODES, field_path, is_final, status_of
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from tests.gateway.rpc.face import RESERVATION, ROW, Face

GET = pb.GetInventoryRequest(inventory_id=str(ROW))

EXPECTED = {
    Category.MALFORMED: grpc.StatusCode.INVALID_ARGUMENT,
    Category.UNPROCESSABLE: grpc.StatusCode.INVALID_ARGUMENT,
    Category.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Category.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    Category.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Category.CONFLICT: grpc.StatusCode.FAILED_PRECONDITION,
    Category.STALE: grpc.StatusCode.ABORTED,
    Category.TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Category.UNSUPPORTED_MEDIA_TYPE: grpc.StatusCode.INVALID_ARGUMENT,
    Category.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Category.INTERNAL: grpc.StatusCode.INTERNAL,
}

UNUSUAL = {
    BatchRefused: lambda: BatchRefused([]),
    InsufficientStock: lambda: InsufficientStock([Shortage("TEA", 3, 1)]),
    ReceiptExceedsShipment: lambda: ReceiptExceedsShipment([ExceededLine("TEA", 3, 2)]),
    ReceiptExceedsOrder: lambda: ReceiptExceedsOrder([ExceededLine("TEA", 3, 2)]),
    ShipmentExceedsRequest: lambda: ShipmentExceedsRequest([ExceededLine("TEA", 3, 2)]),
    TooManyPieces: lambda: TooManyPieces([ExceededLine("TEA", 3, 2)]),
    ReservationNotSold: lambda: ReservationNotSold("PENDING", reservation_id=str(RESERVATION)),
    ReturnExceedsSale: lambda: ReturnExceedsSale([ExcessReturn("/lines/0/quantity", "TEA", 3, 2)]),
    ReservationSettled: lambda: ReservationSettled("EXPIRED", reservation_id=str(RESERVATION)),
}


def every_error() -> list[type[HoldfastError]]:
    found = [
        kind for kind in vars(domain.errors).values() if isinstance(kind, type) and issubclass(kind, HoldfastError)
    ]
    return sorted(found, key=lambda kind: kind.__name__)


def test_the_table_has_every_category_and_says_what_the_contract_says() -> None:
    assert dict(CODES) == EXPECTED
    assert set(EXPECTED) == set(Category)


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
async def test_every_domain_error_arrives_with_its_code_as_reason(face: Face, kind: type[HoldfastError]) -> None:
    face.views.answers["inventory_item"] = UNUSUAL.get(kind, kind)()
    refusal = await face.refusal("GetInventory", GET)
    assert (refusal.code, refusal.reason) == (EXPECTED[kind.category], kind.code)


async def test_a_shortage_lists_every_short_sku_as_a_typed_detail(face: Face) -> None:
    face.reservations.answers["reserve"] = InsufficientStock(
        [Shortage("TEA", 3, 1), Shortage("MUG", 5, 0)], reservation_id=str(RESERVATION)
    )
    refusal = await face.refusal(
        "ReserveStock", pb.ReserveStockRequest(order_id="o", items=[pb.Item(sku="T", quantity=1)])
    )
    shortages = refusal.details[pb.StockShortage].shortages
    assert [(short.sku, short.requested, short.available) for short in shortages] == [("TEA", 3, 1), ("MUG", 5, 0)]
    assert dict(refusal.details[ErrorInfo].metadata) == {"reservationId": str(RESERVATION)}


async def test_the_winner_of_a_race_is_named_in_the_metadata(face: Face) -> None:
    face.reservations.answers["commit"] = ReservationSettled("EXPIRED", reservation_id=str(RESERVATION))
    refusal = await face.refusal("CommitReservation", pb.CommitReservationRequest(reservation_id=str(RESERVATION)))
    assert dict(refusal.details[ErrorInfo].metadata) == {
        "reservationStatus": "EXPIRED",
        "reservationId": str(RESERVATION),
    }


async def test_numbers_beside_an_error_travel_as_text(face: Face) -> None:
    face.stock.answers["set_stock"] = ApprovalRequired(extra={"threshold": 100, "delta": -500})
    refusal = await face.refusal("UpdateStock", pb.UpdateStockRequest(inventory_id=str(ROW), delta=-500, reason="lost"))
    assert dict(refusal.details[ErrorInfo].metadata) == {"threshold": "100", "delta": "-500"}


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(Saturated(retry_after_seconds=1.5), 1.5), (OutcomeUnknown(), 1.0), (Unavailable(retry_after_seconds=30), 30)],
)
async def test_what_may_be_tried_again_says_when(face: Face, error: HoldfastError, seconds: float) -> None:
    face.views.answers["inventory_item"] = error
    refusal = await face.refusal("GetInventory", GET)
    assert refusal.details[RetryInfo].retry_delay.ToTimedelta().total_seconds() == seconds


async def test_what_will_not_change_says_nothing_of_trying_again(face: Face) -> None:
    face.views.answers["inventory_item"] = NotFound()
    assert RetryInfo not in (await face.refusal("GetInventory", GET)).details


async def test_field_problems_become_violations_and_the_first_is_in_the_message(face: Face) -> None:
    problems = [FieldProblem("/items/3/warehouseId", "must be a UUID"), FieldProblem("/orderId", "must not be empty")]
    face.views.answers["inventory_item"] = Unprocessable(fields=problems)
    refusal = await face.refusal("GetInventory", GET)
    assert refusal.fields == ["items[3].warehouse_id", "order_id"]
    assert refusal.message.endswith(": items[3].warehouse_id must be a UUID")


async def test_an_unexpected_error_gives_nothing_away_but_its_request_id(face: Face) -> None:
    face.views.answers["inventory_item"] = ValueError("select secret from vault")
    refusal = await face.refusal("GetInventory", GET, ("x-request-id", "req-1"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INTERNAL, "internal_error")
    assert "secret" not in str(refusal)
    assert refusal.details[RequestInfo].request_id == "req-1"


@pytest.mark.parametrize(
    "error",
    [
        InsufficientStock([Shortage(f"{'茶' * 46}{number:04}", 1_000_000, 999_999) for number in range(200)]),
        Unprocessable(fields=[FieldProblem(f"/items/{number}/warehouseId", "茶" * 100) for number in range(200)]),
        Malformed("茶" * 10_000),
    ],
    ids=["shortages", "violations", "message"],
)
async def test_the_longest_error_fits_what_clients_take_by_default(face: Face, error: HoldfastError) -> None:
    face.views.answers["inventory_item"] = error
    for _ in range(20):  # gRPC refuses at random between the soft and the hard limit
        refusal = await face.refusal("GetInventory", GET, ("x-request-id", "r" * 128))
        assert refusal.reason == error.code


def test_a_list_that_is_cut_says_how_much_is_missing() -> None:
    shortages = [Shortage(f"{'S' * 46}{number:04}", 2, 1) for number in range(200)]
    status = status_of(InsufficientStock(shortages))
    info, detail = ErrorInfo(), pb.StockShortage()
    status.details[0].Unpack(info)
    status.details[1].Unpack(detail)
    assert len(detail.shortages) + int(info.metadata["shortagesLeftOut"]) == 200


def test_two_hundred_shortages_of_ordinary_skus_are_all_told() -> None:
    shortages = [Shortage(f"TEA-{number:04}", 2, 1) for number in range(200)]
    detail = pb.StockShortage()
    status_of(InsufficientStock(shortages)).details[1].Unpack(detail)
    assert len(detail.shortages) == 200


@pytest.mark.parametrize(
    ("pointer", "path"),
    [
        ("/orderId", "order_id"),
        ("/items/0/product/variantId", "items[0].product.variant_id"),
        ("/items", "items"),
        ("/items/12", "items[12]"),
    ],
)
def test_a_json_pointer_becomes_the_path_of_a_proto_field(pointer: str, path: str) -> None:
    assert field_path(pointer) == path


@pytest.mark.parametrize("category", Category)
def test_only_answers_that_would_come_again_are_kept_with_a_key(category: Category) -> None:
    passing = {Category.TOO_LARGE, Category.UNAVAILABLE, Category.INTERNAL}
    assert is_final(CODES[category].value[0]) == (category not in passing)


def test_bad_request_is_left_out_when_no_field_is_wrong() -> None:
    assert not any(detail.Is(BadRequest.DESCRIPTOR) for detail in status_of(Unprocessable("no")).details)
