"""Returns in parts, each written down with its lines in the ledger."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sql("return_stock").replace(":", r"\:"))
