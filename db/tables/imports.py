"""What imports of stock have dealt with."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Uuid

from db.tables.columns import instant, metadata

import_lines = Table(
    "import_lines",
    metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("inventory_id", Uuid, primary_key=True),
    Column("line", Integer, nullable=False),
    Column("performed_by", Uuid, nullable=False),
    Column("performed_by_name", String(255), nullable=False),
    instant("created_at"),
)
