"""The work of a Restock run: look for what is low, and draft orders for it. Each call is safe to repeat."""

from __future__ import annotations

import uuid
from itertools import islice
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.operations import for_temporal
from db import purchase_order_rows, purchase_orders, restock
from db.engine import Database, ReadSession, WriteSession
from db.locks import lock_warehouse
from db.paging import PageRequest
from db.purchase_orders import Draft
from db.restock import RestockFilter
from domain.contracts.operation_starts import purchase_order_start
from domain.contracts.reservations import Source
from domain.contracts.restock import DraftedOrder, DraftRequest, Need, ScanPage, ScanRequest
from domain.errors import HoldfastError
from domain.ids import NAMESPACE, RESTOCK
from domain.limits import LINES_MAX, PAGE_ROWS_MAX
from domain.purchase_orders import NewPurchaseOrder, PurchaseOrder, WantedLine
from domain.restock import Suggestion, suggestion_for
from runtime.failpoints import failpoint
from runtime.logs import get_logger
from workflows import ports

ORDERS_PER_NEED_MAX = 20
"""A supplier's lines for one warehouse beyond 20 full orders wait for the next run."""


_log = get_logger(__name__)


class RestockActivities(ports.RestockActivities):
    """The implementation on real Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="scan_for_restock")
    async def scan(self, request: ScanRequest) -> ScanPage:
        """Look at one page of low rows."""
        try:
            return await self._database.reading(lambda session: _scan(session, request))
        except HoldfastError as error:
            raise for_temporal(error) from error

    @activity.defn(name="draft_for_restock")
    async def draft(self, request: DraftRequest) -> list[DraftedOrder]:
        """Draft what one supplier is to deliver to one warehouse: usually one order, more when it has too many lines.

        A run that repeats itself gets the orders that it has drafted before. When a further one fails, the run goes on
        with those: what is drafted counts as on order, so no other run would look after them.
        """
        drafted: list[DraftedOrder] = []
        for part in range(ORDERS_PER_NEED_MAX):
            activity.heartbeat(part)
            try:
                order = await self._part(request, part)
            except ApplicationError as error:
                if not drafted:
                    raise
                _log.warning("restock_draft_incomplete", supplier_id=str(request.need.supplier_id), error=str(error))
                break
            if order is None:
                break
            start = purchase_order_start(order)
            drafted.append(
                DraftedOrder(
                    purchase_order_id=order.purchase_order_id,
                    number=order.number,
                    title=start.summary,
                    skus=list(start.skus),
                )
            )
        return drafted

    async def _part(self, request: DraftRequest, part: int) -> PurchaseOrder | None:
        try:
            order = await self._database.writing(lambda session: _draft(session, request, part), idempotent=True)
        except HoldfastError as error:
            raise for_temporal(error) from error
        failpoint("after_restock_draft")
        return order


async def _scan(session: ReadSession, request: ScanRequest) -> ScanPage:
    page = await restock.low_rows(session, RestockFilter(), PageRequest(size=PAGE_ROWS_MAX, token=request.token))
    suggestions = [suggestion for row in page.items if (suggestion := suggestion_for(row)) is not None]
    needs = [
        Need(warehouse_id=each.row.item.warehouse_id, supplier_id=each.offer.supplier_id)
        for each in suggestions
        if each.offer is not None
    ]
    return ScanPage(
        low_rows=len(suggestions),
        unsupplied_rows=sum(each.offer is None for each in suggestions),
        needs=list(dict.fromkeys(needs)),
        next_token=page.next_token,
    )


async def _draft(session: WriteSession, request: DraftRequest, part: int) -> PurchaseOrder | None:
    """One order of what is low now, as long as the warehouse is ours: two runs at once draft nothing twice."""
    need = request.need
    purchase_order_id = order_id_of(request, part)
    await lock_warehouse(session, need.warehouse_id)
    made = await purchase_order_rows.get(session, purchase_order_id)
    if made is not None:
        return made
    lines = tuple(_line(suggestion) for suggestion in await _wanted(session, need))
    if not lines:
        return None
    asked = Draft(
        purchase_order_id=purchase_order_id,
        new=NewPurchaseOrder(supplier_id=need.supplier_id, warehouse_id=need.warehouse_id, lines=lines),
        actor=RESTOCK,
        source=Source.TEMPORAL,
        restock_run=request.run,
    )
    return await purchase_orders.draft(session, asked)


async def _wanted(session: ReadSession, need: Need) -> list[Suggestion]:
    """What this supplier is the one to deliver, as many lines as an order may have."""
    filters = RestockFilter(warehouse_id=need.warehouse_id, supplier_id=need.supplier_id)
    wanted: list[Suggestion] = []
    token: str | None = None
    while len(wanted) < LINES_MAX:
        page = await restock.low_rows(session, filters, PageRequest(size=PAGE_ROWS_MAX, token=token))
        suggestions = (suggestion_for(row) for row in page.items)
        theirs = (each for each in suggestions if each and each.offer and each.offer.supplier_id == need.supplier_id)
        wanted += islice(theirs, LINES_MAX - len(wanted))
        token = page.next_token
        if token is None:
            break
    return wanted


def _line(suggestion: Suggestion) -> WantedLine:
    return WantedLine(sku=suggestion.row.item.sku, quantity=suggestion.quantity)


def order_id_of(request: DraftRequest, part: int) -> UUID:
    """The id that a run's order has, however often it is drafted."""
    need = request.need
    return uuid.uuid5(NAMESPACE, f"restock/{request.run}/{need.warehouse_id}/{need.supplier_id}/{part}")
