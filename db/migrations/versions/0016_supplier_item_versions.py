"""The version of what a supplier sells."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sql("supplier_item_versions").replace(":", r"\:"))
