"""Two hundred buyers, twenty-five pieces, the whole way from the command to the committed row: exactly 25 win."""

from __future__ import annotations

import asyncio

from db.engine import Database
from domain.errors import InsufficientStock
from domain.reservations import ReservationStatus
from gateway.commands.holding import Reserved
from holdfast.stack.embedded import Stack
from runtime.settings import Settings
from tests.conftest import NAMESPACES
from tests.gateway.commands.desk import CALLER, connect, open_desk
from tests.stocking import add_stock, stock_now, want

BUYERS, PIECES = 200, 25
PATIENCE_SECONDS = 90.0
"""Nobody may leave without an answer, however busy the machine is."""


async def test_exactly_as_many_buyers_win_as_there_are_pieces(
    db: Database, database: Settings, temporal_server: Stack
) -> None:
    settings = database.model_copy(update={**temporal_server.addresses, "temporal_namespace": NAMESPACES[-4]})
    desk = await open_desk(db, await connect(settings), settings)
    item = await add_stock(db, PIECES)
    async with desk.serving():
        answers = await asyncio.gather(
            *(desk.reserve(want(item, 1), deadline_seconds=PATIENCE_SECONDS) for _ in range(BUYERS)),
            return_exceptions=True,
        )
        won = [answer.reservation for answer in answers if isinstance(answer, Reserved)]
        refused = [answer for answer in answers if isinstance(answer, InsufficientStock)]
        assert (len(won), len(refused)) == (PIECES, BUYERS - PIECES)
        sold = await asyncio.gather(*(desk.commands.commit(each.reservation_id, CALLER) for each in won))
    assert {each.status for each in sold} == {ReservationStatus.COMMITTED}
    after = await stock_now(db, item)
    assert (after.quantity_total, after.quantity_reserved) == (0, 0)


async def test_buyers_of_two_processes_share_the_last_pieces(
    db: Database, database: Settings, temporal_server: Stack
) -> None:
    settings = database.model_copy(update={**temporal_server.addresses, "temporal_namespace": NAMESPACES[-5]})
    desks = [await open_desk(db, await connect(settings), settings) for _ in range(2)]
    item = await add_stock(db, PIECES)
    async with desks[0].serving(), desks[1].serving():
        answers = await asyncio.gather(
            *(desk.reserve(want(item, 2), deadline_seconds=PATIENCE_SECONDS) for _ in range(20) for desk in desks),
            return_exceptions=True,
        )
    won = [answer for answer in answers if isinstance(answer, Reserved)]
    assert len(won) == PIECES // 2
    assert {type(answer) for answer in answers} == {Reserved, InsufficientStock}
    assert (await stock_now(db, item)).quantity_available == PIECES % 2
