"""What is held, what was sold, and what came back."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    String,
    Table,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from db.tables.columns import instant, metadata, moment, own_id

reservations = Table(
    "reservations",
    metadata,
    Column("reservation_id", Uuid, primary_key=True),
    Column("order_id", String(100), nullable=False),
    Column("status", String(20), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("source", String(20), nullable=False),
    Column("shortages", JSONB, nullable=False, server_default="[]"),
    Column("allocation", JSONB(none_as_null=True)),
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

reservation_returns = Table(
    "reservation_returns",
    metadata,
    Column("reservation_id", Uuid, ForeignKey("reservations.reservation_id"), primary_key=True),
    own_id("return_id"),
    Column("fingerprint", String(64), nullable=False),
    Column("reason", String(255), nullable=False),
    Column("is_complete", Boolean, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("performed_by", Uuid, nullable=False),
    Column("performed_by_name", String(255), nullable=False),
    instant("created_at"),
)

reservation_return_lines = Table(
    "reservation_return_lines",
    metadata,
    Column("reservation_id", Uuid, primary_key=True),
    Column("return_id", Uuid, primary_key=True),
    Column("inventory_id", Uuid, primary_key=True),
    Column("condition", String(20), primary_key=True),
    Column("quantity", Integer, nullable=False),
    Column("movement_id", Uuid, ForeignKey("stock_movements.movement_id"), nullable=False),
    Column("damage_movement_id", Uuid, ForeignKey("stock_movements.movement_id")),
    ForeignKeyConstraint(
        ["reservation_id", "return_id"], ["reservation_returns.reservation_id", "reservation_returns.return_id"]
    ),
)
