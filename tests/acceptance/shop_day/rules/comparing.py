"""What the service says against what the books say: each thing by itself, over the public interfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.acceptance.shop_day.books.aisle import Books
from tests.acceptance.shop_day.books.holds import Hold, Waiter
from tests.acceptance.shop_day.books.purchases import Purchase
from tests.acceptance.shop_day.books.shelves import Shelf
from tests.acceptance.shop_day.books.works import Request, Transfer
from tests.acceptance.shop_day.floor import Floor, same
from tests.acceptance.shop_day.shop import quantities_in, quantities_of

Thing = Shelf | Hold | Request | Transfer | Purchase | Waiter


def skus_of(thing: Thing) -> list[str]:
    """The SKUs that something is about."""
    if isinstance(thing, Hold):
        return [shelf.sku for shelf in thing.lines]
    if isinstance(thing, Transfer):
        return list(thing.cargo)
    if isinstance(thing, Purchase):
        return list(thing.lines)
    return [thing.shelf.sku] if isinstance(thing, Request) else [thing.sku]


def compare(floor: Floor, thing: Thing) -> None:
    """One thing as it can be read by itself; shelves are compared by SKU."""
    match thing:
        case Hold():
            check_hold(floor.look(f"/reservations/{thing.reservation_id}"), thing)
        case Request():
            check_request(floor.look(f"/adjustments/{thing.adjustment_id}"), thing)
        case Transfer():
            check_transfer(floor.look(f"/transfers/{thing.transfer_id}"), thing)
        case Purchase():
            check_purchase(floor.look(f"/purchase-orders/{thing.purchase_order_id}"), thing)
        case Waiter():
            check_waiter(floor.look(f"/waitlist/{thing.entry_id}"), thing)


def compare_sku(floor: Floor, books: Books, sku: str) -> None:
    """All shelves of a SKU, what is on its way to them, and their alerts."""
    seen = {
        row["inventoryId"]: (
            quantities_of(row),
            row["reorderPoint"],
            row["quantityInTransit"],
            row["quantityOnOrder"],
            row["unitCost"] and Decimal(row["unitCost"]),
        )
        for row in floor.pages(f"/inventory/sku/{sku}")
    }
    kept = {
        shelf.inventory_id: (
            quantities_in(shelf),
            shelf.reorder_point,
            books.in_transit_to(sku, shelf.place),
            books.on_order_for(sku, shelf.place),
            shelf.unit_cost,
        )
        for shelf in books.kept(sku)
    }
    same(seen, kept)
    told = sorted(
        (it["subjectId"], it["kind"], it["status"], it["resolution"] or "")
        for it in floor.pages("/alerts", sku=sku, pageSize=200)
    )
    right = sorted(
        (shelf.inventory_id, alert.kind, alert.status, alert.resolution or "")
        for shelf in books.shelves
        if shelf.sku == sku
        for alert in shelf.alerts
    )
    same(told, right, f"alerts of {sku}")


def compare_ledger(floor: Floor, shelf: Shelf, *, size: int = 200) -> None:
    """Every line of a shelf's ledger."""
    lines = floor.pages(f"/inventory/{shelf.inventory_id}/movements", pageSize=size)
    seen = [(it["type"], it["quantity"], it["totalAfter"], it["reference"]) for it in reversed(lines)]
    same(seen, [(it.type, it.pieces, it.total_after, it.reference) for it in shelf.ledger], f"ledger of {shelf!r}")


def compare_news(floor: Floor, books: Books) -> None:
    """Every change was told once, in order, with its numbers; every crossing; every step of orders and transfers."""
    _compare_updates(floor, {shelf.inventory_id: shelf for shelf in books.shelves})
    _compare_crossings(floor, {shelf.inventory_id: shelf for shelf in books.shelves})
    _compare_steps(floor, "reservationId", {it.reservation_id: it.news for it in books.holds})
    _compare_steps(floor, "transferId", {it.transfer_id: it.news for it in books.transfers})
    _compare_steps(floor, "purchaseOrderId", {it.purchase_order_id: it.news for it in books.purchases})


def check_hold(seen: Mapping[str, Any], hold: Hold) -> None:
    """A reservation."""
    lines = {it["inventoryId"]: (it["quantity"], it.get("quantityReturned", 0)) for it in seen["lines"]}
    right = {shelf.inventory_id: (pieces, hold.returned.get(shelf, 0)) for shelf, pieces in hold.lines.items()}
    same(lines, right, hold)
    said = (seen["status"], seen["orderId"], seen["releaseReason"], seen["extendsCount"])
    same(said, (hold.status, hold.order_id, hold.release_reason, hold.extends), hold)
    same(seen["returnedAt"] is not None, hold.is_whole, hold)
    check_shortages(seen.get("shortages", []), hold.shortages)


def check_shortages(told: Sequence[Mapping[str, Any]], right: Mapping[str, tuple[int, int]]) -> None:
    """What a refusal says that there is too little of: every SKU, each once."""
    said = sorted((it["sku"], it["requested"], it["available"]) for it in told)
    same(said, sorted((sku, *pieces) for sku, pieces in right.items()), "shortages")


def check_request(seen: Mapping[str, Any], request: Request) -> None:
    """An adjustment."""
    said = (seen["inventoryId"], seen["status"], seen["delta"], seen["type"], seen["requestedByName"])
    right = (request.shelf.inventory_id, request.status, request.delta, request.type, request.asked_by)
    same(said, right, request)
    same(seen["decidedByName"], request.decided_by, request)


def check_transfer(seen: Mapping[str, Any], transfer: Transfer) -> None:
    """A transfer and what became of each of its pieces."""
    said = (seen["status"], seen["requestedByName"], seen["decidedByName"])
    same(said, (transfer.status, transfer.asked_by, transfer.decided_by), transfer)
    names = ("quantity", "quantityShipped", "quantityReceived", "quantityLost", "quantityReturned", "quantityInTransit")
    lines = {it["sku"]: tuple(it[name] for name in names) for it in seen["lines"]}
    right = {
        sku: (it.asked, it.shipped, it.received, it.lost, it.returned, it.in_transit)
        for sku, it in transfer.cargo.items()
    }
    same(lines, right, transfer)


def check_purchase(seen: Mapping[str, Any], purchase: Purchase) -> None:
    """A purchase order and what has come of it."""
    said = (seen["status"], seen["requestedByName"], seen["decidedByName"], seen["warehouseId"])
    same(said, (purchase.status, purchase.asked_by, purchase.decided_by, purchase.place.warehouse_id), purchase)
    names = ("quantity", "quantityReceived", "quantityOutstanding")
    lines = {it["sku"]: tuple(it[name] for name in names) for it in seen["lines"]}
    right = {sku: (it.pieces, it.received, purchase.on_order(sku)) for sku, it in purchase.lines.items()}
    same(lines, right, purchase)


def check_waiter(seen: Mapping[str, Any], waiter: Waiter) -> None:
    """A place in line."""
    said = (seen["status"], seen["sku"], seen["quantity"], seen["orderId"], seen["reservationId"])
    offered = waiter.hold.reservation_id if waiter.hold else None
    same(said, (waiter.status, waiter.sku, waiter.pieces, waiter.order_id, offered), waiter)


def _compare_updates(floor: Floor, of_row: Mapping[str, Shelf]) -> None:
    updates = floor.heard(
        lambda it: it.type == "inventory.stock_updated" and it.body["inventoryId"] in of_row,
        sum(len(shelf.steps) for shelf in of_row.values()),
    )
    for inventory_id, shelf in of_row.items():
        told = sorted(
            (it.body["sequence"], it.body["oldTotal"], it.body["newTotal"], it.body["reserved"])
            for it in updates
            if it.body["inventoryId"] == inventory_id
        )
        same(told, [(n, it.total_before, it.total, it.reserved) for n, it in enumerate(shelf.steps, 1)], shelf)


def _compare_crossings(floor: Floor, of_row: Mapping[str, Shelf]) -> None:
    kinds = ("inventory.low_stock", "inventory.out_of_stock")
    right = sorted((it, f"inventory.{kind}") for it, shelf in of_row.items() for kind in shelf.crossings)
    told = floor.heard(lambda it: it.type in kinds and it.body["inventoryId"] in of_row, len(right))
    same(sorted((it.body["inventoryId"], it.type) for it in told), right, "crossings")


def _compare_steps(floor: Floor, id_name: str, of_thing: Mapping[str, Sequence[str]]) -> None:
    """The news of things that have a life, in the order of their sequence. What refuses a payment is no step of one."""
    told = floor.heard(
        lambda it: it.body.get(id_name) in of_thing and it.type.startswith(_LIVES[id_name]),
        sum(map(len, of_thing.values())),
    )
    for thing_id, news in of_thing.items():
        own = sorted((it for it in told if it.body[id_name] == thing_id), key=lambda it: it.body["sequence"])
        same([it.type for it in own], list(news), f"news of {thing_id}")


_LIVES = {
    "reservationId": (
        "inventory.reserv",
        "inventory.committed",
        "inventory.released",
        "inventory.returned",
    ),
    "transferId": ("inventory.transfer_",),
    "purchaseOrderId": ("inventory.purchase_order_",),
}
