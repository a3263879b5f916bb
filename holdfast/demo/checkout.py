"""Four customers, four ends of a hold: paid, sent back, called off, forgotten."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from gateway.rpc.generated.inventory.v1.inventory_pb2 import (
    CancelReservationRequest,
    Item,
    ReserveStockRequest,
)
from holdfast.demo.claims import in_milliseconds, percentile
from holdfast.demo.shop import Shop
from holdfast.demo.stage import Stage, advance

TENT, SOCKS, STOVE, BOOTS = "TENT-DOME-2P", "SOCKS-HIKE-WOOL-39-41", "STOVE-GAS-DUO", "BOOTS-ALPINE-42"

SHORT_HOLD_SECONDS = 2
EXPIRY_LAG_SECONDS_MAX = 1.0
ORDERS_MEASURED = 25
PATIENCE_SECONDS = 15.0


async def reserve_and_pay(shop: Shop, stage: Stage) -> None:
    """Anna reserves by REST; the payment comes over Kafka; she sends it all back."""
    stage.chapter("Anna buys a tent: REST reserves, a Kafka event pays")
    before = await shop.level(TENT)
    answer = await shop.reserve("anna-1001", {TENT: 1, SOCKS: 2}, key="anna-checkout")
    held = await shop.level(TENT)
    stage.claim(
        "POST /reservations holds stock of every line at once",
        answer.status == 201 and held.available == before.available - 1 and held.total == before.total,
        f"{answer.status} in {answer.milliseconds}; {TENT} {before.available} → {held.available} free",
    )
    stage.aside(f"the reservation is a workflow: {answer.body['links']['workflow']}")
    again = await shop.reserve("anna-1001", {TENT: 1, SOCKS: 2}, key="anna-checkout")
    stage.claim(
        "the same Idempotency-Key again gets the first answer and holds nothing more",
        again.replayed and again.body == answer.body and await shop.level(TENT) == held,
        f"Idempotent-Replayed in {again.milliseconds}",
    )
    await _pay(shop, stage, before.total)
    await _send_back(shop, stage, answer.body["reservationId"], before.total)


async def _pay(shop: Shop, stage: Stage, total_before: int) -> None:
    sent_at = await shop.news.send("payment.successful", "anna-1001", event_id="payment-1001")
    committed = await shop.news.until("anna-1001", "inventory.committed", seconds_max=PATIENCE_SECONDS)
    sold = await shop.level(TENT)
    stage.claim(
        "payment.successful on Kafka turns the hold into a sale and says so",
        sold.total == total_before - 1,
        f"inventory.committed seen {in_milliseconds(committed.seen_at - sent_at)} after the payment",
    )
    await shop.news.send("payment.successful", "anna-1001", event_id="payment-1001")


async def _send_back(shop: Shop, stage: Stage, reservation_id: str, total_before: int) -> None:
    await shop.news.send("order.cancelled", "anna-1001")
    await shop.news.until("anna-1001", "inventory.released", seconds_max=PATIENCE_SECONDS)
    back = await shop.reservation(reservation_id)
    row = next(line for line in back["lines"] if line["sku"] == TENT)["inventoryId"]
    ledger = (await shop.rest.get(f"/inventory/{row}/movements", reference="anna-1001")).body["items"]
    types = sorted(movement["type"] for movement in ledger)
    stage.claim(
        "order.cancelled after the sale brings the goods back, through the ledger",
        back["returnedAt"] is not None
        and types == ["OUTBOUND", "RETURN"]
        and (await shop.level(TENT)).total == total_before,
        f"movements of the order: {', '.join(types)} (the payment was delivered twice)",
    )


async def cancel_by_grpc(shop: Shop, stage: Stage) -> None:
    """Ben reserves and cancels by gRPC; REST tells the same story."""
    stage.chapter("Ben changes his mind: the same service over gRPC")
    before = await shop.level(STOVE)
    begin = time.perf_counter()
    request = ReserveStockRequest(order_id="ben-1002", items=[Item(sku=STOVE, quantity=3)])
    held = await shop.rpc.stub.ReserveStock(request, metadata=shop.rpc.metadata, timeout=shop.rpc.timeout_seconds)
    reserved_seconds = time.perf_counter() - begin
    during = await shop.level(STOVE)
    begin = time.perf_counter()
    await shop.rpc.stub.CancelReservation(
        CancelReservationRequest(reservation_id=held.reservation_id),
        metadata=shop.rpc.metadata,
        timeout=shop.rpc.timeout_seconds,
    )
    cancelled_seconds = time.perf_counter() - begin
    seen = await shop.reservation(held.reservation_id)
    stage.claim(
        "what gRPC reserves and cancels, REST sees: held, then free again",
        during.available == before.available - 3
        and seen["status"] == "CANCELLED"
        and await shop.level(STOVE) == before,
        f"ReserveStock {in_milliseconds(reserved_seconds)}, CancelReservation {in_milliseconds(cancelled_seconds)}",
    )


async def let_a_hold_expire(shop: Shop, stage: Stage) -> None:
    """Cleo walks away; the stock comes back by itself, and paying late is refused."""
    stage.chapter(f"Cleo walks away: a hold of {SHORT_HOLD_SECONDS} seconds")
    before = await shop.level(BOOTS)
    answer = await shop.reserve("cleo-1003", {BOOTS: 1}, hold_seconds=SHORT_HOLD_SECONDS)
    stage.say(f"A pair of boots is held until {answer.body['expiresAt'][11:19]} UTC, and nobody comes back …")
    released = await shop.news.until("cleo-1003", "inventory.released", seconds_max=PATIENCE_SECONDS)
    seen = await shop.reservation(answer.body["reservationId"])
    lag_seconds = _seconds_between(seen, "expiresAt", "expiredAt")
    stage.claim(
        "the hold ends by itself and its stock is free again",
        seen["status"] == "EXPIRED" and released.body["reason"] == "expired" and await shop.level(BOOTS) == before,
        f"reason {released.body['reason']!r}",
    )
    stage.claim(
        f"it ends on time: lag below {EXPIRY_LAG_SECONDS_MAX:g} s by the database's clock, never early",
        0 <= lag_seconds < EXPIRY_LAG_SECONDS_MAX,
        f"expired {in_milliseconds(lag_seconds)} after its deadline",
    )
    late = await shop.rest.post(f"/reservations/{answer.body['reservationId']}/commit")
    stage.claim(
        "who pays too late is told who won",
        late.status == 409 and late.body.get("code") == "reservation_settled",
        f"{late.status} {late.body.get('code')}: {late.body.get('detail')}",
    )


async def orders_by_kafka(shop: Shop, stage: Stage) -> None:
    """Orders that come as events, one after the other: how long until the answer is on Kafka."""
    stage.chapter("The order service only speaks Kafka")
    seconds = []
    with stage.progress("order.created → inventory.reserved", ORDERS_MEASURED) as progress:
        for number in range(ORDERS_MEASURED):
            order_id = f"event-{2000 + number}"
            sent_at = await shop.news.send("order.created", order_id, items=[{"sku": SOCKS, "quantity": 1}])
            reserved = await shop.news.until(order_id, "inventory.reserved", seconds_max=PATIENCE_SECONDS)
            seconds.append(reserved.seen_at - sent_at)
            advance(progress)
    p50, p95 = percentile(seconds, 0.5), percentile(seconds, 0.95)
    stage.claim(
        f"{ORDERS_MEASURED} order.created events hold stock and are answered by inventory.reserved",
        len(seconds) == ORDERS_MEASURED,
        f"event to event p50 {in_milliseconds(p50)}, p95 {in_milliseconds(p95)}",
    )
    await shop.news.send("order.created", "event-greedy", items=[{"sku": BOOTS, "quantity": 5000}])
    rejected = await shop.news.until("event-greedy", "inventory.reservation_rejected", seconds_max=PATIENCE_SECONDS)
    short = rejected.body["shortages"][0]
    stage.claim(
        "an order that asks for more than there is gets its refusal as news",
        short["requested"] == 5000 and short["available"] < 5000,
        f"{short['sku']}: {short['requested']} wanted, {short['available']} there",
    )


def _seconds_between(reservation: dict[str, Any], first: str, second: str) -> float:
    if not reservation[second]:
        return float("inf")
    times = (datetime.fromisoformat(reservation[name]) for name in (first, second))
    begin, end = times
    return (end - begin).total_seconds()
