"""Transfers in their tables: what Postgres itself refuses, and how they are listed."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import pytest
from sqlalchemy import text

from db import transfer_rows
from db.engine import Database
from db.paging import PageRequest
from db.transfer_rows import TransferFilter
from domain.contracts.transfers import TransferRequest
from domain.operations import Step
from domain.transfers import TransferStatus
from tests.db.test_constraints import CHECK_VIOLATION, UNIQUE_VIOLATION, refusal
from tests.transferring import BOSS, Road, lines, road


@pytest.fixture(scope="module")
async def way(db: Database) -> Road:
    return await road(db, A=1_000, B=1_000)


@pytest.fixture(scope="module")
async def shipped(way: Road) -> TransferRequest:
    """One of 5 pieces on the road."""
    return await way.shipped(A=5)


@pytest.fixture(scope="module")
async def waiting(db: Database) -> TransferRequest:
    """One that waits for an approval."""
    return await (await road(db, far=True, A=10)).opened(A=5)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("quantity_shipped = 6", "transfer_lines_shipped_at_most_asked"),
        ("quantity_shipped = -1, quantity_returned = -1", "transfer_lines_nothing_negative"),
        ("quantity_received = 6", "transfer_lines_accounted_at_most_shipped"),
        ("quantity_received = 3, quantity_lost = 2, quantity_returned = 1", "transfer_lines_accounted_at_most_shipped"),
        ("quantity_received = -1", "transfer_lines_nothing_negative"),
        ("quantity_lost = -1", "transfer_lines_nothing_negative"),
        ("quantity_returned = -1", "transfer_lines_nothing_negative"),
        ("quantity = 0, quantity_shipped = 0", "transfer_lines_quantity_in_range"),
    ],
)
async def test_an_impossible_line_is_refused(
    db: Database, shipped: TransferRequest, change: str, constraint: str
) -> None:
    state, message = await refusal(
        db, f"update transfer_lines set {change} where transfer_id = :id", id=shipped.transfer_id
    )
    assert (state, constraint in message) == (CHECK_VIOLATION, True), message


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("status = 'GONE'", "transfers_status_known"),
        ("to_warehouse_id = from_warehouse_id", "transfers_go_elsewhere"),
        ("status = 'CLOSED'", "transfers_end_once"),
        ("closed_at = now(), wakes_at = null, wakes_for = null", "transfers_end_once"),
        ("shipped_at = null", "transfers_shipped_on_the_road"),
        ("status = 'REQUESTED'", "transfers_shipped_on_the_road"),
        ("expected_at = null", "transfers_shipped_on_the_road"),
        ("wakes_for = null", "transfers_wake_while_open"),
        ("transit_seconds = 0", "transfers_transit_seconds_positive"),
        ("approval_reason = 'mood'", "transfers_approval_reason_known"),
        ("approval_reason = 'quantity'", "transfers_four_eyes"),
        ("approval_reason = 'quantity', decided_by = requested_by", "transfers_four_eyes"),
    ],
)
async def test_an_impossible_transfer_on_the_road_is_refused(
    db: Database, shipped: TransferRequest, change: str, constraint: str
) -> None:
    state, message = await refusal(db, f"update transfers set {change} where transfer_id = :id", id=shipped.transfer_id)
    assert (state, constraint in message) == (CHECK_VIOLATION, True), message


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("approval_reason = null", "transfers_approval_where_needed"),
        ("status = 'REQUESTED'", "transfers_approval_where_needed"),
        ("status = 'APPROVED'", "transfers_four_eyes"),
        ("status = 'APPROVED', decided_by = requested_by", "transfers_four_eyes"),
        ("late_since = now()", "transfers_shipped_on_the_road"),
    ],
)
async def test_an_impossible_transfer_that_waits_is_refused(
    db: Database, waiting: TransferRequest, change: str, constraint: str
) -> None:
    state, message = await refusal(db, f"update transfers set {change} where transfer_id = :id", id=waiting.transfer_id)
    assert (state, constraint in message) == (CHECK_VIOLATION, True), message


async def test_the_database_counts_a_receipt_once_too(db: Database, way: Road) -> None:
    request = await way.shipped(A=5)
    await way.take(request, Step.RECEIVE, receipt_id="slip-1", lines=lines(A=1))
    state, message = await refusal(
        db,
        """insert into audit (subject_kind, subject_id, decision_id, step, source, performed_by, performed_by_name,
                              status_after, details)
           select subject_kind, subject_id, 'another', step, source, performed_by, performed_by_name, status_after,
                  details
           from audit where subject_id = :id and step = 'receive'""",
        id=request.transfer_id,
    )
    assert (state, "audit_one_count_per_receipt" in message) == (UNIQUE_VIOLATION, True), message


@pytest.fixture(scope="module")
async def listed(db: Database) -> tuple[Road, list[TransferRequest]]:
    """Four on a road of its own, oldest first: of A, of B shipped, of both and late, of A cancelled."""
    way = await road(db, A=100, B=100)
    first, second = await way.opened(A=1), await way.shipped(B=1)
    third, fourth = await way.shipped(A=1, B=1), await way.opened(A=1)
    await way.clock(third)
    await way.take(fourth, Step.CANCEL)
    return way, [first, second, third, fourth]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [3, 2, 1, 0]),
        ({"status": TransferStatus.IN_TRANSIT}, [2, 1]),
        ({"sku": "A"}, [3, 2, 0]),
        ({"sku": "B", "status": TransferStatus.IN_TRANSIT}, [2, 1]),
        ({"late": True}, [2]),
        ({"late": False}, [3, 1, 0]),
    ],
)
@pytest.mark.parametrize("end", ["from_warehouse_id", "to_warehouse_id"])
async def test_newest_first_by_what_is_asked(
    db: Database,
    listed: tuple[Road, list[TransferRequest]],
    filters: dict[str, Any],
    found: list[int],
    end: str,
) -> None:
    way, requests = listed
    place = way.source if end == "from_warehouse_id" else way.target
    chosen = TransferFilter(**filters, **{end: place.warehouse_id})
    ids, token = [], None
    for _ in itertools.count():
        asked = PageRequest(size=2, token=token)
        page = await db.reading(lambda session, asked=asked: transfer_rows.listed(session, chosen, asked))  # type: ignore[misc]
        ids += [row.transfer_id for row in page.items]
        assert all(row.lines for row in page.items)
        token = page.next_token
        if token is None:
            break
    assert ids == [requests[number].transfer_id for number in found]


async def test_one_that_is_not_there_is_nobody(db: Database) -> None:
    assert await db.reading(lambda session: transfer_rows.get(session, uuid.uuid4())) is None


async def test_a_lost_piece_stays_accounted_for_when_it_ends(db: Database, way: Road) -> None:
    request = await way.shipped(B=5)
    await way.take(request, Step.RESOLVE, BOSS, discrepancy="lost")
    async with db.read() as session:
        row = (
            await session.execute(
                text("select * from transfer_lines where transfer_id = :id"), {"id": request.transfer_id}
            )
        ).one()
    assert (row.quantity_shipped, row.quantity_lost, row.quantity_in_transit) == (5, 5, 0)
