"""Transfers for tests: two warehouses with something to send, and the steps that people and the clock take."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from activities.transfers import TransferActivities
from db.engine import Database
from db.transfer_rows import get
from domain.contracts.operations import SkuQuantity, StaffDecision, StepOutcome, StepRequest
from domain.contracts.transfers import TransferRequest
from domain.ids import CLOCK, Actor
from domain.operations import OperationKind, Step
from domain.stock import StockItem
from domain.transfers import Transfer
from domain.warehouses import Warehouse
from runtime.settings import Settings
from tests.stocking import TESTER, add_stock, add_warehouse, audit_of, unique

BOSS = Actor(uuid.uuid4(), "boss")
THRESHOLD = 100


def lines(**pieces: int) -> list[SkuQuantity]:
    """Lines of a request or a decision."""
    return [SkuQuantity(sku=sku, quantity=quantity) for sku, quantity in pieces.items()]


@dataclass
class Road:
    """From one warehouse to another, with stock at its beginning; what stands there by SKU."""

    database: Database
    source: Warehouse
    target: Warehouse
    stock: Mapping[str, StockItem]
    activities: TransferActivities

    def ask(self, **pieces: int) -> TransferRequest:
        """A request for pieces of each SKU."""
        return self.request(lines(**pieces))

    def request(self, wanted: list[SkuQuantity], **fields: Any) -> TransferRequest:
        """A request as its fields say."""
        return TransferRequest(
            **{
                "transfer_id": uuid.uuid4(),
                "from_warehouse_id": self.source.warehouse_id,
                "to_warehouse_id": self.target.warehouse_id,
                "lines": wanted,
                "actor_id": TESTER.actor_id,
                "actor_name": TESTER.name,
                **fields,
            }
        )

    async def opened(self, **pieces: int) -> TransferRequest:
        """A transfer that was asked for."""
        request = self.ask(**pieces)
        await self.activities.open(request)
        return request

    async def shipped(self, **pieces: int) -> TransferRequest:
        """A transfer that is on the road."""
        request = await self.opened(**pieces)
        outcome = await self.take(request, Step.SHIP)
        assert outcome.status == "IN_TRANSIT", outcome
        return request

    async def take(self, request: TransferRequest, step: Step, actor: Actor = BOSS, **said: Any) -> StepOutcome:
        """Take a step; `said` are fields of the decision."""
        decision = StaffDecision(
            **{"decision_id": str(uuid.uuid4()), "actor_id": actor.actor_id, "actor_name": actor.name, **said}
        )
        return await self.activities.take(StepRequest(operation_id=request.transfer_id, step=step, decision=decision))

    async def clock(self, request: TransferRequest) -> StepOutcome:
        """The clock's next step, as if its time had come."""
        async with self.database.write() as session:
            statement = text("""update transfers set wakes_at = clock_timestamp() where transfer_id = :id
                                returning wakes_for, version""")
            row = (await session.execute(statement, {"id": request.transfer_id})).one()
        return await self.take(request, Step(row.wakes_for), CLOCK, decision_id=f"{row.wakes_for}-{row.version}")

    async def now(self, request: TransferRequest) -> Transfer:
        """The transfer as it is now."""
        found = await self.database.reading(lambda session: get(session, request.transfer_id))
        assert found is not None
        return found

    async def trail(self, request: TransferRequest) -> list[tuple[str, str | None]]:
        """The steps of its audit trail, with what refused them."""
        trail = await audit_of(self.database, OperationKind.TRANSFER, request.transfer_id)
        return [(line.step, line.refusal_code) for line in trail]

    async def levels(self, warehouse: Warehouse) -> dict[str, int]:
        """Total pieces by SKU in a warehouse."""
        async with self.database.read() as session:
            rows = await session.execute(
                text("select sku, quantity_total from inventory where warehouse_id = :id and deleted_at is null"),
                {"id": warehouse.warehouse_id},
            )
            return {row.sku: row.quantity_total for row in rows}

    async def ledger(self, request: TransferRequest) -> list[tuple[str, str, int]]:
        """The movements of a transfer, oldest first: where, of what, how many."""
        statement = text("""
            select case i.warehouse_id when :source then 'source' else 'target' end as place, i.sku, m.quantity
            from stock_movements m join inventory i using (inventory_id)
            where m.type = 'TRANSFER' and m.reference = :reference order by m.created_at, i.sku
        """)
        values = {"source": self.source.warehouse_id, "reference": str(request.transfer_id)}
        async with self.database.read() as session:
            return [tuple(row) for row in await session.execute(statement, values)]


async def road(database: Database, *, far: bool = False, target: Warehouse | None = None, **pieces: int) -> Road:
    """A road with so many pieces of each SKU at its beginning; `far` leads to another region."""
    source = await add_warehouse(database, region="eu")
    end = target or await add_warehouse(database, region="us" if far else "eu")
    stock = {sku: await add_stock(database, quantity, warehouse=source, sku=sku) for sku, quantity in pieces.items()}
    settings = Settings(transfer_approval_threshold=THRESHOLD)
    return Road(database, source, end, stock, TransferActivities(database, settings))


def sku() -> str:
    """A SKU of one test's own."""
    return unique("SKU")
