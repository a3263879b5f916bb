"""Alerts, raised and resolved by the changes of stock themselves."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FILES = ("alerts", "change_stock_with_alerts")


def upgrade() -> None:
    for name in FILES:
        op.execute(sql(name).replace(":", r"\:"))
