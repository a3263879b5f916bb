from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from db.paging import PageRequest
from db.waitlist import WaitlistFilter
from domain.errors import WaitlistSettled
from domain.reservations import Item
from domain.waitlist import WaitlistStatus, Wish
from gateway.auth import INVENTORY_READ, RESERVATIONS_WRITE
from tests.gateway.http.face import IN_LINE, PRODUCT, RESERVATION, ROW, SERVED, THIRD_IN_LINE, WAREHOUSE, Face

PATH = "/api/v1/waitlist"
WISH = {"orderId": "order-1", "sku": "TEA-GREEN-250", "quantity": 2}


async def test_who_joins_is_told_his_place(face: Face) -> None:
    answer = await face.post(PATH, {**WISH, "region": "eu", "holdSeconds": 60, "waitSeconds": 3600})
    assert (answer.status, answer.headers["Location"], answer.headers["ETag"]) == (201, f"{PATH}/{IN_LINE}", '"1"')
    assert answer.json == {
        "entryId": str(IN_LINE),
        "orderId": "order-1",
        "sku": "TEA-GREEN-250",
        "quantity": 2,
        "warehouseId": None,
        "region": "eu",
        "holdSeconds": 900,
        "status": "WAITING",
        "position": 3,
        "reservationId": None,
        "joinedAt": "2026-11-23T12:00:00.123456Z",
        "expiresAt": "2026-11-30T12:00:00.123456Z",
        "settledAt": None,
        "version": 1,
    }
    (wish, _), _ = face.waitlist.last("join")
    assert wish == Wish(
        order_id="order-1",
        item=Item(sku="TEA-GREEN-250", quantity=2),
        region="eu",
        hold_seconds=60,
        wait_seconds=3600,
    )


async def test_an_item_may_be_named_by_row_or_product_and_the_end_by_a_time(face: Face) -> None:
    by_row = {"orderId": "o", "quantity": 1, "inventoryId": str(ROW), "expiresAt": "2030-01-01T00:00:00Z"}
    assert (await face.post(PATH, by_row)).status == 201
    (wish, _), _ = face.waitlist.last("join")
    assert wish.item == Item(inventory_id=ROW, quantity=1)
    assert wish.expires_at == datetime(2030, 1, 1, tzinfo=UTC)
    by_product = {"orderId": "o", "quantity": 1, "productId": str(PRODUCT), "warehouseId": str(WAREHOUSE)}
    assert (await face.post(PATH, by_product)).status == 201
    (wish, _), _ = face.waitlist.last("join")
    assert wish.item == Item(product_id=PRODUCT, quantity=1, warehouse_id=WAREHOUSE)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"quantity": 0}, 422),
        ({"quantity": "2"}, 400),
        ({"sku": None}, 422),
        ({"inventoryId": str(ROW)}, 422),
        ({"holdSeconds": 0}, 422),
        ({"waitSeconds": 30 * 86_400 + 1}, 422),
        ({"expiresAt": "tomorrow"}, 400),
        ({"expiresAt": 1_900_000_000}, 400),
        ({"expiresAt": "2030-01-01T00:00:00"}, 400),
        ({"reservationId": str(RESERVATION)}, 400),
    ],
)
async def test_a_wrong_wish_is_refused_before_anything_is_done(face: Face, change: dict[str, Any], status: int) -> None:
    assert (await face.post(PATH, {**WISH, **change})).status == status
    assert face.waitlist.asked == []


async def test_the_line_is_listed_without_positions(face: Face) -> None:
    answer = await face.get(f"{PATH}?sku=A&orderId=o&status=WAITING&pageSize=3")
    assert [("position" in entry, entry["entryId"]) for entry in answer.json["items"]] == [(False, str(IN_LINE))]
    assert face.views.last("waitlist_entries")[0] == (
        WaitlistFilter(sku="A", order_id="o", status=WaitlistStatus.WAITING),
        PageRequest(size=3),
    )
    assert (await face.get(f"{PATH}?status=LOST")).status == 422


async def test_a_single_entry_tells_its_position_until_its_waiting_is_over(face: Face) -> None:
    waiting = await face.get(f"{PATH}/{IN_LINE}")
    assert (waiting.json["position"], waiting.headers["ETag"]) == (3, '"1"')
    face.views.answers["waitlist_entry"] = SERVED
    offered = await face.get(f"{PATH}/{IN_LINE}")
    assert (offered.json["status"], offered.json["reservationId"]) == ("OFFERED", str(RESERVATION))
    assert "position" not in offered.json


async def test_a_position_is_told_whole_however_often_it_is_asked_for(face: Face) -> None:
    known = {"If-None-Match": (await face.get(f"{PATH}/{IN_LINE}")).headers["ETag"]}
    face.views.answers["waitlist_entry"] = replace(THIRD_IN_LINE, position=2)
    later = await face.get(f"{PATH}/{IN_LINE}", headers=known)
    assert (later.status, later.json["position"], later.headers["ETag"]) == (200, 2, '"1"')


async def test_leaving_is_answered_without_a_word_or_with_what_was_offered(face: Face) -> None:
    gone = await face.ask("DELETE", f"{PATH}/{IN_LINE}", headers={"If-Match": '"1"'})
    assert (gone.status, gone.raw) == (204, b"")
    assert face.waitlist.last("withdraw")[1] == {"expected_version": 1}
    face.waitlist.answers["withdraw"] = WaitlistSettled(extra={"entryStatus": "OFFERED", "reservationId": "r"})
    late = await face.ask("DELETE", f"{PATH}/{IN_LINE}")
    assert (late.status, late.code, late.json["entryStatus"]) == (409, "waitlist_settled", "OFFERED")


async def test_who_reserves_may_wait_and_who_reads_may_look(face: Face) -> None:
    checkout, reader = face.bearer(RESERVATIONS_WRITE), face.bearer(INVENTORY_READ)
    assert (await face.post(PATH, WISH, headers=checkout)).status == 201
    assert (await face.get(PATH, headers=checkout)).status == 200
    assert (await face.get(PATH, headers=reader)).status == 200
    assert (await face.post(PATH, WISH, headers=reader)).status == 403
    assert (await face.ask("DELETE", f"{PATH}/{IN_LINE}", headers=reader)).status == 403
