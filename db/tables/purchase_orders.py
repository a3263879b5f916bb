"""What is ordered from suppliers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Integer, Numeric, String, Table, Uuid

from db.tables.columns import metadata, moment, prose
from db.tables.operations import head

purchase_orders = Table(
    "purchase_orders",
    metadata,
    *head("purchase_order_id"),
    Column("order_number", BigInteger, Identity(always=True), nullable=False),
    Column("supplier_id", Uuid, ForeignKey("suppliers.supplier_id"), nullable=False),
    Column("warehouse_id", Uuid, ForeignKey("warehouses.warehouse_id"), nullable=False),
    Column("currency", String(3), nullable=False),
    prose("reference", 100),
    Column("restock_run", String(200)),
    moment("expected_at"),
    Column("decided_by", Uuid),
    Column("decided_by_name", String(255)),
    moment("decided_at"),
    moment("sent_at"),
    prose("closing_reason", 255),
)

purchase_order_lines = Table(
    "purchase_order_lines",
    metadata,
    Column("purchase_order_id", Uuid, ForeignKey("purchase_orders.purchase_order_id"), primary_key=True),
    Column("sku", String(50), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_cost", Numeric(14, 4), nullable=False),
    Column("quantity_received", Integer, nullable=False, server_default="0"),
    Column("quantity_outstanding", Integer, nullable=False),
)
