"""The routes of reports: each as JSON, a page at a time, and as CSV, whole."""

from __future__ import annotations

from gateway.auth import INVENTORY_READ
from gateway.http import reports
from gateway.http.route import Route, answers, csv_of
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

READ = (INVENTORY_READ,)
ROOT = "/api/v1/reports"

REGIONS = answers(RegionStockListing) + csv_of(RegionStock)
REGION = answers(RegionReport) + csv_of(WarehouseStock)
STOCK = answers(StockAtListing) + csv_of(StockAt)
TOTALS = answers(StockTotalListing) + csv_of(StockTotal)
COVER = answers(DaysOfCoverListing) + csv_of(DaysOfCover)
ON_THE_WAY = answers(OnTheWayListing) + csv_of(OnTheWay)
GROUPS = answers(AgeGroupListing) + csv_of(AgeGroup)

REPORTS = (
    Route("GET", f"{ROOT}/regions", reports.regions, READ, REGIONS, query=RegionsQuery),
    Route("GET", f"{ROOT}/regions/{{region}}", reports.region, READ, REGION, query=ReportQuery),
    Route("GET", f"{ROOT}/stock-as-of", reports.stock_as_of, READ, STOCK, query=AsOfQuery),
    Route("GET", f"{ROOT}/stock-as-of/totals", reports.stock_totals, READ, TOTALS, query=TotalsQuery),
    Route("GET", f"{ROOT}/days-of-cover", reports.days_of_cover, READ, COVER, query=CoverQuery),
    Route("GET", f"{ROOT}/ageing", reports.ageing, READ, ON_THE_WAY, query=AgeingQuery),
    Route("GET", f"{ROOT}/ageing/totals", reports.age_groups, READ, GROUPS, query=GroupsQuery),
)
