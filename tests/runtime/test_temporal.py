from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from runtime import search_attributes
from runtime.search_attributes import EXPIRES_AT, ORDER_ID, REGION, SKUS, ensure_search_attributes
from runtime.temporal import TemporalConnectionError, connect
from tests.runtime.conftest import settings_for


async def test_connecting_gives_a_client_of_the_namespace_named_after_the_process(temporal_server: str) -> None:
    client = await connect(settings_for(temporal_server), process="worker")
    assert client.namespace == "default"
    assert client.identity.startswith("worker-")


async def test_a_wrong_namespace_is_said_at_once_and_in_words(temporal_server: str) -> None:
    settings = settings_for(temporal_server, temporal_namespace="warehouse")
    with pytest.raises(TemporalConnectionError, match="knows no namespace 'warehouse': create it, or set TEMPORAL_NA"):
        await asyncio.wait_for(connect(settings, patience_seconds=60), timeout=30)


async def test_an_api_key_never_goes_in_plain_text(temporal_server: str) -> None:
    with pytest.raises(TemporalConnectionError, match="cannot be reached"):
        await connect(settings_for(temporal_server, temporal_api_key="key"), patience_seconds=0.3)


async def test_a_server_that_does_not_answer_is_given_up_after_a_while(free_port: int) -> None:
    settings = settings_for(f"127.0.0.1:{free_port}")
    with pytest.raises(TemporalConnectionError, match=f"Temporal at 127.0.0.1:{free_port} cannot be reached"):
        await connect(settings, patience_seconds=0.3)


async def test_a_malformed_address_is_said_at_once() -> None:
    with pytest.raises(TemporalConnectionError, match="invalid"):
        await asyncio.wait_for(connect(settings_for("temporal:port"), patience_seconds=60), timeout=30)


async def test_a_missing_certificate_is_said_at_once(temporal_server: str, tmp_path: Path) -> None:
    settings = settings_for(temporal_server, temporal_tls_server_ca_cert_path=tmp_path / "ca.pem")
    with pytest.raises(TemporalConnectionError, match=r"ca\.pem"):
        await asyncio.wait_for(connect(settings, patience_seconds=60), timeout=30)


async def test_tls_is_not_spoken_with_a_server_that_has_none(temporal_server: str) -> None:
    with pytest.raises(TemporalConnectionError, match="cannot be reached"):
        await connect(settings_for(temporal_server, temporal_tls=True), patience_seconds=0.1)


async def test_search_attributes_are_added_once_by_whoever_comes_first(
    temporal_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def noted(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(seconds)

    monkeypatch.setattr(search_attributes, "sleep", noted)
    clients = [await connect(settings_for(temporal_server)) for _ in range(3)]
    await asyncio.gather(*(ensure_search_attributes(client) for client in clients))
    assert set(pauses) == {search_attributes.LEARNED_SECONDS}, "each part of the server learns at its own time"
    pauses.clear()
    await ensure_search_attributes(clients[0])
    assert pauses == []
    known = await kinds_of_search_attributes(clients[0])
    assert known["OrderId"] == IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    assert known["Skus"] == IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST
    assert known["Region"] == IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    assert known["ExpiresAt"] == IndexedValueType.INDEXED_VALUE_TYPE_DATETIME


async def test_a_process_starts_where_only_the_visibility_store_is_away(
    temporal_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect(settings_for(temporal_server))
    await ensure_search_attributes(client)

    async def away(*_: object, **__: object) -> None:
        raise RPCError("no connection to the store", RPCStatusCode.UNAVAILABLE, b"")

    monkeypatch.setattr(client, "count_workflows", away)
    await ensure_search_attributes(client)


async def test_a_workflow_can_be_started_with_every_search_attribute(temporal_server: str) -> None:
    client = await connect(settings_for(temporal_server))
    await ensure_search_attributes(client)
    handle = await client.start_workflow(
        "Unserved",
        id="search-attributes",
        task_queue="nobody-serves-this",
        search_attributes=TypedSearchAttributes(
            [
                SearchAttributePair(ORDER_ID, "order-1"),
                SearchAttributePair(SKUS, ["SKU-1", "SKU-2"]),
                SearchAttributePair(REGION, "eu-west"),
                SearchAttributePair(EXPIRES_AT, datetime(2030, 1, 1, tzinfo=UTC)),
            ]
        ),
    )
    attributes = (await handle.describe()).typed_search_attributes
    await handle.terminate()
    assert attributes[ORDER_ID] == "order-1"
    assert attributes[SKUS] == ["SKU-1", "SKU-2"]


async def kinds_of_search_attributes(client: Client) -> dict[str, int]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    return dict((await client.operator_service.list_search_attributes(request)).custom_attributes)
