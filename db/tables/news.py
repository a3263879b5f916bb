"""What goes out and what came in: outbox, the leases of its relays, inbox, idempotency keys."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from db.tables.columns import NEW_ID, instant, metadata, moment, prose

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False, server_default=NEW_ID),
    Column("type", String(60), nullable=False),
    Column("key", String(100), nullable=False),
    Column("stream_id", Uuid, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("traceparent", String(55)),
    Column("bucket", SmallInteger, Computed("abs(hashtext(key)::bigint) % 16"), nullable=False),
    instant("created_at"),
    moment("sent_at"),
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
    prose("reason", 500),
    Column("attempts", Integer, nullable=False, server_default="0"),
    instant("received_at"),
    moment("retry_at"),
    moment("deadline_at"),
    moment("delivered_at"),
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
    instant("created_at"),
)
