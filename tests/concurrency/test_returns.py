"""Many hands that take back the same sale at once: never a piece more than was sold, whoever comes first."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter

import pytest

from db.engine import Database
from domain.errors import ReturnExceedsSale
from domain.returns import Condition, ReturnItem, ReturnRequest
from gateway.commands.returns import ReturnCommands, TakenBack
from tests.gateway.commands.desk import CALLER
from tests.stocking import add_stock, ledger_of, reservation_now, return_sold, sell, stock_now, want


@pytest.mark.usefixtures("_no_deadlock")
async def test_returns_at_once_never_exceed_what_was_sold(db: Database) -> None:
    dice, returns = random.Random(11), ReturnCommands(db)
    one, other = await add_stock(db, 100), await add_stock(db, 100)
    sold = await sell(db, want(one, 20), want(other, 10))

    async def bring(*, of_one: int, of_other: int) -> TakenBack:
        items = [
            ReturnItem(sku=item.sku, quantity=pieces, condition=dice.choice(list(Condition)))
            for item, pieces in ((one, of_one), (other, of_other))
            if pieces
        ]
        request = ReturnRequest(return_id=uuid.uuid4(), items=tuple(dice.sample(items, len(items))))
        return await returns.take_back(sold.reservation_id, request, CALLER)

    answers = await asyncio.gather(
        *(bring(of_one=dice.randint(1, 3), of_other=dice.randint(0, 2)) for _ in range(24)), return_exceptions=True
    )
    assert {type(answer) for answer in answers} == {TakenBack, ReturnExceedsSale}
    came = Counter[uuid.UUID]()
    for answer in answers:
        if isinstance(answer, TakenBack):
            came.update({line.inventory_id: line.quantity for line in answer.recorded.lines})
    row = await reservation_now(db, sold)
    assert {line.inventory_id: line.quantity_returned for line in row.lines} == dict(came)
    assert all(line.quantity_returned <= line.quantity for line in row.lines)


@pytest.mark.usefixtures("_no_deadlock")
async def test_a_cancelled_order_and_returns_of_it_share_what_was_sold(db: Database) -> None:
    returns = ReturnCommands(db)
    item = await add_stock(db, 50)
    for _ in range(5):
        sold = await sell(db, want(item, 4))
        request = ReturnRequest(return_id=uuid.uuid4(), items=(ReturnItem(sku=item.sku, quantity=3),))
        await asyncio.gather(
            return_sold(db, sold),
            returns.take_back(sold.reservation_id, request, CALLER),
            return_sold(db, sold),
            return_exceptions=True,
        )
        row = await reservation_now(db, sold)
        assert (row.lines[0].quantity_returned, row.returned_at is not None) == (4, True)
    assert (await stock_now(db, item)).quantity_total == 50
    back = [line.quantity for line in await ledger_of(db, item) if line.type == "RETURN"]
    assert sum(back) == 5 * 4
