"""Stock on its way from one warehouse to another."""

from __future__ import annotations

from sqlalchemy import Column, Computed, ForeignKey, Integer, String, Table, Uuid

from db.tables.columns import metadata, moment, prose
from db.tables.operations import head

transfers = Table(
    "transfers",
    metadata,
    *head("transfer_id"),
    Column("from_warehouse_id", Uuid, ForeignKey("warehouses.warehouse_id"), nullable=False),
    Column("to_warehouse_id", Uuid, ForeignKey("warehouses.warehouse_id"), nullable=False),
    prose("reason", 255),
    prose("reference", 100),
    Column("approval_reason", String(20)),
    Column("transit_seconds", Integer),
    moment("expected_at"),
    moment("shipped_at"),
    Column("decided_by", Uuid),
    Column("decided_by_name", String(255)),
    moment("decided_at"),
    prose("decision_reason", 255),
)

transfer_lines = Table(
    "transfer_lines",
    metadata,
    Column("transfer_id", Uuid, ForeignKey("transfers.transfer_id"), primary_key=True),
    Column("sku", String(50), primary_key=True),
    Column("from_inventory_id", Uuid, ForeignKey("inventory.inventory_id"), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("quantity_shipped", Integer, nullable=False, server_default="0"),
    Column("quantity_received", Integer, nullable=False, server_default="0"),
    Column("quantity_lost", Integer, nullable=False, server_default="0"),
    Column("quantity_returned", Integer, nullable=False, server_default="0"),
    Column(
        "quantity_in_transit",
        Integer,
        Computed("quantity_shipped - quantity_received - quantity_lost - quantity_returned"),
        nullable=False,
    ),
)
