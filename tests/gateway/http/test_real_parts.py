"""REST over the real commands and views on real Postgres, Redis being away. Temporal is not needed for these nouns."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from db.availability_view import AvailabilityView
from db.engine import Database
from domain.limits import STOCK_TOTAL_MAX
from gateway.auth import INVENTORY_WRITE, OPERATIONS_APPROVE
from gateway.commands.alerts import AlertCommands
from gateway.commands.returns import ReturnCommands
from gateway.commands.stock import StockCommands
from gateway.commands.suppliers import SupplierCommands
from gateway.commands.waitlist import WaitlistCommands
from gateway.commands.warehouses import WarehouseCommands
from gateway.http.app import make_app
from gateway.http.server import serve_http
from gateway.purchasing import PurchasingViews
from gateway.reports import Reports
from gateway.views import Views
from runtime.settings import Settings
from tests.gateway.http.face import Face, served
from tests.stocking import add_stock, hold, sell, unique, want

INVENTORY = "/api/v1/inventory"


@asynccontextmanager
async def real_face(settings: Settings) -> AsyncIterator[Face]:
    database, view = Database.connect(settings), AvailabilityView.connect(settings)
    async with served(settings, database=database) as fake:
        services = replace(
            fake.services,
            returns=ReturnCommands(database),
            stock=StockCommands(database, view, settings),
            warehouses=WarehouseCommands(database, view),
            suppliers=SupplierCommands(database),
            purchasing=PurchasingViews(database),
            alerts=AlertCommands(database),
            waitlist=WaitlistCommands(database, settings),
            views=Views(database, view),
            reports=Reports(database),
        )
        app = make_app(services, settings)
        async with (
            serve_http(app, settings, host="127.0.0.1", port=0) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):
            yield replace(fake, services=services, app=app, port=port, session=session)
    await view.close()
    await database.close()


@pytest.fixture(scope="module")
async def face(database: Settings) -> AsyncIterator[Face]:
    async with real_face(database.model_copy(update={"redis_port": 1})) as opened:
        yield opened


@pytest.fixture
def keys() -> Iterator[dict[str, str]]:
    return ({"Idempotency-Key": str(uuid.uuid4())} for _ in range(10**6))


async def warehouse(face: Face, **fields: Any) -> Any:
    code = uuid.uuid4().hex[:12]
    answer = await face.post("/api/v1/warehouses", {"code": code, "name": "Hamburg", "region": "eu-north", **fields})
    assert answer.status == 201, answer.raw
    return answer.json


async def row(face: Face, **fields: Any) -> Any:
    place = await warehouse(face)
    body = {"sku": uuid.uuid4().hex[:12], "productId": str(uuid.uuid4()), "warehouseId": place["warehouseId"], **fields}
    answer = await face.post(INVENTORY, body)
    assert answer.status == 201, answer.raw
    return answer.json


async def test_a_row_lives_from_its_making_to_its_retirement(face: Face) -> None:
    made = await row(face, quantityTotal=10)
    path = f"{INVENTORY}/{made['inventoryId']}"
    assert (made["quantityAvailable"], made["quantityReserved"], made["reorderPoint"]) == (10, 0, 10)

    read = await face.get(path)
    assert read.json == {**made, "quantityInTransit": 0, "quantityOnOrder": 0}
    assert (await face.get(path, headers={"If-None-Match": read.headers["ETag"]})).json == read.json

    adjusted = await face.post(f"{path}/adjust", {"delta": -3, "type": "DAMAGE", "reason": "dropped"})
    assert (adjusted.json["quantityTotal"], adjusted.json["movement"]["totalAfter"]) == (7, 7)
    assert adjusted.headers["ETag"] != read.headers["ETag"]

    stale = await face.ask("PUT", path, body={"reorderPoint": 2}, headers={"If-Match": read.headers["ETag"]})
    assert stale.status == 412
    fresh = await face.ask("PUT", path, body={"reorderPoint": 2}, headers={"If-Match": adjusted.headers["ETag"]})
    assert (fresh.status, fresh.json["reorderPoint"]) == (200, 2)
    whole = await face.ask("PUT", path, body={**fresh.json, "reorderQuantity": 9})
    assert (whole.status, whole.json["reorderQuantity"]) == (200, 9)

    ledger = (await face.get(f"{path}/movements")).json["items"]
    assert [(line["type"], line["quantity"]) for line in ledger] == [("DAMAGE", -3), ("INBOUND", 10)]
    assert {line["performedByName"] for line in ledger} == {"tester"}

    assert (await face.ask("DELETE", path)).status == 204
    assert (await face.get(path)).status == 404


async def test_a_shelf_may_be_as_full_when_it_is_made_as_when_it_is_counted(face: Face) -> None:
    made = await row(face, quantityTotal=STOCK_TOTAL_MAX)
    assert made["quantityTotal"] == STOCK_TOTAL_MAX
    body = {"sku": unique("SKU"), "productId": str(uuid.uuid4()), "warehouseId": made["warehouseId"]}
    refused = await face.post(INVENTORY, {**body, "quantityTotal": STOCK_TOTAL_MAX + 1})
    assert (refused.status, refused.pointers) == (422, ["/quantityTotal"])


async def test_more_than_one_may_write_off_alone_is_no_reason_to_retire_a_row(face: Face) -> None:
    made = await row(face, quantityTotal=50_000)
    path = f"{INVENTORY}/{made['inventoryId']}"
    refused = await face.ask("DELETE", path)
    assert (refused.status, refused.code, refused.json["quantityTotal"]) == (422, "approval_required", 50_000)
    assert (await face.get(path)).json["quantityTotal"] == 50_000


async def test_a_list_is_walked_to_its_end_without_repeats(face: Face) -> None:
    product = str(uuid.uuid4())
    made = {(await row(face, productId=product))["inventoryId"] for _ in range(5)}
    path, seen = f"{INVENTORY}/product/{product}?pageSize=2", []
    token = ""
    while token is not None:
        page = (await face.get(path + (f"&pageToken={token}" if token else ""))).json
        seen += [item["inventoryId"] for item in page["items"]]
        token = page["nextPageToken"]
    assert len(seen) == 5
    assert set(seen) == made


async def test_a_page_token_of_another_list_is_refused(face: Face) -> None:
    product = str(uuid.uuid4())
    for _ in range(2):
        await row(face, productId=product)
    token = (await face.get(f"{INVENTORY}/product/{product}?pageSize=1")).json["nextPageToken"]
    answer = await face.get(f"{INVENTORY}?pageSize=1&pageToken={token}")
    assert (answer.status, answer.code) == (400, "invalid_page_token")
    assert (await face.get(f"{INVENTORY}?pageToken=%00%FF")).status == 400
    assert (await face.get(f"{INVENTORY}?orderBy=color")).status == 422


async def test_a_repeated_adjustment_counts_once(face: Face, keys: Iterator[dict[str, str]]) -> None:
    made = await row(face, quantityTotal=10)
    path = f"{INVENTORY}/{made['inventoryId']}"
    key = next(keys)
    change = {"delta": 5, "type": "INBOUND", "reason": "delivery"}
    answers = await asyncio.gather(*(face.post(f"{path}/adjust", change, headers=key) for _ in range(10)))
    assert {answer.status for answer in answers} <= {200, 409}
    again = await face.post(f"{path}/adjust", change, headers=key)
    assert (again.status, again.json["quantityTotal"]) == (200, 15)
    assert (await face.get(path)).json["quantityTotal"] == 15


async def test_a_repeated_making_makes_one(face: Face, keys: Iterator[dict[str, str]]) -> None:
    place = await warehouse(face)
    body = {"sku": "ONCE", "productId": str(uuid.uuid4()), "warehouseId": place["warehouseId"], "quantityTotal": 3}
    key = next(keys)
    first = await face.post(INVENTORY, body, headers=key)
    again = await face.post(INVENTORY, body, headers=key)
    assert (first.status, first.raw) == (again.status, again.raw) == (201, first.raw)
    other = await face.post(INVENTORY, body, headers=next(keys))
    assert (other.status, other.code) == (409, "already_exists")


async def test_more_than_there_is_and_more_than_one_may_are_refused(face: Face) -> None:
    made = await row(face, quantityTotal=10)
    path = f"{INVENTORY}/{made['inventoryId']}/adjust"
    short = await face.post(path, {"delta": -11, "type": "ADJUSTMENT", "reason": "lost"})
    assert (short.status, short.code) == (409, "insufficient_stock")
    large = await face.post(path, {"delta": 101, "type": "INBOUND", "reason": "delivery"})
    assert (large.status, large.json["status"]) == (202, "PENDING")
    sold = await face.post(path, {"delta": -1, "type": "OUTBOUND", "reason": "sold"})
    assert (sold.status, sold.pointers) == (422, ["/type"])


async def test_a_batch_is_all_or_what_can_be_done(face: Face) -> None:
    first, second = await row(face, quantityTotal=5), await row(face, quantityTotal=5)
    items = [
        {"inventoryId": first["inventoryId"], "delta": 2, "type": "INBOUND", "reason": "delivery"},
        {"inventoryId": second["inventoryId"], "delta": -6, "reason": "lost"},
        {"sku": second["sku"], "warehouseId": second["warehouseId"], "quantityTotal": 4, "reason": "counted"},
    ]
    refused = await face.post(f"{INVENTORY}/batch", {"items": items, "atomic": True})
    assert (refused.status, refused.code) == (409, "batch_refused")
    assert (await face.get(f"{INVENTORY}/{first['inventoryId']}")).json["quantityTotal"] == 5
    done = await face.post(f"{INVENTORY}/batch", {"items": items})
    assert [item["status"] for item in done.json["items"]] == [200, 409, 200]
    assert (await face.get(f"{INVENTORY}/{second['inventoryId']}")).json["quantityTotal"] == 4


async def test_availability_is_answered_without_redis(face: Face) -> None:
    made = await row(face, quantityTotal=5)
    check = "/api/v1/availability/check"
    answer = await face.post(check, {"sku": made["sku"], "quantity": 5, "region": "eu-north"})
    assert (answer.status, answer.json["available"], answer.json["quantityAvailable"]) == (200, True, 5)
    assert (await face.post(check, {"sku": made["sku"], "quantity": 6})).json["available"] is False
    assert (await face.post(check, {"sku": "NOBODY-HAS-THIS", "quantity": 1})).code == "unknown_item"
    items = [{"sku": made["sku"], "quantity": 3}, {"inventoryId": made["inventoryId"], "quantity": 3}, {"sku": "NOPE"}]
    bulk = (await face.post("/api/v1/availability/bulk", {"items": items})).json
    assert bulk["available"] is False
    assert [item["available"] for item in bulk["items"]] == [True, True, False]


async def test_warehouses_are_listed_and_changed(face: Face) -> None:
    region = uuid.uuid4().hex
    places = [await warehouse(face, region=region, priority=number) for number in (2, 1)]
    listed = (await face.get(f"/api/v1/warehouses?region={region}&orderBy=priority")).json["items"]
    assert [one["priority"] for one in listed] == [1, 2]
    path = f"/api/v1/warehouses/{places[0]['warehouseId']}"
    changed = await face.ask("PUT", path, body={"isActive": False}, headers={"If-Match": '"1"'})
    assert (changed.status, changed.json["isActive"]) == (200, False)
    assert len((await face.get(f"/api/v1/warehouses?region={region}&isActive=true")).json["items"]) == 1
    taken = await face.post("/api/v1/warehouses", {"code": places[0]["code"], "name": "again"})
    assert (taken.status, taken.code) == (409, "already_exists")
    renamed = await face.ask("PUT", path, body={"code": "other"})
    assert renamed.status == 422
    half = await face.ask("PUT", path, body={"latitude": 1.5})
    assert half.status == 422


async def test_a_threshold_is_moved_only_with_the_right_to_approve(face: Face) -> None:
    clerk = face.bearer(INVENTORY_WRITE)
    made = await warehouse(face, adjustmentThresholdQuantity=5, adjustmentThresholdValue="2500.5")
    path = f"/api/v1/warehouses/{made['warehouseId']}"
    refused = await face.ask("PUT", path, body={"adjustmentThresholdQuantity": 50_000}, headers=clerk)
    assert (refused.status, refused.code, refused.json["missingScope"]) == (403, "forbidden", OPERATIONS_APPROVE)
    assert OPERATIONS_APPROVE in refused.headers["WWW-Authenticate"]
    lax = {"code": uuid.uuid4().hex[:12], "name": "Lax", "adjustmentThresholdValue": 1_000_000}
    assert (await face.post("/api/v1/warehouses", lax, headers=clerk)).status == 403
    whole = await face.ask("PUT", path, body={**made, "priority": 7}, headers=clerk)
    assert (whole.status, whole.json["priority"], whole.json["adjustmentThresholdQuantity"]) == (200, 7, 5)
    both = face.bearer(INVENTORY_WRITE, OPERATIONS_APPROVE)
    moved = await face.ask("PUT", path, body={"adjustmentThresholdQuantity": 6}, headers=both)
    assert (moved.status, moved.json["adjustmentThresholdQuantity"]) == (200, 6)


async def test_of_two_who_change_the_same_terms_one_is_too_late(face: Face) -> None:
    new = {"code": uuid.uuid4().hex[:12], "name": "Teahouse", "currency": "EUR"}
    path = f"{(await face.post('/api/v1/suppliers', new)).headers['Location']}/items/TEA"
    for tag in ('"1"', "*"):
        too_early = await face.ask("PUT", path, body={"unitCost": "4.2"}, headers={"If-Match": tag})
        assert (too_early.status, too_early.code, (await face.get(path)).status) == (412, "stale_version", 404)
    made = await face.ask("PUT", path, body={"unitCost": "4.2", "packSize": 12})
    read = await face.get(made.headers["Location"])
    assert (made.status, read.json, read.headers["ETag"]) == (201, made.json, made.headers["ETag"])
    mine = {"If-Match": read.headers["ETag"]}
    changes = [{**read.json, "unitCost": cost} for cost in ("4.3000", "4.4000")]
    answers = await asyncio.gather(*(face.ask("PUT", path, body=one, headers=mine) for one in changes))
    done, late = sorted(answers, key=lambda answer: answer.status)
    assert (done.status, late.status, late.code) == (200, 412, "stale_version")
    now = await face.get(path, headers={"If-None-Match": read.headers["ETag"]})
    assert (now.status, now.json, now.headers["ETag"]) == (200, done.json, done.headers["ETag"])
    any_version = await face.ask("PUT", path, body={"unitCost": "4.5"}, headers={"If-Match": "*"})
    assert (any_version.status, any_version.json["version"]) == (200, now.json["version"] + 1)
    assert (await face.ask("DELETE", path, headers=mine)).status == 412
    assert (await face.ask("DELETE", path, headers={"If-Match": any_version.headers["ETag"]})).status == 204


async def test_an_order_waits_in_line_until_it_leaves(face: Face, keys: Iterator[dict[str, str]]) -> None:
    made = await row(face)
    wish, key = {"orderId": "o-1", "inventoryId": made["inventoryId"], "quantity": 2}, next(keys)
    joined = await face.post("/api/v1/waitlist", wish, headers=key)
    again = await face.post("/api/v1/waitlist", wish, headers=key)
    assert (joined.status, joined.json["position"], joined.json["warehouseId"]) == (201, 1, made["warehouseId"])
    assert (again.json, again.headers["Idempotent-Replayed"]) == (joined.json, "true")
    behind = await face.post("/api/v1/waitlist", {**wish, "orderId": "o-2", "waitSeconds": 60})
    assert behind.json["position"] == 2
    listed = (await face.get(f"/api/v1/waitlist?sku={made['sku']}")).json["items"]
    assert [entry["orderId"] for entry in listed] == ["o-1", "o-2"]
    path = joined.headers["Location"]
    known = {"If-None-Match": behind.headers["ETag"]}
    assert (await face.ask("DELETE", path, headers={"If-Match": '"7"'})).code == "stale_version"
    assert (await face.ask("DELETE", path)).status == 204
    assert (await face.get(path)).json["status"] == "WITHDRAWN"
    assert (await face.get(behind.headers["Location"], headers=known)).json["position"] == 1
    unknown = await face.post("/api/v1/waitlist", {"orderId": "o", "sku": "NO-SUCH", "quantity": 1})
    assert (unknown.status, unknown.code, unknown.pointers) == (422, "unknown_item", ["/sku"])


async def test_an_alert_is_seen_and_resolved_once(face: Face, keys: Iterator[dict[str, str]]) -> None:
    made = await row(face, quantityTotal=12)
    counted = await face.ask("PUT", f"{INVENTORY}/{made['inventoryId']}", body={"quantityTotal": 3})
    assert counted.status == 200
    [alert] = (await face.get(f"/api/v1/alerts?sku={made['sku']}&status=open&kind=low_stock")).json["items"]
    assert (alert["subjectId"], alert["details"]["quantityAvailable"]) == (made["inventoryId"], 3)
    path = f"/api/v1/alerts/{alert['alertId']}"
    seen = await face.post(f"{path}/acknowledge", headers=next(keys))
    assert (seen.status, seen.json["status"], seen.headers["ETag"]) == (200, "acknowledged", '"2"')
    key = next(keys)
    over = await face.post(f"{path}/resolve", {"reason": "sells out"}, headers=key)
    again = await face.post(f"{path}/resolve", {"reason": "sells out"}, headers=key)
    assert (over.status, over.json["resolution"], over.json["reason"]) == (200, "by_hand", "sells out")
    assert (again.json, again.headers["Idempotent-Replayed"]) == (over.json, "true")
    late = await face.post(f"{path}/acknowledge")
    assert (late.status, late.code, late.json["resolution"]) == (409, "alert_resolved", "by_hand")
    assert (await face.get(f"/api/v1/alerts?sku={made['sku']}&status=open")).json["items"] == []


async def test_a_report_as_csv_is_the_whole_of_it(face: Face) -> None:
    region = uuid.uuid4().hex
    place = await warehouse(face, region=region)
    skus = sorted(f"@{uuid.uuid4().hex[:8]}" for _ in range(3))
    for number, sku in enumerate(skus):
        body = {"sku": sku, "productId": str(uuid.uuid4()), "warehouseId": place["warehouseId"]}
        made = await face.post(INVENTORY, {**body, "quantityTotal": number})
        assert made.status == 201, made.raw
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    query = f"at={at}&region={region}&groupBy=sku"
    first = await face.get(f"/api/v1/reports/stock-as-of/totals?{query}&pageSize=2")
    assert (len(first.json["items"]), first.json["nextPageToken"] is None) == (2, False)
    whole = await face.get(f"/api/v1/reports/stock-as-of/totals?{query}&pageSize=2&format=csv")
    lines = whole.raw.decode().splitlines()[1:]
    assert lines == [f",,,'{sku},1,{number}" for number, sku in enumerate(skus)]
    future = await face.get("/api/v1/reports/stock-as-of?at=2999-01-01T00:00:00Z&format=csv")
    assert (future.status, future.pointers) == (422, ["/query/at"])


LAST, FIRST = "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"
"""Instants that no calendar of ours has: in UTC they are in the year 10000, and before the year 1."""


async def test_instants_beyond_the_calendar_are_compared_or_refused_and_never_kept(face: Face) -> None:
    made = await row(face, quantityTotal=3)
    ledger = f"{INVENTORY}/{made['inventoryId']}/movements"
    for asked, count in (({"since": FIRST, "until": LAST}, 1), ({"since": LAST}, 0), ({"until": FIRST}, 0)):
        answer = await face.get(ledger, params=asked)
        assert (answer.status, len(answer.json["items"])) == (200, count), asked
    for path in ("/api/v1/reports/stock-as-of", "/api/v1/reports/stock-as-of/totals"):
        early = await face.get(path, params={"at": FIRST, "sku": made["sku"]})
        assert (early.status, sum(item["quantityTotal"] for item in early.json["items"])) == (200, 0)
        assert (await face.get(path, params={"at": LAST})).status == 422
    for instant in (FIRST, LAST):
        wish = {"sku": made["sku"], "orderId": uuid.uuid4().hex, "quantity": 1, "expiresAt": instant}
        refused = await face.post("/api/v1/waitlist", wish)
        assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/expiresAt")


async def test_reservations_that_are_not_there(face: Face) -> None:
    assert (await face.get(f"/api/v1/reservations/{uuid.uuid4()}")).status == 404
    assert (await face.get("/api/v1/reservations/order/nobody")).json == {"items": [], "nextPageToken": None}
    assert (await face.get("/api/v1/reservations?status=PENDING")).status == 200


async def test_the_reservations_of_an_order_are_walked_to_their_end(face: Face) -> None:
    item, order_id = await add_stock(face.services.database, 10), f"order {uuid.uuid4()}"
    held = [await hold(face.services.database, want(item, 1), order_id=order_id) for _ in range(5)]
    found: list[str] = []
    path = f"/api/v1/reservations/order/{quote(order_id)}?pageSize=2&orderBy=createdAt"
    token: str | None = ""
    while token is not None:
        page = await face.get(f"{path}&pageToken={token}" if token else path)
        assert page.status == 200, page.raw
        assert 1 <= len(page.json["items"]) <= 2
        found += [row["reservationId"] for row in page.json["items"]]
        token = page.json["nextPageToken"]
    assert found == [str(each.reservation_id) for each in held]


async def test_a_database_that_is_away_is_said_to_be_away(database: Settings) -> None:
    async with real_face(database.model_copy(update={"redis_port": 1, "db_port": 1})) as face:
        read = await face.get(f"{INVENTORY}/{uuid.uuid4()}")
        assert (read.status, read.code) == (503, "unavailable")
        assert "Retry-After" in read.headers
        body = {"code": "a", "name": "b"}
        keyed = await face.post("/api/v1/warehouses", body, headers={"Idempotency-Key": "k"})
        assert (keyed.status, keyed.code) == (503, "unavailable")


async def test_a_return_is_recorded_once_and_read_again(face: Face, keys: Iterator[dict[str, str]]) -> None:
    item = await add_stock(face.services.database, 10)
    sold = await sell(face.services.database, want(item, 4))
    path, key = f"/api/v1/reservations/{sold.reservation_id}", next(keys)
    body = {"lines": [{"sku": item.sku, "quantity": 1, "condition": "damaged"}]}
    made = await face.post(f"{path}/return", body, headers=key)
    again = await face.post(f"{path}/return", body, headers=key)
    assert (made.status, again.status, again.headers["Idempotent-Replayed"]) == (201, 201, "true")
    read = await face.get(made.headers["Location"])
    assert again.json == made.json == read.json
    assert again.headers["ETag"] == made.headers["ETag"] == read.headers["ETag"]
    assert (await face.get(f"{path}/returns")).json["items"] == [made.json]
    by_own_id = await face.post(f"{path}/return", {**body, "returnId": made.json["returnId"]})
    assert (by_own_id.status, by_own_id.json) == (200, made.json)
    refused = await face.post(f"{path}/return", {"lines": [{"sku": item.sku, "quantity": 4}]})
    assert (refused.status, refused.code, refused.json["errors"][0]["returnable"]) == (409, "return_exceeds_sale", 3)
