"""What a Temporal server says of itself and of our queue in it, for `holdfast doctor`. Only asks, judges nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    GetSystemInfoRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from runtime.search_attributes import SEARCH_ATTRIBUTES
from runtime.settings import Settings
from runtime.temporal import RPC_TIMEOUT, connect


class TemporalFactsError(Exception):
    """The server answered a question with an error; the message is its own."""


@dataclass(frozen=True, slots=True)
class TemporalFacts:
    """A server, its namespace as far as it concerns us, and who polls the queue. Retention in days."""

    version: str
    retention_days: float
    has_eager_start: bool
    missing_search_attributes: tuple[str, ...]
    workflow_pollers: tuple[str, ...]


async def temporal_facts(settings: Settings, queue: str, *, patience_seconds: float = 3.0) -> TemporalFacts:
    """Ask the server of the settings. Raises TemporalConnectionError, TemporalFactsError."""
    client = await connect(settings, process="doctor", patience_seconds=patience_seconds)
    try:
        return await _ask(client, queue)
    except RPCError as error:
        raise TemporalFactsError(error.message) from error


async def _ask(client: Client, queue: str) -> TemporalFacts:
    service = client.workflow_service
    system = await service.get_system_info(GetSystemInfoRequest(), timeout=RPC_TIMEOUT)
    namespace = await service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=RPC_TIMEOUT
    )
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace), timeout=RPC_TIMEOUT
    )
    return TemporalFacts(
        version=system.server_version,
        retention_days=namespace.config.workflow_execution_retention_ttl.ToTimedelta() / timedelta(days=1),
        has_eager_start=namespace.namespace_info.capabilities.eager_workflow_start,
        missing_search_attributes=_missing(known.custom_attributes),
        workflow_pollers=await _pollers(client, queue),
    )


def _missing(known: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(set(SEARCH_ATTRIBUTES) - set(known)))


async def _pollers(client: Client, queue: str) -> tuple[str, ...]:
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        ),
        timeout=RPC_TIMEOUT,
    )
    return tuple(sorted({poller.identity for poller in described.pollers}))
