"""Who sells to us, and on which terms."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, Numeric, String, Table, Uuid

from db.tables.columns import instant, metadata, own_id, prose

suppliers = Table(
    "suppliers",
    metadata,
    own_id("supplier_id"),
    Column("code", String(20), nullable=False),
    Column("name", String(255), nullable=False),
    prose("email", 254),
    Column("currency", String(3), nullable=False),
    Column("lead_time_days", Integer, nullable=False, server_default="7"),
    Column("is_active", Boolean, nullable=False, server_default="true"),
    Column("version", BigInteger, nullable=False, server_default="1"),
    instant("created_at"),
    instant("updated_at"),
)

supplier_items = Table(
    "supplier_items",
    metadata,
    Column("supplier_id", Uuid, ForeignKey("suppliers.supplier_id"), primary_key=True),
    Column("sku", String(50), primary_key=True),
    Column("unit_cost", Numeric(14, 4), nullable=False),
    Column("pack_size", Integer, nullable=False, server_default="1"),
    Column("minimum_quantity", Integer, nullable=False, server_default="1"),
    Column("lead_time_days", Integer),
    Column("is_preferred", Boolean, nullable=False, server_default="false"),
    Column("version", BigInteger, nullable=False, server_default="1"),
    instant("created_at"),
    instant("updated_at"),
)
