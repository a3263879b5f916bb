"""Receipts that count once: the same slip scanned again changes nothing, whoever scans it and however late.

What was counted is the audit line of the step that counted it; a unique index keeps it the only one. A receipt that was
refused was not counted, and may be sent again when it is right.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from db.engine import ReadSession
from db.tables import audit
from domain.contracts.operations import StaffDecision
from domain.errors import ReceiptMismatch
from domain.fields import FieldProblems
from domain.limits import RECEIPT_ID_CHARACTERS_MAX
from domain.lines import pieces_by_sku


def noted(asked: StaffDecision) -> dict[str, Any]:
    """What an audit line keeps of the receipt that it counted; nothing for one without an id."""
    return {"receiptId": asked.receipt_id, "receipt": _contents(asked)} if asked.receipt_id else {}


async def is_counted(session: ReadSession, operation_id: UUID, asked: StaffDecision) -> bool:
    """Whether this receipt was counted before.

    Raises Unprocessable for an id that is none, ReceiptMismatch when it was counted with other contents.
    """
    if not asked.receipt_id:
        return False
    problems = FieldProblems()
    problems.name("/receiptId", asked.receipt_id, characters_max=RECEIPT_ID_CHARACTERS_MAX)
    problems.refuse()
    statement = select(audit.c.details).where(
        audit.c.subject_id == operation_id,
        audit.c.refusal_code.is_(None),
        audit.c.details["receiptId"].astext == asked.receipt_id,
    )
    counted = (await session.execute(statement)).scalar()
    if counted is None:
        return False
    if counted["receipt"] != _contents(asked):
        raise ReceiptMismatch(f"receipt {asked.receipt_id} was counted with other contents")
    return True


def _contents(asked: StaffDecision) -> dict[str, Any]:
    return {
        "lines": pieces_by_sku((line.sku, line.quantity) for line in asked.lines),
        "discrepancy": asked.discrepancy,
    }
