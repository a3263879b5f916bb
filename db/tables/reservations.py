"""What is held, and what was sold."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Integer, String, Table, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from db.tables.columns import instant, metadata, moment

reservations = Table(
    "reservations",
    metadata,
    Column("reservation_id", Uuid, primary_key=True),
    Column("order_id", String(100), nullable=False),
    Column("status", String(20), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("source", String(20), nullable=False),
    Column("shortages", JSONB, nullable=False, server_default="[]"),
    Column("release_reason", String(20)),
    Column("extends_count", Integer, nullable=False, server_default="0"),
    Column("sequence", BigInteger, nullable=False, server_default="1"),
    Column("performed_by", Uuid, nullable=False),
    Column("performed_by_name", String(255), nullable=False),
    Column("reserved_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    moment("committed_at"),
    moment("cancelled_at"),
    moment("expired_at"),
    moment("returned_at"),
    instant("created_at"),
    instant("updated_at"),
)

reservation_lines = Table(
    "reservation_lines",
    metadata,
    Column("reservation_id", Uuid, ForeignKey("reservations.reservation_id"), primary_key=True),
    Column("inventory_id", Uuid, primary_key=True),
    Column("quantity", Integer, nullable=False),
    Column("quantity_returned", Integer, nullable=False, server_default="0"),
)
