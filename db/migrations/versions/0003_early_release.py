"""Holds that let go of the hot row before the disk has answered."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sql("hold_early_release").replace(":", r"\:"))
