"""Orders that wait for stock."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Integer, String, Table, Uuid

from db.tables.columns import instant, metadata, moment

waitlist_entries = Table(
    "waitlist_entries",
    metadata,
    Column("entry_id", Uuid, primary_key=True),
    Column("place", BigInteger, Identity(always=True), nullable=False),
    Column("order_id", String(100), nullable=False),
    Column("sku", String(50), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("warehouse_id", Uuid, ForeignKey("warehouses.warehouse_id")),
    Column("region", String(50)),
    Column("hold_seconds", Integer, nullable=False),
    Column("status", String(20), nullable=False, server_default="WAITING"),
    Column("reservation_id", Uuid, ForeignKey("reservations.reservation_id")),
    Column("sequence", BigInteger, nullable=False, server_default="1"),
    Column("performed_by", Uuid, nullable=False),
    Column("performed_by_name", String(255), nullable=False),
    Column("traceparent", String(55)),
    instant("joined_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    moment("settled_at"),
)
