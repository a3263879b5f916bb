"""What staff do on the same day: a transfer across the ocean, a large loss, and what two pairs of eyes are for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateway.auth import SCOPES, development_token
from holdfast.catalogue import warehouse_id_of
from holdfast.demo.shop import Shop
from holdfast.demo.stage import Stage
from holdfast.rest_client import Rest, open_rest

SHIRT = "TSHIRT-MERINO-BLK-M"
FROM, TO = "BER-1", "RNO-1"
SENT, ARRIVED = 20, 17
LOSS = -150


@asynccontextmanager
async def _as(shop: Shop, name: str) -> AsyncIterator[Rest]:
    """The service as somebody else sees it."""
    settings = shop.service.settings
    async with open_rest(shop.service.facts()["api"], development_token(settings, subject=name, scopes=SCOPES)) as rest:
        yield rest


async def _row(rest: Rest, sku: str, code: str) -> dict[str, Any]:
    rows = (await rest.get("/inventory", sku=sku, warehouseId=str(warehouse_id_of(code)))).body["items"]
    return dict(rows[0]) if rows else {"quantityTotal": 0}


async def move_stock(shop: Shop, stage: Stage) -> None:
    """Dora asks for a transfer, Emil approves, Finn receives less than was sent."""
    stage.chapter("Dora moves stock to Reno: asked, approved, shipped, received short")
    async with _as(shop, "dora") as dora, _as(shop, "emil") as emil, _as(shop, "finn") as finn:
        body = {
            "fromWarehouseId": str(warehouse_id_of(FROM)),
            "toWarehouseId": str(warehouse_id_of(TO)),
            "lines": [{"sku": SHIRT, "quantity": SENT}],
            "reason": "the west sells faster",
        }
        asked = await dora.post("/transfers", body, key="dora-1")
        path = f"/transfers/{asked.body['transferId']}"
        own = await dora.post(f"{path}/approve")
        stage.claim(
            "a transfer across regions waits for somebody else: the asker cannot approve it",
            asked.body["status"] == "PENDING_APPROVAL" and own.body.get("code") == "self_approval",
            f"{asked.status} {asked.body['status']}; Dora's own approval: {own.status} {own.body.get('code')}",
        )
        stage.aside(f"it waits as a workflow: {asked.body['links']['workflow']}")
        before = await _row(dora, SHIRT, FROM), await _row(dora, SHIRT, TO)
        await emil.post(f"{path}/approve", {"reason": "they do"})
        shipped = await dora.post(f"{path}/ship")
        await finn.post(f"{path}/receive", {"lines": [{"sku": SHIRT, "quantity": ARRIVED}], "receiptId": "slip-1"})
        again = await finn.post(
            f"{path}/receive", {"lines": [{"sku": SHIRT, "quantity": ARRIVED}], "receiptId": "slip-1"}
        )
        closed = await finn.post(f"{path}/resolve", {"discrepancy": "lost", "reason": "a box was crushed"})
        after = await _row(dora, SHIRT, FROM), await _row(dora, SHIRT, TO)
    line = closed.body["lines"][0]
    stage.claim(
        "every piece is accounted for: left, arrived once although the slip was scanned twice, lost",
        shipped.body["status"] == "IN_TRANSIT"
        and again.status == 200
        and closed.body["status"] == "CLOSED"
        and [row["quantityTotal"] for row in after]
        == [before[0]["quantityTotal"] - SENT, before[1]["quantityTotal"] + ARRIVED],
        f"{line['quantityShipped']} shipped = {line['quantityReceived']} received + {line['quantityLost']} lost",
    )


async def write_off_a_loss(shop: Shop, stage: Stage) -> None:
    """A loss that is too large for one person, and the trail it leaves."""
    stage.chapter(f"Dora cannot find {-LOSS} shirts: a loss too large for one person")
    async with _as(shop, "dora") as dora, _as(shop, "emil") as emil:
        row = await _row(dora, SHIRT, FROM)
        change = {"delta": LOSS, "reasonCode": "loss", "reason": "not where they should be"}
        asked = await dora.post(f"/inventory/{row['inventoryId']}/adjust", change, key="dora-2")
        untouched = await _row(dora, SHIRT, FROM)
        path = f"/adjustments/{asked.body['adjustmentId']}"
        approved = await emil.post(f"{path}/approve", {"reason": "I looked, too"})
        trail = (await emil.get(f"{path}/audit")).body["items"]
    stage.claim(
        "it changes nothing until a second person agrees, and both stand in the audit trail",
        asked.status == 202
        and untouched["quantityTotal"] == row["quantityTotal"]
        and approved.body["totalAfter"] == row["quantityTotal"] + LOSS
        and [line["performedByName"] for line in trail] == ["dora", "emil"],
        f"{asked.status}, then {approved.body['totalBefore']} → {approved.body['totalAfter']}, "
        + ", ".join(f"{line['step']} by {line['performedByName']}" for line in trail),
    )
