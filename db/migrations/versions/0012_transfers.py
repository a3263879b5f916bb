"""Transfers between warehouses and their lines."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sql("transfers").replace(":", r"\:"))
