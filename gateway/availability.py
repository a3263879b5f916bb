"""Availability checks: from the Redis view when it knows, else from Postgres, which then fills the view.

The answer is no promise. An unknown item is an error, so that a misspelt SKU is not taken for one that is sold out.
"""

from __future__ import annotations

from collections.abc import Sequence

from db.availability import shelves_of, skus_of
from db.availability_view import AvailabilityView
from db.engine import Database
from domain.availability import (
    Availability,
    AvailabilityQuery,
    BulkAvailability,
    BulkAvailabilityItem,
    Shelf,
    assess,
    eligible,
    servable_together,
)
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
        [answer], _ = await self._answers([query])
        if answer.error is not None:
            raise answer.error
        assert answer.availability is not None, "an answer or an error"
        return answer.availability

    async def check_bulk(self, queries: Sequence[AvailabilityQuery]) -> BulkAvailability:
        """Answer 1 to 200 queries, each by itself, and whether all can be served at once. Raises Unprocessable."""
        if not 1 <= len(queries) <= LINES_MAX:
            raise Unprocessable(fields=[FieldProblem("/items", f"must hold 1 to {LINES_MAX} items")])
        problems = FieldProblems()
        for position, query in enumerate(queries):
            _check(problems, f"/items/{position}", query)
        problems.refuse()
        answers, demands = await self._answers(queries)
        complete = len(demands) == len(queries)
        return BulkAvailability(available=complete and servable_together(demands), items=tuple(answers))

    async def _answers(
        self, queries: Sequence[AvailabilityQuery]
    ) -> tuple[list[BulkAvailabilityItem], list[tuple[int, list[Shelf]]]]:
        """The answer to each query, and the demands of those that are known."""
        named = await self._skus_of(queries)
        shelves = await self._shelves_of(sorted({skus[0] for skus in named if len(skus) == 1}))
        answers, demands = [], []
        for query, skus in zip(queries, named, strict=True):
            if len(skus) != 1 or skus[0] not in shelves:
                answers.append(BulkAvailabilityItem(error=_unknown(query, skus)))
                continue
            of_sku = shelves[skus[0]]
            answers.append(BulkAvailabilityItem(availability=assess(query, skus[0], of_sku)))
            demands.append((query.quantity, eligible(query, of_sku)))
        return answers, demands

    async def _skus_of(self, queries: Sequence[AvailabilityQuery]) -> list[list[str]]:
        if all(query.sku is not None for query in queries):
            return [[query.sku] for query in queries if query.sku is not None]
        return await self._database.reading(lambda session: skus_of(session, queries))

    async def _shelves_of(self, skus: Sequence[str]) -> dict[str, list[Shelf]]:
        reading = await self._view.read(skus)
        missing = [sku for sku in skus if sku not in reading.shelves]
        if not missing:
            return reading.shelves
        found = await self._database.reading(lambda session: shelves_of(session, missing))
        await self._view.fill(reading, found)
        return {**reading.shelves, **found}


def _check(problems: FieldProblems, pointer: str, query: AvailabilityQuery) -> None:
    named = [query.sku, query.inventory_id, query.product_id]
    if sum(name is not None for name in named) != 1:
        problems.add(pointer or "/sku", "name the item by exactly one of sku, inventoryId, productId")
    problems.text(f"{pointer}/sku", query.sku, characters_max=SKU_CHARACTERS_MAX, required=True)
    problems.text(f"{pointer}/region", query.region, characters_max=REGION_CHARACTERS_MAX)
    problems.number(f"{pointer}/quantity", query.quantity, least=1, most=QUANTITY_MAX)


def _unknown(query: AvailabilityQuery, skus: Sequence[str]) -> UnknownItem:
    if len(skus) > 1:
        return UnknownItem("this product and variant have several SKUs: name one", extra={"skus": list(skus)})
    name = query.sku or query.inventory_id or query.product_id
    return UnknownItem(f"no stock is kept of {name}")
