"""What housekeeping remembers."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Integer, String, Table, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from db.tables.columns import metadata

invariant_marks = Table(
    "invariant_marks",
    metadata,
    Column("scope", String(20), primary_key=True),
    Column("after", Uuid, nullable=False),
    Column("changed_since", DateTime(timezone=True), nullable=False),
    Column("rounds", Integer, nullable=False),
    Column("found", JSONB, nullable=False),
    Column("found_before", JSONB, nullable=False),
)
