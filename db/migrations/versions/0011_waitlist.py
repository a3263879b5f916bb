"""Orders that wait for stock."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sql("waitlist").replace(":", r"\:"))
