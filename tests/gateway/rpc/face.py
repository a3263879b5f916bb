"""The gRPC face on a free port over parts that say what they are told to, and a client of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import grpc
import structlog
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from domain.reservations import Line, Reservation, ReservationStatus
from domain.returns import Condition, Return, ReturnLine
from domain.stock import StockItem
from gateway.auth import SCOPES, Authenticator, development_token
from gateway.health import HealthChecks
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from gateway.rpc.generated.inventory.v1.inventory_pb2_grpc import InventoryServiceStub
from gateway.rpc.server import RpcServer, make_server
from gateway.services import Services
from runtime.settings import Settings

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
ROW, PRODUCT, WAREHOUSE, RESERVATION, MOVEMENT, RETURN = (UUID(int=number) for number in range(11, 17))

DETAILS = (ErrorInfo, BadRequest, RetryInfo, RequestInfo, pb.StockShortage)

ITEM = StockItem(
    inventory_id=ROW,
    product_id=PRODUCT,
    variant_id=None,
    warehouse_id=WAREHOUSE,
    sku="TEA-GREEN-250",
    quantity_total=10,
    quantity_reserved=3,
    reorder_point=2,
    reorder_quantity=50,
    unit_cost=Decimal("12.5"),
    currency="EUR",
    sequence=4,
    version=5,
    created_at=NOON,
    updated_at=NOON + timedelta(hours=1),
)

HELD = Reservation(
    reservation_id=RESERVATION,
    order_id="order-1",
    status=ReservationStatus.PENDING,
    lines=(Line(inventory_id=ROW, warehouse_id=WAREHOUSE, sku="TEA-GREEN-250", quantity=2),),
    shortages=(),
    fingerprint="0" * 64,
    release_reason=None,
    extends_count=0,
    sequence=1,
    reserved_at=NOON,
    expires_at=NOON + timedelta(minutes=15),
    committed_at=None,
    cancelled_at=None,
    expired_at=None,
    returned_at=None,
    created_at=NOON,
    updated_at=NOON,
)

SETTLED = replace(HELD, status=ReservationStatus.COMMITTED, committed_at=NOON)

TAKEN_BACK = Return(
    return_id=RETURN,
    reservation_id=RESERVATION,
    order_id="order-1",
    lines=(
        ReturnLine(
            inventory_id=ROW,
            warehouse_id=WAREHOUSE,
            sku="TEA-GREEN-250",
            quantity=1,
            condition=Condition.DAMAGED,
            movement_id=MOVEMENT,
            damage_movement_id=UUID(int=17),
        ),
    ),
    fingerprint="0" * 64,
    reason="torn",
    is_complete=False,
    sequence=3,
    performed_by=UUID(int=99),
    performed_by_name="tester",
    created_at=NOON,
)


class Part:
    """Stands behind a port: answers each method as told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        async def answer(*args: Any, **kwargs: Any) -> Any:
            self.asked.append((name, args, kwargs))
            told = self.answers[name]
            if isinstance(told, BaseException):
                raise told
            return await told(*args, **kwargs) if callable(told) else told

        return answer

    def last(self, name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the latest call, which must have been of this method."""
        called, args, kwargs = self.asked[-1]
        assert called == name
        return args, kwargs


@dataclass
class Face:
    """A served face: its parts, its stub, and what a caller sends along."""

    services: Services
    server: RpcServer
    channel: grpc.aio.Channel
    reservations: Part
    returns: Part
    stock: Part
    views: Part
    metadata: tuple[tuple[str, str], ...] = ()
    stub: InventoryServiceStub = field(init=False)

    def __post_init__(self) -> None:
        self.stub = InventoryServiceStub(self.channel)

    def token(self, *scopes: str, subject: str = "tester") -> tuple[str, str]:
        """The metadata entry of a token."""
        return ("authorization", "Bearer " + development_token(self.services.settings, subject=subject, scopes=scopes))

    async def call(self, method: str, request: Message, *more: tuple[str, str], deadline_seconds: float = 30.0) -> Any:
        """Call a method as somebody who may do everything."""
        return await getattr(self.stub, method)(request, metadata=(*self.metadata, *more), timeout=deadline_seconds)

    async def raw(self, path: str, message: bytes) -> bytes:
        """Send bytes to a method, whatever they are; the bytes of its answer."""
        call: Any = self.channel.unary_unary(f"/{path}")
        answer: bytes = await call(message, metadata=self.metadata, timeout=30)
        return answer

    async def refusal(self, method: str, request: Message, *more: tuple[str, str]) -> Refusal:
        """The error a call ends with."""
        try:
            await self.call(method, request, *more)
        except grpc.aio.AioRpcError as error:
            return Refusal.of(error)
        raise AssertionError("the call was answered")


@dataclass
class Refusal:
    """An error as a client with google.rpc support reads it."""

    code: grpc.StatusCode
    message: str
    details: dict[type[Message], Any]
    trailing: dict[str, Any]

    @classmethod
    def of(cls, error: grpc.aio.AioRpcError) -> Refusal:
        """Unpack the details. The status must be there and agree with the code, else this raises."""
        call: Any = error  # offers the same methods as a call
        status = rpc_status.from_call(call)
        assert isinstance(status, Status), f"{error.code()} without details: {error.details()}"
        return cls(error.code(), status.message, dict(map(_unpacked, status.details)), dict(error.trailing_metadata()))

    @property
    def reason(self) -> str:
        """The stable code of the error."""
        info: ErrorInfo = self.details[ErrorInfo]
        assert info.domain == "holdfast.dev"
        return str(info.reason)

    @property
    def fields(self) -> list[str]:
        """The paths of the wrong fields."""
        return [violation.field for violation in self.details[BadRequest].field_violations]


class Lines(list[dict[str, Any]]):
    """Takes what is logged, with what is bound to the context."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def info(self, event: str, **fields: Any) -> None:
        self.append({**structlog.contextvars.get_contextvars(), "event": event, **fields})
        self._more.set()

    exception = error = debug = info

    async def written(self, event: str, **fields: Any) -> None:
        """Return when there is a line of this event with these fields."""
        wanted = {"event": event, **fields}.items()
        while not any(wanted <= line.items() for line in self):
            self._more.clear()
            await self._more.wait()


def _unpacked(packed: Any) -> tuple[type[Message], Message]:
    for kind in DETAILS:
        if packed.Is(kind.DESCRIPTOR):
            message = kind()
            packed.Unpack(message)
            return kind, message
    raise AssertionError(f"unknown detail {packed.type_url}")


@asynccontextmanager
async def served(
    settings: Settings, *, database: Any = None, scopes: Sequence[str] = SCOPES, health: HealthChecks | None = None
) -> AsyncIterator[Face]:
    """A face on a free port, stopped at the end."""
    reservations, returns, stock, views = Part(), Part(), Part(), Part()
    services = Services(
        settings=settings,
        database=database,
        authenticator=Authenticator(settings),
        reservations=reservations,  # type: ignore[arg-type]
        returns=returns,  # type: ignore[arg-type]
        stock=stock,  # type: ignore[arg-type]
        adjustments=Part(),  # type: ignore[arg-type]
        transfers=Part(),  # type: ignore[arg-type]
        operation_views=Part(),  # type: ignore[arg-type]
        warehouses=Part(),  # type: ignore[arg-type]
        suppliers=Part(),  # type: ignore[arg-type]
        purchasing=Part(),  # type: ignore[arg-type]
        purchase_orders=Part(),  # type: ignore[arg-type]
        restock=Part(),  # type: ignore[arg-type]
        waitlist=Part(),  # type: ignore[arg-type]
        alerts=Part(),  # type: ignore[arg-type]
        views=views,  # type: ignore[arg-type]
        reports=Part(),  # type: ignore[arg-type]
        health=health or HealthChecks(required={}, optional={}),
    )
    async with serving(services) as (server, channel):
        face = Face(services, server, channel, reservations, returns, stock, views)
        face.metadata = (face.token(*scopes),)
        yield face


@asynccontextmanager
async def serving(services: Services) -> AsyncIterator[tuple[RpcServer, grpc.aio.Channel]]:
    """A server over given services, and a channel to it."""
    server = make_server(services, services.settings)
    port = server.bind("127.0.0.1", 0)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield server, channel
    finally:
        await server.stop(grace_seconds=1.0)
