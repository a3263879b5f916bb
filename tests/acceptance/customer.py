"""Somebody who knows the service by its addresses only: REST, gRPC and Kafka clients, and patience with a deadline."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status.rpc_status import from_call

from holdfast.demo.client import Rpc, open_rpc
from holdfast.demo.news import Newsroom, open_newsroom
from holdfast.rest_client import Answer, Rest, open_rest
from runtime.settings import Settings

T = TypeVar("T")

SECONDS_MAX = 60.0
LOOK_EVERY_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Item:
    """A SKU of one test's own, with its row."""

    sku: str
    inventory_id: str
    warehouse_id: str
    product_id: str


@dataclass(frozen=True, slots=True)
class Customer:
    """One caller's clients."""

    rest: Rest
    rpc: Rpc
    news: Newsroom

    async def stock(self, quantity: int, **fields: Any) -> Item:
        """A new SKU with so many pieces in a new warehouse."""
        name = uuid.uuid4().hex[:12].upper()
        warehouse = (await made(self.rest.post("/warehouses", {"code": f"W-{name}", "name": name})))["warehouseId"]
        product_id = str(uuid.uuid4())
        body = {"sku": f"SKU-{name}", "productId": product_id, "warehouseId": warehouse, "quantityTotal": quantity}
        row = await made(self.rest.post("/inventory", {**body, **fields}))
        return Item(row["sku"], row["inventoryId"], warehouse, product_id)

    async def level(self, item: Item) -> tuple[int, int, int]:
        """Total, reserved, available."""
        row = (await self.rest.get(f"/inventory/{item.inventory_id}")).body
        return row["quantityTotal"], row["quantityReserved"], row["quantityAvailable"]

    async def hold(self, item: Item, quantity: int = 1, **fields: Any) -> dict[str, Any]:
        """A new reservation by REST."""
        return await made(self.rest.post("/reservations", wish(item, quantity, **fields)))

    async def reservation(self, reservation_id: str) -> dict[str, Any]:
        """A reservation as it is now."""
        return dict((await self.rest.get(f"/reservations/{reservation_id}")).body)

    async def order(self, item: Item, order_id: str, quantity: int = 1, **fields: Any) -> None:
        """Say `order.created`."""
        lines = [{"sku": item.sku, "quantity": quantity}]
        await self.news.send("order.created", order_id, items=lines, **fields)

    async def rpc_code(self, method: str, request: Any, **metadata: str) -> str:
        """The stable code of the error that a call ends with."""
        try:
            await self.call(method, request, **metadata)
        except grpc.aio.AioRpcError as error:
            return code_of(error)
        raise AssertionError(f"{method} succeeded")

    async def call(self, method: str, request: Any, **metadata: str) -> Any:
        """One gRPC call; names in `metadata` with _ for -."""
        more = tuple((name.replace("_", "-"), value) for name, value in metadata.items())
        metadata_ = (*self.rpc.metadata, *more)
        return await getattr(self.rpc.stub, method)(request, metadata=metadata_, timeout=self.rpc.timeout_seconds)


def wish(item: Item, quantity: int = 1, order_id: str = "", **fields: Any) -> dict[str, Any]:
    """The body of POST /reservations."""
    items = [{"sku": item.sku, "quantity": quantity}]
    return {"orderId": order_id or new_order(), "items": items, **fields}


def new_order() -> str:
    """An order id that nobody has."""
    return f"order-{uuid.uuid4().hex[:12]}"


def code_of(error: grpc.aio.AioRpcError) -> str:
    """ErrorInfo's reason."""
    info = ErrorInfo()
    assert status_of(error).details[0].Unpack(info)
    return str(info.reason)


def status_of(error: grpc.aio.AioRpcError) -> Status:
    """The google.rpc.Status that a call ended with."""
    status = from_call(_WithDetails(error))  # type: ignore[arg-type]
    assert status is not None, error
    return status


async def made(answering: Awaitable[Answer]) -> dict[str, Any]:
    """The body of an answer that has to be 201."""
    answer = await answering
    assert answer.status == 201, answer
    return dict(answer.body)


async def until(look: Callable[[], Awaitable[T]], seconds_max: float = SECONDS_MAX) -> T:
    """What `look` answers as soon as that is true. Fails after `seconds_max` with the last answer."""
    deadline = time.monotonic() + seconds_max
    while not (seen := await look()):
        assert time.monotonic() < deadline, f"not within {seconds_max:g} s; last seen: {seen!r}"
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return seen


def kafka_settings(facts: dict[str, Any]) -> Settings:
    """Settings that lead to the broker."""
    return Settings(kafka_brokers=tuple(facts["kafka"].split(",")))


@asynccontextmanager
async def open_customer(facts: dict[str, Any]) -> AsyncIterator[Customer]:
    """A customer of the stack that stack.json tells of."""
    async with AsyncExitStack() as stack:
        rest = await stack.enter_async_context(open_rest(facts["api"], facts["token"]))
        rpc = await stack.enter_async_context(open_rpc(facts["grpc"], facts["token"]))
        news = await stack.enter_async_context(open_newsroom(kafka_settings(facts)))
        yield Customer(rest, rpc, news)


class _WithDetails:
    """grpc_status knows grpc.Call, aio's error carries the same under other types."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self._error = error

    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return tuple(self._error.trailing_metadata() or ())

    def code(self) -> grpc.StatusCode:
        return self._error.code()

    def details(self) -> str | None:
        return self._error.details()
