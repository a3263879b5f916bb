"""Reports, for any protocol: they read much and are nobody's hurry, so few of them run at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from db import ageing, days_of_cover, reports, stock_as_of
from db.ageing import AgeingFilter
from db.days_of_cover import CoverFilter
from db.engine import Database, ReadSession
from db.paging import Page, PageRequest
from db.reports import PlaceFilter
from db.stock_as_of import AsOfFilter
from domain.ageing import AgeGroup, OnTheWay
from domain.errors import NotFound
from domain.fields import FieldProblems
from domain.limits import REGION_CHARACTERS_MAX, SKU_CHARACTERS_MAX
from domain.reports import (
    COVER_DAYS_MAX,
    Cover,
    Grouping,
    RegionStock,
    StockAt,
    StockTotal,
    WarehouseStock,
)

T = TypeVar("T")

REPORTS_AT_ONCE_MAX = 2
"""In one process: a report may read a hundred thousand rows, and holds must not wait for it."""


class Reports:
    """Reports a page at a time. All raise InvalidPageToken, and Unprocessable for a wrong order, filter or instant."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns = asyncio.Semaphore(REPORTS_AT_ONCE_MAX)

    async def regions(self, filters: PlaceFilter, page: PageRequest) -> Page[RegionStock]:
        """Stock by region now; ordered by region."""
        _check(region=filters.region)
        return await self._read(lambda session: reports.regions(session, filters, page))

    async def region(self, region: str, page: PageRequest) -> tuple[RegionStock, Page[WarehouseStock]]:
        """Stock of one region now and of a page of its warehouses; ordered by code. Raises NotFound."""
        only = PlaceFilter(region=region)
        found = await self.regions(only, PageRequest(size=1))
        if not found.items:
            raise NotFound("no warehouse is in this region")
        return found.items[0], await self._read(lambda session: reports.warehouses_of(session, only, page))

    async def stock_as_of(self, filters: AsOfFilter, page: PageRequest) -> Page[StockAt]:
        """Stock as it was at an instant, a row each; ordered by inventoryId."""
        _check(sku=filters.sku, region=filters.region)
        return await self._read(lambda session: stock_as_of.listed(session, filters, page))

    async def stock_totals(self, filters: AsOfFilter, grouping: Grouping | None, page: PageRequest) -> Page[StockTotal]:
        """The same added up: one line for everything, or one for each region, warehouse (by code) or SKU."""
        _check(sku=filters.sku, region=filters.region)
        return await self._read(lambda session: stock_as_of.totalled(session, filters, grouping, page))

    async def days_of_cover(self, filters: CoverFilter, page: PageRequest) -> Page[Cover]:
        """For how long stock will last, the shortest first; ordered by daysOfCover."""
        _check(sku=filters.sku, region=filters.region, days=filters.days)
        return await self._read(lambda session: days_of_cover.listed(session, filters, page))

    async def ageing(self, filters: AgeingFilter, page: PageRequest) -> Page[OnTheWay]:
        """What is on its way, the oldest first; ordered by since."""
        _check(region=filters.region)
        return await self._read(lambda session: ageing.listed(session, filters, page))

    async def age_groups(self, filters: AgeingFilter) -> list[AgeGroup]:
        """The same by kind and age, each group with what is in it, or with nothing."""
        _check(region=filters.region)
        return await self._read(lambda session: ageing.totalled(session, filters))

    async def _read(self, work: Callable[[ReadSession], Awaitable[T]]) -> T:
        async with self._turns:
            return await self._database.reading(work)


def _check(*, sku: str | None = None, region: str | None = None, days: int | None = None) -> None:
    problems = FieldProblems()
    problems.text("/query/sku", sku, characters_max=SKU_CHARACTERS_MAX)
    problems.text("/query/region", region, characters_max=REGION_CHARACTERS_MAX)
    problems.number("/query/days", days, least=1, most=COVER_DAYS_MAX)
    problems.refuse()
