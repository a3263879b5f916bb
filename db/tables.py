"""The tables as SQLAlchemy Core sees them. The DDL itself is db/migrations/sql/tables.sql; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

_NOW = text("clock_timestamp()")
_NEW_ID = text("uuidv7()")


def _id(name: str) -> Column[object]:
    return Column(name, Uuid, primary_key=True, server_default=_NEW_ID)


def _text(name: str, characters: int) -> Column[object]:
    return Column(name, String(characters), nullable=False, server_default="")


def _time(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=_NOW)


def _moment(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


warehouses = Table(
    "warehouses",
    metadata,
    _id("warehouse_id"),
    Column("code", String(20), nullable=False),
    Column("name", String(255), nullable=False),
    _text("address", 500),
    _text("city", 100),
    _text("state", 100),
    _text("country", 100),
    _text("postal_code", 20),
    _text("region", 50),
    Column("is_active", Boolean, nullable=False, server_default="true"),
    Column("priority", Integer, nullable=False, server_default="1"),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("adjustment_threshold_quantity", Integer),
    Column("adjustment_threshold_value", Numeric(14, 4)),
    Column("version", BigInteger, nullable=False, server_default="1"),
    _time("created_at"),
    _time("updated_at"),
)

inventory = Table(
    "inventory",
    metadata,
    _id("inventory_id"),
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
    _time("created_at"),
    _time("updated_at"),
    _moment("deleted_at"),
)

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
    _moment("committed_at"),
    _moment("cancelled_at"),
    _moment("expired_at"),
    _moment("returned_at"),
    _time("created_at"),
    _time("updated_at"),
)

reservation_lines = Table(
    "reservation_lines",
    metadata,
    Column("reservation_id", Uuid, ForeignKey("reservations.reservation_id"), primary_key=True),
    Column("inventory_id", Uuid, primary_key=True),
    Column("quantity", Integer, nullable=False),
    Column("quantity_returned", Integer, nullable=False, server_default="0"),
)

stock_movements = Table(
    "stock_movements",
    metadata,
    _id("movement_id"),
    Column("inventory_id", Uuid, ForeignKey("inventory.inventory_id"), nullable=False),
    Column("type", String(20), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("total_after", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    _text("reason", 255),
    _text("reference", 100),
    Column("performed_by", Uuid, nullable=False),
    Column("performed_by_name", String(255), nullable=False),
    _time("created_at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False, server_default=_NEW_ID),
    Column("type", String(60), nullable=False),
    Column("key", String(100), nullable=False),
    Column("stream_id", Uuid, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("traceparent", String(55)),
    Column("bucket", SmallInteger, Computed("abs(hashtext(key)::bigint) % 16"), nullable=False),
    _time("created_at"),
    _moment("sent_at"),
)

relay_leases = Table(
    "relay_leases",
    metadata,
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    Column("owner", String(100)),
    Column("leased_until", DateTime(timezone=True), nullable=False, server_default="-infinity"),
)

relay_members = Table(
    "relay_members",
    metadata,
    Column("owner", String(100), primary_key=True),
    Column("seen_at", DateTime(timezone=True), nullable=False),
)

inbox = Table(
    "inbox",
    metadata,
    Column("source", String(200), primary_key=True),
    Column("event_id", String(200), primary_key=True),
    Column("type", String(100), nullable=False),
    Column("order_id", String(100)),
    Column("topic", String(249), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("status", String(20), nullable=False),
    Column("body", JSONB, nullable=False),
    Column("headers", JSONB, nullable=False, server_default="{}"),
    _text("reason", 500),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _time("received_at"),
    _moment("retry_at"),
    _moment("deadline_at"),
    _moment("delivered_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("subject", String(255), primary_key=True),
    Column("method", String(100), primary_key=True),
    Column("path", String(500), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("resource_id", Uuid, nullable=False),
    Column("leased_until", DateTime(timezone=True), nullable=False),
    Column("answer_status", Integer),
    Column("answer_headers", JSONB),
    Column("answer_body", LargeBinary),
    _time("created_at"),
)

suppliers = Table(
    "suppliers",
    metadata,
    _id("supplier_id"),
    Column("code", String(20), nullable=False),
    Column("name", String(255), nullable=False),
    _text("email", 254),
    Column("currency", String(3), nullable=False),
    Column("lead_time_days", Integer, nullable=False, server_default="7"),
    Column("is_active", Boolean, nullable=False, server_default="true"),
    Column("version", BigInteger, nullable=False, server_default="1"),
    _time("created_at"),
    _time("updated_at"),
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
    _time("created_at"),
    _time("updated_at"),
)
