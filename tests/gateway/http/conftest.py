from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from db.paging import Page
from domain.adjustments import Adjusted, BatchResult
from domain.ageing import age_groups
from domain.stock import Incoming
from gateway.commands.reservations import Reserved
from gateway.commands.returns import TakenBack
from runtime.settings import Settings
from tests.gateway.http.face import (
    ALL_ON_HAND,
    APPLIED,
    ASKED_FOR,
    AT_NOON,
    COMMITTED,
    EU_NORTH,
    HAMBURG,
    HELD,
    IN_HAMBURG,
    IN_THE_NORTH_AT_NOON,
    ITEM,
    LASTS_A_WEEK,
    LINE_OF_LEDGER,
    LONG_ON_THE_ROAD,
    LOW_ON_TEA,
    ON_HAND,
    ON_THE_ROAD,
    ORDER_TEA,
    ORDERED,
    ROW,
    SOLD_BY_THEM,
    TAKEN_BACK,
    TEAHOUSE,
    THIRD_IN_LINE,
    WAITING,
    Face,
    served,
)


@pytest.fixture(scope="module")
async def served_face() -> AsyncIterator[Face]:
    async with served(Settings(app_env="test")) as face:
        yield face


@pytest.fixture
def face(served_face: Face) -> Face:
    """The face of the module with its usual answers."""
    return with_usual_answers(served_face)


def with_usual_answers(served_face: Face) -> Face:
    """Have every part answer something plausible, and forget what it was asked."""
    rows = Page((ITEM,), "next")
    adjusted = Adjusted(item=ITEM, movement=LINE_OF_LEDGER)
    served_face.views.answers = {
        "inventory_item": ITEM,
        "inventory_list": rows,
        "inventory_of_product": rows,
        "inventory_of_sku": rows,
        "incoming": {ROW: Incoming(in_transit=12, on_order=24)},
        "movements": Page((LINE_OF_LEDGER,)),
        "warehouse": HAMBURG,
        "warehouse_list": Page((HAMBURG,)),
        "warehouse_inventory": rows,
        "reservation": HELD,
        "reservation_list": Page((HELD,)),
        "returns_of_reservation": Page((TAKEN_BACK,)),
        "sale_return": TAKEN_BACK,
        "waitlist_entry": THIRD_IN_LINE,
        "waitlist_entries": Page((THIRD_IN_LINE.entry,)),
        "alert": LOW_ON_TEA,
        "alert_list": Page((LOW_ON_TEA,)),
        "check_availability": ON_HAND,
        "check_availability_bulk": ALL_ON_HAND,
    }
    served_face.reports.answers = {
        "regions": Page((EU_NORTH,)),
        "region": (EU_NORTH, Page((IN_HAMBURG,))),
        "stock_as_of": Page((AT_NOON,)),
        "stock_totals": Page((IN_THE_NORTH_AT_NOON,)),
        "days_of_cover": Page((LASTS_A_WEEK,)),
        "ageing": Page((LONG_ON_THE_ROAD,)),
        "age_groups": age_groups({}),
    }
    served_face.stock.answers = {
        "create": ITEM,
        "update": Adjusted(item=ITEM),
        "adjust": adjusted,
        "batch": [BatchResult(adjusted=adjusted)],
        "delete": None,
    }
    served_face.adjustments.answers = {"decide": APPLIED}
    served_face.transfers.answers = {"request": ON_THE_ROAD, "decide": ON_THE_ROAD}
    served_face.operation_views.answers = {
        "transfer": ON_THE_ROAD,
        "transfer_list": Page((ON_THE_ROAD,), "next"),
        "adjustment": WAITING,
        "adjustment_list": Page((WAITING, APPLIED), "next"),
        "audit_trail": Page((ASKED_FOR,), "next"),
    }
    served_face.warehouses.answers = {"create": HAMBURG, "update": HAMBURG}
    served_face.suppliers.answers = {
        "create": TEAHOUSE,
        "update": TEAHOUSE,
        "put_item": (SOLD_BY_THEM, False),
        "remove_item": None,
    }
    served_face.purchasing.answers = {
        "supplier": TEAHOUSE,
        "supplier_list": Page((TEAHOUSE,)),
        "supplier_item": SOLD_BY_THEM,
        "supplier_items": Page((SOLD_BY_THEM,)),
    }
    served_face.purchase_orders.answers = {"create": ORDERED, "decide": ORDERED}
    served_face.operation_views.answers |= {
        "purchase_order": ORDERED,
        "purchase_order_list": Page((ORDERED,), "next"),
    }
    served_face.purchasing.answers |= {"restock_suggestions": Page((ORDER_TEA,))}
    served_face.restock.answers = {"run": "restock-1"}
    served_face.reservations.answers = {
        "reserve": Reserved(HELD, is_new=True),
        "commit": COMMITTED,
        "cancel": HELD,
        "extend": HELD,
    }
    served_face.returns.answers = {"take_back": TakenBack(TAKEN_BACK, is_new=True)}
    served_face.alerts.answers = {"acknowledge": LOW_ON_TEA, "resolve": LOW_ON_TEA}
    served_face.waitlist.answers = {"join": THIRD_IN_LINE, "withdraw": None}
    for part in served_face.parts.values():
        part.asked.clear()
    return served_face
