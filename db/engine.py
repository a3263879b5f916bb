"""The way into Postgres: the pool, the two kinds of session, the only commits, and what errors of it mean.

A ReadSession sees committed rows, each statement by itself. A WriteSession is one transaction, committed here when
the work is done. `Database.single` is one statement that is a transaction of its own: one round trip.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from sqlalchemy import URL, Engine, Executable, Result, text
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from db.connections import Connections
from domain.errors import Unavailable, Unprocessable
from domain.limits import STOCK_TOTAL_MAX
from runtime.settings import Settings
from runtime.tracing import instrument_engine

T = TypeVar("T")

CONNECT_TIMEOUT_SECONDS = 3
KEEPALIVE_SECONDS = 5
VANISHED_SECONDS_MAX = 20
"""A host that went without a word is given up after this time, asked or idle: alone, the kernel takes 16 minutes."""

POOL_WAIT_SECONDS = 2.0
LOCK_TIMEOUT_MS = 3_000
STATEMENT_TIMEOUT_MS = 10_000
TRANSACTION_TIMEOUT_MS = 15_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 5_000
"""A frozen process must let go of its locks: Postgres ends such a session by itself."""

ATTEMPTS_MAX = 5
LOST_RACE = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: the transaction was undone whole, trying again is right."""

NOT_NOW = frozenset({"53300", "55P03", "57014", "57P01", "57P02", "57P03", "25P03", "25P04"})
"""Too many connections, lock or statement or transaction timeout, server going down or coming up."""


@dataclass(frozen=True, slots=True)
class ReadSession:
    """Sees committed rows. Every function of db/ that only reads takes one."""

    connection: AsyncConnection

    async def execute(self, statement: Executable, values: Any = None) -> Result[Any]:
        """Run one statement; `values` as SQLAlchemy takes them."""
        return await self.connection.execute(statement, values)


@dataclass(frozen=True, slots=True)
class WriteSession(ReadSession):
    """One transaction. Every function of db/ that writes takes one; none of them commits."""

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """A part of the transaction that is undone alone when it raises (a savepoint)."""
        async with self.connection.begin_nested():
            yield


class Database:
    """One Postgres database and its pool of connections."""

    def __init__(self, engine: AsyncEngine, *, connections_kept: int) -> None:
        self._engine = engine
        self._connections = Connections(connections_kept)
        self._transaction = engine.execution_options(isolation_level="READ COMMITTED")
        self._snapshot = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @classmethod
    def connect(cls, settings: Settings, *, process: str = "holdfast") -> Self:
        """A database by its settings: DB_MAX_IDLE_CONNS are kept, DB_MAX_OPEN_CONNS is the cap. Connects when used."""
        engine = create_async_engine(
            database_url(settings),
            # Most of our work is one statement: not switched for each of them, to and fro, which costs 80 of 360 µs.
            isolation_level="AUTOCOMMIT",
            pool_size=max(1, settings.db_max_idle_conns),
            max_overflow=settings.db_max_open_conns - max(1, settings.db_max_idle_conns),
            pool_timeout=POOL_WAIT_SECONDS,
            pool_use_lifo=True,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "keepalives_idle": KEEPALIVE_SECONDS,
                "keepalives_interval": KEEPALIVE_SECONDS,
                "keepalives_count": VANISHED_SECONDS_MAX // KEEPALIVE_SECONDS - 1,
                "tcp_user_timeout": VANISHED_SECONDS_MAX * 1000,
                "application_name": f"holdfast-{process}",
                "options": (
                    f"-c lock_timeout={LOCK_TIMEOUT_MS} -c statement_timeout={STATEMENT_TIMEOUT_MS}"
                    f" -c transaction_timeout={TRANSACTION_TIMEOUT_MS}"
                    f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MS} -c timezone=UTC"
                ),
            },
        )
        instrument_engine(engine.sync_engine)
        return cls(engine, connections_kept=settings.db_max_idle_conns)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A session for reading. Raises Unavailable when Postgres does not answer."""
        with _errors_in_our_words():
            async with self._connections.of(self._engine) as connection:
                yield ReadSession(connection)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[ReadSession]:
        """A session whose statements all see one instant (REPEATABLE READ, read only)."""
        with _errors_in_our_words():
            async with self._connections.of(self._snapshot) as connection, connection.begin():
                yield ReadSession(connection)

    @asynccontextmanager
    async def single(self) -> AsyncIterator[WriteSession]:
        """A session whose every statement commits by itself: for SQL functions that are whole transactions."""
        with _errors_in_our_words():
            async with self._connections.of(self._engine) as connection:
                yield WriteSession(connection)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """One transaction, committed at the end of the block, undone when the block raises."""
        with _errors_in_our_words():
            async with self._connections.of(self._transaction) as connection, connection.begin():
                yield WriteSession(connection)

    async def reading(self, work: Callable[[ReadSession], Awaitable[T]]) -> T:
        """Run `work` in a read session; once more when the connection turned out to be dead."""
        return await self._repeated(self.read, work, lost_connection_too=True)

    async def writing(self, work: Callable[[WriteSession], Awaitable[T]], *, idempotent: bool = False) -> T:
        """Run `work` in one transaction, again after a lost race (deadlock, serialization failure), a few times.

        Only work that may run twice (`idempotent`) is also repeated after a lost connection, since a commit may
        have arrived. Raises Unavailable when it stays impossible.
        """
        return await self._repeated(self.write, work, lost_connection_too=idempotent)

    async def calling(self, work: Callable[[WriteSession], Awaitable[T]]) -> T:
        """Run `work`, one idempotent SQL function: its own transaction, one round trip; repeated like `writing`."""
        return await self._repeated(self.single, work, lost_connection_too=True)

    async def check(self) -> None:
        """One round trip. Raises Unavailable when Postgres does not answer."""
        async with self.read() as session:
            await session.execute(text("select 1"))

    def pool_counts(self) -> dict[str, int]:
        """Connections by state: `in_use` and `idle`."""
        pool: Any = self._engine.pool
        return {"in_use": pool.checkedout(), "idle": pool.checkedin()}

    @property
    def sync_engine(self) -> Engine:
        """Where statements can be listened to."""
        return self._engine.sync_engine

    async def _repeated(
        self, session: Callable[[], Any], work: Callable[[Any], Awaitable[T]], *, lost_connection_too: bool
    ) -> T:
        def worth_repeating(error: BaseException) -> bool:
            cause = error.__cause__ if isinstance(error, Unavailable) else None
            return isinstance(cause, DBAPIError) and (
                sqlstate(cause) in LOST_RACE or (lost_connection_too and cause.connection_invalidated)
            )

        async def once() -> T:
            async with session() as opened:
                return await work(opened)

        try:
            return await once()
        except Unavailable as error:
            if not worth_repeating(error):
                raise
        repeating = AsyncRetrying(
            retry=retry_if_exception(worth_repeating),
            stop=stop_after_attempt(ATTEMPTS_MAX - 1),
            wait=wait_random_exponential(multiplier=0.01, max=0.5),
            reraise=True,
        )
        return await repeating(once)


def database_url(settings: Settings) -> URL:
    """Where the database is, as SQLAlchemy takes it."""
    return URL.create(
        "postgresql+psycopg",
        username=settings.db_user,
        password=settings.db_password.get_secret_value() or None,
        host=settings.db_host,
        port=settings.db_port,
        database=settings.db_name,
    )


def sqlstate(error: DBAPIError) -> str:
    """The five-character SQLSTATE of an error, or empty."""
    return getattr(error.orig, "sqlstate", None) or ""


def schema_is_wrong(error: BaseException) -> bool:
    """Whether an error says that a table, column or function is not as we expect (SQLSTATE class 42): our mistake."""
    return isinstance(error, DBAPIError) and sqlstate(error).startswith("42")


FULL_SHELF = frozenset({"inventory_total_in_range"})
"""The constraint that a shelf beyond STOCK_TOTAL_MAX meets, whoever fills it."""

OUT_OF_RANGE = "22003"
"""More than the column can even hold: the same shelf, filled by a great deal at once."""


class _errors_in_our_words:  # noqa: N801 - reads as a phrase at its uses
    """What a caller may retry is Unavailable, a shelf beyond counting Unprocessable; all else passes as it is."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, PoolTimeoutError):
            raise Unavailable("all database connections are in use", retry_after_seconds=1) from error
        if isinstance(error, InterfaceError) or (isinstance(error, DBAPIError) and _is_passing(error)):
            raise Unavailable("the database cannot answer right now", retry_after_seconds=1) from error
        if isinstance(error, DBAPIError) and _is_a_full_shelf(error):
            raise Unprocessable(f"a shelf would hold more than {STOCK_TOTAL_MAX} pieces") from error


def _is_passing(error: DBAPIError) -> bool:
    state = sqlstate(error)
    no_connection = not state and type(error.orig).__name__ in {"OperationalError", "ConnectionTimeout"}
    return error.connection_invalidated or no_connection or state in LOST_RACE | NOT_NOW or state.startswith("08")


def _is_a_full_shelf(error: DBAPIError) -> bool:
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    return constraint in FULL_SHELF or sqlstate(error) == OUT_OF_RANGE
