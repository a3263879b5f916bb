"""Audit of every step that people take, and adjustments with approval."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sql("operations").replace(":", r"\:"))
