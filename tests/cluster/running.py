"""The cluster started by a program, with its data written as in production and gone afterwards."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from holdfast.service import Service, running_service
from holdfast.stack.embedded import drop_data, stack_directory
from holdfast.stack.guard import Guard
from holdfast.stack.placement import shared_home
from runtime.settings import Settings
from tests.cluster.engines import Engines
from tests.cluster.up import ENVIRONMENT, cluster_options


@asynccontextmanager
async def running_cluster(engines: Engines) -> AsyncIterator[Service]:
    """Everything serves inside; no process and no data is left after, not even when this process is killed."""
    os.environ.update(ENVIRONMENT)
    settings = Settings(app_port=0, grpc_port=0, prometheus_port=0)
    with new_directory() as directory:
        async with running_service(directory, settings, **cluster_options(engines)) as service:
            remove_with(service.stack.guard, directory)
            yield service


@contextmanager
def new_directory() -> Iterator[Path]:
    """A directory for one stack, dropped with all that the stack keeps, one that did not start included."""
    directory = stack_directory("cluster")
    try:
        yield directory
    finally:
        drop_data(directory)


def remove_with(guard: Guard, directory: Path) -> None:
    """Have the guard of a stack remove all that the stack keeps, should this process be killed."""
    for place in (directory, shared_home(directory)):
        guard.remove_afterwards(place)
