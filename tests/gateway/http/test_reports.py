from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from db.ageing import AgeingFilter
from db.days_of_cover import CoverFilter
from db.paging import Page, PageRequest
from db.reports import PlaceFilter
from db.stock_as_of import AsOfFilter
from domain.ageing import Ageing
from domain.errors import FieldProblem, NotFound, Unprocessable
from domain.reports import Grouping
from tests.gateway.http.face import LASTS_A_WEEK, PRODUCT, ROW, WAREHOUSE, Face

PATH = "/api/v1/reports"
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON = "at=2026-11-23T13:00:00%2B01:00"

FIGURES = {
    "skus": 3,
    "skusLow": 2,
    "skusOutOfStock": 1,
    "quantityTotal": 10,
    "quantityReserved": 3,
    "quantityAvailable": 7,
    "quantityInTransit": 5,
    "quantityOnOrder": 6,
    "valueAtCost": [{"currency": "EUR", "amount": "12.5000"}, {"currency": "GBP", "amount": "3.0000"}],
    "quantityWithoutCost": 4,
}
EU_NORTH = {"region": "eu-north", "warehouses": 2, "warehousesActive": 1, **FIGURES}
IN_HAMBURG = {
    "region": "eu-north",
    "warehouseId": str(WAREHOUSE),
    "warehouseCode": "HAM-1",
    "name": "Hamburg",
    "isActive": True,
    **FIGURES,
}


async def test_stock_is_reported_by_region_with_its_value(face: Face) -> None:
    answer = await face.get(f"{PATH}/regions?region=eu-north&pageSize=7&orderBy=region%20desc")
    assert answer.json == {"items": [EU_NORTH], "nextPageToken": None}
    assert face.reports.last("regions")[0] == (
        PlaceFilter(region="eu-north"),
        PageRequest(size=7, order_by="region desc"),
    )


async def test_a_region_is_reported_with_its_warehouses(face: Face) -> None:
    answer = await face.get(f"{PATH}/regions/eu-north")
    assert answer.json == {"items": [IN_HAMBURG], "nextPageToken": None, "total": EU_NORTH}
    assert face.reports.last("region")[0] == ("eu-north", PageRequest())


async def test_a_region_without_warehouses_is_not_found(face: Face) -> None:
    face.reports.answers["region"] = NotFound("no warehouse is in this region")
    assert (await face.get(f"{PATH}/regions/atlantis")).code == "not_found"


async def test_stock_is_reported_as_of_an_instant(face: Face) -> None:
    answer = await face.get(f"{PATH}/stock-as-of?{NOON}&sku=A&warehouseId={WAREHOUSE}&region=eu-north")
    assert answer.json["items"] == [
        {
            "inventoryId": str(ROW),
            "sku": "TEA-GREEN-250",
            "productId": str(PRODUCT),
            "variantId": None,
            "region": "eu-north",
            "warehouseId": str(WAREHOUSE),
            "warehouseCode": "HAM-1",
            "quantityTotal": 10,
            "lastMovementAt": "2026-11-23T12:00:00.123456Z",
        }
    ]
    asked, _ = face.reports.last("stock_as_of")[0]
    assert asked == AsOfFilter(at=AT, sku="A", warehouse_id=WAREHOUSE, region="eu-north")


@pytest.mark.parametrize(("query", "grouping"), [("", None), ("&groupBy=sku", Grouping.SKU)])
async def test_stock_as_of_an_instant_is_added_up(face: Face, query: str, grouping: Grouping | None) -> None:
    answer = await face.get(f"{PATH}/stock-as-of/totals?{NOON}{query}")
    assert answer.json["items"] == [
        {
            "region": "eu-north",
            "warehouseId": None,
            "warehouseCode": None,
            "sku": None,
            "inventoryRows": 2,
            "quantityTotal": 15,
        }
    ]
    assert face.reports.last("stock_totals")[0] == (AsOfFilter(at=AT), grouping, PageRequest())


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ("", 400, "/query/at"),
        ("at=yesterday", 400, "/query/at"),
        ("at=2026-11-23T12:00:00", 400, "/query/at"),
        (f"{NOON}&groupBy=colour", 422, "/query/groupBy"),
        (f"{NOON}&region=", 422, "/query/region"),
        (f"{NOON}&warehouseId=HAM-1", 400, "/query/warehouseId"),
        (f"{NOON}&format=xml", 422, "/query/format"),
        (f"{NOON}&pageSize=201", 422, "/query/pageSize"),
        (f"{NOON}&colour=red", 400, "/query/colour"),
    ],
)
async def test_a_report_is_asked_for_strictly(face: Face, query: str, status: int, pointer: str) -> None:
    answer = await face.get(f"{PATH}/stock-as-of/totals?{query}")
    assert (answer.status, answer.pointers) == (status, [pointer])
    assert face.reports.asked == []


async def test_the_future_is_refused(face: Face) -> None:
    wrong = FieldProblem("/query/at", "must not be in the future")
    face.reports.answers["stock_as_of"] = Unprocessable(fields=[wrong])
    answer = await face.get(f"{PATH}/stock-as-of?{NOON}")
    assert (answer.status, answer.pointers) == (422, ["/query/at"])


async def test_days_of_cover_are_reported(face: Face) -> None:
    answer = await face.get(f"{PATH}/days-of-cover?days=7&sku=A&warehouseId={WAREHOUSE}&region=r")
    assert answer.json["items"] == [
        {
            "inventoryId": str(ROW),
            "sku": "TEA-GREEN-250",
            "region": "eu-north",
            "warehouseId": str(WAREHOUSE),
            "warehouseCode": "HAM-1",
            "quantityAvailable": 7,
            "quantitySold": 28,
            "daysObserved": 28,
            "averageDailySales": 1.0,
            "daysOfCover": 7.0,
        }
    ]
    asked, _ = face.reports.last("days_of_cover")[0]
    assert asked == CoverFilter(days=7, sku="A", warehouse_id=WAREHOUSE, region="r")


async def test_what_sells_nothing_has_no_days_of_cover(face: Face) -> None:
    face.reports.answers["days_of_cover"] = Page((replace(LASTS_A_WEEK, quantity_sold=0),))
    assert (await face.get(f"{PATH}/days-of-cover")).json["items"][0]["daysOfCover"] is None


@pytest.mark.parametrize("days", ["0", "93", "-1"])
async def test_the_window_of_sales_is_bounded(face: Face, days: str) -> None:
    answer = await face.get(f"{PATH}/days-of-cover?days={days}")
    assert (answer.status, answer.pointers) == (422, ["/query/days"])


async def test_what_is_on_its_way_is_reported_with_its_age(face: Face) -> None:
    answer = await face.get(f"{PATH}/ageing?kind=transfer&region=eu-north&warehouseId={WAREHOUSE}&crossRegion=true")
    assert answer.json["items"] == [
        {
            "kind": "transfer",
            "operationId": str(UUID(int=96)),
            "status": "IN_TRANSIT",
            "fromRegion": "eu-south",
            "fromWarehouseId": str(UUID(int=95)),
            "fromWarehouseCode": "LYS-1",
            "supplierId": None,
            "supplierCode": None,
            "region": "eu-north",
            "warehouseId": str(WAREHOUSE),
            "warehouseCode": "HAM-1",
            "isCrossRegion": True,
            "since": "2026-11-23T12:00:00.123456Z",
            "expectedAt": "2026-11-26T12:00:00.123456Z",
            "ageDays": 9,
            "daysLate": 6,
            "quantityOutstanding": 12,
        }
    ]
    asked, _ = face.reports.last("ageing")[0]
    assert asked == AgeingFilter(kind=Ageing.TRANSFER, region="eu-north", warehouse_id=WAREHOUSE, is_cross_region=True)


async def test_what_is_on_its_way_is_reported_by_age(face: Face) -> None:
    answer = await face.get(f"{PATH}/ageing/totals?crossRegion=false")
    groups = [(group["kind"], group["ageDaysMin"], group["ageDaysMax"]) for group in answer.json["items"]]
    ages = [(0, 7), (8, 14), (15, 30), (31, None)]
    assert groups == [(kind, *age) for kind in ("transfer", "purchase-order") for age in ages]
    assert face.reports.last("age_groups")[0] == (AgeingFilter(is_cross_region=False),)


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ("kind=ship", 422, "/query/kind"),
        ("crossRegion=maybe", 400, "/query/crossRegion"),
        ("pageSize=5", 400, "/query/pageSize"),
    ],
)
async def test_age_groups_are_asked_for_strictly(face: Face, query: str, status: int, pointer: str) -> None:
    answer = await face.get(f"{PATH}/ageing/totals?{query}")
    assert (answer.status, answer.pointers) == (status, [pointer])
