"""The embedded Postgres: its cluster, its settings, its role and database. Knows nothing of the schema."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import signal
from pathlib import Path

from holdfast.stack.environment import server_environment
from holdfast.stack.errors import NotReadyError, StackError
from holdfast.stack.part import Part
from holdfast.stack.placement import Placement, give
from holdfast.stack.ports import LOOPBACK
from holdfast.stack.process import as_user
from runtime.settings import Settings

ADMINISTRATOR = "holdfast_administrator"
"""The cluster's superuser; the service's own role owns its database and may make others, no more."""

_CLUSTER_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "synchronous_commit": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "autovacuum_naptime": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_lock_waits": "on",
    "log_min_duration_statement": "1s",
}
"""Sized for one machine with everything on it. Hot rows need vacuum often; short statements gain nothing from JIT."""

_INITDB = (
    *("--username", ADMINISTRATOR, "--auth=scram-sha-256", "--no-instructions"),
    *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
)

_PROVISION = r"""
\getenv password HOLDFAST_ROLE_PASSWORD
SELECT format('CREATE ROLE %I LOGIN CREATEDB', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
SELECT format('ALTER ROLE %I PASSWORD %L', :'role', :'password') \gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
"""


class EmbeddedPostgres:
    """One cluster on `port`. `durable=False` skips fsync: a test's data need not survive the machine."""

    def __init__(
        self, placement: Placement, port: int, settings: Settings, log_path: Path, *, durable: bool = True
    ) -> None:
        self.port = port
        self._placement = placement
        self._settings = settings
        self._log_path = log_path
        self._durable = durable
        self._administrator_password = _kept_secret(placement.home / "password")

    @property
    def password(self) -> str:
        """The password of the service's role: DB_PASSWORD, or one made for this cluster."""
        return self._settings.db_password.get_secret_value() or self._administrator_password

    def part(self) -> Part:
        """The server as a part of the stack."""
        values = {**_CLUSTER_SETTINGS, "port": str(self.port), "fsync": "on" if self._durable else "off"}
        flags = [word for name, value in values.items() for word in ("-c", f"{name}={value}")]
        return Part(
            name="postgres",
            command=(self._program("postgres"), "-D", str(self._placement.data), *flags),
            environment=server_environment(self._placement.data),
            directory=self._placement.data,
            log_path=self._log_path,
            user=self._placement.user,
            prepare=self._create_cluster,
            ready=self._answers,
            provision=self._create_role_and_database,
            stop_signal=signal.SIGINT,  # "fast": ends sessions; SIGTERM would wait for them
        )

    async def _create_cluster(self) -> None:
        """Complete or not at all: initdb works beside the final place."""
        data = self._placement.data
        if data.exists():
            return
        unfinished = data.with_name("unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        give(unfinished, self._placement.user)
        await self._initialise(unfinished)
        unfinished.rename(data)

    async def _initialise(self, directory: Path) -> None:
        password_file = self._placement.home / "initdb-password"
        password_file.write_text(self._administrator_password, "utf-8")
        password_file.chmod(0o600)
        give(password_file, self._placement.user)
        command = [self._program("initdb"), *_INITDB, "--pwfile", str(password_file), "-D", str(directory)]
        if not self._durable:
            command.append("--no-sync")
        try:
            code, output = await _run(command, server_environment(directory), directory, user=self._placement.user)
        finally:
            password_file.unlink()
        if code != 0:
            raise StackError(f"postgres: initdb failed with code {code}:\n{output}")

    async def _answers(self) -> None:
        code, output = await self._psql("SELECT 1;")
        if code != 0:
            raise NotReadyError(output.strip() or f"psql ended with code {code}")

    async def _create_role_and_database(self) -> None:
        names = ("-v", f"role={self._settings.db_user}", "-v", f"database={self._settings.db_name}")
        code, output = await self._psql(_PROVISION, *names, HOLDFAST_ROLE_PASSWORD=self.password)
        if code != 0:
            raise StackError(f"postgres: role and database cannot be made:\n{output}")

    async def _psql(self, script: str, *arguments: str, **environment: str) -> tuple[int, str]:
        address = ("--host", LOOPBACK, "--port", str(self.port), "--username", ADMINISTRATOR, "--dbname", "postgres")
        command = [self._program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", *address, *arguments]
        login = {"PGPASSWORD": self._administrator_password, "PGCONNECT_TIMEOUT": "2", **environment}
        home = self._placement.home
        return await _run(command, server_environment(home, **login), home, stdin=script)

    def _program(self, name: str) -> str:
        return str(self._placement.binaries / name)


async def _run(
    command: list[str], environment: dict[str, str], directory: Path, *, user: str = "", stdin: str = ""
) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
        cwd=directory,
        **as_user(user),
    )
    try:
        output, _ = await process.communicate(stdin.encode())
    except asyncio.CancelledError:
        process.kill()
        raise
    assert process.returncode is not None, "communicate waits for the end"
    return process.returncode, output.decode(errors="replace")


def _kept_secret(path: Path) -> str:
    """The secret in `path`, made on first use and readable by us only."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24), "utf-8")
    return path.read_text("utf-8")
