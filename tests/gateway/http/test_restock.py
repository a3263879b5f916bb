from __future__ import annotations

import uuid

from db.paging import Page, PageRequest
from db.restock import RestockFilter
from domain.errors import Unavailable
from gateway.auth import INVENTORY_READ, OPERATIONS_WRITE
from tests.gateway.http.face import ITEM, NOBODY_SELLS_IT, ROW, SUPPLIER, WAREHOUSE, Face

SUGGESTIONS = "/api/v1/restock/suggestions"
RUN = "/api/v1/restock/run"


async def test_a_suggestion_says_what_is_missing_and_on_which_terms_to_order_it(face: Face) -> None:
    answer = await face.get(SUGGESTIONS)
    assert answer.json["items"] == [
        {
            "inventoryId": str(ROW),
            "warehouseId": str(WAREHOUSE),
            "sku": ITEM.sku,
            "quantityAvailable": 7,
            "quantityInTransit": 1,
            "quantityOnOrder": 2,
            "reorderPoint": 2,
            "reorderQuantity": 50,
            "quantity": 60,
            "supplier": {
                "supplierId": str(SUPPLIER),
                "code": "TEAHOUSE",
                "unitCost": "4.2000",
                "currency": "EUR",
                "packSize": 12,
                "minimumQuantity": 24,
                "leadTimeDays": 10,
                "isPreferred": False,
            },
            "unsupplied": None,
        }
    ]


async def test_a_row_that_nobody_sells_says_why(face: Face) -> None:
    face.purchasing.answers["restock_suggestions"] = Page((NOBODY_SELLS_IT,))
    [item] = (await face.get(SUGGESTIONS)).json["items"]
    assert (item["supplier"], item["unsupplied"], item["quantity"]) == (None, "no_supplier", 50)


async def test_suggestions_are_narrowed_by_place_supplier_and_sku(face: Face) -> None:
    await face.get(f"{SUGGESTIONS}?warehouseId={WAREHOUSE}&supplierId={SUPPLIER}&sku=A&pageSize=2")
    assert face.purchasing.last("restock_suggestions")[0] == (
        RestockFilter(warehouse_id=WAREHOUSE, supplier_id=SUPPLIER, sku="A"),
        PageRequest(size=2),
    )


async def test_a_run_is_started_and_says_where_to_watch_it(face: Face) -> None:
    answer = await face.post(RUN)
    assert (answer.status, answer.json["workflowId"]) == (202, "restock-1")
    assert answer.json["links"]["workflow"].endswith("/workflows/restock-1")
    (caller,), keywords = face.restock.last("run")
    assert caller.subject == "tester"
    assert isinstance(keywords["run_id"], uuid.UUID)


async def test_nobody_is_told_of_a_run_that_could_not_start(face: Face) -> None:
    face.restock.answers["run"] = Unavailable()
    assert (await face.post(RUN)).status == 503


async def test_who_reads_may_look_and_who_operates_may_run(face: Face) -> None:
    assert (await face.get(SUGGESTIONS, headers=face.bearer(INVENTORY_READ))).status == 200
    assert (await face.post(RUN, headers=face.bearer(INVENTORY_READ))).status == 403
    assert (await face.post(RUN, headers=face.bearer(OPERATIONS_WRITE))).status == 202
