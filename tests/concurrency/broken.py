"""The product's rules, broken one at a time on purpose, in an SQL function's text or in Python, and put back after.

Each names the races that must show it. A rule that could be broken unseen would be a rule that nothing holds.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import TextClause, select, text

from db import locks
from db.engine import Database, WriteSession

_DEFINITION = text(
    "select pg_get_functiondef(oid) from pg_proc where proname = :name and pronamespace = 'public'::regnamespace"
)


@dataclass(frozen=True, slots=True)
class InSql:
    """`old` becomes `new` in a function's text, every time that it stands there."""

    function: str
    old: str
    new: str

    @asynccontextmanager
    async def broken(self, database: Database) -> AsyncIterator[None]:
        """Broken inside the block."""
        async with database.read() as session:
            intact = (await session.execute(_DEFINITION, {"name": self.function})).scalar_one()
        assert self.old in intact, f"{self.function} does not say {self.old!r} any more"
        await _define(database, intact.replace(self.old, self.new))
        try:
            yield
        finally:
            await _define(database, intact)


@dataclass(frozen=True, slots=True)
class InPython:
    """What `where` names becomes something else."""

    where: str
    instead: Any

    @asynccontextmanager
    async def broken(self, _database: Database) -> AsyncIterator[None]:
        """Broken inside the block."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.where, self.instead)
            yield


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that does not hold, how, and the races that show it."""

    rule: str
    how: InSql | InPython
    shown_by: tuple[str, ...]


def _without(statement: TextClause, words: str, instead: str = "") -> TextClause:
    assert words in statement.text, f"the statement does not say {words!r} any more"
    return text(statement.text.replace(words, instead))


async def _no_lock(_session: WriteSession, _ids: Any) -> None:
    return None


async def _read_only(session: WriteSession, table: Any, operation_id: Any) -> Any:
    (key,) = table.primary_key
    return (await session.execute(select(table).where(key == operation_id))).first()


LOCKED = "for no key update"

BROKEN = (
    Broken(
        "a reservation is locked before it is settled",
        InSql("settle_reservation", LOCKED, ""),
        ("commit, cancel",),
    ),
    Broken(
        "only what is PENDING is settled",
        InSql("settle_reservation", "v_row.status <> 'PENDING' or", ""),
        ("commit, cancel",),
    ),
    Broken(
        "a reservation is locked before it is extended",
        InSql("extend_reservation", LOCKED, ""),
        ("commit, extend",),
    ),
    Broken(
        "a return locks what was sold",
        InPython("gateway.commands.returns.lock_reservation", _no_lock),
        ("return, return",),
    ),
    Broken(
        "an order that is cancelled brings back what is still out, judged under the lock",
        InSql("return_reservation", LOCKED, ""),
        ("return, cancelled order",),
    ),
    Broken(
        "stock changes only where it fits",
        InSql("change_stock_row", "and i.quantity_total + p_total_delta >= i.quantity_reserved + p_reserved_delta", ""),
        ("hold, hold: the last piece",),
    ),
    Broken(
        "a hold that does not fit any more is planned again",
        InPython("db.holding.PLAN_DOES_NOT_FIT", "HF999"),
        ("hold, hold: the last piece",),
    ),
    Broken(
        "a short buyer waits for overdue holds that somebody else is settling",
        InPython("db.locks._LOCK_OVERDUE", _without(locks._LOCK_OVERDUE, LOCKED, f"{LOCKED} skip locked")),
        ("reclaim, sweeper", "reclaim, cancel", "reclaim, reclaim"),
    ),
    Broken(
        "a hold that is reclaimed is overdue still, once it is locked",
        InPython("db.locks._LOCK_OVERDUE", _without(locks._LOCK_OVERDUE, "and expires_at <= clock_timestamp()")),
        ("reclaim, extend",),
    ),
    Broken(
        "a hold that is reclaimed is PENDING still, once it is locked",
        InPython("db.locks._LOCK_OVERDUE", _without(locks._LOCK_OVERDUE, "and status = 'PENDING'")),
        ("reclaim, commit", "reclaim, cancel", "reclaim, sweeper"),
    ),
    Broken(
        "overdue holds are locked before they are reclaimed",
        InPython("db.locks._LOCK_OVERDUE", _without(locks._LOCK_OVERDUE, LOCKED)),
        ("reclaim, sweeper", "reclaim, cancel"),
    ),
    Broken(
        "who is short only because others were faster looks again",
        InPython("db.locks.LockedOverdue.is_complete", True),
        ("reclaim, reclaim",),
    ),
    Broken(
        "the sweeper passes by whom somebody else is settling",
        InSql("expire_overdue", " skip locked", ""),
        ("reclaim, sweeper, early return",),
    ),
    Broken(
        "inventory rows are locked in the order of their ids",
        InSql("lock_stock", "order by i.inventory_id", "order by i.inventory_id desc"),
        ("sweeper, hold: two lines crossing", "transfers crossing"),
    ),
    Broken(
        "inventory rows are changed in the order of their ids",
        InSql(
            "hold_reservation",
            "p_inventory_ids[n], 0, p_quantities[n]",
            "p_inventory_ids[3 - n], 0, p_quantities[3 - n]",
        ),
        ("hold, commit: two lines crossing",),
    ),
    Broken(
        "an operation is locked before its step is taken",
        InPython("activities.operations.lock_operation", _read_only),
        ("adjustment approve, reject", "transfer receive, receive: too much together"),
    ),
    Broken(
        "an approval judges the stock under its lock",
        InPython("activities.adjustments.lock_stock", _no_lock),
        ("adjustment approve, hold",),
    ),
    Broken(
        "an adjustment judges the stock under its lock",
        InPython("db.adjustments.lock_stock", _no_lock),
        ("transfer ship, adjustment",),
    ),
    Broken(
        "a transfer moves stock that it has locked",
        InPython("db.transfer_moves.lock_stock", _no_lock),
        ("transfer ship, hold",),
    ),
    Broken(
        "a file counts a row that it has locked",
        InPython("gateway.commands.imports.lock_stock", _no_lock),
        ("count by a file, hold", "count by a file, commit"),
    ),
    Broken(
        "a deleted product's rows are locked before they are judged",
        InPython("db.products.lock_stock", _no_lock),
        ("product deleted, hold",),
    ),
    Broken(
        "a row that is taken out of use is locked before it is judged",
        InPython("gateway.commands.stock.lock_stock", _no_lock),
        ("row deleted, hold",),
    ),
    Broken(
        "a row out of use takes no hold",
        InSql("change_stock_row", "and (i.deleted_at is null or p_reserved_delta <= 0)", ""),
        ("row deleted, return, hold",),
    ),
    Broken(
        "only who still waits is offered anything",
        InSql("offer_waitlist_entry", "or e.status <> 'WAITING'", ""),
        ("waitlist offer, withdraw",),
    ),
)


async def _define(database: Database, definition: str) -> None:
    async with database.single() as session:
        await session.execute(text(re.sub(r"(?<!:):(?!:|=)", r"\\:", definition)))
