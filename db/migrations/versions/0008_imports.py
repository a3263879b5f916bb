"""Imports of stock from files, and the rows that each has dealt with."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sql("imports").replace(":", r"\:"))
