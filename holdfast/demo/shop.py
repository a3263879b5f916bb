"""The shop of the story: what it can ask the service, in words of its own. Makes no claim."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from holdfast.demo.client import Rpc, open_rpc
from holdfast.demo.news import Newsroom, open_newsroom
from holdfast.rest_client import Answer, Rest, open_rest
from holdfast.service import Service

PAGE_ROWS = 200


@dataclass(frozen=True, slots=True)
class Level:
    """Pieces of a SKU over all warehouses."""

    total: int
    reserved: int
    available: int


@dataclass(frozen=True, slots=True)
class Shop:
    """One running service and a caller's ways to it."""

    service: Service
    rest: Rest
    rpc: Rpc
    news: Newsroom

    async def level(self, sku: str) -> Level:
        """How much there is of a SKU, as REST says."""
        rows = (await self.rest.get(f"/inventory/sku/{sku}", pageSize=str(PAGE_ROWS))).body["items"]
        return Level(*(sum(row[f"quantity{name}"] for row in rows) for name in ("Total", "Reserved", "Available")))

    async def reserve(
        self, order_id: str, items: dict[str, int], *, key: str = "", hold_seconds: int | None = None
    ) -> Answer:
        """POST /reservations: quantities by SKU."""
        return await self.rest.post("/reservations", hold(order_id, items, hold_seconds), key=key)

    async def reservation(self, reservation_id: str) -> dict[str, Any]:
        """A reservation as it is now."""
        return dict((await self.rest.get(f"/reservations/{reservation_id}")).body)

    async def of_order(self, order_id: str) -> list[dict[str, Any]]:
        """All reservations of an order."""
        return list((await self.rest.get(f"/reservations/order/{order_id}")).body["items"])

    async def rows(self) -> dict[str, dict[str, Any]]:
        """Every inventory row by its id."""
        rows: dict[str, dict[str, Any]] = {}
        query = {"pageSize": str(PAGE_ROWS)}
        while True:
            page = (await self.rest.get("/inventory", **query)).body
            rows |= {row["inventoryId"]: row for row in page["items"]}
            if not page["nextPageToken"]:
                return rows
            query["pageToken"] = page["nextPageToken"]


def hold(order_id: str, items: dict[str, int], hold_seconds: int | None = None) -> dict[str, Any]:
    """The body of POST /reservations."""
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in items.items()]
    body: dict[str, Any] = {"orderId": order_id, "items": lines}
    return body if hold_seconds is None else {**body, "holdSeconds": hold_seconds}


@asynccontextmanager
async def open_shop(service: Service) -> AsyncIterator[Shop]:
    """The shop of a running service."""
    facts = service.facts()
    async with AsyncExitStack() as stack:
        rest = await stack.enter_async_context(open_rest(facts["api"], service.token))
        rpc = await stack.enter_async_context(open_rpc(facts["grpc"], service.token))
        news = await stack.enter_async_context(open_newsroom(service.settings))
        yield Shop(service, rest, rpc, news)
