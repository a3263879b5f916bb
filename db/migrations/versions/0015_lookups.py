"""Indexes of what is looked up where much has gathered: the news of refused payments, audit trails."""

from __future__ import annotations

from alembic import op

from db.migrations import sql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

FILES = ("refuse_commit_by_event", "audit_by_subject")


def upgrade() -> None:
    for name in FILES:
        op.execute(sql(name).replace(":", r"\:"))
