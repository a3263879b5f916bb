"""Warehouses, stock, reservations, ledger, outbox, inbox and idempotency keys."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FILES = (
    "tables",
    "lock_stock",
    "change_stock",
    "hold_reservation",
    "settle_reservation",
    "expire_overdue",
    "extend_reservation",
    "return_reservation",
    "refuse_commit",
    "lease_buckets",
)


def upgrade() -> None:
    for name in FILES:
        op.execute(sql(name).replace(":", r"\:"))
