"""Customers who reserve, pay, cancel, extend or forget, through REST, gRPC and Kafka at once, and remember it all.

A customer repeats a request that got no final answer with the same key, and gives up after a while; what it was told
is a claim that must be true in the end, what it never heard is no claim.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc

from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from holdfast.demo.client import Rpc
from holdfast.rest_client import PatienceEnded, Rest
from tests.chaos.witness import End, judged_rpc

HOLD_SECONDS = (2, 4)
THINK_SECONDS = 0.3
Publish = Callable[[str, dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Doors:
    """The three ways in."""

    rest: Rest
    rpc: Rpc
    publish: Publish


@dataclass(slots=True)
class Claims:
    """What customers were told: `told` the last status of a reservation, `orders` the door that each order took."""

    told: dict[str, str] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    paid_by_event: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


class Customer:
    """One customer at a time orders, again and again, until `stop`."""

    def __init__(self, doors: Doors, skus: list[str], claims: Claims, *, seed: int, patience_seconds: float) -> None:
        self._rest = doors.rest
        self._rpc = doors.rpc
        self._publish = doors.publish
        self._skus = skus
        self._dice = random.Random(seed)
        self._claims = claims
        self._patience_seconds = patience_seconds

    async def shop(self, stop: asyncio.Event) -> None:
        """Order until told to stop; an order that was begun is finished."""
        doors = {"rest": self._by_rest, "grpc": self._by_rpc, "kafka": self._by_events}
        while not stop.is_set():
            door = self._dice.choices(list(doors), weights=[5, 2, 3])[0]
            order_id = f"{door}-{uuid.uuid4()}"
            self._claims.orders[order_id] = door
            begin = time.perf_counter()
            try:
                await doors[door](order_id)
            except PatienceEnded:
                self._claims.answers[f"{door}: gave up"] += 1
            self._claims.seconds.append(time.perf_counter() - begin)

    async def _by_rest(self, order_id: str) -> None:
        body = {
            "orderId": order_id,
            "items": [{"sku": sku, "quantity": quantity} for sku, quantity in self._basket().items()],
            "holdSeconds": self._dice.randint(*HOLD_SECONDS),
        }
        answer = await self._post("/reservations", body)
        if answer.status not in {200, 201}:
            return
        reservation_id = answer.body["reservationId"]
        self._claims.told[reservation_id] = answer.body["status"]
        path = f"/reservations/{reservation_id}"
        await self._think()
        if self._dice.random() < 0.2:
            await self._post(f"{path}/extend", {"holdSeconds": 6})
        decision = self._dice.choices(["commit", "cancel", ""], weights=[5, 2, 2])[0]
        if decision:
            self._hear(reservation_id, await self._post(f"{path}/{decision}", {}))

    async def _by_rpc(self, order_id: str) -> None:
        request = pb.ReserveStockRequest(
            order_id=order_id,
            items=[pb.Item(sku=sku, quantity=quantity) for sku, quantity in self._basket().items()],
            hold_seconds=self._dice.randint(*HOLD_SECONDS),
        )
        reserved = await self._call(self._rpc.stub.ReserveStock, request)
        if reserved is None:
            return
        reservation_id = reserved.reservation_id
        self._claims.told[reservation_id] = "PENDING"
        await self._think()
        if self._dice.random() < 0.6:
            done = await self._call(
                self._rpc.stub.CommitReservation, pb.CommitReservationRequest(reservation_id=reservation_id)
            )
            status = "COMMITTED"
        else:
            done = await self._call(
                self._rpc.stub.CancelReservation, pb.CancelReservationRequest(reservation_id=reservation_id)
            )
            status = "CANCELLED"
        if done is not None:
            self._claims.told[reservation_id] = status

    async def _by_events(self, order_id: str) -> None:
        items = [{"sku": sku, "quantity": quantity} for sku, quantity in self._basket().items()]
        await self._tell("order.created", order_id, items=items, holdSeconds=self._dice.randint(*HOLD_SECONDS))
        await self._think()
        kind = self._dice.choices(["payment.successful", "payment.failed", "order.cancelled"], weights=[6, 2, 1])[0]
        if kind == "payment.successful":
            self._claims.paid_by_event.add(order_id)
        await self._tell(kind, order_id)
        self._claims.answers[f"kafka: {kind}"] += 1

    async def _tell(self, kind: str, order_id: str, **body: Any) -> None:
        event = {
            "eventId": str(uuid.uuid4()),
            "orderId": order_id,
            "timestamp": datetime.now(UTC).isoformat(),
            **body,
        }
        copies = 2 if self._dice.random() < 0.1 else 1
        for _ in range(copies):
            await self._publish(kind, event)

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = await self._rest.post_patiently(
            path, body, key=str(uuid.uuid4()), patience_seconds=self._patience_seconds
        )
        code = answer.body.get("code", "") if isinstance(answer.body, dict) else ""
        verb = path.rsplit("/", 1)[-1]
        self._claims.answers[f"rest: {verb} {answer.status} {code}".rstrip()] += 1
        return answer

    def _hear(self, reservation_id: str, answer: Any) -> None:
        if answer.status == 200:
            self._claims.told[reservation_id] = answer.body["status"]
        elif answer.body.get("code") == "reservation_settled":
            self._claims.told[reservation_id] = answer.body["reservationStatus"]

    async def _call(self, method: Any, request: Any) -> Any:
        key, deadline = str(uuid.uuid4()), time.monotonic() + self._patience_seconds
        name = type(request).__name__.removesuffix("Request")
        while time.monotonic() < deadline:
            try:
                metadata = (*self._rpc.metadata, ("idempotency-key", key))
                answer = await method(request, metadata=metadata, timeout=self._rpc.timeout_seconds)
            except grpc.aio.AioRpcError as error:
                end, _ = judged_rpc(error.code(), error.trailing_metadata(), error.details())
                if end in {End.FINAL, End.UNTYPED}:
                    self._claims.answers[f"grpc: {name} {error.code().name}"] += 1
                    return None
                await asyncio.sleep(0.3)
            else:
                self._claims.answers[f"grpc: {name} OK"] += 1
                return answer
        raise PatienceEnded(name)

    def _basket(self) -> dict[str, int]:
        return {sku: self._dice.randint(1, 3) for sku in self._dice.sample(self._skus, k=self._dice.randint(1, 3))}

    async def _think(self) -> None:
        await asyncio.sleep(self._dice.random() * THINK_SECONDS)
