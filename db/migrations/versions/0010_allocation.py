"""Why a reservation was allocated as it is."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sql("hold_with_reasons").replace(":", r"\:"))
