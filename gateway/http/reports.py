"""Reports over REST, as JSON a page at a time and as CSV whole."""

from __future__ import annotations

from gateway.http.call import Call, Reply
from gateway.http.schemas.ageing import (
    AgeGroup,
    AgeGroupListing,
    AgeingQuery,
    GroupsQuery,
    OnTheWay,
    OnTheWayListing,
)
from gateway.http.schemas.reports import (
    AsOfQuery,
    CoverQuery,
    DaysOfCover,
    DaysOfCoverListing,
    RegionReport,
    RegionsQuery,
    RegionStock,
    RegionStockListing,
    ReportQuery,
    StockAt,
    StockAtListing,
    StockTotal,
    StockTotalListing,
    TotalsQuery,
    WarehouseStock,
)


async def regions(call: Call[None, RegionsQuery]) -> Reply:
    """Report stock by region, as it is now.

    Retired rows do not count; warehouses that are not active do.
    """
    page = await call.services.reports.regions(call.query.filters(), call.query.page_request())
    items = [RegionStock.model_validate(region) for region in page.items]
    return Reply(body=RegionStockListing.of(items, page.next_token))


async def region(call: Call[None, ReportQuery]) -> Reply:
    """Report stock of one region by warehouse, as it is now.

    The CSV has a line for each warehouse.
    """
    total, page = await call.services.reports.region(call.texts["region"], call.query.page_request())
    items = [WarehouseStock.model_validate(warehouse) for warehouse in page.items]
    body = RegionReport(items=items, next_page_token=page.next_token, total=RegionStock.model_validate(total))
    return Reply(body=body)


async def stock_as_of(call: Call[None, AsOfQuery]) -> Reply:
    """Report stock as it was at an instant, from the ledger, row by row.

    Rows that have been retired since count. A change is dated when it is made and seen when it is committed, moments
    later: an instant of the last seconds may miss one that is still on its way.
    """
    page = await call.services.reports.stock_as_of(call.query.filters(), call.query.page_request())
    return Reply(body=StockAtListing.of([StockAt.model_validate(row) for row in page.items], page.next_token))


async def stock_totals(call: Call[None, TotalsQuery]) -> Reply:
    """Report stock as it was at an instant, added up by region, warehouse or SKU.

    One line of everything without `groupBy`. Regions and warehouses where nothing stood have a line, too.
    """
    filters, grouping = call.query.filters(), call.query.group_by
    page = await call.services.reports.stock_totals(filters, grouping, call.query.page_request())
    return Reply(body=StockTotalListing.of([StockTotal.model_validate(total) for total in page.items], page.next_token))


async def days_of_cover(call: Call[None, CoverQuery]) -> Reply:
    """Report for how many days stock will last, the shortest first.

    What is available, over the average daily sales of the last `days`: sales less returns. Each page is reckoned anew,
    so a row whose cover changes meanwhile may be missed or come twice.
    """
    page = await call.services.reports.days_of_cover(call.query.filters(), call.query.page_request())
    return Reply(body=DaysOfCoverListing.of([DaysOfCover.model_validate(row) for row in page.items], page.next_token))


async def ageing(call: Call[None, AgeingQuery]) -> Reply:
    """Report what is on its way and for how long: transfers on the road and purchase orders that are not closed.

    The oldest first. `region` and `warehouseId` say where it goes; `crossRegion=true` keeps what changes regions.
    """
    page = await call.services.reports.ageing(call.query.filters(), call.query.page_request())
    return Reply(body=OnTheWayListing.of([OnTheWay.model_validate(one) for one in page.items], page.next_token))


async def age_groups(call: Call[None, GroupsQuery]) -> Reply:
    """Report what is on its way by age: up to a week, a fortnight, a month, and longer.

    Always all groups of both kinds, on one page.
    """
    groups = await call.services.reports.age_groups(call.query.filters())
    return Reply(body=AgeGroupListing.of([AgeGroup.model_validate(group) for group in groups]))
