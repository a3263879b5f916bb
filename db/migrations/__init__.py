"""The schema's history (Alembic) and the way to bring a database up to date. Never edits data by itself."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from db.engine import database_url
from runtime.settings import Settings

MIGRATION_LOCK = 4_200_001
"""Advisory lock key: two processes that migrate at once take turns."""

CONNECT_TIMEOUT_SECONDS = 5


def sql(name: str) -> str:
    """The text of one file in db/migrations/sql."""
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text("utf-8")


def upgrade(settings: Settings) -> str:
    """Bring the schema to the newest revision, from empty if need be; answers that revision."""
    engine = create_engine(database_url(settings), connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS})
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent))
    try:
        with engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
            connection.commit()
            return MigrationContext.configure(connection).get_current_revision() or ""
    finally:
        engine.dispose()
