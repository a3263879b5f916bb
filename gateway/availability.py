"""Availability checks: from the Redis view when it knows, else from Postgres, which then fills the view.

The answer is no promise. An unknown item is an error, so that a misspelt SKU is not taken for one that is sold out.
"""

from __future__ import annotations

from collections.abc import Sequence

from db.availability import shelves_of, sites_of, skus_of
from db.availability_view import AvailabilityView
from db.engine import Database, ReadSession
from domain.allocation_terms import check_destination
from domain.availability import (
    Availability,
    AvailabilityQuery,
    BulkAvailability,
    BulkAvailabilityItem,
    Shelf,
    Sites,
    Wanted,
    assess,
    assess_together,
)
from domain.destinations import Destination
from domain.errors import FieldProblem, UnknownItem, Unprocessable
from domain.fields import FieldProblems
from domain.limits import LINES_MAX, QUANTITY_MAX, REGION_CHARACTERS_MAX, SKU_CHARACTERS_MAX


class AvailabilityChecks:
    """Checks of one item and of many."""

    def __init__(self, database: Database, view: AvailabilityView) -> None:
        self._database = database
        self._view = view

    async def check(self, query: AvailabilityQuery) -> Availability:
        """Answer one query. Raises Unprocessable, UnknownItem."""
        problems = FieldProblems()
        _check(problems, "", query)
        problems.refuse()
        [wanted], sites = await self._wanted([query])
        if isinstance(wanted, UnknownItem):
            raise wanted
        return assess(wanted, sites)

    async def check_bulk(self, queries: Sequence[AvailabilityQuery]) -> BulkAvailability:
        """Answer 1 to 200 queries, each by itself, and whether all can be served at once. Raises Unprocessable."""
        if not 1 <= len(queries) <= LINES_MAX:
            raise Unprocessable(fields=[FieldProblem("/items", f"must hold 1 to {LINES_MAX} items")])
        problems = FieldProblems()
        for position, query in enumerate(queries):
            _check(problems, f"/items/{position}", query)
        problems.refuse()
        wanted, sites = await self._wanted(queries)
        known = [it for it in wanted if isinstance(it, Wanted)]
        available, explanation = assess_together(known, sites) if len(known) == len(wanted) else (False, None)
        return BulkAvailability(
            available=available, explanation=explanation, items=tuple(_answer(it, sites) for it in wanted)
        )

    async def _wanted(self, queries: Sequence[AvailabilityQuery]) -> tuple[list[Wanted | UnknownItem], Sites]:
        """What each query wants, or that it is not known; and where the areas are that goods go to."""
        named = await self._skus_of(queries)
        areas = {query.destination for query in queries if query.destination and query.destination.is_area}
        shelves, sites = await self._seen(sorted({skus[0] for skus in named if len(skus) == 1}), list(areas))
        return [
            Wanted(query=query, sku=skus[0], shelves=shelves[skus[0]])
            if len(skus) == 1 and skus[0] in shelves
            else _unknown(query, skus)
            for query, skus in zip(queries, named, strict=True)
        ], sites

    async def _skus_of(self, queries: Sequence[AvailabilityQuery]) -> list[list[str]]:
        if all(query.sku is not None for query in queries):
            return [[query.sku] for query in queries if query.sku is not None]
        return await self._database.reading(lambda session: skus_of(session, queries))

    async def _seen(self, skus: Sequence[str], areas: Sequence[Destination]) -> tuple[dict[str, list[Shelf]], Sites]:
        reading = await self._view.read(skus, areas)
        missing = [sku for sku in skus if sku not in reading.shelves]
        lost = [area for area in areas if area not in reading.sites]
        if not missing and not lost:
            return reading.shelves, reading.sites
        found, sites = await self._database.reading(lambda session: _found(session, missing, lost))
        await self._view.fill(reading, found, sites)
        return {**reading.shelves, **found}, {**reading.sites, **sites}


async def _found(
    session: ReadSession, skus: Sequence[str], areas: Sequence[Destination]
) -> tuple[dict[str, list[Shelf]], Sites]:
    return (await shelves_of(session, skus) if skus else {}), (await sites_of(session, areas) if areas else {})


def _answer(wanted: Wanted | UnknownItem, sites: Sites) -> BulkAvailabilityItem:
    if isinstance(wanted, UnknownItem):
        return BulkAvailabilityItem(error=wanted)
    return BulkAvailabilityItem(availability=assess(wanted, sites))


def _check(problems: FieldProblems, pointer: str, query: AvailabilityQuery) -> None:
    named = [query.sku, query.inventory_id, query.product_id]
    if sum(name is not None for name in named) != 1:
        problems.add(pointer or "/sku", "name the item by exactly one of sku, inventoryId, productId")
    problems.text(f"{pointer}/sku", query.sku, characters_max=SKU_CHARACTERS_MAX, required=True)
    problems.text(f"{pointer}/region", query.region, characters_max=REGION_CHARACTERS_MAX)
    problems.number(f"{pointer}/quantity", query.quantity, least=1, most=QUANTITY_MAX)
    check_destination(problems, f"{pointer}/destination", query.strategy, query.destination, region=query.region)


def _unknown(query: AvailabilityQuery, skus: Sequence[str]) -> UnknownItem:
    if len(skus) > 1:
        return UnknownItem("this product and variant have several SKUs: name one", extra={"skus": list(skus)})
    name = query.sku or query.inventory_id or query.product_id
    return UnknownItem(f"no stock is kept of {name}")
