"""Purchase orders and their lines."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sql("purchase_orders").replace(":", r"\:"))
