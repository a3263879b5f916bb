"""Two hundred buyers, twenty-five pieces: the reason why this service exists."""

from __future__ import annotations

import asyncio
import time
import uuid

from holdfast.catalogue import warehouse_id_of
from holdfast.demo.claims import in_milliseconds, percentile
from holdfast.demo.shop import Shop, hold
from holdfast.demo.stage import Stage, advance
from holdfast.rest_client import Answer

BUYERS = 200
SHELVES = {"BER-1": 15, "ROT-1": 10}
PIECES = sum(SHELVES.values())
SKU = "JACKET-SUMMIT-LIMITED"


async def race(shop: Shop, stage: Stage) -> None:
    """All buyers press the button at the same moment; the winners pay by Kafka."""
    stage.chapter(f"{BUYERS} buyers, the last {PIECES} jackets")
    await _stock(shop)
    shelves = " + ".join(f"{pieces} in {code}" for code, pieces in SHELVES.items())
    stage.say(f"{shelves}, and {BUYERS} requests for one each, at the same moment …")
    begin = time.perf_counter()
    answers = await _rush(shop, stage)
    seconds = time.perf_counter() - begin
    _judge(stage, answers, seconds)
    level = await shop.level(SKU)
    stage.claim(
        "nothing is oversold: every piece is held, none twice",
        (level.total, level.reserved, level.available) == (PIECES, PIECES, 0),
        f"{level.total} on the shelf, {level.reserved} held, {level.available} free",
    )
    await _winners_pay(shop, stage, [number for number, answer in enumerate(answers) if _won(answer)])


async def _stock(shop: Shop) -> None:
    product_id = str(uuid.uuid4())
    for code, pieces in SHELVES.items():
        body = {
            "sku": SKU,
            "productId": product_id,
            "warehouseId": str(warehouse_id_of(code)),
            "quantityTotal": pieces,
            "reorderPoint": 5,
        }
        answer = await shop.rest.post("/inventory", body)
        assert answer.status == 201, answer.body


async def _rush(shop: Shop, stage: Stage) -> list[Answer]:
    with stage.progress("buyers answered", BUYERS) as progress:

        async def buy(number: int) -> Answer:
            key = f"race-{number}"
            answer = await shop.rest.post_patiently("/reservations", hold(key, {SKU: 1}), key=key)
            advance(progress)
            return answer

        return await asyncio.gather(*map(buy, range(BUYERS)))


def _judge(stage: Stage, answers: list[Answer], seconds: float) -> None:
    won, lost = sum(map(_won, answers)), sum(answer.status == 409 for answer in answers)
    losers = [answer for answer in answers if answer.status == 409]
    retries = sum(len(answer.failures) for answer in answers)
    times = [answer.seconds for answer in answers]
    again = f", {retries} tries asked to come back" if retries else ""
    stage.claim(
        f"exactly {PIECES} win and {BUYERS - PIECES} are refused",
        (won, lost) == (PIECES, BUYERS - PIECES),
        f"{won} won, {lost} × 409 in {seconds:.2f} s, p95 {in_milliseconds(percentile(times, 0.95))}{again}",
    )
    stage.claim(
        "every refusal says what was short",
        all(answer.body.get("code") == "insufficient_stock" and answer.body["shortages"] for answer in losers),
        losers[0].body["detail"] if losers else "nobody was refused",
    )


def _won(answer: Answer) -> bool:
    """201; or 200 for who had to ask again and learnt that it was his already."""
    return answer.status in {200, 201}


async def _winners_pay(shop: Shop, stage: Stage, winners: list[int]) -> None:
    orders = {f"race-{number}" for number in winners}
    begin = time.perf_counter()
    await asyncio.gather(*(shop.news.send("payment.successful", order_id) for order_id in orders))

    def all_committed() -> bool:
        return orders <= {news.body["orderId"] for news in shop.news.distinct("inventory.committed")}

    await shop.news.wait_for(all_committed)
    level = await shop.level(SKU)
    stage.claim(
        f"all {PIECES} winners pay over Kafka, and the shelf is empty",
        (level.total, level.reserved) == (0, 0),
        f"paid, committed and published in {time.perf_counter() - begin:.2f} s",
    )
