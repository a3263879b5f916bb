from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from db.movements import MovementFilter
from db.paging import PageRequest
from db.stock import StockFilter
from domain.adjustments import Adjusted, BatchResult
from domain.errors import AlreadyExists, BatchRefused, InvalidPageToken, NotFound, StockInUse
from domain.stock import Adjustment, MovementType, NewStockItem, ReasonCode, StockItemChanges, StockUpdate
from tests.gateway.http.face import ITEM, LINE_OF_LEDGER, PRODUCT, ROW, WAITING, WAREHOUSE, Face

PATH = "/api/v1/inventory"
ROW_AS_JSON = {
    "inventoryId": str(ROW),
    "productId": str(PRODUCT),
    "variantId": None,
    "warehouseId": str(WAREHOUSE),
    "sku": "TEA-GREEN-250",
    "quantityAvailable": 7,
    "quantityReserved": 3,
    "quantityTotal": 10,
    "reorderPoint": 2,
    "reorderQuantity": 50,
    "unitCost": "12.5000",
    "currency": "EUR",
    "version": 5,
    "createdAt": "2026-11-23T12:00:00.123456Z",
    "updatedAt": "2026-11-23T13:00:00.123456Z",
}
READ_AS_JSON = {**ROW_AS_JSON, "quantityInTransit": 12, "quantityOnOrder": 24}
NEW_ROW = {"sku": "TEA-GREEN-250", "productId": str(PRODUCT), "warehouseId": str(WAREHOUSE), "quantityTotal": 10}


async def test_a_row_has_the_fields_of_the_specification_and_its_version_as_etag(face: Face) -> None:
    answer = await face.get(f"{PATH}/{ROW}")
    assert (answer.status, answer.json, answer.headers["ETag"]) == (200, READ_AS_JSON, '"5"')


async def test_rows_are_listed_by_every_filter_and_a_page_at_a_time(face: Face) -> None:
    query = f"sku=A&productId={PRODUCT}&variantId={ROW}&warehouseId={WAREHOUSE}&region=eu"
    answer = await face.get(f"{PATH}?{query}&pageSize=7&pageToken=abc&orderBy=sku%20desc")
    assert answer.json == {"items": [READ_AS_JSON], "nextPageToken": "next"}
    assert face.views.last("inventory_list")[0] == (
        StockFilter(sku="A", product_id=PRODUCT, variant_id=ROW, warehouse_id=WAREHOUSE, region="eu"),
        PageRequest(size=7, token="abc", order_by="sku desc"),
    )


async def test_a_page_has_fifty_items_unless_said_otherwise(face: Face) -> None:
    await face.get(PATH)
    assert face.views.last("inventory_list")[0] == (StockFilter(), PageRequest(size=50))


async def test_rows_are_found_by_product_and_by_sku(face: Face) -> None:
    assert (await face.get(f"{PATH}/product/{PRODUCT}?pageSize=2")).json["items"] == [READ_AS_JSON]
    assert face.views.last("inventory_of_product")[0] == (PRODUCT, PageRequest(size=2))
    assert (await face.get(f"{PATH}/sku/TEA-GREEN%2F250")).json["items"] == [READ_AS_JSON]
    assert face.views.last("inventory_of_sku")[0] == ("TEA-GREEN/250", PageRequest())


async def test_a_foreign_page_token_is_malformed(face: Face) -> None:
    face.views.answers["inventory_list"] = InvalidPageToken()
    answer = await face.get(f"{PATH}?pageToken=forged")
    assert (answer.status, answer.code) == (400, "invalid_page_token")


async def test_a_row_is_created_with_an_id_of_its_own(face: Face) -> None:
    answer = await face.post(PATH, NEW_ROW)
    assert (answer.status, answer.json, answer.headers["Location"]) == (201, ROW_AS_JSON, f"{PATH}/{ROW}")
    (new, caller), keywords = face.stock.last("create")
    assert new == NewStockItem(sku="TEA-GREEN-250", product_id=PRODUCT, warehouse_id=WAREHOUSE, quantity_total=10)
    assert caller.subject == "tester"
    assert isinstance(keywords["inventory_id"], UUID)


@pytest.mark.parametrize(
    ("sent", "meant"), [("12.50", "12.5"), (12.1, "12.1"), (12, "12"), ("0", "0"), ("9999999999.9999",) * 2]
)
async def test_a_cost_comes_as_exact_text_or_as_a_number(face: Face, sent: Any, meant: str) -> None:
    answer = await face.post(PATH, {**NEW_ROW, "unitCost": sent, "currency": "EUR"})
    assert answer.status == 201
    (new, _), _ = face.stock.last("create")
    assert (new.unit_cost, new.currency) == (Decimal(meant), "EUR")


@pytest.mark.parametrize(
    ("cost", "status"),
    [
        ("-1", 422),
        ("1.00001", 422),
        (0.00001, 422),
        ("1e3", 422),
        ("NaN", 422),
        ("", 422),
        ("10000000000", 422),
        (True, 400),
        ([], 400),
    ],
)
async def test_a_wrong_cost_is_refused(face: Face, cost: Any, status: int) -> None:
    answer = await face.post(PATH, {**NEW_ROW, "unitCost": cost, "currency": "EUR"})
    assert (answer.status, answer.pointers) == (status, ["/unitCost"])
    assert face.stock.asked == []


@pytest.mark.parametrize("currency", ["eur", "EURO", "€", "EUR\n"])
async def test_a_wrong_currency_is_refused(face: Face, currency: str) -> None:
    answer = await face.post(PATH, {**NEW_ROW, "unitCost": 1, "currency": currency})
    assert (answer.status, answer.pointers) == (422, ["/currency"])


async def test_a_second_row_for_the_same_sku_and_warehouse_is_a_conflict(face: Face) -> None:
    face.stock.answers["create"] = AlreadyExists("TEA-GREEN-250 is there already")
    answer = await face.post(PATH, NEW_ROW)
    assert (answer.status, answer.code) == (409, "already_exists")


async def test_an_update_changes_what_was_said_and_nothing_else(face: Face) -> None:
    answer = await face.ask("PUT", f"{PATH}/{ROW}", body={"reorderPoint": 4}, headers={"If-Match": '"5"'})
    assert (answer.status, answer.headers["ETag"]) == (200, '"5"')
    (inventory_id, changes, _), keywords = face.stock.last("update")
    assert (inventory_id, changes) == (ROW, StockItemChanges(reorder_point=4))
    assert keywords["expected_version"] == 5


async def test_a_row_that_was_read_may_be_sent_back_whole(face: Face) -> None:
    answer = await face.ask("PUT", f"{PATH}/{ROW}", body={**READ_AS_JSON, "reorderPoint": 4})
    assert answer.status == 200
    (_, changes, _), _ = face.stock.last("update")
    assert (changes.reorder_point, changes.quantity_total, changes.sku) == (4, 10, "TEA-GREEN-250")


async def test_what_cannot_be_changed_is_not_changed_in_silence(face: Face) -> None:
    body = {"quantityAvailable": 8, "quantityReserved": 0, "inventoryId": str(ROW)}
    answer = await face.ask("PUT", f"{PATH}/{ROW}", body=body)
    assert (answer.status, sorted(answer.pointers)) == (422, ["/quantityAvailable", "/quantityReserved"])
    assert face.stock.asked == []


async def test_a_stale_copy_is_stale_before_it_is_wrong(face: Face) -> None:
    answer = await face.ask("PUT", f"{PATH}/{ROW}", body={"quantityAvailable": 8}, headers={"If-Match": '"4"'})
    assert (answer.status, answer.code) == (412, "stale_version")


async def test_a_row_is_retired_without_a_word(face: Face) -> None:
    answer = await face.ask("DELETE", f"{PATH}/{ROW}", headers={"If-Match": "*"})
    assert (answer.status, answer.raw) == (204, b"")
    assert face.stock.last("delete")[1] == {"expected_version": None}


async def test_a_row_in_use_is_not_retired(face: Face) -> None:
    face.stock.answers["delete"] = StockInUse("3 pieces are reserved")
    answer = await face.ask("DELETE", f"{PATH}/{ROW}")
    assert (answer.status, answer.code) == (409, "stock_in_use")


async def test_an_adjustment_answers_the_row_and_its_ledger_line(face: Face) -> None:
    answer = await face.post(f"{PATH}/{ROW}/adjust", {"delta": -3, "type": "DAMAGE", "reason": "dropped"})
    assert answer.status == 200
    more = {"movement", "adjustmentId"}
    assert {name: value for name, value in answer.json.items() if name not in more} == ROW_AS_JSON
    assert answer.json["movement"]["quantity"] == -3
    assert answer.json["movement"]["performedByName"] == "tester"
    (inventory_id, adjustment, _), keywords = face.stock.last("adjust")
    assert inventory_id == ROW
    assert adjustment == Adjustment(delta=-3, type=MovementType.DAMAGE, reason="dropped")
    assert isinstance(keywords["adjustment_id"], UUID)


async def test_a_large_adjustment_answers_where_it_waits(face: Face) -> None:
    face.stock.answers["adjust"] = Adjusted(item=ITEM, adjustment=WAITING)
    answer = await face.post(f"{PATH}/{ROW}/adjust", {"delta": -500, "type": "DAMAGE", "reason": "water"})
    assert (answer.status, answer.json["status"]) == (202, "PENDING")
    assert answer.headers["Location"] == f"/api/v1/adjustments/{WAITING.adjustment_id}"
    assert answer.json["workflowId"] == f"adjustment-{WAITING.adjustment_id}"


async def test_a_count_that_is_far_off_answers_where_it_waits(face: Face) -> None:
    face.stock.answers["update"] = Adjusted(item=ITEM, adjustment=WAITING)
    answer = await face.ask("PUT", f"{PATH}/{ROW}", body={"quantityTotal": 100})
    assert (answer.status, answer.json["adjustmentId"]) == (202, str(WAITING.adjustment_id))


async def test_a_reason_code_says_which_movement_it_is(face: Face) -> None:
    await face.post(f"{PATH}/{ROW}/adjust", {"delta": -3, "reasonCode": "damage", "reason": "dropped"})
    (_, adjustment, _), _ = face.stock.last("adjust")
    assert (adjustment.type, adjustment.reason_code) == (MovementType.DAMAGE, ReasonCode.DAMAGE)


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"delta": 1, "type": "FOUND", "reason": "x"}, 422, "/type"),
        ({"delta": 1, "type": "INBOUND", "reason": ""}, 422, "/reason"),
        ({"delta": 1_000_001, "type": "INBOUND", "reason": "x"}, 422, "/delta"),
        ({"delta": 1, "type": "INBOUND", "reason": "x" * 256}, 422, "/reason"),
        ({"delta": 1.5, "type": "INBOUND", "reason": "x"}, 400, "/delta"),
        ({"delta": "1", "type": "INBOUND", "reason": "x"}, 400, "/delta"),
        ({"delta": 1, "type": "INBOUND"}, 400, "/reason"),
        ({"delta": 1, "type": 7, "reason": "x"}, 422, "/type"),
    ],
)
async def test_an_adjustment_is_read_strictly(face: Face, body: object, status: int, pointer: str) -> None:
    answer = await face.post(f"{PATH}/{ROW}/adjust", body)
    assert (answer.status, answer.pointers) == (status, [pointer])
    assert face.stock.asked == []


async def test_a_batch_is_answered_item_by_item(face: Face) -> None:
    face.stock.answers["batch"] = [
        BatchResult(adjusted=Adjusted(item=ITEM, movement=LINE_OF_LEDGER)),
        BatchResult(adjusted=Adjusted(item=ITEM, movement=None)),
        BatchResult(error=NotFound("no such row")),
        BatchResult(adjusted=Adjusted(item=ITEM, adjustment=WAITING)),
    ]
    items = [
        {"inventoryId": str(ROW), "delta": 2, "type": "INBOUND", "reason": "delivery"},
        {"sku": "A", "warehouseId": str(WAREHOUSE), "quantityTotal": 10},
        {"inventoryId": str(UUID(int=404)), "delta": 1},
        {"inventoryId": str(ROW), "delta": 500},
    ]
    answer = await face.post(f"{PATH}/batch", {"items": items, "atomic": False})
    assert answer.status == 200
    first, second, third, fourth = answer.json["items"]
    assert (fourth["status"], fourth["adjustment"]["status"]) == (202, "PENDING")
    assert (first["status"], first["item"]["movement"]["quantity"]) == (200, -3)
    assert (second["status"], second["item"]["movement"]) == (200, None)
    assert (third["status"], third["problem"]["code"]) == (404, "not_found")
    (updates, _), keywords = face.stock.last("batch")
    assert updates[0] == StockUpdate(inventory_id=ROW, delta=2, type=MovementType.INBOUND, reason="delivery")
    assert updates[1] == StockUpdate(sku="A", warehouse_id=WAREHOUSE, quantity_total=10)
    assert keywords["atomic"] is False


async def test_an_atomic_batch_that_is_refused_is_a_conflict(face: Face) -> None:
    face.stock.answers["batch"] = BatchRefused([])
    answer = await face.post(f"{PATH}/batch", {"items": [{"inventoryId": str(ROW), "delta": 1}], "atomic": True})
    assert (answer.status, answer.code) == (409, "batch_refused")


@pytest.mark.parametrize(
    "item",
    [
        {"inventoryId": str(ROW), "sku": "A", "delta": 1},
        {"sku": "A", "delta": 1},
        {"inventoryId": str(ROW)},
        {"inventoryId": str(ROW), "delta": 1, "quantityTotal": 1},
    ],
)
async def test_an_item_of_a_batch_names_one_row_and_one_change(face: Face, item: object) -> None:
    answer = await face.post(f"{PATH}/batch", {"items": [item]})
    assert (answer.status, answer.pointers) == (422, ["/items/0"])


async def test_a_ledger_is_listed_by_kind_and_time(face: Face) -> None:
    query = "type=DAMAGE&reference=PO-7&since=2026-01-01T00:00:00Z&until=2026-02-01T01:00:00%2B01:00"
    answer = await face.get(f"{PATH}/{ROW}/movements?{query}")
    assert answer.json["items"][0]["totalAfter"] == 7
    inventory_id, filters, _ = face.views.last("movements")[0]
    assert inventory_id == ROW
    assert filters == MovementFilter(
        type=MovementType.DAMAGE,
        reference="PO-7",
        since=datetime(2026, 1, 1, tzinfo=UTC),
        until=datetime(2026, 2, 1, tzinfo=UTC),
    )
