"""Customers and staff through REST, gRPC and Kafka who never ask twice: whatever fails, has failed.

Each has connections of its own that it keeps open, as an application does. gRPC has no retry policy; nobody repeats a
request. What they were told is kept, for the judge.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import grpc

from gateway.auth import SCOPES, development_token
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from holdfast.demo.client import Rpc
from holdfast.demo.news import Newsroom
from holdfast.rest_client import Rest
from runtime.settings import Settings
from tests.acceptance.customer import code_of

REQUEST_SECONDS_MAX = 15.0
THINK_SECONDS = 0.4
HOLD_SECONDS = 120
PIECES = 1_000_000
LARGE_CHANGE = 150
SHED_CODES = frozenset({"saturated"})
"""What admission answers when there is too much: the one refusal that is no failure."""

CHANNEL = (("grpc.use_local_subchannel_pool", 1), ("grpc.service_config", '{"methodConfig": []}'))
"""A connection for each customer, and no retry policy."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: by which door, which, when (time.perf_counter()), for how long, and what was wrong, if anything."""

    door: str
    name: str
    began: float
    seconds: float
    wrong: str = ""
    is_shed: bool = False


@dataclass(slots=True)
class Diary:
    """What all customers did and heard. `told` has the last status of each reservation, `by_event` that of an order
    whose payment went through Kafka."""

    calls: list[Call] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    orders: set[str] = field(default_factory=set)
    by_event: dict[str, str] = field(default_factory=dict)
    applied: int = 0


class Failed(Exception):
    """A request that failed; it stands in the diary."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What there is to buy."""

    skus: tuple[str, ...]
    rows: tuple[str, ...]


class Customer:
    """One client with its own connections; orders again and again, one door after the other of those it has."""

    def __init__(self, diary: Diary, shop: Shop, seed: int) -> None:
        self._diary = diary
        self._shop = shop
        self._dice = random.Random(seed)

    async def _timed(self, door: str, name: str, asking: Awaitable[Any]) -> Any:
        """The answer to a request, which is written down. Raises Failed when it is none that the customer wanted."""
        began = time.perf_counter()
        wrong, is_shed, answer = "", False, None
        try:
            answer = await asking
        except grpc.aio.AioRpcError as error:
            is_shed = _reason(error) in SHED_CODES
            wrong = f"{error.code().name} {_reason(error)}: {error.details()}"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            wrong = f"{type(error).__name__}: {error}"
        else:
            if isinstance(getattr(answer, "status", None), int) and answer.status >= 400:
                code = (answer.body or {}).get("code", "")
                is_shed = answer.status == 503 and code in SHED_CODES
                wrong = f"{answer.status} {code}"
        self._diary.calls.append(
            Call(door, name, began, time.perf_counter() - began, "" if is_shed else wrong, is_shed)
        )
        if wrong:
            raise Failed(wrong)
        return answer

    async def think(self) -> None:
        await asyncio.sleep(self._dice.random() * 2 * THINK_SECONDS)

    def _basket(self) -> dict[str, int]:
        skus = self._dice.sample(self._shop.skus, k=self._dice.randint(1, 2))
        return {sku: self._dice.randint(1, 3) for sku in skus}

    def _order(self, door: str) -> str:
        order_id = f"{door}-{uuid.UUID(int=self._dice.getrandbits(128))}"
        self._diary.orders.add(order_id)
        return order_id


class RestCustomer(Customer):
    """Reserves, looks, extends at times, commits or cancels."""

    def __init__(self, rest: Rest, *given: Any) -> None:
        super().__init__(*given)
        self._rest = rest

    async def order_once(self) -> None:
        """One reservation from its beginning to its end."""
        await self._timed(
            "rest",
            "check",
            self._rest.post("/availability/check", {"sku": self._dice.choice(self._shop.skus), "quantity": 1}),
        )
        body = {
            "orderId": self._order("rest"),
            "items": [{"sku": sku, "quantity": quantity} for sku, quantity in self._basket().items()],
            "holdSeconds": HOLD_SECONDS,
        }
        held = (await self._timed("rest", "reserve", self._rest.post("/reservations", body))).body
        path = f"/reservations/{held['reservationId']}"
        self._diary.told[held["reservationId"]] = "PENDING"
        await self.think()
        await self._timed("rest", "look", self._rest.get(path))
        if self._dice.random() < 0.2:
            await self._timed("rest", "extend", self._rest.post(f"{path}/extend", {"holdSeconds": HOLD_SECONDS}))
        verb = self._dice.choices(["commit", "cancel"], weights=[3, 1])[0]
        settled = await self._timed("rest", verb, self._rest.post(f"{path}/{verb}", {}))
        self._diary.told[held["reservationId"]] = settled.body["status"]


class RpcCustomer(Customer):
    """The same by gRPC."""

    def __init__(self, rpc: Rpc, *given: Any) -> None:
        super().__init__(*given)
        self._rpc = rpc

    async def order_once(self) -> None:
        """One reservation from its beginning to its end."""
        request = pb.ReserveStockRequest(
            order_id=self._order("grpc"),
            items=[pb.Item(sku=sku, quantity=quantity) for sku, quantity in self._basket().items()],
            hold_seconds=HOLD_SECONDS,
        )
        reservation_id = (await self._ask("reserve", self._rpc.stub.ReserveStock, request)).reservation_id
        self._diary.told[reservation_id] = "PENDING"
        await self.think()
        if self._dice.random() < 0.75:
            commit = pb.CommitReservationRequest(reservation_id=reservation_id)
            await self._ask("commit", self._rpc.stub.CommitReservation, commit)
            self._diary.told[reservation_id] = "COMMITTED"
        else:
            cancel = pb.CancelReservationRequest(reservation_id=reservation_id)
            await self._ask("cancel", self._rpc.stub.CancelReservation, cancel)
            self._diary.told[reservation_id] = "CANCELLED"

    async def _ask(self, name: str, method: Any, request: Any) -> Any:
        calling = method(request, metadata=self._rpc.metadata, timeout=REQUEST_SECONDS_MAX)
        return await self._timed("grpc", name, calling)


class EventCustomer(Customer):
    """The order service: says what was ordered and paid, and waits for what we say to that."""

    def __init__(self, newsroom: Newsroom, *given: Any) -> None:
        super().__init__(*given)
        self._news = newsroom

    async def order_once(self) -> None:
        """One order; its latencies are from an event of theirs to ours."""
        order_id = self._order("kafka")
        items = [{"sku": sku, "quantity": quantity} for sku, quantity in self._basket().items()]
        await self._news.send("order.created", order_id, items=items, holdSeconds=HOLD_SECONDS)
        await self._timed("kafka", "reserved", self._news.until(order_id, "inventory.reserved"))
        await self.think()
        paid = self._dice.random() < 0.75
        await self._news.send("payment.successful" if paid else "payment.failed", order_id)
        answer = "inventory.committed" if paid else "inventory.released"
        await self._timed("kafka", "settled", self._news.until(order_id, answer))
        self._diary.by_event[order_id] = "COMMITTED" if paid else "CANCELLED"


class Staff(Customer):
    """A clerk who asks for a change that needs a second person, and the second person: work of the `worker` process."""

    def __init__(self, clerk: Rest, boss: Rest, *given: Any) -> None:
        super().__init__(*given)
        self._clerk = clerk
        self._boss = boss

    async def order_once(self) -> None:
        """One change of stock, asked for and approved."""
        change = {"delta": -LARGE_CHANGE, "reasonCode": "loss", "reason": "cannot be found"}
        row = self._dice.choice(self._shop.rows)
        asked = await self._timed("staff", "adjust", self._clerk.post(f"/inventory/{row}/adjust", change))
        await self.think()
        path = f"/adjustments/{asked.body['adjustmentId']}/approve"
        approved = await self._timed("staff", "approve", self._boss.post(path, {}))
        assert approved.body["status"] == "APPLIED", approved
        self._diary.applied += 1


@asynccontextmanager
async def customers(
    settings: Settings, shop: Shop, diary: Diary, newsroom: Newsroom, *, counts: dict[str, int], seed: int
) -> AsyncIterator[list[Any]]:
    """So many customers of each door, with their connections; none has begun."""
    dice = random.Random(seed)
    async with AsyncExitStack() as exits:

        async def rest(subject: str) -> Rest:
            return await exits.enter_async_context(open_lasting_rest(settings, subject))

        async def rpc() -> Rpc:
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{settings.grpc_port}", options=CHANNEL)
            return Rpc(await exits.enter_async_context(channel), _token(settings, "customer"))

        def given() -> tuple[Diary, Shop, int]:
            return diary, shop, dice.getrandbits(32)

        yield [
            *[RestCustomer(await rest("customer"), *given()) for _ in range(counts["rest"])],
            *[RpcCustomer(await rpc(), *given()) for _ in range(counts["grpc"])],
            *[EventCustomer(newsroom, *given()) for _ in range(counts["kafka"])],
            *[Staff(await rest("clerk"), await rest("boss"), *given()) for _ in range(counts["staff"])],
        ]


@asynccontextmanager
async def open_lasting_rest(settings: Settings, subject: str) -> AsyncIterator[Rest]:
    """A REST client that keeps its connections, and whose library repeats nothing of itself either."""
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{settings.app_port}",
        timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX),
        headers={"Authorization": f"Bearer {_token(settings, subject)}"},
    ) as session:
        session._retry_connection = False  # as aiohttp's own tests do: GETs would be repeated in silence
        yield Rest(session)


async def keep_ordering(customer: Any, stop: asyncio.Event) -> None:
    """Order until told to stop; an order that was begun is finished, one that failed is given up."""
    while not stop.is_set():
        try:
            await customer.order_once()
        except Failed:
            await customer.think()
        await customer.think()


def _reason(error: grpc.aio.AioRpcError) -> str:
    """The stable code of an error of ours; empty for one of gRPC itself."""
    try:
        return code_of(error)
    except AssertionError:
        return ""


def _token(settings: Settings, subject: str) -> str:
    return development_token(settings, subject=subject, scopes=SCOPES)
