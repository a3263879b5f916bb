"""What people look workflows up by in Temporal UI, and what else they read there at a glance.

Starts nothing. Nothing personal is in them.
"""

from __future__ import annotations

from asyncio import sleep

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_fixed

from domain.contracts import names
from domain.contracts.names import IS_LATE, OPERATION_STATUS
from domain.contracts.reservations import Source
from runtime.logs import get_logger
from runtime.temporal import RPC_TIMEOUT

ORDER_ID = SearchAttributeKey.for_keyword("OrderId")
SKUS = SearchAttributeKey.for_keyword_list(names.SKUS)
REGION = SearchAttributeKey.for_keyword("Region")
EXPIRES_AT = SearchAttributeKey.for_datetime("ExpiresAt")
STATUS = SearchAttributeKey.for_keyword(OPERATION_STATUS)
LATE = SearchAttributeKey.for_bool(IS_LATE)

KEYS = (ORDER_ID, SKUS, REGION, EXPIRES_AT, STATUS, LATE)
"""What people look by."""

SEARCH_ATTRIBUTES = {key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in KEYS}
"""Name and kind of each."""

KINDS_IN_WORDS = {
    name: IndexedValueType.Name(kind).removeprefix("INDEXED_VALUE_TYPE_").title().replace("_", "")
    for name, kind in SEARCH_ATTRIBUTES.items()
}
"""The same, as Temporal's command line says it."""

SKUS_SHOWN_MAX = 20
SUMMARY_CHARACTERS_MAX = 200

LEARNED_SECONDS = 10.0
"""Within so long each part of a server learns by itself what was added to a namespace: the longest default that
`system.namespaceCacheRefreshInterval` has had (2 s of late). Nobody can ask a part what it knows."""

_LOOKS_MAX = 6

_log = get_logger(__name__)


async def ensure_search_attributes(client: Client) -> None:
    """Have the search attributes known in the namespace: add what it lacks, and wait until the server knows it.

    It waits once in the life of a namespace: a workflow that shows its state to a part that has not learned fails its
    tasks, and after the second one stands still for ten seconds. Safe to call from every process at once.
    Raises RPCError, after a minute also where the server still does not know them; not where only its visibility store
    is away, which no reservation needs.
    """
    if await _add_missing(client):
        await sleep(LEARNED_SECONDS)
    await _ask_for_all(client)


async def _add_missing(client: Client) -> bool:
    """Whether there was something to add."""
    operator = client.operator_service
    known = await operator.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace), retry=True, timeout=RPC_TIMEOUT
    )
    missing = {name: kind for name, kind in SEARCH_ATTRIBUTES.items() if name not in known.custom_attributes}
    if missing:
        request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        try:
            await operator.add_search_attributes(request, retry=True, timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                raise
        _log.info("search_attributes_added", names=sorted(missing))
    return bool(missing)


def _is_unknown(error: BaseException) -> bool:
    return isinstance(error, RPCError) and error.status is RPCStatusCode.INVALID_ARGUMENT


@retry(
    retry=retry_if_exception(_is_unknown),
    wait=wait_fixed(LEARNED_SECONDS),
    stop=stop_after_attempt(_LOOKS_MAX),
    reraise=True,
)
async def _ask_for_all(client: Client) -> None:
    """Where they are not known yet, another process has added them a moment ago."""
    try:
        query = " AND ".join(f"{name} IS NULL" for name in SEARCH_ATTRIBUTES)
        await client.count_workflows(query, rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if _is_unknown(error):
            raise
        _log.warning("search_attributes_not_asked_for", error=str(error))


def asked_through(source: Source, request_id: str) -> str:
    """The door and the id of the request that a workflow was started for, by which its logs are found."""
    return f"source {source}, request `{request_id}`"


def one_line(text: str) -> str:
    """A text cut to what a workflow's summary may hold."""
    flat = " ".join(text.split())
    return flat if len(flat) <= SUMMARY_CHARACTERS_MAX else f"{flat[: SUMMARY_CHARACTERS_MAX - 1]}…"
