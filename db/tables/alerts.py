"""What staff should look at."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Computed, ForeignKey, String, Table, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from db.tables.columns import instant, metadata, moment, own_id, prose

_STATUS = """case when resolved_at is not null then 'resolved' when acknowledged_at is not null then 'acknowledged'
    else 'open' end"""

alerts = Table(
    "alerts",
    metadata,
    own_id("alert_id"),
    Column("kind", String(40), nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("sku", String(50)),
    Column("warehouse_id", Uuid, ForeignKey("warehouses.warehouse_id")),
    Column("details", JSONB, nullable=False, server_default="{}"),
    Column("status", String(12), Computed(_STATUS), nullable=False),
    instant("raised_at"),
    moment("acknowledged_at"),
    Column("acknowledged_by", Uuid),
    Column("acknowledged_by_name", String(255)),
    moment("resolved_at"),
    Column("resolved_by", Uuid),
    Column("resolved_by_name", String(255)),
    Column("resolution", String(40)),
    prose("reason", 255),
    Column("version", BigInteger, nullable=False, server_default="1"),
)
