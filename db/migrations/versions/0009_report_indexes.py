"""Indexes for reports: rows of a SKU, retired ones included, and the ledger by period."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sql("report_indexes").replace(":", r"\:"))
