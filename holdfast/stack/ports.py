"""Which TCP ports the stack listens on: free ones, remembered so that a second run keeps its addresses.

Only chooses numbers; whoever is given a port binds it, sooner or later. Until the process that chose it ends, no other
that chooses here is given the same: two stacks that start at once would find the same port free.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"

_CHOICES = range(20_000, 32_768)
"""Below every system's ephemeral range: a client that knocks on a dead port must not be handed that very port."""

_ATTEMPTS_MAX = 200


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on `port` now; connections still closing do not count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(taken: frozenset[int] = frozenset()) -> int:
    """A port that nobody listens on, that is not among `taken` and was given to no process that lives."""
    for port in random.sample(_CHOICES, _ATTEMPTS_MAX):
        if port not in taken and _is_ours(port):
            return port
    raise OSError(f"none of {_ATTEMPTS_MAX} ports tried between {_CHOICES.start} and {_CHOICES.stop} is free")


def next_free_port(after: int, taken: frozenset[int] = frozenset()) -> int:
    """The first free port above `after` that is not among `taken`."""
    return next(port for port in range(after + 1, 65_536) if port not in taken and _is_ours(port))


class PortBook:
    """The ports of one stack by name, kept in a file; a remembered port is used again while it is free."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._remembered = _read(path)
        self._given: dict[str, int] = {}

    def port(self, name: str) -> int:
        """The port called `name`: the same on each call, and in the next run unless someone else took it."""
        if name not in self._given:
            remembered = self._remembered.get(name, 0)
            taken = frozenset(self._given.values())
            usable = remembered and remembered not in taken and _is_ours(remembered)
            self._given[name] = remembered if usable else free_port(taken)
            self._path.write_text(json.dumps({**self._remembered, **self._given}), "utf-8")
        return self._given[name]


def _is_ours(port: int) -> bool:
    """Whether `port` is free and was given to no other process: each locks a byte, which ends with it."""
    try:
        fcntl.lockf(_given_ports(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return is_free(port)


@functools.cache
def _given_ports() -> int:
    """A file of this user that stays empty; the byte with a port's number is locked by whom it was given to.

    The same whatever TMPDIR says: it is of no use to who does not share it.
    """
    path = f"/tmp/holdfast-ports-{os.getuid()}"  # noqa: S108 - the user's own, and nothing is read from it
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _read(path: Path) -> dict[str, int]:
    try:
        return {str(name): int(port) for name, port in json.loads(path.read_text("utf-8")).items()}
    except (OSError, ValueError, AttributeError):
        return {}
