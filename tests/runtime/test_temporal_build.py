from __future__ import annotations

from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from runtime.search_attributes import ORDER_ID, ensure_search_attributes
from runtime.settings import Settings, load_settings
from runtime.temporal import connect
from runtime.temporal_build import BUILD_IDS, NamesBuild, build_of
from tests.runtime.conftest import settings_for

QUEUE = "builds"


@workflow.defn(name="Nothing")
class Nothing:
    @workflow.run
    async def run(self) -> None:
        return None


def test_a_build_is_named_by_its_operator_or_by_its_version() -> None:
    assert build_of(load_settings(build_id="c0ffee")) == "c0ffee"
    assert build_of(load_settings()) == "0.1.0"


async def test_a_workflow_starts_with_what_the_server_would_write_a_task_later(temporal_server: str) -> None:
    settings = settings_for(temporal_server, build_id="one")
    client = await connect(settings)
    await ensure_search_attributes(client)
    async with _worker(client, settings):
        order = TypedSearchAttributes([SearchAttributePair(ORDER_ID, "order-7")])
        handle = await client.start_workflow(
            "Nothing", id="same-build", task_queue=QUEUE, search_attributes=order, request_eager_start=True
        )
        started = await anext(aiter(handle.fetch_history_events()))
        await handle.result()
    named = started.workflow_execution_started_event_attributes.search_attributes.indexed_fields
    assert named[BUILD_IDS.name].data == b'["unversioned","unversioned:one"]'
    described = (await handle.describe()).typed_search_attributes
    assert described[BUILD_IDS] == ["unversioned", "unversioned:one"]
    assert described[ORDER_ID] == "order-7"


async def test_a_worker_of_another_build_adds_its_own(temporal_server: str) -> None:
    client = await connect(settings_for(temporal_server, build_id="old"))
    async with _worker(client, settings_for(temporal_server, build_id="new")):
        handle = await client.start_workflow("Nothing", id="other-build", task_queue=QUEUE)
        await handle.result()
    described = (await handle.describe()).typed_search_attributes
    assert described[BUILD_IDS] == ["unversioned", "unversioned:old", "unversioned:new"]


async def test_a_server_that_lets_nobody_name_it_is_obeyed_from_then_on(temporal_server: str) -> None:
    refusing = Refusing()
    client = await _refused(temporal_server, refusing)
    for number in range(3):
        handle = await client.start_workflow("Nothing", id=f"refused-{number}", task_queue="nobody-serves-this")
        await handle.terminate()
    assert refusing.refused == 1


async def test_other_refusals_are_the_callers(temporal_server: str) -> None:
    client = await _refused(temporal_server, Refusing("no such task queue"))
    with pytest.raises(RPCError, match="no such task queue"):
        await client.start_workflow("Nothing", id="refused-at-all", task_queue="nobody-serves-this")


class Refusing(Interceptor):
    """A server that takes no start on which BuildIds is set."""

    def __init__(self, words: str = "BuildIds attribute can't be set in SearchAttributes") -> None:
        self.words = words
        self.refused = 0

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's signature
        refusing = self

        class Outbound(OutboundInterceptor):
            async def start_workflow(self, input: StartWorkflowInput) -> Any:  # noqa: A002 - see above
                given = input.search_attributes
                if isinstance(given, TypedSearchAttributes) and BUILD_IDS in given:
                    refusing.refused += 1
                    raise RPCError(refusing.words, RPCStatusCode.INVALID_ARGUMENT, b"")
                return await super().start_workflow(input)

        return Outbound(next)


async def _refused(address: str, refusing: Refusing) -> Client:
    plain = await Client.connect(address)
    return Client(**{**plain.config(), "interceptors": [NamesBuild("one"), refusing]})


def _worker(client: Client, settings: Settings) -> Worker:
    return Worker(
        client,
        task_queue=QUEUE,
        workflows=[Nothing],
        build_id=build_of(settings),
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
