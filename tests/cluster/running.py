"""The cluster started by a program, with its data written as in production and gone afterwards."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from holdfast.service import Service, running_service
from holdfast.stack.embedded import drop_data
from runtime.settings import Settings
from tests.cluster.engines import Engines
from tests.cluster.up import ENVIRONMENT, cluster_options


@asynccontextmanager
async def running_cluster(engines: Engines) -> AsyncIterator[Service]:
    """Everything serves inside; no process and no data is left after."""
    with new_directory() as directory:
        os.environ.update(ENVIRONMENT)
        settings = Settings(app_port=0, grpc_port=0, prometheus_port=0, log_level="warning")
        async with running_service(directory, settings, **cluster_options(engines)) as service:
            yield service


@contextmanager
def new_directory() -> Iterator[Path]:
    """A directory for one stack, dropped with all that the stack kept."""
    directory = Path(tempfile.mkdtemp(prefix="holdfast-cluster-")).resolve()
    directory.chmod(0o711)  # the account of Postgres passes through
    try:
        yield directory
    finally:
        drop_data(directory)
