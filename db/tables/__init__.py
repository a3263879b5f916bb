"""The tables as SQLAlchemy Core sees them. The DDL itself is in db/migrations/sql; a test compares the two."""

from __future__ import annotations

from db.tables.alerts import alerts
from db.tables.columns import metadata
from db.tables.imports import import_lines
from db.tables.news import idempotency_keys, inbox, outbox, relay_leases, relay_members
from db.tables.operations import adjustments, audit
from db.tables.purchase_orders import purchase_order_lines, purchase_orders
from db.tables.reservations import reservation_lines, reservation_return_lines, reservation_returns, reservations
from db.tables.stock import inventory, stock_movements, warehouses
from db.tables.suppliers import supplier_items, suppliers
from db.tables.transfers import transfer_lines, transfers
from db.tables.upkeep import invariant_marks
from db.tables.waitlist import waitlist_entries

__all__ = [
    "adjustments",
    "alerts",
    "audit",
    "idempotency_keys",
    "import_lines",
    "inbox",
    "invariant_marks",
    "inventory",
    "metadata",
    "outbox",
    "purchase_order_lines",
    "purchase_orders",
    "relay_leases",
    "relay_members",
    "reservation_lines",
    "reservation_return_lines",
    "reservation_returns",
    "reservations",
    "stock_movements",
    "supplier_items",
    "suppliers",
    "transfer_lines",
    "transfers",
    "waitlist_entries",
    "warehouses",
]
