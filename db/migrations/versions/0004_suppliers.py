"""Suppliers and what they sell."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sql("suppliers").replace(":", r"\:"))
