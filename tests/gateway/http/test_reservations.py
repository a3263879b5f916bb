from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from db.paging import Page, PageRequest
from domain.allocation_terms import Strategy
from domain.contracts.reservations import Source
from domain.destinations import Destination, locate
from domain.distance import Coordinates
from domain.errors import ExtensionLimit, InsufficientStock, OutcomeUnknown, ReservationSettled, Saturated, Shortage
from domain.reservations import Line, ReleaseReason, ReservationStatus
from gateway.commands.reservations import Reserved
from tests.gateway.explained import EXPLAINED
from tests.gateway.http.face import COMMITTED, HELD, NOON, RESERVATION, ROW, WAREHOUSE, Face

PATH = "/api/v1/reservations"


async def test_a_new_hold_is_created_where_location_says(face: Face) -> None:
    answer = await face.reserve()
    assert answer.status == 201
    assert answer.headers["Location"] == f"{PATH}/{RESERVATION}"
    assert answer.headers["ETag"] == '"1"'
    assert answer.json == {
        "reservationId": str(RESERVATION),
        "orderId": "order-1",
        "status": "PENDING",
        "lines": [
            {"inventoryId": str(ROW), "warehouseId": str(WAREHOUSE), "sku": "TEA-GREEN-250", "quantity": 2},
        ],
        "inventoryId": str(ROW),
        "quantity": 2,
        "strategy": "balanced",
        "allocation": [
            {
                "inventoryId": str(ROW),
                "warehouseId": str(WAREHOUSE),
                "sku": "TEA-GREEN-250",
                "quantity": 2,
                "distanceKm": None,
                "reasons": ["only_candidate"],
            }
        ],
        "rejected": [],
        "releaseReason": None,
        "extendsCount": 0,
        "reservedAt": "2026-11-23T12:00:00.123456Z",
        "expiresAt": "2026-11-23T12:15:00.123456Z",
        "committedAt": None,
        "cancelledAt": None,
        "expiredAt": None,
        "returnedAt": None,
        "createdAt": "2026-11-23T12:00:00.123456Z",
        "updatedAt": "2026-11-23T12:00:00.123456Z",
        "links": {
            "self": f"{PATH}/{RESERVATION}",
            "workflow": f"http://127.0.0.1:8233/namespaces/default/workflows/reservation-{RESERVATION}",
        },
    }


async def test_the_command_gets_everything_that_was_asked(face: Face) -> None:
    wish = {
        "orderId": "order-7",
        "items": [
            {"sku": "A", "quantity": 1, "warehouseId": str(WAREHOUSE), "preferredWarehouseId": str(UUID(int=3))},
            {"inventoryId": str(ROW), "quantity": 2},
            {"productId": str(UUID(int=1)), "variantId": str(UUID(int=2)), "quantity": 3},
        ],
        "holdSeconds": 60,
        "reservationId": str(UUID(int=77)),
        "strategy": "nearest",
        "destination": {"latitude": 53.5, "longitude": 10},
        "region": "eu-north",
        "allowSplit": False,
    }
    assert (await face.post(PATH, wish)).status == 201
    (command, caller), keywords = face.reservations.last("reserve")
    assert command.order_id == "order-7"
    assert [item.quantity for item in command.items] == [1, 2, 3]
    assert [item.sku for item in command.items] == ["A", None, None]
    assert (command.items[0].warehouse_id, command.items[0].preferred_warehouse_id) == (WAREHOUSE, UUID(int=3))
    assert command.items[2].variant_id == UUID(int=2)
    assert (command.hold_seconds, command.reservation_id, command.region, command.allow_split) == (
        60,
        UUID(int=77),
        "eu-north",
        False,
    )
    assert command.strategy is Strategy.NEAREST
    assert command.destination == Destination(point=Coordinates(53.5, 10))
    assert (caller.subject, caller.source) == ("tester", Source.REST)
    assert 0 < keywords["deadline_seconds"] < face.services.settings.request_timeout_seconds


async def test_a_hold_without_an_id_of_its_own_gets_one(face: Face) -> None:
    await face.reserve()
    (first, _), _ = face.reservations.last("reserve")
    await face.reserve()
    (second, _), _ = face.reservations.last("reserve")
    assert first.reservation_id != second.reservation_id


async def test_an_existing_reservation_is_answered_with_200(face: Face) -> None:
    face.reservations.answers["reserve"] = Reserved(COMMITTED, is_new=False)
    answer = await face.reserve()
    assert answer.status == 200
    assert "Location" not in answer.headers
    assert answer.json["status"] == "COMMITTED"


async def test_several_lines_leave_the_top_bare_and_returned_pieces_show(face: Face) -> None:
    lines = (
        Line(inventory_id=ROW, warehouse_id=WAREHOUSE, sku="A", quantity=2, quantity_returned=1),
        Line(inventory_id=UUID(int=50), warehouse_id=WAREHOUSE, sku="B", quantity=1),
    )
    face.views.answers["reservation"] = replace(HELD, lines=lines)
    body = (await face.get(f"{PATH}/{RESERVATION}")).json
    assert "inventoryId" not in body
    assert "quantity" not in body
    assert [line.get("quantityReturned") for line in body["lines"]] == [1, None]


async def test_a_rejected_reservation_says_what_was_short(face: Face) -> None:
    face.views.answers["reservation"] = replace(
        HELD, status=ReservationStatus.REJECTED, lines=(), shortages=(Shortage("A", 3, 1),)
    )
    body = (await face.get(f"{PATH}/{RESERVATION}")).json
    assert body["status"] == "REJECTED"
    assert body["shortages"] == [{"sku": "A", "requested": 3, "available": 1}]


@pytest.mark.parametrize(
    ("asked", "destination"),
    [({"country": "DE"}, Destination(country="DE")), ({"region": "eu-north"}, Destination(region="eu-north"))],
)
async def test_a_destination_may_be_a_country_or_a_region(face: Face, asked: object, destination: Destination) -> None:
    wish = {"orderId": "o", "items": [{"sku": "A", "quantity": 1}], "destination": asked}
    assert (await face.post(PATH, wish)).status == 201
    (command, _), _ = face.reservations.last("reserve")
    assert (command.strategy, command.destination) == (Strategy.BALANCED, destination)


async def test_an_answer_says_why_these_warehouses_and_not_the_others(face: Face) -> None:
    face.views.answers["reservation"] = replace(HELD, explanation=EXPLAINED)
    body = (await face.get(f"{PATH}/{RESERVATION}")).json
    assert body["strategy"] == "nearest"
    assert body["destination"] == {
        "latitude": 51.0,
        "longitude": 10.0,
        "country": "DE",
        "location": "centre_of_active_warehouses",
    }
    assert [(it["distanceKm"], it["reasons"]) for it in body["allocation"]] == [(283.4, ["nearest"])]
    assert body["rejected"] == [
        {"warehouseId": str(UUID(int=70)), "distanceKm": 444.0, "reasons": ["farther"]},
        {"warehouseId": str(UUID(int=71)), "distanceKm": None, "reasons": ["inactive", "no_stock"]},
    ]


async def test_a_destination_that_is_nowhere_has_no_coordinates(face: Face) -> None:
    nowhere = replace(EXPLAINED, place=locate(Destination(region="mars"), []))
    face.views.answers["reservation"] = replace(HELD, explanation=nowhere)
    body = (await face.get(f"{PATH}/{RESERVATION}")).json
    assert body["destination"] == {"region": "mars", "location": "unknown"}


async def test_a_shortage_lists_every_short_sku(face: Face) -> None:
    face.reservations.answers["reserve"] = InsufficientStock(
        [Shortage("A", 3, 1), Shortage("B", 5, 0)], rejected=[it.as_json() for it in EXPLAINED.rejected]
    )
    answer = await face.reserve()
    assert (answer.status, answer.code) == (409, "insufficient_stock")
    assert [it["reasons"] for it in answer.json["rejected"]] == [["farther"], ["inactive", "no_stock"]]
    assert answer.json["shortages"] == [
        {"sku": "A", "requested": 3, "available": 1},
        {"sku": "B", "requested": 5, "available": 0},
    ]


async def test_an_unknown_outcome_names_the_reservation_and_when_to_ask_again(face: Face) -> None:
    face.reservations.answers["reserve"] = OutcomeUnknown(extra={"reservationId": str(RESERVATION)})
    answer = await face.reserve()
    assert (answer.status, answer.code) == (503, "outcome_unknown")
    assert answer.json["reservationId"] == str(RESERVATION)
    assert int(answer.headers["Retry-After"]) >= 1


async def test_saturation_says_when_to_come_back(face: Face) -> None:
    face.reservations.answers["reserve"] = Saturated(retry_after_seconds=2.3)
    answer = await face.reserve()
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "saturated", "3")


@pytest.mark.parametrize("body", [None, {}])
async def test_a_commit_needs_no_body(face: Face, body: object) -> None:
    answer = await face.post(f"{PATH}/{RESERVATION}/commit", body)
    assert (answer.status, answer.json["status"]) == (200, "COMMITTED")
    (reservation_id, _), keywords = face.reservations.last("commit")
    assert reservation_id == RESERVATION
    assert isinstance(keywords["decision_id"], UUID)


async def test_a_commit_that_lost_says_who_won(face: Face) -> None:
    face.reservations.answers["commit"] = ReservationSettled("EXPIRED", reservation_id=str(RESERVATION))
    answer = await face.post(f"{PATH}/{RESERVATION}/commit")
    assert (answer.status, answer.code) == (409, "reservation_settled")
    assert (answer.json["status"], answer.json["reservationId"]) == (409, str(RESERVATION))
    assert answer.json["reservationStatus"] == "EXPIRED"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, ReleaseReason.CANCELLED),
        ({"reason": "payment_failed"}, ReleaseReason.PAYMENT_FAILED),
        ({"reason": "order_cancelled"}, ReleaseReason.ORDER_CANCELLED),
    ],
)
async def test_a_cancel_may_say_why(face: Face, body: object, reason: ReleaseReason) -> None:
    assert (await face.post(f"{PATH}/{RESERVATION}/cancel", body)).status == 200
    _, keywords = face.reservations.last("cancel")
    assert keywords["reason"] is reason


async def test_a_sold_order_that_is_cancelled_is_answered_with_its_return_as_the_document_says(face: Face) -> None:
    face.reservations.answers["cancel"] = replace(COMMITTED, returned_at=NOON)
    answer = await face.post(f"{PATH}/{RESERVATION}/cancel", {"reason": "order_cancelled"})
    assert (answer.status, answer.json["status"]) == (200, "COMMITTED")
    assert answer.json["returnedAt"] is not None
    document = (await face.get("/openapi.json")).json
    told = document["paths"][f"{PATH}/{{reservationId}}/cancel"]["post"]["description"]
    assert "With `reason: order_cancelled` a committed one is answered 200" in told


async def test_nobody_cancels_in_the_name_of_the_clock(face: Face) -> None:
    answer = await face.post(f"{PATH}/{RESERVATION}/cancel", {"reason": "expired"})
    assert (answer.status, answer.pointers) == (422, ["/reason"])
    assert face.reservations.asked == []


async def test_an_extension_counts_from_now(face: Face) -> None:
    assert (await face.post(f"{PATH}/{RESERVATION}/extend", {"holdSeconds": 600})).status == 200
    _, keywords = face.reservations.last("extend")
    assert keywords["hold_seconds"] == 600


async def test_one_extension_too_many_is_a_conflict(face: Face) -> None:
    face.reservations.answers["extend"] = ExtensionLimit("at most 10")
    answer = await face.post(f"{PATH}/{RESERVATION}/extend", {"holdSeconds": 600})
    assert (answer.status, answer.code) == (409, "extension_limit")


async def test_reservations_are_listed_by_status_and_order(face: Face) -> None:
    answer = await face.get(f"{PATH}?status=PENDING&orderId=order-1&pageSize=3")
    assert answer.status == 200
    assert answer.json["nextPageToken"] is None
    assert [row["reservationId"] for row in answer.json["items"]] == [str(RESERVATION)]
    (filters, page), _ = face.views.last("reservation_list")
    assert (filters.status, filters.order_id, page.size) == (ReservationStatus.PENDING, "order-1", 3)


async def test_the_reservations_of_an_order_are_a_list_too(face: Face) -> None:
    face.views.answers["reservation_list"] = Page((HELD,), "further")
    answer = await face.get(f"{PATH}/order/weird%2Forder%20%C3%BC?pageSize=1&pageToken=t&orderBy=createdAt")
    assert (answer.status, answer.json["nextPageToken"]) == (200, "further")
    assert [row["reservationId"] for row in answer.json["items"]] == [str(RESERVATION)]
    (filters, page), _ = face.views.last("reservation_list")
    assert (filters.order_id, filters.status) == ("weird/order ü", None)
    assert page == PageRequest(size=1, token="t", order_by="createdAt")


async def test_a_hold_longer_than_this_house_allows_is_refused(face: Face) -> None:
    answer = await face.post(PATH, {"orderId": "o", "items": [{"sku": "A", "quantity": 1}], "holdSeconds": 604_801})
    assert (answer.status, answer.pointers) == (422, ["/holdSeconds"])
