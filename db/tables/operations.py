"""Work that waits for people: who took which step, and what the table of every such noun begins with."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Numeric, String, Table, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from db.tables.columns import instant, metadata, moment, own_id, prose

audit = Table(
    "audit",
    metadata,
    own_id("audit_id"),
    Column("subject_kind", String(20), nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("decision_id", String(255), nullable=False),
    Column("step", String(20), nullable=False),
    Column("source", String(20), nullable=False),
    Column("performed_by", Uuid, nullable=False),
    Column("performed_by_name", String(255), nullable=False),
    prose("reason", 255),
    Column("status_before", String(30)),
    Column("status_after", String(30), nullable=False),
    Column("refusal_code", String(60)),
    Column("refusal_detail", String(1000)),
    Column("details", JSONB, nullable=False, server_default="{}"),
    instant("created_at"),
)


def head(id_name: str) -> list[Column[object]]:
    """What the table of every operation begins with."""
    return [
        Column(id_name, Uuid, primary_key=True),
        Column("status", String(30), nullable=False),
        Column("version", BigInteger, nullable=False, server_default="1"),
        Column("requested_by", Uuid, nullable=False),
        Column("requested_by_name", String(255), nullable=False),
        instant("requested_at"),
        moment("wakes_at"),
        Column("wakes_for", String(20)),
        moment("late_since"),
        moment("closed_at"),
        instant("updated_at"),
    ]


adjustments = Table(
    "adjustments",
    metadata,
    *head("adjustment_id"),
    Column("inventory_id", Uuid, ForeignKey("inventory.inventory_id"), nullable=False),
    Column("delta", Integer, nullable=False),
    Column("type", String(20), nullable=False),
    Column("reason_code", String(20), nullable=False),
    Column("reason", String(255), nullable=False),
    prose("reference", 100),
    Column("approval_reason", String(20)),
    Column("unit_cost", Numeric(14, 4)),
    Column("currency", String(3)),
    Column("total_before", Integer, nullable=False),
    Column("applied_total_before", Integer),
    Column("total_after", Integer),
    Column("decided_by", Uuid),
    Column("decided_by_name", String(255)),
    moment("decided_at"),
    prose("decision_reason", 255),
)
