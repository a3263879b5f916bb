"""The schema: from nothing to the newest revision, once, and the same as db/tables says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import create_engine, inspect

from db.engine import database_url
from db.migrations import upgrade
from db.readiness import newest_revision
from db.tables import metadata
from runtime.settings import Settings


@pytest.fixture
def empty(database: Settings) -> Callable[[str], Settings]:
    """Make an empty database beside the module's own."""

    def make(name: str) -> Settings:
        with psycopg.connect(
            host=database.db_host,
            port=database.db_port,
            user=database.db_user,
            password=database.db_password.get_secret_value(),
            dbname=database.db_name,
            autocommit=True,
        ) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return database.model_copy(update={"db_name": name})

    return make


def test_an_empty_database_comes_to_the_newest_revision(empty: Callable[[str], Settings]) -> None:
    settings = empty("migrations_once")
    assert upgrade(settings) == newest_revision()
    assert upgrade(settings) == newest_revision()


async def test_two_processes_that_migrate_at_once_take_turns(empty: Callable[[str], Settings]) -> None:
    settings = empty("migrations_twice")
    revisions = await asyncio.gather(*(asyncio.to_thread(upgrade, settings) for _ in range(3)))
    assert set(revisions) == {newest_revision()}


def test_the_tables_in_code_are_the_tables_in_the_database(database: Settings) -> None:
    engine = create_engine(database_url(database))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": _not_an_index_or_constraint}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_columns_that_may_be_empty_and_defaults_are_the_same_in_code_and_database(database: Settings) -> None:
    engine = create_engine(database_url(database))
    inspector = inspect(engine)
    for table in metadata.sorted_tables:
        for column in inspector.get_columns(table.name):
            ours = table.c[column["name"]]
            assert ours.nullable == column["nullable"], (table.name, column["name"])
            is_made_by_postgres = bool(column.get("default") or column.get("identity") or column.get("computed"))
            assert bool(ours.server_default or ours.identity or ours.computed) == is_made_by_postgres, (
                table.name,
                column["name"],
            )
    engine.dispose()


def test_every_foreign_key_leads_to_an_indexed_column_on_both_sides(database: Settings) -> None:
    engine = create_engine(database_url(database))
    inspector = inspect(engine)
    for table in metadata.sorted_tables:
        indexed = [index["column_names"][0] for index in inspector.get_indexes(table.name)]
        indexed += [inspector.get_pk_constraint(table.name)["constrained_columns"][0]]
        for key in inspector.get_foreign_keys(table.name):
            assert key["constrained_columns"][0] in indexed, (table.name, key["name"])
    engine.dispose()


def _not_an_index_or_constraint(_thing: object, _name: object, kind: str, _reflected: bool, _other: object) -> bool:
    """Indexes and constraints live in the DDL alone; code never needs them."""
    return kind not in {"index", "unique_constraint", "foreign_key_constraint"}
