"""What the steps of a transfer do to stock: it leaves, arrives, goes missing or comes back, and may be late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from activities.operations import Effect, StepTaken
from db import operations, receipts, transfer_moves, warehouses
from db.alerts import raise_alert, resolve_alerts
from db.engine import WriteSession
from db.operations import Advance
from domain.alerts import AlertKind, Resolution
from domain.errors import Unprocessable
from domain.events import Produced
from domain.lines import pieces_by_sku
from domain.transfer_lines import Discrepancy, LineChange, receipt, resolution, shipment
from domain.transfers import (
    Transfer,
    TransferPolicy,
    TransferStatus,
    check_target,
    check_transfer_step,
    discrepancy_of,
    status_of,
    wake_on_the_road,
)

Taken = StepTaken[Transfer]


def shipping(policy: TransferPolicy) -> Effect:
    """Ship, in whole: what is to go leaves now, if it is free to leave."""

    async def ship(session: WriteSession, taken: Taken) -> Advance:
        asked = taken.operation
        check_transfer_step(asked, taken.step, taken.actor.actor_id)
        target = await warehouses.get(session, asked.to_warehouse_id)
        assert target is not None, "a warehouse is never deleted"
        check_target(target)
        changes = shipment(asked.lines, _pieces(taken))
        await _move(session, taken, changes)
        now = await operations.now(session)
        expected_at = policy.expected_at(asked, now)
        return Advance(
            status=status_of(one.after for one in changes),
            event=Produced.TRANSFER_SHIPPED,
            columns={"shipped_at": now, "expected_at": expected_at},
            wake=wake_on_the_road(asked, expected_at),
            **_telling(changes),
        )

    return ship


async def receive(session: WriteSession, taken: Taken) -> Advance | None:
    """What arrives goes onto the target's shelves; a receipt that was counted before changes nothing."""
    asked, decision = taken.operation, taken.decision
    if await receipts.is_counted(session, asked.transfer_id, decision):
        return None
    check_transfer_step(asked, taken.step, taken.actor.actor_id)
    gap = discrepancy_of(decision.discrepancy)
    changes = receipt(asked.lines, _pieces(taken), gap)
    await _move(session, taken, changes)
    return await _on_the_road(
        session, taken, changes, Produced.TRANSFER_RECEIVED, {**receipts.noted(decision), **_gap_details(gap)}
    )


async def resolve(session: WriteSession, taken: Taken) -> Advance:
    """Somebody says what became of pieces that did not arrive."""
    asked = taken.operation
    check_transfer_step(asked, taken.step, taken.actor.actor_id)
    gap = discrepancy_of(taken.decision.discrepancy)
    if gap is None:
        raise Unprocessable("say what became of it: lost, found or return")
    changes = resolution(asked.lines, _pieces(taken), gap)
    await _move(session, taken, changes)
    return await _on_the_road(session, taken, changes, Produced.TRANSFER_RESOLVED, _gap_details(gap))


async def cancel(session: WriteSession, taken: Taken) -> Advance:
    """Take it back: what is in transit returns to the source, exactly."""
    asked = taken.operation
    check_transfer_step(asked, taken.step, taken.actor.actor_id)
    changes = resolution(asked.lines, {}, Discrepancy.RETURN)
    await _move(session, taken, changes)
    await _no_longer_late(session, taken)
    return Advance(
        status=TransferStatus.CANCELLED, event=Produced.TRANSFER_CANCELLED, is_closed=True, **_telling(changes)
    )


async def mark_late(session: WriteSession, taken: Taken) -> Advance:
    """The clock: it should have arrived by now."""
    asked = taken.operation
    check_transfer_step(asked, taken.step, taken.actor.actor_id)
    await raise_alert(
        session,
        AlertKind.TRANSFER_LATE,
        asked.transfer_id,
        warehouse_id=asked.to_warehouse_id,
        details={
            "fromWarehouseId": str(asked.from_warehouse_id),
            "expectedAt": asked.expected_at.isoformat() if asked.expected_at else None,
        },
    )
    return Advance(status=asked.status, event=Produced.TRANSFER_LATE, columns={"late_since": operations.CLOCK})


async def _on_the_road(
    session: WriteSession, taken: Taken, changes: Sequence[LineChange], event: Produced, details: dict[str, Any]
) -> Advance:
    """The state after pieces were accounted for: closed when nothing is in transit any more."""
    asked = taken.operation
    after = {one.line.sku: one.after for one in changes}
    status = status_of(after.get(line.sku, line) for line in asked.lines)
    is_closed = status is TransferStatus.CLOSED
    if is_closed:
        await _no_longer_late(session, taken)
    return Advance(
        status=status,
        event=event,
        also=(Produced.TRANSFER_CLOSED,) if is_closed else (),
        wake=None if is_closed else wake_on_the_road(asked, asked.expected_at),
        is_closed=is_closed,
        **_telling(changes, details),
    )


async def _no_longer_late(session: WriteSession, taken: Taken) -> None:
    if taken.operation.is_late:
        await resolve_alerts(
            session,
            taken.operation.transfer_id,
            [AlertKind.TRANSFER_LATE],
            Resolution.RECOVERED,
            traceparent=taken.decision.traceparent,
        )


async def _move(session: WriteSession, taken: Taken, changes: Sequence[LineChange]) -> None:
    if not changes:
        return
    await transfer_moves.move(
        session,
        taken.operation,
        changes,
        taken.actor,
        reason=taken.decision.reason or f"transfer: {taken.step}",
        traceparent=taken.decision.traceparent,
    )


def _telling(changes: Sequence[LineChange], details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a step moved, for the audit line and for the event: fields of Advance."""
    moved = [
        {
            "sku": one.line.sku,
            "shipped": one.shipped,
            "received": one.received,
            "lost": one.lost,
            "returned": one.returned,
        }
        for one in changes
    ]
    return {"details": {**(details or {}), "moved": moved}, "facts": {"moved": moved}}


def _gap_details(gap: Discrepancy | None) -> dict[str, Any]:
    return {"discrepancy": gap.value} if gap else {}


def _pieces(taken: Taken) -> dict[str, int]:
    return pieces_by_sku((line.sku, line.quantity) for line in taken.decision.lines)
