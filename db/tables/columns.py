"""What every table shares: the metadata, and the kinds of column that occur again and again."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, MetaData, String, Uuid, text

metadata = MetaData()

_NOW = text("clock_timestamp()")
NEW_ID = text("uuidv7()")


def own_id(name: str) -> Column[object]:
    """The primary key, made by Postgres unless it is given."""
    return Column(name, Uuid, primary_key=True, server_default=NEW_ID)


def prose(name: str, characters: int) -> Column[object]:
    """Text that may be empty."""
    return Column(name, String(characters), nullable=False, server_default="")


def instant(name: str) -> Column[object]:
    """A time that is always there, now unless it is given."""
    return Column(name, DateTime(timezone=True), nullable=False, server_default=_NOW)


def moment(name: str) -> Column[object]:
    """A time that may not have come."""
    return Column(name, DateTime(timezone=True))
