"""The REST face on a free port over parts that say what they are told to, and a client of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import aiohttp
from aiohttp import web

from db.audit import AuditEntry
from domain.adjustments import AdjustmentStatus, StockAdjustment
from domain.ageing import Ageing, OnTheWay
from domain.alerts import Alert, AlertKind, AlertStatus
from domain.approval import ApprovalReason
from domain.availability import Availability, BulkAvailability, BulkAvailabilityItem, WarehouseAvailability
from domain.contracts.reservations import Source
from domain.operations import OperationKind, Step
from domain.purchase_orders import PurchaseOrder, PurchaseOrderLine, PurchaseOrderStatus
from domain.reports import Cover, RegionStock, StockAt, StockTotal, Value, WarehouseStock
from domain.reservations import Line, Reservation, ReservationStatus
from domain.restock import LowRow, Offer, Suggestion, Unsupplied
from domain.returns import Condition, Return, ReturnLine
from domain.stock import Incoming, Movement, MovementType, ReasonCode, StockItem
from domain.suppliers import Supplier, SupplierItem
from domain.transfer_lines import TransferLine
from domain.transfers import Transfer, TransferStatus
from domain.waitlist import InLine, WaitlistEntry, WaitlistStatus
from domain.warehouses import Warehouse
from gateway.auth import SCOPES, Authenticator, development_token
from gateway.health import HealthChecks
from gateway.http.app import make_app
from gateway.http.reading import TEXT_PARAMETERS
from gateway.http.route import Route
from gateway.http.server import serve_http
from gateway.services import Services
from runtime.settings import Settings
from tests.gateway.explained import ONLY_THERE

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
ROW, PRODUCT, WAREHOUSE, RESERVATION, MOVEMENT, SUPPLIER, RETURN, ALERT, ADJUSTMENT, TRANSFER = (
    UUID(int=number) for number in range(11, 21)
)

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
LINE_OF_LEDGER = Movement(
    movement_id=MOVEMENT,
    inventory_id=ROW,
    type=MovementType.DAMAGE,
    quantity=-3,
    total_after=7,
    sequence=5,
    reason="dropped",
    reference="",
    performed_by=UUID(int=99),
    performed_by_name="tester",
    created_at=NOON,
)
HAMBURG = Warehouse(
    warehouse_id=WAREHOUSE,
    code="HAM-1",
    name="Hamburg",
    address="",
    city="Hamburg",
    state="",
    country="DE",
    postal_code="",
    region="eu-north",
    is_active=True,
    priority=1,
    latitude=53.55,
    longitude=9.99,
    adjustment_threshold_value=Decimal(2500),
    version=2,
    created_at=NOON,
    updated_at=NOON,
)
TEAHOUSE = Supplier(
    supplier_id=SUPPLIER,
    code="TEAHOUSE",
    name="Teahouse Trading",
    email="orders@teahouse.example",
    currency="EUR",
    lead_time_days=10,
    is_active=True,
    version=2,
    created_at=NOON,
    updated_at=NOON,
)
SOLD_BY_THEM = SupplierItem(
    supplier_id=SUPPLIER,
    sku="TEA-GREEN-250",
    unit_cost=Decimal("4.2"),
    pack_size=12,
    minimum_quantity=24,
    version=3,
    created_at=NOON,
    updated_at=NOON,
)
ORDER = UUID(int=31)
ORDERED = PurchaseOrder(
    purchase_order_id=ORDER,
    order_number=123,
    supplier_id=SUPPLIER,
    warehouse_id=WAREHOUSE,
    currency="EUR",
    reference="spring",
    status=PurchaseOrderStatus.PARTIALLY_RECEIVED,
    lines=(
        PurchaseOrderLine(
            sku="TEA-GREEN-250",
            quantity=48,
            unit_cost=Decimal("4.2"),
            quantity_received=12,
            quantity_outstanding=36,
        ),
    ),
    restock_run=None,
    expected_at=NOON,
    late_since=NOON + timedelta(seconds=1),
    requested_by=UUID(int=99),
    requested_by_name="tester",
    requested_at=NOON - timedelta(days=9),
    decided_by=UUID(int=98),
    decided_by_name="chief",
    decided_at=NOON - timedelta(days=8),
    sent_at=NOON - timedelta(days=7),
    closed_at=None,
    closing_reason="",
    version=4,
    updated_at=NOON,
)
LOW_TEA = LowRow(
    item=ITEM,
    incoming=Incoming(on_order=2, in_transit=1),
    offers=(Offer(item=SOLD_BY_THEM, supplier_code="TEAHOUSE", currency="EUR", lead_time_days=10),),
)
ORDER_TEA = Suggestion(row=LOW_TEA, quantity=60, offer=LOW_TEA.offers[0])
NOBODY_SELLS_IT = Suggestion(row=LOW_TEA, quantity=50, offer=None, unsupplied=Unsupplied.NO_SUPPLIER)
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
COMMITTED = replace(HELD, status=ReservationStatus.COMMITTED, committed_at=NOON, sequence=2)
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
            damage_movement_id=UUID(int=18),
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
ON_HAND = Availability(
    sku="TEA-GREEN-250",
    quantity_requested=2,
    quantity_available=7,
    available=True,
    warehouses=(
        WarehouseAvailability(
            inventory_id=ROW, warehouse_id=WAREHOUSE, code="HAM-1", region="eu-north", quantity_available=7
        ),
    ),
    explanation=ONLY_THERE,
)
LOW_ON_TEA = Alert(
    alert_id=ALERT,
    kind=AlertKind.LOW_STOCK,
    subject_id=ROW,
    status=AlertStatus.OPEN,
    sku="TEA-GREEN-250",
    warehouse_id=WAREHOUSE,
    details={"quantityAvailable": 2, "reorderPoint": 2, "reorderQuantity": 50, "sequence": 4},
    raised_at=NOON,
    acknowledged_at=None,
    acknowledged_by=None,
    acknowledged_by_name=None,
    resolved_at=None,
    resolved_by=None,
    resolved_by_name=None,
    resolution=None,
    reason="",
    version=1,
)
WAITING = StockAdjustment(
    adjustment_id=ADJUSTMENT,
    inventory_id=ROW,
    warehouse_id=WAREHOUSE,
    sku="TEA-GREEN-250",
    delta=-500,
    type=MovementType.DAMAGE,
    reason_code=ReasonCode.DAMAGE,
    reason="water in the cellar",
    reference="",
    status=AdjustmentStatus.PENDING,
    approval_reason=ApprovalReason.QUANTITY,
    unit_cost=Decimal("12.5"),
    currency="EUR",
    total_before=600,
    applied_total_before=None,
    total_after=None,
    requested_by=UUID(int=99),
    requested_by_name="tester",
    requested_at=NOON,
    decided_by=None,
    decided_by_name=None,
    decided_at=None,
    decision_reason="",
    wakes_at=NOON + timedelta(days=1),
    wakes_for=Step.REMIND,
    closed_at=None,
    version=1,
    updated_at=NOON,
)
APPLIED = replace(
    WAITING,
    status=AdjustmentStatus.APPLIED,
    applied_total_before=600,
    total_after=100,
    decided_by=UUID(int=98),
    decided_by_name="boss",
    decided_at=NOON,
    wakes_at=None,
    wakes_for=None,
    closed_at=NOON,
    version=2,
)
ON_THE_ROAD = Transfer(
    transfer_id=TRANSFER,
    from_warehouse_id=WAREHOUSE,
    to_warehouse_id=UUID(int=77),
    status=TransferStatus.PARTLY_RECEIVED,
    lines=(
        TransferLine(
            sku="TEA-GREEN-250",
            from_inventory_id=ROW,
            quantity=40,
            quantity_shipped=38,
            quantity_received=30,
            quantity_lost=5,
            quantity_returned=1,
        ),
    ),
    reason="the south sells faster",
    reference="",
    approval_reason=None,
    transit_seconds=None,
    expected_at=NOON,
    shipped_at=NOON - timedelta(days=3),
    late_since=NOON,
    requested_by=UUID(int=99),
    requested_by_name="tester",
    requested_at=NOON - timedelta(days=4),
    decided_by=None,
    decided_by_name=None,
    decided_at=None,
    decision_reason="",
    wakes_at=None,
    wakes_for=None,
    closed_at=None,
    version=3,
    updated_at=NOON,
)
ASKED_FOR = AuditEntry(
    audit_id=UUID(int=97),
    subject_kind=OperationKind.ADJUSTMENT,
    subject_id=ADJUSTMENT,
    decision_id=str(ADJUSTMENT),
    step="request",
    source=Source.REST,
    performed_by=UUID(int=99),
    performed_by_name="tester",
    reason="water in the cellar",
    status_before=None,
    status_after="PENDING",
    refusal_code=None,
    refusal_detail=None,
    details={"delta": -500},
    created_at=NOON,
)
IN_LINE = UUID(int=21)
THIRD_IN_LINE = InLine(
    WaitlistEntry(
        entry_id=IN_LINE,
        place=77,
        order_id="order-1",
        sku="TEA-GREEN-250",
        quantity=2,
        warehouse_id=None,
        region="eu",
        hold_seconds=900,
        status=WaitlistStatus.WAITING,
        reservation_id=None,
        sequence=1,
        performed_by=UUID(int=99),
        performed_by_name="tester",
        traceparent=None,
        joined_at=NOON,
        expires_at=NOON + timedelta(days=7),
        settled_at=None,
    ),
    position=3,
)
SERVED = InLine(
    replace(
        THIRD_IN_LINE.entry,
        status=WaitlistStatus.OFFERED,
        reservation_id=RESERVATION,
        settled_at=NOON,
        sequence=2,
    ),
    position=None,
)
ALL_ON_HAND = BulkAvailability(available=True, items=(BulkAvailabilityItem(availability=ON_HAND),))

PARTS = [
    field.name for field in fields(Services) if field.name not in {"settings", "database", "authenticator", "health"}
]
"""The commands and views that handlers call."""

FIGURES: dict[str, Any] = {
    "skus": 3,
    "skus_low": 2,
    "skus_out_of_stock": 1,
    "quantity_total": 10,
    "quantity_reserved": 3,
    "quantity_in_transit": 5,
    "quantity_on_order": 6,
    "value_at_cost": (Value("EUR", Decimal("12.5")), Value("GBP", Decimal(3))),
    "quantity_without_cost": 4,
}
EU_NORTH = RegionStock(region="eu-north", warehouses=2, warehouses_active=1, **FIGURES)
IN_HAMBURG = WarehouseStock(
    warehouse_id=WAREHOUSE, warehouse_code="HAM-1", name="Hamburg", region="eu-north", is_active=True, **FIGURES
)
AT_NOON = StockAt(
    inventory_id=ROW,
    product_id=PRODUCT,
    variant_id=None,
    sku="TEA-GREEN-250",
    warehouse_id=WAREHOUSE,
    warehouse_code="HAM-1",
    region="eu-north",
    quantity_total=10,
    last_movement_at=NOON,
)
IN_THE_NORTH_AT_NOON = StockTotal(region="eu-north", inventory_rows=2, quantity_total=15)
LASTS_A_WEEK = Cover(
    inventory_id=ROW,
    sku="TEA-GREEN-250",
    warehouse_id=WAREHOUSE,
    warehouse_code="HAM-1",
    region="eu-north",
    quantity_available=7,
    quantity_sold=28,
    days_observed=28,
)

LONG_ON_THE_ROAD = OnTheWay(
    kind=Ageing.TRANSFER,
    operation_id=UUID(int=96),
    status="IN_TRANSIT",
    from_warehouse_id=UUID(int=95),
    from_warehouse_code="LYS-1",
    from_region="eu-south",
    supplier_id=None,
    supplier_code=None,
    warehouse_id=WAREHOUSE,
    warehouse_code="HAM-1",
    region="eu-north",
    since=NOON,
    expected_at=NOON + timedelta(days=3),
    age_days=9,
    days_late=6,
    quantity_outstanding=12,
)

RESERVE = {"orderId": "order-1", "items": [{"sku": "TEA-GREEN-250", "quantity": 2}]}


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
        """The arguments of the latest call of this method."""
        return [(args, kwargs) for called, args, kwargs in self.asked if called == name][-1]


@dataclass
class Answered:
    """One answer, read whole."""

    status: int
    headers: Any
    raw: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        """The code of a problem, whose shape is checked on the way."""
        problem = self.json
        assert self.headers["Content-Type"] == "application/problem+json"
        assert problem["status"] == self.status
        assert problem["type"] == f"https://holdfast.dev/problems/{problem['code']}"
        assert problem["title"]
        assert problem["detail"]
        assert problem["instance"].startswith("/")
        return str(problem["code"])

    @property
    def pointers(self) -> list[str]:
        """The wrong fields of a problem."""
        return [error["pointer"] for error in self.json["errors"]]


@dataclass
class Face:
    """A served face: its parts, and a client that may do everything."""

    services: Services
    app: web.Application
    port: int
    session: aiohttp.ClientSession
    parts: dict[str, Part]
    headers: dict[str, str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Part:
        """What stands behind the face under this name, e.g. `stock`."""
        try:
            return self.__dict__["parts"][name]
        except KeyError:
            raise AttributeError(name) from None

    def bearer(self, *scopes: str, subject: str = "tester") -> dict[str, str]:
        """The header of a token."""
        return {"Authorization": "Bearer " + development_token(self.services.settings, subject=subject, scopes=scopes)}

    async def ask(
        self, method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None, **more: Any
    ) -> Answered:
        """One request as somebody who may do everything; `headers` come on top, an empty one takes one away."""
        together = {**self.headers, **(headers or {})}
        sent = {name: value for name, value in together.items() if value}
        if body is not None:
            more["data"] = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        async with self.session.request(method, path, headers=sent, **more) as response:
            return Answered(response.status, response.headers, await response.read())

    async def exchange(self, raw: bytes) -> bytes:
        """Send bytes as they are; everything that comes back until the other side closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            return await asyncio.wait_for(reader.read(), 30)
        finally:
            writer.close()
            await writer.wait_closed()

    async def get(self, path: str, **more: Any) -> Answered:
        """GET."""
        return await self.ask("GET", path, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> Answered:
        """POST."""
        return await self.ask("POST", path, body=body, **more)

    async def reserve(self, **more: Any) -> Answered:
        """POST the usual reservation."""
        return await self.post("/api/v1/reservations", RESERVE, **more)


def path_of(route: Route) -> str:
    """A path of a route, with some id or text for each parameter and the query that it cannot do without."""
    texts = dict.fromkeys(TEXT_PARAMETERS, "A")
    fields = route.query.model_fields if route.query else {}
    needed = {name: (field.examples or [])[0] for name, field in fields.items() if field.is_required()}
    path = route.path.format(**{**dict.fromkeys(route.parameters, ROW), **texts})
    return f"{path}?{urlencode(needed)}" if needed else path


@asynccontextmanager
async def served(
    settings: Settings, *, database: Any = None, scopes: Sequence[str] = SCOPES, health: HealthChecks | None = None
) -> AsyncIterator[Face]:
    """A face on a free port, stopped at the end."""
    parts = {name: Part() for name in PARTS}
    services = Services(
        settings=settings,
        database=database,
        authenticator=Authenticator(settings),
        health=health or HealthChecks(required={}, optional={}),
        **parts,  # type: ignore[arg-type]
    )
    app = make_app(services, settings)
    async with (
        serve_http(app, settings, host="127.0.0.1", port=0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        face = Face(services, app, port, session, parts)
        face.headers = face.bearer(*scopes)
        yield face
