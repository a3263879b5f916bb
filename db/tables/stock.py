"""What stands where: warehouses, inventory rows and their ledger."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Computed, Double, ForeignKey, Integer, Numeric, String, Table, Uuid

from db.tables.columns import instant, metadata, moment, own_id, prose

warehouses = Table(
    "warehouses",
    metadata,
    own_id("warehouse_id"),
    Column("code", String(20), nullable=False),
    Column("name", String(255), nullable=False),
    prose("address", 500),
    prose("city", 100),
    prose("state", 100),
    prose("country", 100),
    prose("postal_code", 20),
    prose("region", 50),
    Column("is_active", Boolean, nullable=False, server_default="true"),
    Column("priority", Integer, nullable=False, server_default="1"),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("adjustment_threshold_quantity", Integer),
    Column("adjustment_threshold_value", Numeric(14, 4)),
    Column("version", BigInteger, nullable=False, server_default="1"),
    instant("created_at"),
    instant("updated_at"),
)

inventory = Table(
    "inventory",
    metadata,
    own_id("inventory_id"),
    Column("product_id", Uuid, nullable=False),
    Column("variant_id", Uuid),
    Column("warehouse_id", Uuid, ForeignKey("warehouses.warehouse_id"), nullable=False),
    Column("sku", String(50), nullable=False),
    Column("quantity_total", Integer, nullable=False, server_default="0"),
    Column("quantity_reserved", Integer, nullable=False, server_default="0"),
    Column("quantity_available", Integer, Computed("quantity_total - quantity_reserved"), nullable=False),
    Column("reorder_point", Integer, nullable=False, server_default="10"),
    Column("reorder_quantity", Integer, nullable=False, server_default="50"),
    Column("unit_cost", Numeric(14, 4)),
    Column("currency", String(3)),
    Column("sequence", BigInteger, nullable=False, server_default="0"),
    Column("version", BigInteger, nullable=False, server_default="1"),
    instant("created_at"),
    instant("updated_at"),
    moment("deleted_at"),
)

stock_movements = Table(
    "stock_movements",
    metadata,
    own_id("movement_id"),
    Column("inventory_id", Uuid, ForeignKey("inventory.inventory_id"), nullable=False),
    Column("type", String(20), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("total_after", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    prose("reason", 255),
    prose("reference", 100),
    Column("performed_by", Uuid, nullable=False),
    Column("performed_by_name", String(255), nullable=False),
    instant("created_at"),
)
