from __future__ import annotations

import pytest

from db.alerts import AlertFilter
from db.paging import PageRequest
from domain.alerts import AlertKind, AlertStatus
from domain.errors import AlertResolved, NotFound
from gateway.auth import INVENTORY_READ, OPERATIONS_WRITE
from tests.gateway.http.face import ALERT, ROW, WAREHOUSE, Face

PATH = "/api/v1/alerts"


async def test_an_alert_says_what_it_is_about_and_how_it_stands(face: Face) -> None:
    answer = await face.get(f"{PATH}/{ALERT}")
    assert answer.headers["ETag"] == '"1"'
    assert answer.json == {
        "alertId": str(ALERT),
        "kind": "low_stock",
        "subjectId": str(ROW),
        "status": "open",
        "sku": "TEA-GREEN-250",
        "warehouseId": str(WAREHOUSE),
        "details": {"quantityAvailable": 2, "reorderPoint": 2, "reorderQuantity": 50, "sequence": 4},
        "raisedAt": "2026-11-23T12:00:00.123456Z",
        "acknowledgedAt": None,
        "acknowledgedBy": None,
        "acknowledgedByName": None,
        "resolvedAt": None,
        "resolvedBy": None,
        "resolvedByName": None,
        "resolution": None,
        "reason": "",
        "version": 1,
    }


async def test_alerts_are_listed_by_kind_status_warehouse_and_sku(face: Face) -> None:
    narrowed = f"kind=low_stock&status=acknowledged&warehouseId={WAREHOUSE}&sku=A&pageSize=7"
    assert (await face.get(f"{PATH}?{narrowed}")).status == 200
    assert face.views.last("alert_list")[0] == (
        AlertFilter(kind=AlertKind.LOW_STOCK, status=AlertStatus.ACKNOWLEDGED, warehouse_id=WAREHOUSE, sku="A"),
        PageRequest(size=7),
    )


@pytest.mark.parametrize("query", ["kind=lost", "status=OPEN", "sku=", "warehouseId=x", "inventoryId=x"])
async def test_a_filter_that_nothing_could_match_is_refused(face: Face, query: str) -> None:
    assert (await face.get(f"{PATH}?{query}")).status in {400, 422}


async def test_acting_needs_no_body_and_takes_a_reason(face: Face) -> None:
    assert (await face.post(f"{PATH}/{ALERT}/acknowledge")).status == 200
    assert face.alerts.last("acknowledge")[0][0] == ALERT
    assert (await face.post(f"{PATH}/{ALERT}/resolve")).status == 200
    assert face.alerts.last("resolve")[1] == {"reason": ""}
    assert (await face.post(f"{PATH}/{ALERT}/resolve", {"reason": "on its way"})).status == 200
    assert face.alerts.last("resolve")[1] == {"reason": "on its way"}
    assert (await face.post(f"{PATH}/{ALERT}/resolve", {"reason": "x" * 256})).pointers == ["/reason"]
    assert (await face.post(f"{PATH}/{ALERT}/acknowledge", {"reason": "x"})).status == 400


async def test_what_is_over_or_was_never_there_is_said_so(face: Face) -> None:
    face.alerts.answers = {"acknowledge": AlertResolved(), "resolve": NotFound()}
    over = await face.post(f"{PATH}/{ALERT}/acknowledge")
    assert (over.status, over.code) == (409, "alert_resolved")
    assert (await face.post(f"{PATH}/{ALERT}/resolve")).code == "not_found"


async def test_who_reads_stock_sees_alerts_and_operations_act_on_them(face: Face) -> None:
    reader, operator = face.bearer(INVENTORY_READ), face.bearer(OPERATIONS_WRITE)
    assert (await face.get(PATH, headers=reader)).status == 200
    assert (await face.post(f"{PATH}/{ALERT}/acknowledge", headers=reader)).status == 403
    assert (await face.post(f"{PATH}/{ALERT}/acknowledge", headers=operator)).status == 200
    assert (await face.get(PATH, headers=operator)).status == 403
