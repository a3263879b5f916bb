"""Unit cost and currency of an inventory row; approval thresholds of a warehouse."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sql("unit_cost").replace(":", r"\:"))
